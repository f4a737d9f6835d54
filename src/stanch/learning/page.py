"""A review as one HTML file that needs nothing else: to mail, to print, to keep."""

from html import escape

from markdown_it import MarkdownIt

from stanch.charts.svg import figure
from stanch.learning.review import Review

_STYLE = """
:root { color-scheme: light dark }
body { font: 15px/1.6 Inter, ui-sans-serif, system-ui, sans-serif; max-width: 760px; margin: 32px auto; padding: 0 16px;
  color: #1b1c1e; background: #fff; font-feature-settings: "tnum" }
h1 { font-size: 24px; line-height: 1.25; letter-spacing: -.015em } h2 { font-size: 17px; margin-top: 32px }
table { width: 100%; border-collapse: collapse; font-size: 13px }
td, th { text-align: left; padding: 5px 12px 5px 0; border-top: 1px solid #e2e2de; vertical-align: top }
td:nth-child(-n+2) { white-space: nowrap }
code { font: 12.5px ui-monospace, "DejaVu Sans Mono", monospace; overflow-wrap: anywhere }
em { color: #5c6066 } svg { width: 100%; height: auto; background: #fff } li { margin: 4px 0 }
@media (prefers-color-scheme: dark) { body { color: #e9eaec; background: #141517 } td, th { border-color: #32363b }
  em { color: #a9aeb6 } svg { border-radius: 6px; padding: 8px } }
@media print { body { margin: 0; max-width: none } h2 { break-after: avoid } svg, tr { break-inside: avoid } }
"""


def body(review: Review) -> str:
    """The review as an HTML fragment with its charts inside. HTML in the text is shown, never obeyed."""
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    html: str = markdown.render(review.markdown)
    for picture in review.pictures:
        html = _replace_image(html, picture.file, figure(picture.chart))
    return html.replace("<li>[ ] ", "<li>☐ ")


def page(review: Review) -> str:
    """The whole document."""
    return (
        '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width">\n'
        f"<title>{escape(review.title)}</title>\n<style>{_STYLE}</style>\n<main>\n{body(review)}</main>\n</html>\n"
    )


def _replace_image(html: str, file: str, svg: str) -> str:
    """Put `svg` where the image `file` was to be shown; the file's name is ours, so it needs no escaping."""
    start = html.find(f'<img src="{file}"')
    if start < 0:
        return html
    end = html.index(">", start) + 1
    return html[:start] + svg + html[end:]
