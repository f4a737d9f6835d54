"""`stanch run preview`, `start`, and what people decide in the course of a run: which way, by whom, and once more."""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from stanch.cli.client import DEFAULT_CONFIG, Client, Config, Json, Url
from stanch.cli.output import print_json, say
from stanch.model.problem import Refused
from stanch.model.record import record

if TYPE_CHECKING:
    from collections.abc import Callable

    from stanch.model.plan import Plan, Procedure
    from stanch.model.run import StepRecord
    from stanch.response.preview import Preview, StepPreview
    from stanch.response.principals import Principals
    from stanch.settings import Settings

RunId = Annotated[str, typer.Argument(help="The run, as `stanch run list` names it.")]
Key = Annotated[str, typer.Argument(help="The step; of an option, its first.")]
OptionalKey = Annotated[str | None, typer.Argument(help="The step; the one that waits, if it is left out.")]
Reason = Annotated[str, typer.Option("--reason", "-r", help="Why, or what was seen, for the record.")]

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


def start(
    incident: Annotated[str, typer.Argument(help="The incident, as `stanch incident list` names it.")],
    procedure: Annotated[str, typer.Argument(help="The procedure: its name, a part of that, or its key.")],
    *,
    reason: Annotated[str, typer.Option("--reason", "-r", help="Why, for the record.")] = "",
    config: Config = DEFAULT_CONFIG,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Begin a procedure of an incident, beside what is going on. `stanch run preview` shows what it would do.

    Example: stanch run start 1 "recovery" -r "the index is there, the queue is not"
    """
    document = Client.of(config, url).post(
        f"/api/incidents/{incident}/runs", {"procedure": procedure, "reason": reason}
    )
    if as_json:
        print_json(document)
        return
    run = document["run"]
    say(f"Started: {run['name']}, as run {run['id']}. Follow it with `stanch run show {run['id']} --follow`.")


@record
class Verb:
    """What people do to a step, beside answering a question: its command, and what is said once it is done.

    `names_it` says that the step must be named; else the one that waits is meant where it is left out.
    """

    name: str
    help: str
    said: str
    names_it: bool = False


VERBS = (
    Verb(
        name="choose",
        said="Chosen",
        names_it=True,
        help="""Say which way a run goes on: by the first step of the option that is taken. The others are skipped.

    Example: stanch run choose 1.1 rollback/option-b-fix-forward -r "the release before is broken too"
    """,
    ),
    Verb(
        name="take",
        said="Yours now",
        help="""Take a step over by hand, also one that would go by itself. Report it with `stanch run complete`.

    Example: stanch run take 1.1 -r "I am on the host already"
    """,
    ),
    Verb(
        name="complete",
        said="Done",
        help="""Say that a step was done: by hand, or that one whose outcome nobody saw took effect.

    Example: stanch run complete 1.1 -r "failed over, replica lag is 0"
    """,
    ),
    Verb(
        name="again",
        said="To be tried again",
        names_it=True,
        help="""Have a step that failed, was skipped or came to an unknown outcome tried again; people are asked anew.

    Example: stanch run again 1.1 rollback/scale-up -r "the quota is raised"
    """,
    ),
)


def command_of(verb: Verb) -> "Callable[..., None]":
    """The command of a verb."""

    def act(
        run: RunId,
        step: OptionalKey = None,
        *,
        reason: Reason = "",
        config: Config = DEFAULT_CONFIG,
        url: Url = None,
        as_json: Json = False,
    ) -> None:
        _post(Client.of(config, url), run, step, verb.name, reason=reason, as_json=as_json, said=verb.said)

    def act_on_named(
        run: RunId,
        step: Key,
        *,
        reason: Reason = "",
        config: Config = DEFAULT_CONFIG,
        url: Url = None,
        as_json: Json = False,
    ) -> None:
        _post(Client.of(config, url), run, step, verb.name, reason=reason, as_json=as_json, said=verb.said)

    chosen = act_on_named if verb.names_it else act
    chosen.__doc__ = verb.help
    return chosen


def _post(client: Client, run: str, key: str | None, verb: str, *, reason: str, as_json: bool, said: str) -> None:
    step = _step(client.get(f"/api/runs/{run}")["run"], key)
    document = client.post(f"/api/runs/{run}/steps/{step['key']}/{verb}", {"reason": reason})
    if as_json:
        print_json(document)
        return
    say(f"{said}: {step['title'] or step['text']}")


def _step(run: dict[str, Any], key: str | None) -> dict[str, Any]:
    steps: list[dict[str, Any]] = run["steps"]
    found = [each for each in steps if (each["key"] == key if key else each["state"] in {"proposed", "unknown"})]
    if len(found) == 1:
        return found[0]
    names = ", ".join(each["key"] for each in found)
    raise Refused(
        f"Several steps of run {run['id']} wait: {names}." if found else f"Run {run['id']} has no step {key or ''}.",
        hint=f"Nothing was changed. See `stanch run show {run['id']}`, and name the one you mean.",
    )


# --- the preview -----------------------------------------------------------------------------------------------------


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
