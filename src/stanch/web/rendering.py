"""Templates to responses: autoescaped Jinja, filters for times and quantities, and parts that know their version."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from litestar import Response
from markupsafe import Markup, escape

from stanch import __version__
from stanch.charts import quantity, svg
from stanch.charts.chart import Chart
from stanch.model.record import record
from stanch.web import assets, auth
from stanch.web.views.room import TimelineRow

_TICKS = re.compile(r"`([^`\n]+)`")

NOT_STORED: Mapping[str, str] = {"Cache-Control": "no-store"}


def time_of_day(at: float) -> str:
    """`02:14:07`, in UTC as everywhere."""
    return f"{datetime.fromtimestamp(at, UTC):%H:%M:%S}"


def minute(at: float) -> str:
    """`02:14`."""
    return f"{datetime.fromtimestamp(at, UTC):%H:%M}"


def day(at: float) -> str:
    """`21 November 2026`."""
    moment = datetime.fromtimestamp(at, UTC)
    return f"{moment.day} {moment:%B %Y}"


def moment(at: float) -> str:
    """`2026-11-21 02:14:07`."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S}"


def iso(at: float) -> str:
    """For a `datetime` attribute."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}"


def ticks(sentence: str) -> Markup:
    """A sentence in which `code` stands in backticks, as ours do. Everything in it is escaped."""
    if "`" not in sentence:
        return escape(sentence)
    parts = _TICKS.split(sentence)
    return Markup().join(
        Markup("<code>{}</code>").format(part) if index % 2 else part for index, part in enumerate(parts)
    )


def plot(chart: Chart) -> Markup:
    """The picture, as markup: every text in it was escaped where it was drawn."""
    return Markup(svg.plot(chart))  # noqa: S704 - see the docstring


def spark(chart: Chart) -> Markup:
    """As `plot`, in the size of a word."""
    return Markup(svg.spark(chart))  # noqa: S704 - as above


def wide_spark(chart: Chart) -> Markup:
    """As `spark`, for a row of its own; stretched to its width."""
    return Markup(svg.spark(chart, width=240, height=30, stretch=True))  # noqa: S704 - as above


def progress(share: float | None, label: str) -> Markup:
    """A bar that says how far something is."""
    return Markup(svg.progress(share, label=label))  # noqa: S704 - as above


def span(chart: Chart) -> str:
    """How much time a chart covers: `last 10 min`, or from when to when for what is over."""
    return f"{minute(chart.start)} to {minute(chart.end)}, {quantity.prose(chart.end - chart.start)}"


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("stanch.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters.update(
        clock=quantity.clock, day=day, iso=iso, minute=minute, moment=moment, prose=quantity.prose, say=quantity.say,
        time=time_of_day, form_token=auth.form_token, plot=plot, spark=spark, ticks=ticks, wide_spark=wide_spark,
    )  # fmt: skip
    environment.globals.update(asset=assets.address, progress=progress, version=__version__)
    return environment


_templates = _environment()


def prepare() -> None:
    """Compile every template, so that the first page of the night is as quick as the others."""
    for name in _templates.list_templates():
        _templates.get_template(name)


def text(template: str, **values: Any) -> Markup:
    """A template as markup."""
    return Markup(_templates.get_template(template).render(**values))  # noqa: S704 - the template escaped it


@lru_cache(maxsize=4096)
def _row(incident_id: str, row: TimelineRow, fresh: bool) -> Markup:  # noqa: FBT001 - the cache wants it so
    return text("parts/row.html", incident=incident_id, row=row, fresh=fresh)


def rows(incident_id: str, shown: Iterable[TimelineRow], *, fresh: bool = False) -> Markup:
    """Rows of a timeline. What was written once never changes, so each is rendered once."""
    return Markup().join(_row(incident_id, row, fresh) for row in shown)


def page(template: str, *, status: int = 200, headers: Mapping[str, str] | None = None, **values: Any) -> Response[str]:
    """A whole page, or a fragment of one."""
    return Response(
        str(text(template, **values)),
        status_code=status,
        media_type="text/html; charset=utf-8",
        headers={**NOT_STORED, **(headers or {})},
    )


@record
class Part:
    """A part of a page that is replaced in place when it changes. `version` is a digest of what it shows."""

    name: str
    version: str
    html: Markup

    @property
    def swap(self) -> Markup:
        """As sent when it has changed: the browser merges it into the part that it has."""
        mark = f'data-part="{self.version}"'
        return Markup(str(self.html).replace(mark, f'{mark} hx-swap-oob="morph"', 1))  # noqa: S704 - built from our markup


def part(name: str, template: str, **values: Any) -> Part:
    """Render a part. The root element of its template writes `id="{{ part }}" data-part=""`."""
    draft = str(text(template, part=name, **values))
    version = hashlib.blake2b(draft.encode(), digest_size=6).hexdigest()
    html = Markup(draft.replace('data-part=""', f'data-part="{version}"', 1))  # noqa: S704 - as above
    return Part(name=name, version=version, html=html)


def changed(parts: Iterable[Part], have: str) -> list[Part]:
    """The parts that are not as the browser has them; `have` is its `name=version` list, separated by spaces."""
    held = dict(pair.split("=", 1) for pair in have.split() if "=" in pair)
    return [part for part in parts if held.get(part.name) != part.version]
