"""`stanch run preview`: a dry run of a procedure, without a server."""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from stanch.cli.client import DEFAULT_CONFIG, Config, Json
from stanch.cli.output import print_json, say
from stanch.model.problem import Refused

if TYPE_CHECKING:
    from collections.abc import Callable

    from stanch.model.plan import Plan, Procedure
    from stanch.model.run import StepRecord
    from stanch.response.preview import Preview, StepPreview
    from stanch.response.principals import Principals
    from stanch.settings import Settings

_LINES = 12
_VERDICTS = {True: "would work", False: "WOULD FAIL", None: "not known"}


def preview(
    paths: Annotated[list[Path], typer.Argument(help="Markdown files, and folders of them.")],
    *,
    procedure: Annotated[
        str | None, typer.Option("--procedure", "-p", help="Its name, a part of it, or its key; without it, all.")
    ] = None,
    native: Annotated[
        bool, typer.Option("--native", help="Run the tools' own dry runs too, such as kubectl's; they only read.")
    ] = False,
    config: Config = DEFAULT_CONFIG,
    as_json: Json = False,
) -> None:
    """A dry run: what a procedure would do, in order, with what risk, and whom it would ask. Nothing is changed.

    No server is needed. With --native, commands whose tool has a dry run of its own (kubectl --dry-run=server, helm
    --dry-run, terraform plan, EXPLAIN) are tried with it, each with the settings' environment; exit status 1 if one
    of these says that the real command would fail.

    Example: stanch run preview playbooks/ --procedure "slow database"
    """
    from stanch.connectors.files import documents  # noqa: PLC0415 - only what a command needs is imported
    from stanch.model.plan import Procedure  # noqa: PLC0415 - as above
    from stanch.playbook.compile import compile_playbooks  # noqa: PLC0415 - as above
    from stanch.response.preview import named  # noqa: PLC0415 - as above
    from stanch.response.preview import preview as previewed  # noqa: PLC0415 - as above

    plan = compile_playbooks(documents(paths))
    chosen = plan.of(Procedure) if procedure is None else (named(plan, procedure),)
    settings = _settings(config)
    means, principals = _means(settings), _principals(settings)
    found = [
        previewed(each, plan, means, principals=principals, approvers=_approvers(settings, plan, each))
        for each in chosen
        if each.steps
    ]
    if not found:
        raise Refused("These playbooks hold no procedure with steps.", hint="`stanch check` says what was understood.")
    tried = asyncio.run(_try_all(found, settings)) if native else {}
    if as_json:
        print_json({"procedures": [_as_dict(each, tried) for each in found]})
    else:
        for each in found:
            _tell(each, tried)
    if any(each["well"] is False for each in tried.values()):
        raise typer.Exit(1)


def _settings(config: Path) -> "Settings | None":
    """The settings, where there are any: a preview needs none."""
    from stanch.settings import load  # noqa: PLC0415 - only what a command needs is imported

    if config == DEFAULT_CONFIG and not config.exists():
        return None
    return load(config)


def _means(settings: "Settings | None") -> Any:
    """What the settings allow; without settings, what a Stanch with a database and measured signals can do."""
    from stanch.response.actions import NAMES  # noqa: PLC0415 - as above
    from stanch.response.ways import Means  # noqa: PLC0415 - as above

    if settings is None:
        return Means(actions=NAMES, can_query=True, can_measure=True)
    from stanch.app import identity_of  # noqa: PLC0415 - as above

    return Means(
        actions=NAMES,
        can_query=settings.commands.database is not None or len(settings.postgres) == 1,
        can_measure=bool(settings.scrape),
        identity=identity_of(settings.commands.reading),
    )


def _principals(settings: "Settings | None") -> "Principals":
    """As whom steps act; without settings, as whoever would run the server here."""
    from stanch.response.principals import Principals, system_user  # noqa: PLC0415 - as above

    if settings is None:
        return Principals(user=system_user(), home=Path.home())
    from stanch.app import principals_of  # noqa: PLC0415 - as above

    return principals_of(settings)


def _approvers(settings: "Settings | None", plan: "Plan", procedure: "Procedure") -> "Callable[[StepRecord], Any]":
    """The roles whose yes counts, by the settings' people."""
    from stanch.response.approvers import Approvers  # noqa: PLC0415 - as above

    approvers = Approvers(plan_of=lambda _: plan, people={} if settings is None else settings.roles_of_people)
    severity = next(iter(procedure.applies_to), "")
    return lambda step: approvers.roles_for(plan, severity, step)


