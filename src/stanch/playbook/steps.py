"""Steps from list items, fences and sentences: what runs, what is proposed, what stays a person's."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import lru_cache

from stanch.commands.rating import rate
from stanch.commands.sql import rate_sql
from stanch.commands.standins import stand_in
from stanch.model.pattern import Pattern
from stanch.model.plan import Slot, Step, StepKind
from stanch.model.problem import Source
from stanch.model.record import record
from stanch.model.risk import Rating, Risk, Trait
from stanch.playbook.context import Context
from stanch.playbook.document import Code, Document, Item, Passage, plain
from stanch.playbook.fences import Command, Content, commands_of, content_of, statements_of
from stanch.playbook.imperative import clauses
from stanch.playbook.quantity import PATTERN, Measure, quantity_of
from stanch.playbook.slots import slots_in_action, slots_in_command
from stanch.playbook.vocabulary import ActionMatch, Vocabulary
from stanch.playbook.words import slug

_BOX = Pattern(
    r"\s*[(\[]\s*(?:(?:first|within|next|in|under|takes?|~|max(?:imum)?|up to|<|\u2264"
    r"|t\s?\+\s?)\s*)*(?P<time>[^()\[\]]*?\d[^()\[\]]*?(?:s|sec|seconds?|m|min|mins|minutes?|h|hrs?|hours?"
    r"|days?)\+?)\s*(?:max|total|each)?[)\]]",
    re.IGNORECASE,
)
_PLUS = Pattern(
    r"\bT\s?\+\s?(?P<low>\d+)(?:\s?m(?:in(?:ute)?s?)?)?(?:\s*(?:to|-"
    r"|\u2013)\s*T?\s?\+?\s?(?P<high>\d+)(?:\s?m(?:in(?:ute)?s?)?)?)?",
    re.IGNORECASE,
)
_WITHIN = Pattern(r"\b(?:within|first|in under|no later than|schedule(?:d)? within)\s+(?:the first\s+)?", re.IGNORECASE)
_OWNER = Pattern(
    r"^\s*\[(?P<square>[A-Z][\w /-]{1,40})\]\s+|\((?:owner|assignee|responsible|by)\s*:\s*(?P<paren>[^)]+)\)"
    r"|^\s*@(?P<at>[\w-]+)\s*:?\s+",
    re.IGNORECASE,
)
_CONDITION = Pattern(
    r"^(?P<condition>(?:if|when|in case|should)\b[^:,;\u2192]{2,120})\s*(?:[:,;\u2192]|->|,? then\b)\s*(?P<rest>\S.*)$",
    re.IGNORECASE,
)
_AFTERTHOUGHT = Pattern(
    r",?\s*\b(?P<condition>(?:if|when|where|as) (?:needed|necessary|required|possible|available|appropriate"
    r"|applicable|feasible|safe)|if [^.,;]{3,60})\s*[.)]?$",
    re.IGNORECASE,
)
_EXPECTS = Pattern(
    r"\b(?:expected(?: output| result)?|expect|should (?:show|return|see|print|be))\s*:?\s+(?P<what>.+)$", re.IGNORECASE
)
_INLINE = Pattern(
    r"(?:[:\u2013\u2014\u2192(]|->|\b(?:run|running|execute|use|using|with|via|type|by))\s*"
    r"`(?P<command>[^`\n]{4,300})`\s*[.)]*\s*$",
    re.IGNORECASE,
)
_CHECKS = Pattern(
    r"^(?:re-?)?(?:check|verify|confirm|ensure|validate|test|make sure|assert|monitor|watch)\b", re.IGNORECASE
)


@record
class TimeBox:
    """From when and until when, in seconds since the run began; `start` is None where only an end is given."""

    start: float | None
    end: float | None

    @property
    def length(self) -> float | None:
        """How long it is, in seconds; None where it has no end."""
        return None if self.end is None else self.end - (self.start or 0.0)


def timebox(text: str) -> TimeBox | None:
    """`(0-5 minutes)`, `(First 5 Minutes)`, `T+0 to T+15`, `(60+ minutes)`, `within 24 hours`."""
    if match := _PLUS.search(text):
        high = float(match["high"]) * 60 if match["high"] else None
        return TimeBox(start=float(match["low"]) * 60, end=high)
    candidate = _BOX.search(text)
    inner = candidate["time"] if candidate else None
    if inner is None and (within := _WITHIN.search(text)):
        inner = text[within.end() : within.end() + 24]
        if not PATTERN.match(inner):
            return None
    if inner is None:
        return None
    for match in PATTERN.finditer(inner):
        quantity = quantity_of(match)
        if quantity.measure is not Measure.DURATION:
            continue
        if quantity.upper is not None:
            return TimeBox(start=quantity.value, end=quantity.upper)
        after = inner[match.end() : match.end() + 2]
        return TimeBox(start=quantity.value, end=None) if "+" in after else TimeBox(start=None, end=quantity.value)
    plus = re.match(r"(?P<number>\d+)\+\s*(?P<unit>m|h|s|d)", inner)
    if plus:
        factor = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}[plus["unit"]]
        return TimeBox(start=float(plus["number"]) * factor, end=None)
    return None


def without_timebox(text: str) -> str:
    """A title without its time box and the number in front of it."""
    text = _BOX.sub("", text)
    text = re.sub(
        r"^\s*(?:\d+(?:\.\d+)*[.):]|(?:step|phase|stage)\s+\w+\s*[:.\u2013-])\s*", "", text, flags=re.IGNORECASE
    )
    return text.strip(" :*-\u2013")


@record
class Place:
    """What a step takes from where it stands: its procedure's key, its phase, that phase's time box and condition."""

    procedure: str
    phase: str | None = None
    box: TimeBox | None = None
    condition: str | None = None
    owner: str | None = None
    parallel: str | None = None


class StepMaker:
    """Makes the steps of one procedure and keeps their keys apart."""

    def __init__(self, document: Document, context: Context) -> None:
        self._document = document
        self._vocabulary = context.vocabulary
        self._effort = context.effort
        self._keys: dict[str, int] = {}

    def of_item(self, item: Item, place: Place) -> Iterator[Step]:
        """The steps of a list entry: one, or one for each thing it asks for ("restart the pods and page the DBA")."""
        passage = Passage(lines=item.lines) if item.lines else Passage(lines=(item.line,))
        if not self._effort.steps.spend(passage.text, item.line.number):
            return
        written = self._written(item)
        if written is not None:
            command, language, label = written
            yield from (self.of_command(each, language, place, label) for each in self._affordable([command]))
            return
        checked = item.checked is not None
        _, told = _condition(_owner(passage.text)[1])
        parts = [clause for _, clause in clauses(told)]
        actions = {match.action.name for clause in parts if (match := self.action(clause))}
        if len(parts) > 1 and len(actions) == len(parts):
            at = 0
            for clause in parts:
                at = max(passage.text.find(clause, at), 0)
                yield from self.of_text(clause, passage.source(self._document, at), place, checked=checked)
            return
        yield from self.of_text(passage.text, passage.source(self._document), place, checked=checked)

    def _written(self, item: Item) -> tuple[Command, str, str] | None:
        """The command that an entry ends with ("Scale out: `kubectl scale ...`"), its language and its label."""
        for index, line in enumerate(item.lines):
            match = _INLINE.search(line.text)
            if match is None or index + 1 < len(item.lines):
                continue
            code = Code(info="", lines=(match["command"],), first=line.number, column=1)
            language = {Content.SHELL: "shell", Content.SQL: "sql"}.get(content_of(code))
            if language is None or len(match["command"].split()) < 2:
                return None
            above = [other.plain.strip() for other in item.lines[:index]]
            label = (
                " ".join([*above, plain(line.text[: match.start()]).strip()]).rstrip(" :\u2013\u2014(")
                or match["command"]
            )
            return Command(text=match["command"], line=line.number, column=1, label=label), language, label
        return None

    def of_text(self, text: str, source: Source, place: Place, *, checked: bool = False) -> Iterator[Step]:
        """A step of prose: an action where the vocabulary knows one, else a check or a person's.

        Alternatives joined by *or* ("block or rate-limit the address") are a step each.
        """
        text = " ".join(text.split())
        owner, body = _owner(text)
        condition, body = _condition(body)
        box = timebox(body) or place.box
        expects = _EXPECTS.search(body)
        for action in alternatives(body, self._vocabulary) or (None,):
            kind, risk = StepKind.MANUAL, Risk.READ_ONLY
            rating = _rated(action.action.command, "shell") if action is not None and action.action.command else None
            if rating is not None:
                kind = StepKind.MANUAL if Trait.INTERACTIVE in rating.traits else StepKind.COMMAND
                risk = rating.risk
            elif action is not None:
                kind = StepKind.MESSAGE if action.action.tells else StepKind.ACTION
                risk = action.action.risk
            elif checked or _CHECKS.match(body):
                kind = StepKind.CHECK
            parameters = parameters_of(action, text) if action else ()
            slots: tuple[Slot, ...] = ()
            if action is not None and kind is StepKind.ACTION:
                open_parameters, slots = open_parameters_of(action, text)
                parameters = (*parameters, *open_parameters)
            if rating is not None:
                slots = slots_in_command(rating.command)
            yield Step(
                key=self.key(place, text),
                type=kind,
                text=text,
                command=rating.command if rating else None,
                language="shell" if rating else None,
                rating=rating,
                risk=risk,
                action=action.action.name if action and rating is None else None,
                parameters=parameters,
                slots=slots,
                owner=owner or place.owner,
                phase=place.phase,
                timebox_s=box.length if box else None,
                not_before_s=box.start if box else None,
                due_s=box.end if box else None,
                expects=expects["what"].strip() if expects else None,
                condition=condition or place.condition,
                parallel=place.parallel,
                ambiguous=rivals(body, self._vocabulary),
                source=source,
            )

    def action(self, text: str) -> ActionMatch | None:
        """The one action a text asks for; None where it asks for none, or for two things on the same words."""
        return leading_action(text, self._vocabulary)

    def of_code(self, code: Code, place: Place, text: str = "") -> Iterator[Step]:
        """A step for each command of a shell fence and each statement of a SQL fence; other fences run nothing."""
        match content_of(code):
            case Content.SHELL:
                for command in self._affordable(commands_of(code)):
                    yield self.of_command(command, "shell", place, text)
            case Content.SQL:
                for command in self._affordable(statements_of(code)):
                    yield self.of_command(command, "sql", place, text)
            case _:
                return

    def _affordable(self, commands: Iterable[Command]) -> Iterator[Command]:
        return (command for command in commands if self._effort.commands.spend(command.text, command.line))

    def of_command(self, command: Command, language: str, place: Place, text: str = "") -> Step:
        rating = _rated(command.text, language)
        name = text or command.label or command.text.splitlines()[0]
        owner, body = _owner(name)
        condition, _ = _condition(body)
        box = timebox(body) or place.box
        kind = StepKind.MANUAL if Trait.INTERACTIVE in rating.traits else StepKind.COMMAND
        return Step(
            key=self.key(place, command.label or text or command.text),
            type=kind,
            text=" ".join(name.split()),
            command=command.text,
            language=language,
            rating=rating,
            risk=rating.risk,
            owner=owner or place.owner,
            phase=place.phase,
            timebox_s=box.length if box else None,
            not_before_s=box.start if box else None,
            due_s=box.end if box else None,
            expects=command.expects,
            condition=condition or place.condition,
            parallel=place.parallel,
            slots=slots_in_command(command.text),
            source=self._document.source_at(command.line, self._column(command)),
        )

    def _column(self, command: Command) -> int:
        """Where a command begins on its line; fences in lists lose their indent on the way."""
        line = self._document.lines[command.line - 1]
        return max(line.find(command.text.split("\n", 1)[0].strip()), 0) + 1

    def key(self, place: Place, text: str) -> str:
        base = f"{place.procedure}/{slug(text)[:48].strip('-')}"
        count = self._keys.get(base, 0) + 1
        self._keys[base] = count
        return base if count == 1 else f"{base}-{count}"


@lru_cache(maxsize=4096)
def _rated(command: str, language: str) -> Rating:
    if language != "sql":
        return rate(command)
    # A placeholder is no SQL: what is rated is the statement with a word in its place.
    placeholders = [slot.placeholder for slot in slots_in_command(command)]
    return replace(rate_sql(stand_in(command, placeholders).text), command=command)


def leading_action(text: str, vocabulary: Vocabulary) -> ActionMatch | None:
    """The first action of a sentence, unless its first words mean two: what comes later is how, or until when."""
    first = _first(text, vocabulary)
    return first[0] if len(first) == 1 else None


def rivals(text: str, vocabulary: Vocabulary) -> tuple[str, ...]:
    """The actions that the first words of a sentence can mean, where they are several."""
    first = _first(text, vocabulary)
    return tuple(sorted(match.action.name for match in first)) if len(first) > 1 else ()


def _first(text: str, vocabulary: Vocabulary) -> list[ActionMatch]:
    matches = [match for match in vocabulary.actions_of(text) if not _negated(text, match)]
    first = [match for match in matches if match.start == matches[0].start]
    # What a team has defined in its own words is what it means by them.
    return [match for match in first if match.action.command] or first


def alternatives(text: str, vocabulary: Vocabulary) -> tuple[ActionMatch, ...]:
    """The action of a sentence, with those that are joined to it by *or* on the same object."""
    first = leading_action(text, vocabulary)
    if first is None:
        return ()
    joined = [
        other
        for other in vocabulary.actions_of(text)
        if first.start < other.start < first.end and other.action is not first.action
    ]
    return (first, *joined)


def _negated(text: str, match: ActionMatch) -> bool:
    return bool(
        re.search(
            r"(?:\b(?:do not|never|avoid|without|no)|n['\u2019]t)\s+(?:\w+\s+){0,2}$",
            text[: match.start],
            re.IGNORECASE,
        )
    )


def parameters_of(match: ActionMatch, text: str) -> tuple[tuple[str, str], ...]:
    """The values that the sentence gives the action's parameters, as text."""
    found: list[tuple[str, str]] = []
    for parameter in match.action.parameters:
        value = re.search(parameter.pattern, text, re.IGNORECASE)
        if value:
            found.append((parameter.name, value["value"]))
    return tuple(found)


