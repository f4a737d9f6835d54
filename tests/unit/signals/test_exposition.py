"""Scrapes are read as Prometheus reads them; what is no exposition gives problems and no samples."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stanch.model.signal import Sample
from stanch.signals.exposition import Labels, Layout, joined, parse

TEXT = """\
# HELP http_requests_total Requests.
# TYPE http_requests_total counter
http_requests_total{method="GET",code="200"} 1027
http_requests_total{ code = "500" , method="GET", } 3 1395066363000

process_open_fds 17
temperature{room="a \\"cold\\" one\\\\\\n}"} -3.5e-1
empty{label=""} +Inf
nothing NaN
"""


def values(text: str, *, open_metrics: bool = False) -> dict[tuple[str, Labels], float]:
    read = parse(text, 5.0, open_metrics=open_metrics)
    assert read.problems == ()
    return {(sample.metric, sample.labels): value for sample, value in read.values}


def test_names_labels_escapes_and_numbers_are_read() -> None:
    found = values(TEXT)
    assert found["http_requests_total", (("code", "200"), ("method", "GET"))] == 1027
    assert found["http_requests_total", (("code", "500"), ("method", "GET"))] == 3
    assert found["process_open_fds", ()] == 17
    assert found["temperature", (("room", 'a "cold" one\\\n}'),)] == -0.35
    assert found["empty", ()] == math.inf
    assert math.isnan(found["nothing", ()])


def test_a_sample_belongs_to_the_moment_of_its_scrape() -> None:
    read = parse("x 1 1395066363000\n", 5.0)
    assert read.values == [(Sample(metric="x", labels=(), at=5.0, value=1.0), 1.0)]


def test_openmetrics_exemplars_and_timestamps_are_read_over() -> None:
    text = 'foo_bucket{le="0.1"} 8 123.4 # {trace="}x 1"} 0.054\nfoo_count 17 # {a="b"} 1 1520879607.789\n# EOF\n'
    assert values(text, open_metrics=True) == {("foo_bucket", (("le", "0.1"),)): 8, ("foo_count", ()): 17}


def test_an_openmetrics_answer_that_was_cut_short_is_refused() -> None:
    read = parse("foo_count 17\n", 0.0, open_metrics=True)
    assert read.values == []
    assert "cut short" in read.problems[0].message


@pytest.mark.parametrize(
    "text",
    [
        "<html>\n<body>It works!</body>\n</html>",
        "name",
        "name value",
        "1name 2",
        "name 1 2 3",
        "name 1_000",
        'name{label="x} 1',
        "name{label=x} 1",
        'name{label="x",label="y"} 1',
        'name{label="x"}{b="y"} 1',
        'na-me{label="x"} 1',
        "{} 1",
        "\x00\x01\x02",
        "name 0x1p3",
        '{"json": 1}',
    ],
)
def test_rubbish_is_a_problem_that_names_its_line(text: str) -> None:
    read = parse(f"good 1\n{text}\n", 0.0)
    assert read.values == []
    assert read.problems
    assert read.problems[0].source is not None
    assert read.problems[0].source.line == 2
    assert read.problems[0].code == "not-an-exposition"


def test_a_line_that_was_good_is_refused_where_it_is_rubbish_now() -> None:
    layout = Layout(lambda metric, _: metric)
    assert layout.read('x{a="b"} 1\ny 2\n').values == [("x", 1.0), ("y", 2.0)]
    for bad in (
        "y2\n",
        "y\n",
        'x{a="b"}1_0\n',
        'x{a="b"} one\ny 2\n',
        'x{a="b"} 1 soon\ny 2\n',
        'x{a="b"} 1\ny 2 3 4\n',
        'x{a="b"}\ny 2\n',
    ):
        read = layout.read(bad)
        assert read.values == []
        assert len(read.problems) == 1


def test_at_most_ten_lines_are_complained_about() -> None:
    assert len(parse("rubbish\n" * 1000, 0.0).problems) == 10


def test_an_answer_with_too_many_samples_is_refused() -> None:
    layout = Layout(lambda metric, _: metric, most_samples=3)
    assert layout.read("a 1\nb 1\nc 1\n").problems == ()
    assert "4 samples" in layout.read("a 1\nb 1\nc 1\nd 1\n").problems[0].message


def test_a_series_is_resolved_once_and_unwanted_ones_cost_no_sample() -> None:
    asked: list[str] = []

    def resolve(metric: str, labels: Labels) -> str | None:
        asked.append(metric)
        return None if metric == "unwanted" else f"{metric}{labels}"

    layout = Layout(resolve)
    for number in range(5):
        read = layout.read(f'wanted{{a="b"}} {number}\nunwanted 1\n')
        assert read.values == [("wanted(('a', 'b'),)", float(number))]
    assert asked == ["wanted", "unwanted"]
    layout.forget()
    layout.read("wanted 1\n")
    assert asked == ["wanted", "unwanted", "wanted"]


def test_labels_that_never_repeat_do_not_fill_the_memory() -> None:
    layout = Layout(lambda metric, _: metric)
    for number in range(1000):
        layout.read(f'x{{id="{number}"}} 1\n')
    assert len(layout._known) < 200


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        ((("a", "1"),), (("a", "1"), ("job", "clinic"))),
        ((("job", "own"),), (("exported_job", "own"), ("job", "clinic"))),
        (
            (("exported_job", "older"), ("job", "own")),
            (("exported_job", "own"), ("job", "clinic")),
        ),
        ((("a", ""),), (("job", "clinic"),)),
    ],
)
def test_a_label_of_the_target_wins_over_one_of_the_series(own: Labels, expected: Labels) -> None:
    assert joined(own, (("job", "clinic"),)) == expected


@given(st.text())
def test_any_text_gives_samples_or_problems(text: str) -> None:
    read = parse(text, 0.0)
    assert not (read.values and read.problems)


_NAMES = st.from_regex(r"[a-zA-Z_:][a-zA-Z0-9_:]{0,8}", fullmatch=True)
_LABELS = st.dictionaries(
    st.from_regex(r"[a-zA-Z_][a-zA-Z0-9_]{0,8}", fullmatch=True),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1),
    max_size=4,
)


@settings(max_examples=50)
@given(st.lists(st.tuples(_NAMES, _LABELS, st.floats(allow_nan=False)), max_size=8))
def test_what_is_written_is_read_back(series: list[tuple[str, dict[str, str], float]]) -> None:
    def escaped(text: str) -> str:
        return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")

    def line(name: str, labels: dict[str, str], number: float) -> str:
        inside = ",".join(f'{label}="{escaped(value)}"' for label, value in labels.items())
        return f"{name}{{{inside}}} {number!r}"

    lines = [line(*each) for each in series]
    layout: Layout[tuple[str, Labels]] = Layout(lambda name, labels: (name, labels))
    expected = [((name, tuple(sorted(labels.items()))), number) for name, labels, number in series]
    assert layout.read("\n".join(lines)).values == expected
    assert layout.read("\n".join(lines)).values == expected, "the short way reads the same"
