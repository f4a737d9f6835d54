"""Places to fill in: what a value may be, how it gets into a command, and how the filled-in command is rated.

A value is never spliced into shell text. The command is parsed with a neutral word where each placeholder stands, and
the value takes that word's place inside the one argument it is part of. What comes out is rated anew as a whole, and
its risk is the worse of both. Pure.
"""

import ipaddress
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from stanch.commands.characters import suspicious
from stanch.commands.rating import rate
from stanch.commands.sql import rate_sql
from stanch.commands.sql_shape import same_shape
from stanch.commands.standins import put, stand_in
from stanch.model.plan import Slot
from stanch.model.problem import Level, Problem, Refused
from stanch.model.record import record
from stanch.model.risk import Rating, Risk, worst
from stanch.model.run import Filled, StepRecord

GIVEN_RISK = "given risk"
"""In a step's progress: its risk before it was filled in. Filled in otherwise, it is judged from there again."""

LONGEST = 500
"""Characters of a value. What is longer nobody has checked by eye."""

_SHELL = re.compile(r"""[$`"'\\;|&<>(){}\[\]*?!#~^%]""")
_SECRET = re.compile(
    r"(?:^|_)(?:password|passwd|passphrase|secret|token|credentials?|encoded|base64|dsn|(?:api|access|private|secret)_key)(?:_|$)"
)
_LOADS_A_FILE = re.compile(r"(?:@|file:|fileb:)", re.IGNORECASE)

Pipeline = tuple[tuple[str, ...], ...]


@record
class _Type:
    """What a value of one type is: the pattern it has as a whole, and the same in words."""

    pattern: str
    words: str
    most: int = LONGEST
    check: Callable[[str], bool] | None = None


