"""Parts know their version, sentences their code, colours their contrast."""

import re
from importlib import resources

import pytest
from markupsafe import Markup

from stanch.model.clock import ManualClock
from stanch.web import assets, rendering
from stanch.web.errors import TooMany
from stanch.web.rendering import Part
from stanch.web.throttle import Throttle

CSS = (resources.files("stanch.web") / "static" / "stanch.css").read_text()


def part(name: str, version: str) -> Part:
    html = Markup(f'<div id="{name}" data-part="{version}">x</div>')
    return Part(name=name, version=version, html=html)


def test_a_part_is_sent_when_the_browser_holds_another_version_or_none():
    parts = [part("a", "1"), part("b", "2"), part("c", "3")]
    assert [each.name for each in rendering.changed(parts, "a=1 b=9")] == ["b", "c"]
    assert rendering.changed(parts, "a=1 b=2 c=3") == []
    assert len(rendering.changed(parts, "")) == 3


def test_what_is_sent_says_that_it_is_to_be_merged():
    assert str(part("a", "1").swap) == '<div id="a" data-part="1" hx-swap-oob="morph">x</div>'


def test_code_in_a_sentence_is_code_and_everything_is_escaped():
    assert str(rendering.ticks("`rm <x>` & more `")) == "<code>rm &lt;x&gt;</code> &amp; more `"
    assert str(rendering.ticks("<b>`</b>`")) == "&lt;b&gt;<code>&lt;/b&gt;</code>"


def test_times_are_utc():
    assert rendering.time_of_day(1_795_226_647.9) == "02:04:07"
    assert rendering.moment(1_795_226_647.0) == "2026-11-21 02:04:07"
    assert rendering.iso(0) == "1970-01-01T00:00:00Z"


def test_the_throttle_forgets_after_its_window_and_holds_no_more_clients_than_it_may():
    clock = ManualClock()
    throttle = Throttle(clock, most=2, window_s=60, clients=3)
    throttle.count("a")
    throttle.count("a")
    with pytest.raises(TooMany):
        throttle.count("a")
    throttle.count("b")
    for number in range(10):
        throttle.count(f"other {number}")
    assert len(throttle._tries) <= 3


def test_every_asset_has_an_address_by_its_content():
    assert re.fullmatch(r"/static/stanch\.[0-9a-f]{10}\.css", assets.address("stanch.css"))
    assert assets.find("../server.py") is None


def schemes() -> list[tuple[str, dict[str, str]]]:
    blocks = re.findall(r":root \{(.*?)\}", CSS, re.DOTALL)
    light, dark = (dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block)) for block in blocks[:2])
    return [("light", light), ("dark", {**light, **dark})]


def luminance(colour: str) -> float:
    """Relative luminance, WCAG 2.2."""
    channels = [int(colour[index : index + 2], 16) / 255 for index in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


GROUNDS = ("paper", "panel", "sunk", "fire-wash", "warn-wash", "good-wash", "accent-wash")
TEXTS = ("ink", "soft", "faint", "accent", "fire", "warn", "good", "note")


@pytest.mark.parametrize(("name", "tokens"), schemes(), ids=["light", "dark"])
def test_every_text_colour_is_readable_on_every_ground(name, tokens):
    for text in TEXTS:
        for ground in GROUNDS:
            assert contrast(tokens[text], tokens[ground]) >= 4.5, (name, text, ground)
    assert contrast(tokens["accent-ink"], tokens["accent"]) >= 4.5
    for ground in ("paper", "panel", "sunk"):
        assert contrast(tokens["edge"], tokens[ground]) >= 3.0, (name, ground)


def test_the_stylesheet_names_no_colour_but_the_tokens():
    rules = re.sub(r":root \{.*?\}", "", CSS, flags=re.DOTALL)
    assert re.findall(r"#[0-9a-fA-F]{3,8}\b(?![^{]*\{)", rules) == []
