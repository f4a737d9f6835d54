"""Who may say yes to a step: the roles that the playbook gives it to, as the settings' `[people]` hold them. Pure.

- Where a line of the playbook says whose yes it takes ("approval of the CTO", "the incident commander approves"), it
  is theirs alone; a line that names severities, or destructive changes, is about those.
- Else, where people hold roles that the playbook calls for the severity, it is theirs.
- Else it is any responder's.

Where the settings give nobody a role, the playbook's roles are nobody's in particular, and any responder approves.
A role that no line names is never guessed. Viewers never approve; that is decided where they come in.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from functools import lru_cache

from stanch.model.incident import Incident
from stanch.model.plan import Contact, Plan, Role, Severity
from stanch.model.problem import Source
from stanch.model.record import record
from stanch.model.risk import Risk
from stanch.model.run import StepRecord

_SAYS_YES = r"(?:approves?|signs? off|authori[sz]es?)"
_YES = r"(?:approvals?|approved|sign(?:ed)?[- ]off|authori[sz]ed)"
_HAS_TO = r"(?:must|has to|have to|needs? to|may|can|should|shall|will)\s+(?:also\s+|first\s+|then\s+)?"
_ACTIVE = re.compile(rf"(?P<who>[^.;|]*?)\b(?:{_HAS_TO})?{_SAYS_YES}\b", re.IGNORECASE)
_PASSIVE = re.compile(
    rf"\b{_YES}\s+(?:(?:is|are)\s+)?(?:needed\s+|required\s+)?(?:by|from|of)\s+(?P<who>[^.;|]*)", re.IGNORECASE
)
_LABEL = re.compile(r"\bapprov(?:ers?|als?|ed by)\b[^:|]{0,40}[:|](?P<who>[^.;]*)", re.IGNORECASE)
_NOT = re.compile(
    r"\b(?:no|not|never|without|need not|does not need|do(?:es)? not require|skip)\b|n['\u2019]t\b", re.IGNORECASE
)
_DESTRUCTIVE = re.compile(r"\bdestructive\b|\birreversible\b|\bdata loss\b|\bloses? data\b", re.IGNORECASE)
_HINT = re.compile(r"approv|sign(?:s|ed)?[- ]off|authori[sz]", re.IGNORECASE)
_WORD = re.compile(r"[a-z0-9]+")


@record
class Who:
    """Whose yes it takes: people with one of `roles`, or any responder where there are none. `source` says so."""

    roles: tuple[str, ...] = ()
    source: Source | None = None


@record
class _Line:
    """A line of a playbook that says who approves: for these severities, of all risks or destructive ones alone."""

    roles: tuple[str, ...]
    severities: tuple[str, ...]
    destructive_only: bool
    source: Source


@record
class Approvers:
    """The roles of people by their login's name, and the plan that an incident is handled by."""

    plan_of: Callable[[Incident], Plan]
    people: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def who(self, incident: Incident, step: StepRecord) -> Who:
        """Whose yes this step takes."""
        return self.under(self.plan_of(incident), incident.severity, step)

    def under(self, plan: Plan, severity: str, step: StepRecord) -> Who:
        """Whose yes a step takes in an incident of that severity, as `plan` has it."""
        stated = stated_approvers(plan, severity, step)
        if stated is not None:
            return stated
        called = tuple(
            role.name
            for role in plan.of(Role)
            if not role.severities or severity.casefold() in {each.casefold() for each in role.severities}
        )
        held = tuple(role for role in called if any(self.holds(person, (role,)) for person in self.people))
        return Who(roles=called) if held else Who()

    def roles_for(self, plan: Plan, severity: str, step: StepRecord) -> tuple[str, ...]:
        """The roles whose yes counts; none where any responder's does."""
        return self.under(plan, severity, step).roles if any(self.people.values()) else ()

    def holds(self, person: str, roles: Sequence[str]) -> bool:
        """Whether the person has one of these roles."""
        return any(_is_same(mine, role) for mine in self.people.get(person, ()) for role in roles)

    def refusal(self, incident: Incident, step: StepRecord, person: str) -> str | None:
        """Why this person's yes does not count for this step, as a sentence; None where it does."""
        who = self.who(incident, step)
        if not who.roles or not any(self.people.values()) or self.holds(person, who.roles):
            return None
        roles = _either(who.roles)
        there = sorted(each for each in self.people if self.holds(each, who.roles))
        holders = f"; that is {_either(there)}" if there else ", and nobody holds it in the settings"
        stated = f" ({who.source})" if who.source is not None else ""
        return f"The playbook has this approved by {roles}{stated}{holders}. {person} is not."