_STANDING_IN: tuple[tuple[str, str], ...] = (
    ("integer", "9173"),
    ("duration", "9173 minutes"),
    ("duration", "9173 ms"),
    ("tag", "v91.92.93"),
    ("address", "203.0.113.251"),
    ("name", "slotzq"),
    ("path", "/slotzq"),
)
"""Values that stand where a placeholder does, to see which parameter takes it; and the type that it then has.

What little else takes comes first: a path is taken wherever it stands, and a version may look like an address.
"""
_OWN_TYPE = {"host": "address"}


def open_parameters_of(match: ActionMatch, text: str) -> tuple[tuple[tuple[str, str], ...], tuple[Slot, ...]]:
    """Where the sentence has a placeholder for a parameter's value: the parameter with it, and all the places.

    A place is taken for what its name says, else for what a parameter takes there, each parameter once. One that no
    parameter takes is a place all the same: what the sentence says there is a person's to do.
    """
    slots = {slot.placeholder: slot for slot in slots_in_action(text)}
    found = {name: "" for name, _ in parameters_of(match, text)}
    for by_name in (True, False):
        for placeholder, slot in slots.items():
            if placeholder in found.values():
                continue
            own = _OWN_TYPE.get(slot.type, slot.type)
            for kind, value in _STANDING_IN:
                if by_name and kind != own:
                    continue
                name = _taken(match, text, placeholder, value)
                if name is not None and name not in found:
                    found[name] = placeholder
                    slots[placeholder] = replace(slot, type=kind)
                    break
    return tuple((name, placeholder) for name, placeholder in found.items() if placeholder), tuple(slots.values())


def _taken(match: ActionMatch, text: str, placeholder: str, value: str) -> str | None:
    """The parameter that would take `value` where the placeholder stands."""
    at = text.find(placeholder)
    stood = text.replace(placeholder, value)
    for parameter in match.action.parameters:
        hit = re.search(parameter.pattern, stood, re.IGNORECASE)
        if hit is not None and hit.span("value") == (at, at + len(value)):
            return parameter.name
    return None


def _owner(text: str) -> tuple[str | None, str]:
    match = _OWNER.search(text)
    if not match:
        return None, text
    owner = match["square"] or match["paren"] or match["at"]
    return owner.strip(), (text[: match.start()] + text[match.end() :]).strip()


def _condition(text: str) -> tuple[str | None, str]:
    """`If traffic spike: scale up`, `Clear cache if needed`."""
    if match := _CONDITION.match(text):
        return match["condition"].strip(" *"), match["rest"].strip(" *")
    if match := _AFTERTHOUGHT.search(text):
        return match["condition"].strip(), text[: match.start()].strip()
    return None, text