def _is_host(value: str) -> bool:
    """A host name or an address, with a port or without; a literal IPv6 address with a port stands in brackets."""
    host = value
    if value.count(":") == 1:
        host, _, port = value.partition(":")
        if not (port.isdigit() and 0 < int(port) < 65536):
            return False
    try:
        ipaddress.ip_address(host)
    except ValueError:
        labels = host.rstrip(".").split(".")
        numeric = all(label.isdigit() for label in labels)
        return not numeric and all(re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?", one) for one in labels)
    return True


def _is_network(value: str) -> bool:
    """An address or a network; a large part of the internet is neither."""
    try:
        return ipaddress.ip_network(value, strict=False).prefixlen >= 8
    except ValueError:
        return False


def _stays_below(value: str) -> bool:
    return ".." not in value.split("/")


def _names_nobody(value: str) -> bool:
    return "@" not in value


_TYPES: Mapping[str, _Type] = {
    "name": _Type(
        pattern=r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?", words="a name: letters, digits, `.`, `_` and `-`", most=253
    ),
    "kubernetes name": _Type(
        pattern=r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?",
        words="a name as Kubernetes takes it: lower-case letters, digits, `.` and `-`",
        most=253,
    ),
    "tag": _Type(
        pattern=r"[A-Za-z0-9_][A-Za-z0-9_.+-]*",
        words="a tag or version: letters, digits, `.`, `_`, `+` and `-`",
        most=128,
    ),
    "revision": _Type(pattern=r"[0-9]{1,9}", words="a revision: a whole number", most=9),
    "snapshot": _Type(
        pattern=r"[A-Za-z0-9]([A-Za-z0-9:._-]*[A-Za-z0-9])?",
        words="a snapshot's identifier: letters, digits, `:`, `.`, `_` and `-`",
        most=255,
    ),
    "host": _Type(
        pattern=r"[A-Za-z0-9:][A-Za-z0-9.:-]*",
        words="a host name or an address, with a port or without",
        most=253,
        check=_is_host,
    ),
    "address": _Type(
        pattern=r"[0-9A-Fa-f.:]+(/[0-9]{1,3})?",
        words="an IP address, or a network such as `203.0.113.0/24`",
        most=49,
        check=_is_network,
    ),
    "integer": _Type(pattern=r"[0-9]{1,18}", words="a whole number", most=18),
    "number": _Type(pattern=r"[0-9]{1,18}(\.[0-9]{1,18})?", words="a number", most=37),
    "duration": _Type(
        pattern=r"([0-9]{1,9}(\.[0-9]{1,9})?(ms|s|m|h|d|w)?){1,4}",
        words="a duration, such as `30s` or `1h30m`",
        most=40,
    ),
    "path": _Type(
        pattern=r"[A-Za-z0-9_./][A-Za-z0-9_./+@:-]*",
        words="a path without `..` or blanks",
        most=LONGEST,
        check=_stays_below,
    ),
    "url": _Type(
        pattern=r"[a-z][a-z0-9+.-]*://[A-Za-z0-9][A-Za-z0-9._~:/=+,-]*",
        words="an address (`https://...`) without a user, password, query or blanks",
        check=_names_nobody,
    ),
    "time": _Type(
        pattern=r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
        r"([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?"
        r"|[0-9]{1,2}:[0-9]{2}(:[0-9]{2})?|[0-9]{9,13}",
        words="a time, such as `2026-11-28T02:00:00Z`",
        most=40,
    ),
    "severity": _Type(pattern=r"[A-Za-z0-9][A-Za-z0-9-]*", words="a severity, such as `P1`", most=40),
    "text": _Type(pattern=r"[^\s].*", words="text on one line"),
}
_TOOLS_OF_KUBERNETES = frozenset({"kubectl", "oc", "helm"})

TYPES = frozenset(_TYPES) - {"kubernetes name"}
"""The types that slots have."""


@record
class Template:
    """A command as parsed with stand-ins in the placeholders' places.

    `pipeline` is None where only a shell could run it: no value gets into that, and a person runs it. `because` says
    why, where a person has to.
    """

    rating: Rating
    words: dict[str, str]
    pipeline: Pipeline | None
    because: str | None = None


@record
class Preview:
    """A filled-in command before anything is written: what would run, on what, with what risk.

    `argv` is None where no process of ours runs it. `raised` says why the risk is more than the playbook's text had;
    `acts_as` as whom it would act (see `principals`).
    """

    statement: str
    argv: Pipeline | None
    risk: Risk
    target: dict[str, str]
    raised: str | None
    open: tuple[str, ...] = ()
    acts_as: str | None = None


def is_secret(slot: Slot) -> bool:
    """Whether what is asked for must not be read by others: it is run with, and shown and kept on no record."""
    return _SECRET.search(slot.name) is not None


def places(step: StepRecord) -> tuple[Slot, ...]:
    """The places of a step in order, each name once, by the first placeholder that has it."""
    found: dict[str, Slot] = {}
    for slot in step.slots:
        found.setdefault(slot.name, slot)
    return tuple(found.values())


def open_slots(step: StepRecord) -> tuple[Slot, ...]:
    """The places that nobody has filled in, each name once. A secret is forgotten once its step is over."""
    done = {each.name for each in step.filled if each.value}
    return tuple({slot.name: slot for slot in step.slots if slot.name not in done}.values())


def template_of(step: StepRecord) -> Template:
    """How a command step reads with its places left open."""
    assert step.command is not None
    template = _template(step.command, step.language, tuple(slot.placeholder for slot in step.slots))
    if step.language == "sql" and any(map(is_secret, step.slots)):
        # A statement is stored, shown and logged as it is asked, by the database as well.
        return replace(template, because="It asks for a secret, which is put into no statement.")
    return template


@lru_cache(maxsize=1024)
def _template(command: str, language: str | None, placeholders: tuple[str, ...]) -> Template:
    stood = stand_in(command, placeholders)
    if language == "sql":
        return Template(rating=rate_sql(stood.text), words=stood.words, pipeline=None)
    rating = rate(stood.text)
    because = None
    if rating.pipeline is None:
        because = "Only a shell can run it, and no value is put into shell text."
    elif any(word in stage[0] for stage in rating.pipeline for word in stood.words.values()):
        because = "A value would choose the program that runs."
    return Template(rating=rating, words=stood.words, pipeline=None if because else rating.pipeline, because=because)


def refusal(slot: Slot, value: str, step: StepRecord) -> str | None:
    """Why `value` cannot be filled in for `slot`, as a sentence; None where it can."""
    kind = _type_of(slot, step)
    said = f"{slot.placeholder}: "
    if not value.strip():
        return f"{said}it is empty."
    if len(value) > min(kind.most, LONGEST):
        return f"{said}it is {len(value)} characters long; at most {min(kind.most, LONGEST)} are taken."
    if any(mark in value for mark in "\n\r\v\f\x85\u2028\u2029"):
        return f"{said}it holds a line break."
    if any(character < " " or character == "\x7f" for character in value):
        return f"{said}it holds a control character."
    if (why := suspicious(value)) is not None:
        return f"{said}{why}."
    if value.startswith("-"):
        return f"{said}a value that begins with `-` would be read as an option."
    if (found := _SHELL.search(value)) is not None:
        return f"{said}`{found[0]}` is a character that shells act on."
    if value != value.strip():
        return f"{said}it begins or ends with a blank."
    if _LOADS_A_FILE.match(value):
        return f"{said}tools read a file for a value that begins with `@` or `file:`."
    if re.fullmatch(kind.pattern, value) is None or (kind.check is not None and not kind.check(value)):
        return f"{said}`{value}` is not {kind.words}."
    return _misplaced(slot, value, step, said)


def words_of(slot: Slot, step: StepRecord) -> str:
    """What a value for the slot is, for people."""
    return _type_of(slot, step).words


def _type_of(slot: Slot, step: StepRecord) -> _Type:
    if slot.type == "name" and step.command is not None:
        program = step.command.split(None, 1)[0] if step.command.strip() else ""
        if program in _TOOLS_OF_KUBERNETES:
            return _TYPES["kubernetes name"]
    return _TYPES.get(slot.type, _TYPES["text"])


def _misplaced(slot: Slot, value: str, step: StepRecord, said: str) -> str | None:
    """Why a value that is one of its type does not fit where it stands."""
    if step.command is None:
        return None
    template = template_of(step)
    word = template.words.get(slot.placeholder, "")
    if step.language == "sql":
        fits = same_shape(put(step.command, template.words), word, value)
        return None if fits else f"{said}`{value}` would change what the statement says."
    for stage in template.pipeline or ():
        for argument in stage:
            if word not in argument or argument == word:
                continue
            around = argument.replace(word, "")
            if " " in value and re.search(r"\s", around):
                return f"{said}a blank would split the text that it stands in."
            if "," in value:
                return f"{said}a comma would begin another value in `{argument.replace(word, slot.placeholder)}`."
    return None


def filled(
    step: StepRecord, values: Mapping[str, str], *, by: str, at: float, origins: Mapping[tuple[str, str], str]
) -> StepRecord:
    """The step with those values; a place that was filled in before takes the new one.

    `values` are by the slot's name or by its placeholder; `origins` says where an offered value came from. Raises
    Refused with every fault.
    """
    problems: list[str] = []
    given: dict[str, Filled] = {}
    names = {slot.placeholder: slot.name for slot in step.slots} | {slot.name: slot.name for slot in step.slots}
    for key, value in values.items():
        if key not in names:
            problems.append(f"There is no place called `{key}` in it; there is {_listed(step.slots)}.")
            continue
        slots = [slot for slot in step.slots if slot.name == names[key]]
        faults = [fault for slot in slots if (fault := refusal(slot, value, step)) is not None]
        problems.extend(faults)
        origin = origins.get((names[key], value), f"typed by {by}")
        given[names[key]] = Filled(name=names[key], value=value, by=by, at=at, origin=origin)
    if not values:
        problems.append(f"No value was given; there is {_listed(step.slots)}.")
    if problems:
        raise _refused(step, problems)
    kept = tuple(each for each in step.filled if each.name not in given)
    order = {slot.name: place for place, slot in reversed(list(enumerate(step.slots)))}
    together = tuple(sorted((*kept, *given.values()), key=lambda each: order.get(each.name, 0)))
    after = replace(step, filled=together)
    if not open_slots(after):
        resolved(after)
    return after


def _refused(step: StepRecord, problems: Sequence[str]) -> Refused:
    several = len(problems) > 1
    return Refused(
        f"'{step.text}' was not filled in: {f'{len(problems)} values are refused.' if several else problems[0]}",
        hint="Nothing was changed and nothing was started. Correct it, or skip the step with a reason.",
        problems=tuple(Problem(code="slot", level=Level.ERROR, message=each) for each in problems if several),
    )


def _listed(slots: Sequence[Slot]) -> str:
    return ", ".join(dict.fromkeys(f"`{slot.name}`" for slot in slots)) or "none"


def resolved(step: StepRecord) -> StepRecord:
    """A command step as it would run: the values in the arguments, rated anew, the risk never less than before.

    A step without places is as it was. Raises Refused where what came out does not read as what was put together.
    """
    if not step.slots or step.command is None:
        return step
    base = Risk(step.progress.get(GIVEN_RISK, step.risk))
    values = {slot.placeholder: each.value for slot in step.slots for each in step.filled if each.name == slot.name}
    statement, pipeline, rating = _resolved(
        step.command, step.language, tuple(slot.placeholder for slot in step.slots), tuple(sorted(values.items()))
    )
    risk = worst(base, rating.risk)
    return replace(
        step,
        statement=_without_secrets(statement, step),
        pipeline=pipeline,
        risk=risk,
        traits=rating.traits,
        target={key: _without_secrets(value, step) for key, value in rating.target.items()},
        why=_without_secrets(_why(rating, base, risk) or "", step) or None,
        progress={**step.progress, GIVEN_RISK: base.value},
    )


def put_into(parameters: Mapping[str, Any], step: StepRecord) -> dict[str, Any]:
    """The parameters of an action with the values in their places. A value is only ever a parameter's text."""
    values = {slot.placeholder: each.value for slot in step.slots for each in step.filled if each.name == slot.name}
    return {name: put(value, values) if isinstance(value, str) else value for name, value in parameters.items()}


def shown(step: StepRecord) -> StepRecord:
    """The step as others may see it: in the place of a secret stands its placeholder, for its value its length."""
    secrets = _secrets(step)
    if not secrets:
        return step
    pipeline = None
    if step.pipeline is not None:
        pipeline = tuple(tuple(_without_secrets(argument, step) for argument in stage) for stage in step.pipeline)
    hidden = {each.name for each, _ in secrets}
    filled = tuple(
        replace(each, value=f"({len(each.value)} characters, not shown)") if each.name in hidden else each
        for each in step.filled
    )
    return replace(step, pipeline=pipeline, filled=filled)


def forgotten(step: StepRecord) -> StepRecord:
    """The step without its secrets, for when it is over: to begin it again, they are filled in again."""
    secrets = {each.name for each, _ in _secrets(step)}
    if not secrets:
        return step
    filled = tuple(replace(each, value="") if each.name in secrets else each for each in step.filled)
    return replace(step, pipeline=shown(step).pipeline, filled=filled)


def secret_values(step: StepRecord) -> tuple[str, ...]:
    """What the step's command may print and nobody may see."""
    return tuple(each.value for each, _ in _secrets(step))


def _secrets(step: StepRecord) -> tuple[tuple[Filled, str], ...]:
    """The secret values of a step, each with its placeholder, the longest first."""
    found = [
        (each, slot.placeholder)
        for slot in step.slots
        if is_secret(slot)
        for each in step.filled
        if each.name == slot.name and each.value
    ]
    return tuple(sorted(found, key=lambda pair: len(pair[0].value), reverse=True))


def _without_secrets(text: str, step: StepRecord) -> str:
    for each, placeholder in _secrets(step):
        text = text.replace(each.value, placeholder)
    return text


def for_people(step: StepRecord) -> StepRecord:
    """A step that a person runs: with the text to copy where its places were filled in, else as it is written."""
    if not step.slots or step.command is None or open_slots(step):
        return replace(step, statement=None, acts_as=None)
    return replace(resolved(step), pipeline=step.pipeline, acts_as=None)


@lru_cache(maxsize=1024)
def _resolved(
    command: str, language: str | None, placeholders: tuple[str, ...], values: tuple[tuple[str, str], ...]
) -> tuple[str, Pipeline | None, Rating]:
    """The statement as shown, the arguments of each stage where processes of ours run it, and the rating."""
    given = dict(values)
    template = _template(command, language, placeholders)
    if language == "sql":
        statement = put(command, given)
        return statement, None, rate_sql(statement)
    if template.pipeline is None:
        statement = put(command, given)
        return statement, None, rate(statement)
    by_word = {template.words[placeholder]: value for placeholder, value in given.items()}
    pipeline = tuple(tuple(put_in(argument, by_word) for argument in stage) for stage in template.pipeline)
    statement = " | ".join(shlex.join(stage) for stage in pipeline)
    rating = rate(statement)
    if rating.pipeline != pipeline:
        raise Refused(
            f"Filled in, it does not read as what was put together: {statement}",
            hint="Nothing was changed and nothing was started. Run it yourself, or skip the step with a reason.",
        )
    return statement, pipeline, rating


def put_in(argument: str, by_word: Mapping[str, str]) -> str:
    """One argument with the values in the places of their stand-ins; nothing of a value is looked at again."""
    if not by_word:
        return argument
    return re.sub("|".join(map(re.escape, by_word)), lambda match: by_word[match[0]], argument)


def _why(rating: Rating, base: Risk, risk: Risk) -> str | None:
    parts = [f"`{reason.text}` is {reason.risk}" for reason in rating.because if reason.risk is not Risk.READ_ONLY]
    raised = () if risk is base else (raised_because(base, risk),)
    return "; ".join([*raised, *parts, *([rating.hint] if rating.hint else [])]) or None


def raised_because(base: Risk, risk: Risk) -> str:
    """What people are told of a risk that the values brought."""
    return f"With these values it is {risk}; as the playbook has it, it is {base}"


def preview(step: StepRecord) -> Preview:
    """What would run, with the places that are open left as they are written. Raises Refused."""
    still_open = open_slots(step)
    if step.command is None:
        values = {slot.placeholder: each.value for slot in step.slots for each in step.filled if each.name == slot.name}
        names = tuple(slot.name for slot in still_open)
        said = _without_secrets(put(step.text, values), step)
        return Preview(statement=said, argv=None, risk=step.risk, target=step.target, raised=None, open=names)
    if still_open:
        values = {slot.placeholder: each.value for slot in step.slots for each in step.filled if each.name == slot.name}
        base = Risk(step.progress.get(GIVEN_RISK, step.risk))
        names = tuple(slot.name for slot in still_open)
        statement = _without_secrets(put(step.command, values), step)
        return Preview(statement=statement, argv=None, risk=base, target=step.target, raised=None, open=names)
    after = resolved(step)
    base = Risk(after.progress.get(GIVEN_RISK, step.risk))
    return Preview(
        statement=after.statement or "",
        argv=shown(after).pipeline,
        risk=after.risk,
        target=after.target,
        raised=None if after.risk is base else raised_because(base, after.risk),
    )
