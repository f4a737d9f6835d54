"""The page of a problem's code: what it means, why it matters, what to do."""

import inspect
from collections.abc import Mapping
from types import MappingProxyType

from stanch.playbook.checks import CHECKS

_READING: Mapping[str, str] = MappingProxyType(
    {
        "document-too-large": """
            A document is larger than a playbook can be.

            Why: it is most likely an export or a log, and reading it would hold everything else up.

            What to do: point to the playbook, or split it. The rest of the plan is loaded.
            """,
        "not-text": """
            A file is not text.

            Why: it holds NUL bytes, as archives, pictures and office documents do.

            What to do: point to the Markdown file itself.
            """,
        "not-utf8": """
            Some bytes of a document are not UTF-8.

            Why: what they stand for cannot be known, and a word that is not read is a rule that is not armed.

            What to do: save the file as UTF-8. Until then the bytes read as a question mark in a diamond.
            """,
        "unclosed-fence": """
            A code fence is never closed.

            Why: for Markdown everything to the end of the document is then code. It was read as ending before the
            next heading.

            What to do: close it with a line of three backticks.
            """,
        "document-too-long": """
            A document has more lines than a playbook can have.

            Why: it is most likely an export or a log. What was read is in the plan, the rest is not.

            What to do: split it, or point to the playbook.
            """,
        "too-much-to-read": """
            A document has more different sentences, steps or commands than a playbook can have.

            Why: reading them closely would take long, and it is most likely data. They are shown as prose.

            What to do: split it, or point to the playbook.
            """,
        "line-too-long": """
            A line is longer than anybody writes.

            Why: it is data, or a damaged file. Its beginning was read.

            What to do: look at the line.
            """,
        "nested-too-deeply": """
            Lists or quotes are nested more deeply than anybody writes.

            Why: it is a damaged file, or an attack on the reader. What is inside was left out.

            What to do: look at the line.
            """,
        "other-language": """
            A document seems to be written in another language than English.

            Why: Stanch knows English phrases only. Tables of severities, commands and addresses are read in any
            language; thresholds and actions in prose are not, rather than misread.

            What to do: write thresholds as `| Signal | Threshold |` with names from the catalogue, or in English.
            """,
        "alerting-rules-not-read": """
            A fence holds alerting rules of Prometheus and is no YAML.

            Why: a rule that is only half read would fire for something else, or never.

            What to do: put the line that is named right; what holds `{{ }}` or a colon wants quotes. Rules that are
            read and cannot be armed stand on their own lines with the reason: most often Prometheus computes them for
            each series or group, and a rule of Stanch watches one value, as `sum(...)` or `max(...)` makes it.
            """,
        "query-not-read": """
            A table defines a signal by a query that Stanch does not evaluate.

            Why: a query that is only half understood would give numbers that mean something else.

            What to do: write it as a metric, a rate or an increase over a time, a quotient of two of these, or a
            histogram_quantile of 0.5, 0.9, 0.95 or 0.99. Everything else is a recording rule in Prometheus, whose
            result is such a metric.
            """,
        "no-longer-there": """
            Something that a playbook names was looked for and is not there (`stanch check --live`).

            Why: a program, context, namespace, object, release, metric, table, host or contact was renamed or removed
            since the line was written. The step that names it fails, and it fails during an incident.

            What to do: correct the line, or bring back what it names.
            """,
        "not-asked": """
            Something that a playbook names could not be asked for (`stanch check --live`).

            Why: what would know did not answer, is not configured, or may not be asked. That says nothing about
            whether the thing is there.

            What to do: look at the reason. `[drift]` in stanch.toml says what may be asked, and as whom.
            """,
        "contradiction": """
            Two places say different things about the same.

            Why: during an incident there is no time to find out which of them holds. The first counts until then.

            What to do: keep one of them. Both lines are in the message.
            """,
    }
)
"""Problems of reading, of merging and of what is outside, which no check finds."""


def codes() -> tuple[str, ...]:
    """Every code a problem can have."""
    return tuple(sorted({*_READING, *(module.CODE for module in CHECKS)}))


def explain(code: str) -> str | None:
    """The page of a code; None where no problem has it."""
    if code in _READING:
        return inspect.cleandoc(_READING[code])
    module = next((module for module in CHECKS if code == module.CODE), None)
    return inspect.getdoc(module) if module else None
