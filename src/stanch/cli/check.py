"""`stanch check`: what was understood of a playbook, and what was not."""

import os
import shutil
import sys
import time
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stanch.cli.output import print_error, print_json, write_json
from stanch.connectors.files import documents, stamp
from stanch.model.plan import Plan
from stanch.model.problem import Level, NotFound, Problem, StanchError, Unusable
from stanch.playbook.compile import compile_playbooks
from stanch.playbook.report import (
    as_github,
    as_json,
    as_sarif,
    as_text,
    problems_as_github,
    problems_as_sarif,
    problems_of,
    problems_text,
    summary,
)
from stanch.playbook.surroundings import Surroundings

if TYPE_CHECKING:
    from stanch.model.drift import Answer

app = typer.Typer(add_completion=False, help="What was understood of playbooks, what was not.")


class Format(StrEnum):
    """`text` for people; the others for programs and CI."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"
    GITHUB = "github"


_RENDERINGS = {Format.TEXT: as_text, Format.JSON: as_json, Format.SARIF: as_sarif, Format.GITHUB: as_github}
_ORDER = (Level.NOTE, Level.WARNING, Level.ERROR)
_POLL_S = 0.3


@app.command()
def check(
    paths: Annotated[
        list[Path] | None, typer.Argument(help="Markdown files, and folders of them.", show_default=False)
    ] = None,
    *,
    format_: Annotated[Format, typer.Option("--format", "-f", help="How to print it.")] = Format.TEXT,
    as_json_: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    fail_on: Annotated[Level, typer.Option(help="The least level of a problem that counts.")] = Level.ERROR,
    elsewhere: Annotated[
        bool, typer.Option("--elsewhere", help="The steps run on another machine: say nothing of missing programs.")
    ] = False,
    stale_after: Annotated[int, typer.Option(help="Days after which an undrilled playbook is stale.", min=1)] = 180,
    explained: Annotated[
        str | None, typer.Option("--explain", metavar="CODE", help="What a problem's code means, and what to do.")
    ] = None,
    versions: Annotated[
        tuple[Path, Path] | None,
        typer.Option("--diff", metavar="OLD NEW", help="What a new version does differently.", show_default=False),
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Check again whenever a file changes, until Ctrl-C.")] = False,
    live: Annotated[
        bool, typer.Option("--live", help="Ask, read-only, whether what the playbooks name is still there.")
    ] = False,
    config: Annotated[
        Path | None,
        typer.Option("--config", "-c", envvar="STANCH_CONFIG", help="With --live: the settings that say what to ask."),
    ] = None,
) -> None:
    """Read playbooks and print every fact with its line, and every problem with what to do about it.

    Exit status 0 when there is no problem of the level that counts, 1 when there is, 2 when a file cannot be read.
    With --diff, 0 when both versions do the same, 1 when not.

    Example: stanch check playbooks/ --format github --fail-on warning

    What a change means: stanch check --diff old/runbook.md new/runbook.md

    While writing: stanch check --watch runbook.md

    What has drifted: stanch check --live runbook.md --config stanch.toml
    """
    form = Format.JSON if as_json_ else format_
    if explained is not None:
        _explain(explained)
        return
    if versions is not None:
        _compare(versions, form)
        return
    if not paths:
        raise Unusable("There is no playbook to read.", hint="Name Markdown files, or folders that hold some.")
    surroundings = Surroundings(
        has_program=None if elsewhere else lambda name: shutil.which(name) is not None,
        now=time.time(),
        stale_after_days=stale_after,
    )
    if watch:
        _watch(paths, surroundings)
        return
    if live:
        from stanch.cli.live import answers_of  # noqa: PLC0415 - it brings drivers that a check of text does without

        _print_live(answers_of(compile_playbooks(documents(paths), surroundings), config), form, fail_on)
        return
    plan = compile_playbooks(documents(paths), surroundings)
    _print(plan, form)
    if _counts(plan, fail_on):
        raise typer.Exit(1)


def _print(plan: Plan, form: Format) -> None:
    if form is Format.TEXT:
        sys.stdout.write(as_text(plan, colour=_colour()) + "\n")
        return
    text = _RENDERINGS[form](plan)
    if form is Format.GITHUB:
        sys.stdout.write(f"{text}\n" if text else "")
    else:
        write_json(text)


def _print_live(answers: "Sequence[Answer]", form: Format, fail_on: Level) -> None:
    from stanch.drift import report as drift_report  # noqa: PLC0415 - as above

    found = drift_report.problems(answers)
    match form:
        case Format.TEXT:
            sys.stdout.write(drift_report.as_text(answers) + "\n")
        case Format.JSON:
            print_json(drift_report.as_dict(answers))
        case Format.SARIF:
            write_json(problems_as_sarif(found))
        case Format.GITHUB:
            sys.stdout.write("".join(f"{line}\n" for line in problems_as_github(found).splitlines()))
    if any(_ORDER.index(problem.level) >= _ORDER.index(fail_on) for problem in found):
        raise typer.Exit(1)


def _colour() -> bool:
    """On a terminal, unless somebody asked for none (https://no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def _counts(plan: Plan, fail_on: Level) -> bool:
    return any(_ORDER.index(problem.level) >= _ORDER.index(fail_on) for problem in problems_of(plan))


def _explain(code: str) -> None:
    from stanch.playbook.explain import codes, explain  # noqa: PLC0415 - for this alone

    page = explain(code)
    if page is None:
        raise NotFound(f"No problem has the code {code}.", hint=f"Known are {', '.join(codes())}.")
    sys.stdout.write(f"{code}\n\n{page}\n")


def _compare(versions: tuple[Path, Path], form: Format) -> None:
    """What changes from one version to the other, however their files are called."""
    from stanch.playbook import difference  # noqa: PLC0415 - a single version is compared to nothing

    old, new = (compile_playbooks(documents([path])) for path in versions)
    changes = difference.difference(old, new)
    match form:
        case Format.TEXT:
            sys.stdout.write(difference.as_text(changes) + "\n")
        case Format.JSON:
            print_json(difference.as_dict(changes))
        case Format.SARIF | Format.GITHUB:
            raise Unusable(f"A difference has no {form.value} form.", hint="Ask for --format text or json.")
    if changes:
        raise typer.Exit(1)


def _watch(paths: Sequence[Path], surroundings: Surroundings) -> None:
    """Says everything once, and after that what a save has changed: in what is done, and in what is wrong."""
    before: Plan | None = None
    seen: object = None
    while True:
        found = stamp(paths)
        if found != seen:
            seen = found
            before = _again(paths, surroundings, before)
        time.sleep(_POLL_S)


def _again(paths: Sequence[Path], surroundings: Surroundings, before: Plan | None) -> Plan | None:
    """One round; a file that cannot be read is said, and the last version that could be stays."""
    from stanch.playbook import difference  # noqa: PLC0415 - as above

    try:
        plan = compile_playbooks(documents(paths), surroundings)
    except StanchError as error:
        print_error(error, as_json=False)
        return before
    if before is None:
        _print(plan, Format.TEXT)
    elif plan.hash != before.hash:
        sys.stdout.write(f"\n{time.strftime('%H:%M:%S')}\n{difference.as_text(difference.difference(before, plan))}\n")
        sys.stdout.write(problems_text(_new(before, plan), colour=_colour()))
        sys.stdout.write(summary(plan) + "\n")
    sys.stdout.flush()
    return plan


def _new(before: Plan, plan: Plan) -> tuple[Problem, ...]:
    """The problems that a save has brought; those that stood before, on whatever line, are not said again."""
    known = {_gist(problem) for problem in problems_of(before)}
    return tuple(problem for problem in problems_of(plan) if _gist(problem) not in known)


def _gist(problem: Problem) -> tuple[str, str, str]:
    return problem.code, problem.message, problem.source.text if problem.source else ""