def stated_approvers(plan: Plan, severity: str, step: StepRecord) -> Who | None:
    """What the playbook says of who approves this step: on the step's own line, else on a line about all of them."""
    roles, contacts = plan.of(Role), plan.of(Contact)
    names = tuple(dict.fromkeys([*(role.name for role in roles), *(contact.name for contact in contacts)]))
    if not names:
        return None
    own = _roles_in(f"{step.text} {step.condition or ''}", names)
    if own:
        return Who(roles=own, source=step.source)
    levels = tuple(fact.level for fact in plan.of(Severity))
    fitting = [
        line
        for playbook in plan.playbooks
        for line in _lines(playbook.path, playbook.text, names, levels)
        if (not line.destructive_only or step.risk is Risk.DESTRUCTIVE)
        and (not line.severities or severity.casefold() in {each.casefold() for each in line.severities})
    ]
    if not fitting:
        return None
    # The narrower line is the one meant: about this severity before about destructive steps before about all.
    best = max((bool(line.severities), line.destructive_only) for line in fitting)
    chosen = [line for line in fitting if (bool(line.severities), line.destructive_only) == best]
    return Who(roles=tuple(dict.fromkeys(role for line in chosen for role in line.roles)), source=chosen[0].source)


@lru_cache(maxsize=64)
def _lines(path: str, document: str, names: tuple[str, ...], levels: tuple[str, ...]) -> tuple[_Line, ...]:
    """The lines of a playbook's prose that say who approves; what stands in a code fence says nothing.

    They are read once: each step of each page asks for them.
    """
    found = []
    fenced = False
    for number, text in enumerate(document.splitlines(), 1):
        if text.lstrip().startswith(("```", "~~~")):
            fenced = not fenced
            continue
        if fenced or _HINT.search(text) is None:
            continue
        roles = _roles_in(text, names)
        if roles:
            words = {word.casefold() for word in re.findall(r"[A-Za-z0-9-]+", text)}
            line = _Line(
                roles=roles,
                severities=tuple(level for level in levels if level.casefold() in words),
                destructive_only=_DESTRUCTIVE.search(text) is not None,
                source=Source(path=path, line=number, text=text),
            )
            found.append(line)
    return tuple(found)


def _roles_in(text: str, names: Sequence[str]) -> tuple[str, ...]:
    """The roles that a sentence of the text gives the approval to."""
    if _HINT.search(text) is None:
        return ()
    plain = re.sub(r"[*_`]", "", text)
    found: list[str] = []
    for sentence in re.split(r"(?<=[.;])\s+", plain):
        if _NOT.search(sentence):
            continue
        for pattern in (_PASSIVE, _LABEL, _ACTIVE):
            match = pattern.search(sentence)
            if match is not None and (named := _named(match["who"], names)):
                found.extend(named)
                break
    return tuple(dict.fromkeys(found))


def _named(text: str, names: Sequence[str]) -> list[str]:
    """The names that stand in the text as whole words, the longest first where one is part of another."""
    words = " ".join(_WORD.findall(text.casefold()))
    found = []
    for name in sorted(names, key=len, reverse=True):
        key = " ".join(_WORD.findall(name.casefold()))
        match = re.search(rf"(?:^| ){re.escape(key)}s?(?: |$)", words) if key else None
        if match is not None:
            found.append(name)
            words = f"{words[: match.start()]} | {words[match.end() :]}"
    return found


def _is_same(one: str, other: str) -> bool:
    """`On-call engineer` is `on call Engineer`."""
    return _WORD.findall(one.casefold()) == _WORD.findall(other.casefold())


def _either(names: Sequence[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} or {last}" if most else last
