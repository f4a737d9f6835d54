"""What people decide in the course of a run: which procedure, which way, by whom, and once more."""

from collections.abc import Callable
from typing import Annotated, Any

import typer

from stanch.cli.client import DEFAULT_CONFIG, Client, Config, Json, Url
from stanch.cli.output import print_json, say
from stanch.model.problem import Refused
from stanch.model.record import record

RunId = Annotated[str, typer.Argument(help="The run, as `stanch run list` names it.")]
Key = Annotated[str, typer.Argument(help="The step; of an option, its first.")]
OptionalKey = Annotated[str | None, typer.Argument(help="The step; the one that waits, if it is left out.")]
Reason = Annotated[str, typer.Option("--reason", "-r", help="Why, or what was seen, for the record.")]


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


def command_of(verb: Verb) -> Callable[..., None]:
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
