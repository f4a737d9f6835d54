"""Placeholders of commands and templates, and what they ask for."""

import re
from collections.abc import Iterable, Iterator

from stanch.model.pattern import Pattern
from stanch.model.plan import Slot
from stanch.playbook.words import wordset

_TYPES: tuple[tuple[str, str], ...] = (
    ("duration", r"\bduration\b|\beta\b"),
    ("time", r"\btime\b|\bdate\b|\bwhen\b|\bnext update\b|timestamp"),
    ("severity", r"\bseverity\b|\bpriority\b|^p?x$|^p\[?x"),
    ("text", r"\bencoded\b|\bbase64\b"),
    ("snapshot", r"\bsnapshot\b"),
    ("name", r"\b(?:release|pod|namespace|service|node|deployment|container|cluster|file|image|instance) name\b"),
    ("revision", r"\brevision\b"),
    ("tag", r"\btag\b|\bversion\b|\brelease\b"),
    ("integer", r"\bcount\b|\bnumber of\b|\breplicas?\b|\bport\b|\bpid\b|\b(?:user|request)s? affected\b"),
    ("number", r"\bpercent(?:age)?\b|\bratio\b|\bthreshold\b|\bamount\b"),
    ("host", r"\bhost(?:name)?\b|\bserver\b|\binstance\b|\bip\b|\baddress\b|\bendpoint\b"),
    ("url", r"\burl\b|\blink\b"),
    ("path", r"\bpath\b|\bfile\b|\bdirectory\b|\bfolder\b"),
    ("name", r"\bname\b|\bwho\b|\bowner\b|\bcommander\b|\bpod\b|\bnamespace\b|\bdeployment\b|\bnode\b"),
    ("name", r"\bcontainer\b|\bcluster\b|\bcontext\b|\bservice\b|\bdatabase\b|\btable\b|\bindex\b|\bregion\b"),
)
_FILLS: tuple[tuple[str, str], ...] = (
    ("severity", r"\bseverity\b|\bpriority\b|^x$"),
    ("incident.id", r"\bincident (?:id|number)\b|^number$|^id$"),
    ("incident.title", r"\btitle\b|\bsubject\b"),
    ("incident.status", r"\bstatus\b|investigation|monitoring|resolved"),
    ("incident.summary", r"\bbrief description\b|\bdescription\b|\bsummary\b|\bissue\b|\bwhat happened\b"),
    ("incident.opened_at", r"\bstart(?:ed)?\b|^time$|\btimestamp\b|\bsince\b"),
    ("incident.impact", r"\bimpact\b|\beffect\b|\baffected\b"),
    ("incident.next_update", r"\bnext update\b|\beta\b"),
    ("incident.next_step", r"\bnext steps?\b|\bactions?\b"),
    ("finding.summary", r"\bfinding\b|\broot cause\b|\bcause\b"),
    ("incident.owner", r"\bcommander\b|\bowner\b|\blead\b"),
    ("release.previous", r"\b(?:last|previous|prior|known)\b.*\b(?:tag|version|release|good|revision|stable)\b"),
    ("snapshot.latest", r"\bsnapshot\b"),
)
_IN_TEXT = Pattern(
    r"\[(?P<square>[A-Za-z][^\]\n]{0,60})\](?!\()|\{\{\s*(?P<double>[\w. -]{1,60}?)\s*\}\}"
    r"|<(?P<angle>[A-Za-z][\w ./-]{0,60})>"
    r"|(?<![{$])\{(?P<brace>[A-Za-z][\w -]{0,40})\}(?!\})|\b(?P<bare>X{3,})\b|_{3,}"
)
_IN_COMMAND = Pattern(
    r"<(?P<angle>[A-Za-z][\w .-]{0,60})>|\{\{\s*(?P<double>[A-Za-z][\w -]{0,40}?)\s*\}\}"
    r"|(?<![${\w'\"}])\{(?P<brace>[a-z][\w-]{0,40})\}(?!\})"
    r"|(?<![\[\w$'\"-])\[(?P<square>[a-z][\w -]{1,40})\](?!\])"
    r"|(?<![\w$.{\"'-])(?P<bare>(?:YOUR|MY|PREVIOUS|LAST|NEW|OLD|CURRENT|TARGET|REPLACE|INSERT"
    r"|ENTER)_[A-Z0-9_]+|REPLACEME|CHANGEME"
    r"|X{3,}|x{3,})(?![\w=}\"'])|(?<![\w/])(?P<your>(?:your|my)-[a-z0-9][\w-]*)"
)
_VARIABLE = Pattern(
    r"(?<![\\$])\$(?:\{(?P<braced>[A-Z][A-Z0-9_]{1,40})\}|(?P<plain>[A-Z][A-Z0-9_]{1,40})(?![a-z0-9_]))"
)
_SINGLE_QUOTED = Pattern(r"'[^']*'")
_ENVIRONMENT = wordset(
    """
    HOME PATH PWD OLDPWD USER LOGNAME HOSTNAME HOSTTYPE SHELL SHLVL LANG LANGUAGE TERM TMPDIR EDITOR PAGER DISPLAY
    RANDOM SECONDS LINENO EPOCHSECONDS EPOCHREALTIME UID EUID PPID IFS OPTARG OPTIND REPLY COLUMNS LINES MACHTYPE OSTYPE
    BASH BASHPID BASHOPTS FUNCNAME GROUPS HISTFILE KUBECONFIG AWS_PROFILE AWS_REGION AWS_DEFAULT_REGION
    """
)
"""Variables that a shell or a program has without anybody saying so, or that are set where Stanch runs."""
_SHELL_ONLY = frozenset({"http_code", "time_total", "url_effective", "size_download"})


