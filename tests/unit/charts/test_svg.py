"""The pictures are well-formed, within their box, and say what they show without colour."""

import re
from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from stanch.charts import svg
from stanch.charts.chart import Chart, Limit, Mark, MarkKind
from stanch.model.signal import Unit

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = '"><script>alert(1)</script>'

moments = st.floats(-50, 150, allow_nan=False)
values = st.none() | st.floats(-1e9, 1e9) | st.floats()


def chart(points, title="p95", marks=(), limit=None) -> Chart:
    return Chart(title=title, unit=Unit.SECONDS, start=0, end=100, points=points, limit=limit, marks=marks)


def parsed(text: str) -> ET.Element:
    return ET.fromstring(text.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1))


@given(st.lists(st.tuples(moments, values), max_size=60), st.none() | st.floats(-1e6, 1e6) | st.floats())
def test_any_points_draw_within_the_box(points, limit):
    points.sort(key=lambda point: point[0])
    drawn = chart(points, limit=None if limit is None else Limit(value=limit))
    root = parsed(svg.plot(drawn, width=300, height=74))
    for path in root.iter(f"{SVG}path"):
        numbers = [float(text) for text in re.findall(r"-?[\d.]+", path.get("d", ""))]
        assert all(0 <= x <= 300 for x in numbers[::2])
        assert all(0 <= y <= 74 for y in numbers[1::2])
    ET.fromstring(svg.figure(drawn))
    parsed(svg.spark(drawn))


def test_text_is_escaped_and_no_style_attribute_is_written():
    drawn = chart([(0, 1), (100, 2)], title=HOSTILE, marks=(Mark(at=50, text=HOSTILE),), limit=Limit(value=1))
    for text in (svg.plot(drawn), svg.figure(drawn), svg.spark(drawn), svg.progress(0.4, label=HOSTILE)):
        assert "<script" not in text
        assert "style=" not in text


def test_the_plot_shows_limit_time_out_of_bounds_gaps_and_marks():
    marks = (
        Mark(at=20, text="release 1.8.3", kind=MarkKind.CHANGE),
        Mark(at=60, text="at most 8 queries", kind=MarkKind.CONTROL),
        Mark(at=999, text="later than the span"),
    )
    points = [(0, 0.5), (10, 0.5), (20, 3), (30, 3), (90, 0.5), (100, 0.5)]
    root = parsed(svg.plot(chart(points, marks=marks, limit=Limit(value=1))))
    classes = [element.get("class") for element in root.iter()]
    assert classes.count("out") == 1
    assert classes.count("gap") == 1
    assert classes.count("limit") == 1
    assert classes.count("line") == 2
    assert [title.text for title in root.iter(f"{SVG}title")] == ["release 1.8.3", "at most 8 queries"]
    assert root.get("role") == "img"
    assert "over 1 s" in (root.get("aria-label") or "")


def test_the_marks_differ_in_shape_and_not_only_in_colour():
    marks = tuple(Mark(at=10.0 * number, text=kind, kind=kind) for number, kind in enumerate(MarkKind, 1))
    root = parsed(svg.plot(chart([(0, 1), (100, 1)], marks=marks)))
    dashes = {line.get("stroke-dasharray") for line in root.iter(f"{SVG}line")}
    assert len(dashes) == len(MarkKind)


def test_the_figure_names_its_axes_in_the_readers_zone():
    drawn = chart([(0, 1), (50, 2), (100, 9)], limit=Limit(value=1))
    texts = [text.text for text in ET.fromstring(svg.figure(drawn, utc_offset_s=3600)).iter(f"{SVG}text")]
    assert "p95" in texts
    assert "limit 1 s" in texts
    assert "01:00:30" in texts
    assert "5 s" in texts


def test_progress_says_how_far_it_is_and_nothing_where_nobody_knows():
    assert 'aria-valuenow="43"' in svg.progress(0.43, label="building")
    assert "aria-valuenow" not in svg.progress(None, label="building")
    assert 'aria-valuenow="100"' in svg.progress(7, label="building")
