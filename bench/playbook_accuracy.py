"""Precision and recall of armed thresholds on the labelled documents; prints JSON.

The documents stand in `tests/cases/playbook/labelled/`, written in the manner of public runbooks; those in `held-out/`
were written after the readers and are counted apart. Behind a line stands
what must be armed there, as `<!-- http.error_rate > 0.05 for=300 sev=P1 -->`; `;` parts several, `none` says that
nothing may be, `any` leaves the signal open. A line without a label must arm nothing either. The labels are taken off
before the document is compiled.

Run it with `python bench/playbook_accuracy.py [--errors] [DIRECTORY]`.
"""

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from stanch.model.plan import Threshold, ThresholdRole
from stanch.playbook.compile import compile_playbooks

CASES = Path(__file__).parent.parent / "tests" / "cases" / "playbook"
LABELLED = CASES / "labelled"
HELD_OUT = CASES / "held-out"
_LABEL = re.compile(r"\s*<!-- (?P<label>.*?) -->\s*$")
_CONDITION = re.compile(
    r"^(?P<signal>[\w.]+?)(?:\.(?P<statistic>p50|p90|p95|p99|mean|max|rate))? (?P<comparison>[<>=!]+) (?P<value>\S+)"
    r"(?P<rest>(?: \w+=\S+)*)$"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """What a line must arm. Fields that the label leaves out must be unset, but for the signal's own statistic."""

    text: str
    signal: str
    statistic: str | None
    comparison: str
    value: float
    upper: float | None
    window: float | None
    persistence: float | None
    samples: int | None
    severity: str | None
    role: str

    def matches(self, fact: Threshold) -> bool:
        return (
            self.signal in {"any", fact.signal}
            and self.comparison == fact.comparison.value
            and _close(self.value, fact.value)
            and _close(self.upper, fact.upper)
            and _close(self.window, fact.window_s)
            and _close(self.persistence, fact.persistence_s)
            and self.samples == fact.consecutive
            and (self.statistic is None or (fact.statistic is not None and self.statistic == fact.statistic.value))
            and (self.severity is None or self.severity == fact.severity)
            and self.role == fact.role.value
        )


def _close(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return abs(one - other) <= 1e-9 * max(1.0, abs(one))


def label(text: str) -> Label:
    match = _CONDITION.match(text.strip())
    if match is None:
        raise ValueError(f"a label that is none: {text}")
    rest = dict(pair.split("=", 1) for pair in match["rest"].split())
    number = {key: float(rest[key]) if key in rest else None for key in ("upper", "window", "for", "samples")}
    return Label(
        text=text.strip(),
        signal=match["signal"],
        statistic=match["statistic"],
        comparison=match["comparison"],
        value=float(match["value"]),
        upper=number["upper"],
        window=number["window"],
        persistence=number["for"],
        samples=int(rest["samples"]) if "samples" in rest else None,
        severity=rest.get("sev"),
        role=rest.get("role", ThresholdRole.ALERT.value),
    )


def labelled(path: Path) -> tuple[bytes, dict[int, list[Label]], set[int]]:
    """A document without its labels, the labels by line, and the lines that are labelled `none`."""
    lines: list[str] = []
    labels: dict[int, list[Label]] = {}
    nothing: set[int] = set()
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        match = _LABEL.search(line)
        lines.append(line[: match.start()] if match else line)
        if match and match["label"] == "none":
            nothing.add(number)
        elif match:
            labels[number] = [label(part) for part in match["label"].split(";")]
    return "\n".join(lines).encode(), labels, nothing


@dataclass(slots=True)
class Score:
    right: int = 0
    wrong: int = 0
    missed: int = 0
    lines: int = 0
    negatives: int = 0


def score(path: Path, total: Score) -> Iterator[str]:
    """Add a document to the score, and tell every error."""
    raw, labels, nothing = labelled(path)
    plan = compile_playbooks([(path.name, raw)])
    armed: dict[int, list[Threshold]] = {}
    for fact in plan.of(Threshold):
        if fact.armed:
            armed.setdefault(fact.source.line, []).append(fact)
    total.lines += len(labels)
    total.negatives += len(nothing)
    for number in sorted({*labels, *armed}):
        open_labels = list(labels.get(number, ()))
        for fact in armed.get(number, ()):
            found = next((wanted for wanted in open_labels if wanted.matches(fact)), None)
            if found is None:
                total.wrong += 1
                yield f"{path.name}:{number}: armed wrongly: {_told(fact)}   <- {fact.source.text}"
            else:
                open_labels.remove(found)
                total.right += 1
        for wanted in open_labels:
            total.missed += 1
            facts = [fact for fact in plan.of(Threshold) if fact.source.line == number and not fact.armed]
            why = "; ".join(f"{_told(fact)}: {fact.because}" for fact in facts) or "nothing read"
            yield f"{path.name}:{number}: not armed: {wanted.text}   ({why})"


def _told(fact: Threshold) -> str:
    statistic = f".{fact.statistic.value}" if fact.statistic else ""
    times = f" window={fact.window_s} for={fact.persistence_s} samples={fact.consecutive}"
    return f"{fact.signal}{statistic} {fact.comparison.value} {fact.value}{times} sev={fact.severity} {fact.role.value}"


def measured(directory: Path) -> tuple[dict[str, object], list[str]]:
    """The figures of a folder of labelled documents, and its errors in words."""
    total = Score()
    errors = [error for path in sorted(directory.glob("*.md")) for error in score(path, total)]
    found = total.right + total.wrong
    wanted = total.right + total.missed
    figures: dict[str, object] = {
        "documents": len(list(directory.glob("*.md"))),
        "threshold_lines": total.lines,
        "thresholds": wanted,
        "negatives": total.negatives,
        "armed": found,
        "precision": round(total.right / found, 4) if found else None,
        "recall": round(total.right / wanted, 4) if wanted else None,
    }
    return figures, errors


def main() -> None:
    arguments = [argument for argument in sys.argv[1:] if argument != "--errors"]
    figures, errors = measured(Path(arguments[0]) if arguments else LABELLED)
    told = {"measurement": "armed thresholds of labelled playbooks", **figures}
    if not arguments:
        told["held_out"], more = measured(HELD_OUT)
        errors.extend(more)
    told["goal"] = {"precision": 0.99, "recall": 0.85}
    if "--errors" in sys.argv:
        print("\n".join(errors), file=sys.stderr)
    print(json.dumps(told, indent=2))


if __name__ == "__main__":
    main()
