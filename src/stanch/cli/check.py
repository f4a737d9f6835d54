"""`stanch check`: what was understood of a playbook, and what was not."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from stanch.connectors.files import documents
from stanch.model.plan import Plan
from stanch.model.problem import Level
from stanch.playbook.compile import compile_playbooks
from stanch.playbook.report import as_github, as_json, as_sarif, as_text, problems_of

app = typer.Typer(add_completion=False, help="What was understood of playbooks, what was not.")


class Format(StrEnum):
    """`text` for people; the others for programs and CI."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"
    GITHUB = "github"


_RENDERINGS = {Format.TEXT: as_text, Format.JSON: as_json, Format.SARIF: as_sarif, Format.GITHUB: as_github}
_ORDER = (Level.NOTE, Level.WARNING, Level.ERROR)


@app.command()
def check(
    paths: Annotated[list[Path], typer.Argument(help="Markdown files, and folders of them.")],
    *,
    format_: Annotated[Format, typer.Option("--format", "-f", help="How to print it.")] = Format.TEXT,
    as_json_: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    fail_on: Annotated[Level, typer.Option(help="The least level of a problem that counts.")] = Level.ERROR,
) -> None:
    """Read playbooks and print every fact with its line, and every problem with what to do about it.

    Exit status 0 when there is no problem of the level that counts, 1 when there is, 2 when a file cannot be read.

    Example: stanch check playbooks/ --format github --fail-on warning
    """
    plan = compile_playbooks(documents(paths))
    sys.stdout.write(_RENDERINGS[Format.JSON if as_json_ else format_](plan) + "\n")
    if _counts(plan, fail_on):
        raise typer.Exit(1)


def _counts(plan: Plan, fail_on: Level) -> bool:
    return any(_ORDER.index(problem.level) >= _ORDER.index(fail_on) for problem in problems_of(plan))
