"""A command carries a password or token.

Why: it stands in the document, in the shell's history, in the list of processes and in every log of the run.

What to do: let the program find it: `~/.pgpass`, `PGPASSWORD` from the environment, `--password-stdin`, a profile,
a secret of the cluster. A placeholder (`<token>`) is asked for, and kept out of the logs.
"""

import re
from collections.abc import Iterator
from dataclasses import replace

from stanch.model.pattern import Pattern
from stanch.model.plan import Plan, Step
from stanch.model.problem import Level, Problem
from stanch.playbook.surroundings import Surroundings

CODE = "credentials-in-command"
LEVEL = Level.ERROR

_VALUE = r"(?P<value>(?![$<{%\[]|[Yy]our|\.\.\.|[xX*]{3}|[A-Z]+_[A-Z_]+\b)[^\s\"'@&;|]{3,})"
_FORMS: tuple[Pattern, ...] = (
    Pattern(rf"\b[a-z][a-z0-9+]*://[^\s:/@]+:{_VALUE}@", re.IGNORECASE),
    Pattern(rf"--(?:password|passwd|token|api-key|secret|access-key)[= ][\"']?{_VALUE}", re.IGNORECASE),
    Pattern(
        rf"\b(?:PGPASSWORD|MYSQL_PWD|REDISCLI_AUTH|AWS_SECRET_ACCESS_KEY|\w*(?:TOKEN|SECRET|PASSWORD))=[\"']?{_VALUE}"
    ),
    Pattern(rf"\bAuthorization:\s*(?:Bearer|Basic|token)\s+{_VALUE}", re.IGNORECASE),
    Pattern(rf"\bcurl\b.*\s(?:-u|--user)[= ][\"']?[^\s:\"'<$]+:{_VALUE}"),
    Pattern(rf"\bmysql\w*\b.*\s-p{_VALUE}"),
    Pattern(rf"\bredis-cli\b.*\s-a\s+[\"']?{_VALUE}"),
)


def concealed(text: str) -> str:
    """A line with its passwords and tokens as dots, of the same length: reports are read by more than playbooks are."""
    for form in _FORMS:
        for match in form.finditer(text):
            begin, end = match.span("value")
            text = text[:begin] + "\u2022" * (end - begin) + text[end:]
    return text


def check(plan: Plan, _surroundings: Surroundings) -> Iterator[Problem]:
    """Every command with a literal credential; the credential itself is not repeated."""
    for step in plan.of(Step):
        if step.command is None:
            continue
        for form in _FORMS:
            match = form.search(step.command)
            if match:
                yield Problem(
                    code=CODE,
                    level=LEVEL,
                    message="This command carries a password or token.",
                    hint="Take it from the environment, a file or a placeholder that is asked for.",
                    source=replace(step.source, text=step.source.text.replace(match["value"], "\u2026")),
                )
                break