def _tell(found: "Preview", tried: dict[str, dict[str, Any]]) -> None:
    say(f"{found.name} ({found.source})")
    say(
        f"  {len(found.steps)} steps: {found.by_themselves} go by themselves, {found.asked} ask, "
        f"{found.by_hand} are by hand; {found.destructive} destructive."
    )
    phase: str | None = None
    for step in found.steps:
        if step.phase != phase:
            phase = step.phase
            say(f"\n  {phase or found.name}")
        _tell_step(step, tried.get(step.key))
    say("")


def _tell_step(step: "StepPreview", tried: dict[str, Any] | None) -> None:
    say(f"  {step.number:>3}. {step.text}")
    if step.command:
        say("       $ " + step.command.replace("\n", "\n         "))
    traits = f", {', '.join(step.traits)}" if step.traits else ""
    where = f" on {', '.join(f'{name} {value}' for name, value in step.target.items())}" if step.target else ""
    lines = [
        f"{step.way}, {step.risk}{traits}{where}. {step.who}",
        *([f"as: {step.acts_as}"] if step.acts_as else []),
        *([f"whose yes: {' or '.join(step.approvers)}"] if step.approvers else []),
        *([f"by hand: {step.by_hand}"] if step.by_hand else []),
        *([f"if: {step.condition}. {step.decided_by}"] if step.condition else []),
        *([f"time: {time}"] if (time := _time(step)) else []),
        *([f"side by side: {step.beside}"] if step.beside else []),
        *(
            [f"to fill in: {', '.join(f'{place.placeholder} ({place.kind})' for place in step.slots)}"]
            if step.slots
            else []
        ),
        *([f"verified: {step.verified}"] if step.verified else []),
        *([f"undo: {step.undone}"] if step.undone else []),
        *([f"hint: {step.hint}"] if step.hint else []),
        *(["dry run: " + " ".join(step.dry_run.text.split())] if step.dry_run is not None else []),
    ]
    for line in lines:
        say(f"       {line}")
    if tried is not None:
        say(f"       {_VERDICTS[tried['well']]}: {tried['because']}")
        for line in tried["output"].splitlines()[:_LINES]:
            say(f"         | {line}")


def _time(step: "StepPreview") -> str:
    """When it begins, when it is to be done, and how long it may take."""
    from stanch.charts.quantity import prose  # noqa: PLC0415 - only what a command needs is imported

    parts = [
        *([f"begins after {prose(step.begins_s)}"] if step.begins_s else []),
        *([f"done {prose(step.due_s)} after the start"] if step.due_s is not None else []),
        *([f"at most {prose(step.timebox_s)}"] if step.timebox_s is not None else []),
    ]
    return ", ".join(parts)


def _as_dict(found: "Preview", tried: dict[str, dict[str, Any]]) -> dict[str, Any]:
    values: dict[str, Any] = msgspec.to_builtins(found)
    for step in values["steps"]:
        step["tried"] = tried.get(step["key"])
    return values


async def _try_all(found: "list[Preview]", settings: "Settings | None") -> dict[str, dict[str, Any]]:
    """Every native dry run, one after the other, by its step's key."""
    from stanch.connectors.postgres.connector import PostgresConnector  # noqa: PLC0415 - as above
    from stanch.model.clock import SystemClock  # noqa: PLC0415 - as above
    from stanch.response.execution import Executor  # noqa: PLC0415 - as above
    from stanch.response.native import Query, tried  # noqa: PLC0415 - as above
    from stanch.response.redaction import Redactor  # noqa: PLC0415 - as above

    environment: dict[str, str] = {}
    directory = Path.cwd()
    database: PostgresConnector | None = None
    query: Query | None = None
    redactor, clock = Redactor(), SystemClock()
    if settings is not None:
        from stanch.app import query_of  # noqa: PLC0415 - as above
        from stanch.settings import secrets_of  # noqa: PLC0415 - as above

        environment = {**settings.commands.environment, "PATH": ":".join(map(str, settings.commands.path))}
        directory = settings.commands.directory
        redactor = Redactor(secrets_of(settings).values())
        name = settings.commands.database or next(iter(settings.postgres), None)
        if name is not None and name in settings.postgres:
            database = PostgresConnector(settings.postgres[name], clock)
            query = query_of(database)
    results: dict[str, dict[str, Any]] = {}
    records = TemporaryDirectory(prefix="stanch-preview-")
    executor = Executor(
        clock=clock, redactor=redactor, directory=directory, records=Path(records.name), environment=environment
    )
    try:
        for step in (step for each in found for step in each.steps if step.dry_run is not None):
            came = await tried(step, executor=executor, query=query, redact=redactor)
            results[step.key] = msgspec.to_builtins(came)
    finally:
        executor.close()
        records.cleanup()
        if database is not None:
            await database.close()
    return results
