"""Prometheus text exposition and OpenMetrics, read line by line and remembered from scrape to scrape.

A target writes the same series in every scrape; only the values differ. `Layout` keeps what a line's series part meant,
so that of a known line only its number is read: a fifteenth of the work of prometheus_client's parser, as measured by
`bench/rules.py`. Timestamps and exemplars of a line are read over: a sample belongs to the moment of its scrape.

Formats: https://prometheus.io/docs/instrumenting/exposition_formats/ (text 0.0.4) and OpenMetrics 1.0.
"""

import re
from collections.abc import Callable
from typing import Generic, TypeVar

from stanch.model.problem import Level, Problem, Source
from stanch.model.record import record
from stanch.model.signal import Sample

H = TypeVar("H")
Labels = tuple[tuple[str, str], ...]

_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_LABEL = r'\s*[a-zA-Z_][a-zA-Z0-9_]*\s*=\s*"(?:[^"\\]|\\.)*"\s*'
_LINE = re.compile(
    rf"(?P<series>(?P<name>{_NAME})\s*(?:\{{(?P<labels>(?:{_LABEL}(?:,{_LABEL})*,?)?\s*)\}})?)\s*"
    r"(?<=[\s}])(?P<value>\S+)(?:\s+(?P<timestamp>[-+.0-9eE]+))?\s*(?P<exemplar>#\s*\{.*)?"
)
_PAIR = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*"((?:[^"\\]|\\.)*)"')
_ESCAPED = re.compile(r"\\(.)")
_MOST_PROBLEMS = 10
_SHOWN = 120


class Malformed(ValueError):
    """A line that is no sample; the message says why."""


@record
class Exposition(Generic[H]):
    """One scrape as read. Where there are problems the whole scrape is to be refused: half of it would look whole."""

    values: list[tuple[H, float]]
    problems: tuple[Problem, ...] = ()


class Layout(Generic[H]):
    """What the lines of one target stand for: each series part once resolved to a handle, or to None (not wanted)."""

    def __init__(self, resolve: Callable[[str, Labels], H | None], *, most_samples: int = 1_000_000) -> None:
        """`resolve` gives the handle of a metric name and its sorted labels."""
        self._resolve = resolve
        self._most_samples = most_samples
        self._known: dict[str, H | None] = {}

    def forget(self) -> None:
        """Resolve every line anew in the next scrape."""
        self._known.clear()

    def read(self, text: str, *, url: str = "", open_metrics: bool = False) -> Exposition[H]:
        """Read one scrape. `url` is what problems name as their place."""
        values: list[tuple[H, float]] = []
        problems: list[Problem] = []
        seen = 0
        ended = not open_metrics
        sample = self._sample
        for number, line in enumerate(text.split("\n"), start=1):
            if not line or line[0] == "#":
                ended = ended or line.startswith("# EOF")
                continue
            try:
                handle, value = sample(line)
            except Malformed as error:
                if len(problems) < _MOST_PROBLEMS:
                    problems.append(_problem(str(error), url, number, line))
                continue
            seen += 1
            if handle is not None:
                values.append((handle, value))
        if seen > self._most_samples:
            problems.append(_problem(f"{seen:,} samples, more than the {self._most_samples:,} allowed", url, 1, ""))
        if not ended and not problems:
            problems.append(_problem("the end mark `# EOF` is missing, so it was cut short", url, 1, ""))
        if len(self._known) > 2 * seen + 100:
            # Most of what is remembered is no longer there: labels that never repeat must not fill the memory.
            self._known.clear()
        return Exposition(values=[] if problems else values, problems=tuple(problems))

    def _sample(self, line: str) -> tuple[H | None, float]:
        """A line's handle and value: `name{...} value [timestamp]`, the short way where the series part is known."""
        cut = line.rfind("}") + 1 or line.find(" ")
        if cut <= 0:
            return self._resolved(line)
        try:
            handle = self._known[line[:cut]]
        except KeyError:
            return self._resolved(line)
        text = line[cut:]
        try:
            value = float(text)
        except ValueError:
            words = text.split()
            if len(words) != 2:
                return self._resolved(line)
            number_of(words[1])
            return handle, number_of(words[0])
        # `1_000` is a number to Python alone.
        return self._resolved(line) if "_" in text else (handle, value)

    def _resolved(self, line: str) -> tuple[H | None, float]:
        found = _LINE.fullmatch(line.strip(" \t\r"))
        if found is None:
            raise Malformed("not a sample line")
        value = number_of(found["value"])
        key = found["series"].strip()
        if key not in self._known:
            self._known[key] = self._resolve(found["name"], labels_of(found["labels"] or ""))
        return self._known[key], value


def parse(text: str, at: float, labels: Labels = (), *, open_metrics: bool = False) -> Exposition[Sample]:
    """Read a text without a memory. The handles are samples at `at` with `labels` joined in (see `joined`)."""
    layout = Layout(lambda metric, own: Sample(metric=metric, labels=joined(own, labels), at=at, value=0.0))
    read = layout.read(text, open_metrics=open_metrics)
    return Exposition(
        values=[
            (Sample(metric=sample.metric, labels=sample.labels, at=at, value=value), value)
            for sample, value in read.values
        ],
        problems=read.problems,
    )


def joined(own: Labels, target: Labels) -> Labels:
    """A series' own labels with its target's. On a clash the target's wins, the own becomes `exported_...`.

    As Prometheus without `honor_labels`; a label with an empty value is the same as none.
    """
    names = {name for name, _ in target}
    merged = dict(target)
    for name, value in own:
        while name in names:
            name = f"exported_{name}"  # noqa: PLW2901 - renamed until it clashes no more
        merged[name] = value
    return tuple(sorted((name, value) for name, value in merged.items() if value))


def labels_of(text: str) -> Labels:
    """The sorted labels of what stands between the braces. Raises Malformed where a name comes twice."""
    pairs = [(name, _unescaped(value)) for name, value in _PAIR.findall(text)]
    if len({name for name, _ in pairs}) != len(pairs):
        raise Malformed("a label is given twice")
    return tuple(sorted((name, value) for name, value in pairs if value))


def number_of(text: str) -> float:
    """A sample's value; `NaN`, `+Inf` and `-Inf` as Go writes them. Raises Malformed."""
    try:
        value = float(text)
    except ValueError:
        raise Malformed(f"{text[:_SHOWN]!r} is no number") from None
    if "_" in text:
        raise Malformed(f"{text[:_SHOWN]!r} is no number")
    return value


def _unescaped(text: str) -> str:
    if "\\" not in text:
        return text
    return _ESCAPED.sub(lambda found: {"n": "\n"}.get(found[1], found[1]), text)


def _problem(message: str, url: str, number: int, line: str) -> Problem:
    return Problem(
        code="not-an-exposition",
        level=Level.ERROR,
        message=f"The answer is not Prometheus text: {message}.",
        hint="Nothing of this scrape is used. Open the address in a browser: it must list metrics, one a line.",
        source=Source(path=url, line=number, text=line[:_SHOWN]),
    )
