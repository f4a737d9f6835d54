"""What the API takes: strict records, unknown keys refused, every fault told at once."""

from typing import Any, TypeVar

from litestar import Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from stanch.model.problem import Level, Problem
from stanch.web.auth import Role
from stanch.web.errors import Invalid, Malformed

B = TypeVar("B", bound=BaseModel)

_LINE = 300
_TEXT = 10_000


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, str_strip_whitespace=True)


class Nothing(_Body):
    """No content, or `{}`."""


class OpenIncident(_Body):
    """An incident that a person opens."""

    title: str = Field(min_length=1, max_length=_LINE)
    severity: str = Field(min_length=1, max_length=40)
    service: str = Field(default="", max_length=100)


class Text(_Body):
    """A note, or why an incident is resolved or reopened."""

    text: str = Field(min_length=1, max_length=_TEXT)


class Assign(_Body):
    """To whom: a person or a role."""

    to: str = Field(min_length=1, max_length=100)


class Approve(_Body):
    """Yes to exactly what has this digest."""

    digest: str = Field(min_length=1, max_length=200)
    reason: str = Field(default="", max_length=_TEXT)


class BreakGlass(_Body):
    """One person's yes where more are needed: with a reason, and `confirm` typed out as it is asked for."""

    digest: str = Field(min_length=1, max_length=200)
    reason: str = Field(min_length=1, max_length=_TEXT)
    confirm: str = Field(min_length=1, max_length=_LINE)


class Reason(_Body):
    """Why, for the record."""

    reason: str = Field(min_length=1, max_length=_TEXT)


class OptionalReason(_Body):
    """Why, if there is something to say."""

    reason: str = Field(default="", max_length=_TEXT)


class FillStep(_Body):
    """Values by the slot's name or placeholder; with `preview` it is only said what would run."""

    values: dict[str, str] = Field(min_length=1, max_length=50)
    preview: bool = False


class Stop(Reason):
    """Why, and whether what was done is to be put back."""

    undo: bool = False


class StartRun(OptionalReason):
    """Which procedure of the incident's plan: its name, a part of that which is its alone, or its key."""

    procedure: str = Field(min_length=1, max_length=_LINE)


class TryNatively(_Body):
    """In which incident a procedure is looked at; without one, as the plan has it."""

    incident: str | None = Field(default=None, max_length=_LINE)


class UndoControl(OptionalReason):
    """As a form sends it."""

    control: str = Field(min_length=1, max_length=_LINE)


class LoginLink(_Body):
    """For whom; without a person, for the one who asks. A role makes the person known, or changes what they may do."""

    person: str | None = Field(default=None, min_length=1, max_length=64)
    role: Role | None = Field(default=None, strict=False)


class NewToken(_Body):
    """A token: what it is called, the most that it may do, and as whom; without a person, as the one who asks."""

    label: str = Field(min_length=1, max_length=100)
    role: Role = Field(default=Role.RESPONDER, strict=False)
    person: str | None = Field(default=None, min_length=1, max_length=64)


async def json_body(request: Request[Any, Any, Any], kind: type[B]) -> B:
    """The request's JSON as a `kind`. Raises Malformed where it is no JSON object, Invalid with every fault."""
    raw = await request.body()
    media_type = request.content_type[0]
    if raw and media_type != "application/json":
        raise Malformed(
            f"The body is {media_type or 'of no named type'}; JSON is taken.",
            hint="Send Content-Type: application/json.",
        )
    try:
        return kind.model_validate_json(raw or b"{}")
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False)
        if any(fault["type"] == "json_invalid" for fault in faults):
            raise Malformed(f"The body is no JSON: {faults[0]['msg']}", hint="Nothing was changed.") from error
        raise _invalid(faults) from error


async def form_body(request: Request[Any, Any, Any], kind: type[B]) -> B:
    """The fields of a form as a `kind`. Raises Invalid with every fault."""
    return _of_form(await _fields(request), kind)


async def step_form(request: Request[Any, Any, Any], kind: type[B]) -> tuple[str, B]:
    """The step that a form names, and its other fields as a `kind`. Raises Invalid with every fault.

    Values for the places of a command are `typed.NAME` where something was typed, else `chosen.NAME`.
    """
    fields = await _fields(request)
    step = fields.pop("step", "")
    if not 0 < len(step) <= _LINE:
        raise Invalid("The form names no step.", hint="Nothing was changed. Load the page again.")
    if kind is FillStep:
        chosen = _prefixed(fields, "chosen.")
        typed = {name: value for name, value in _prefixed(fields, "typed.").items() if value}
        if not (values := {**chosen, **typed}):
            raise Invalid("Nothing was chosen and nothing was typed.", hint="Nothing was changed.")
        return step, _of_form({"values": values}, kind)
    return step, _of_form(fields, kind)


async def _fields(request: Request[Any, Any, Any]) -> dict[str, str]:
    return {str(name): str(value) for name, value in (await request.form()).items() if name != "form_token"}


def _prefixed(fields: dict[str, str], prefix: str) -> dict[str, str]:
    return {name.removeprefix(prefix): value for name, value in fields.items() if name.startswith(prefix)}


def _of_form(values: dict[str, Any], kind: type[B]) -> B:
    # A form knows no types: a box that is ticked says `true`, and one that is not is left out.
    boxes = {name for name, field in kind.model_fields.items() if field.annotation is bool}
    try:
        return kind.model_validate(
            {name: value == "true" if name in boxes else value for name, value in values.items()}
        )
    except ValidationError as error:
        raise _invalid(error.errors(include_url=False, include_input=False)) from error


def _invalid(faults: list[Any]) -> Invalid:
    problems = tuple(Problem(code="body", level=Level.ERROR, message=_sentence(fault)) for fault in faults)
    count = "One thing is" if len(problems) == 1 else f"{len(problems)} things are"
    return Invalid(f"{count} wrong with what was sent.", hint="Nothing was changed.", problems=problems)


def _sentence(fault: Any) -> str:
    where = ".".join(str(part) for part in fault["loc"]) or "body"
    match fault["type"]:
        case "extra_forbidden":
            return f"{where}: there is no such field"
        case "missing":
            return f"{where}: is needed"
        case "string_too_short":
            return f"{where}: must not be empty"
        case _:
            said = fault["msg"].removeprefix("Value error, ")
            return f"{where}: {said[0].lower()}{said[1:]}"