_OF_COMMANDS = frozenset({"release.previous", "snapshot.latest"})
"""What a command's placeholder is filled from; the incident's own words are for messages."""


def slot(name: str, placeholder: str, *, command: bool = False) -> Slot:
    """A slot with its type and what fills it, as its name says."""
    words = re.sub(r"[_\W]+", " ", name).strip().lower()
    kind = next((kind for kind, pattern in _TYPES if re.search(pattern, words)), "text")
    fills = [fill for fill, pattern in _FILLS if (not command or fill in _OF_COMMANDS) and re.search(pattern, words)]
    return Slot(
        name=words.replace(" ", "_") or "value", placeholder=placeholder, type=kind, fill=fills[0] if fills else None
    )


def slots_in(text: str) -> tuple[Slot, ...]:
    """Every placeholder of a text for people, each once."""
    found: dict[str, Slot] = {}
    for match in _IN_TEXT.finditer(text):
        name = next((value for value in match.groups() if value), "value")
        found.setdefault(match[0], slot(name, match[0]))
    return tuple(found.values())


def unfilled(slots: Iterable[Slot]) -> tuple[Slot, ...]:
    return tuple(item for item in slots if item.fill is None)


def slots_in_command(text: str) -> tuple[Slot, ...]:
    """Every placeholder of a command, each once; what a shell, jsonpath or curl means by brackets is none."""
    found: dict[str, Slot] = {}
    for match in _IN_COMMAND.finditer(text):
        name = next(value for value in match.groups() if value)
        if name.lower() in _SHELL_ONLY or text[: match.start()].endswith(("%", "jsonpath=")):
            continue
        found.setdefault(match[0], slot(name, match[0], command=True))
    for name, placeholder in _unset(text):
        found.setdefault(placeholder, slot(name.lower(), placeholder, command=True))
    return tuple(found.values())


_IN_ACTION = Pattern(
    r"<(?P<angle>[A-Za-z][\w .-]{0,60})>|\{\{\s*(?P<double>[A-Za-z][\w -]{0,40}?)\s*\}\}"
    r"|(?<![\w$.{\"'-])(?P<bare>(?:YOUR|MY|PREVIOUS|LAST|NEW|OLD|CURRENT|TARGET|REPLACE|INSERT|ENTER)_[A-Z0-9_]+"
    r"|REPLACEME|CHANGEME|X{3,})(?![\w=}\"'])"
)


def slots_in_action(text: str) -> tuple[Slot, ...]:
    """Every placeholder of a sentence that asks for an action, each once; brackets there are owners and remarks."""
    found: dict[str, Slot] = {}
    for match in _IN_ACTION.finditer(text):
        name = next(value for value in match.groups() if value)
        found.setdefault(match[0], slot(name, match[0], command=True))
    return tuple(found.values())


def _unset(text: str) -> Iterator[tuple[str, str]]:
    """Variables in capitals that the command uses and does not set: nothing would stand in their place."""
    unquoted = _SINGLE_QUOTED.sub(lambda match: " " * len(match[0]), text) if "$" in text else ""
    for match in _VARIABLE.finditer(unquoted):
        name = match["braced"] or match["plain"]
        is_set = re.search(rf"(?<![\w$]){name}\+?=|\bfor\s+{name}\b|\bread\b[^;|&\n]*\b{name}\b", text)
        if name not in _ENVIRONMENT and is_set is None:
            yield name, match[0]
