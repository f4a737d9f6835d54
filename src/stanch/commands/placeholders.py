"""Placeholders of playbooks (`<pod-name>`) told from bash's redirections, which are written alike.

`kubectl logs <pod> -n prod` is meant as a slot, though bash would read it as "input from `pod`, output to `-n`";
`sort <in> out` is meant as redirections. A placeholder is only seen where bash's own reading is an error or makes
no sense, so that text which works in bash is never taken for less than it does.
"""

import re
from dataclasses import dataclass

from stanch.model.pattern import Pattern

# Stand-ins of equal length for `<`, `>` and a blank inside a placeholder, from the private use area; a command that
# holds such characters itself is refused before (see `characters`).
_OPEN, _CLOSE, _BLANK = STAND_INS = "\ue000", "\ue001", "\ue002"

_CANDIDATE = Pattern(r"<([A-Za-z][A-Za-z0-9_.-]*(?: [A-Za-z0-9_.-]+){0,4})>")
_NAMED = Pattern(
    r"[a-z0-9]+(?:[-_][a-z0-9]+)+|[A-Z0-9]+(?:[-_][A-Z0-9]+)*|(?:new |your |the )?(?:pod|name|namespace|id|host|hostname|user|username|password|token|"
    r"url|tag|version|key|value|pid|port|service|cluster|database|table|index|ip|email|region|path|file|date|revision|release|image|node)"
)
_ERROR_FOR_BASH = Pattern(r"[ \t]*(?:\n|;|#|\Z)|[ \t]+[|&)<]")
_OPTION_NEXT = Pattern(r"[ \t]+(?:\\\n[ \t]*)?-")
_PLAIN_WORD_NEXT = Pattern(r"[ \t]+(?:\\\n[ \t]*)?[A-Za-z0-9_'\"-][A-Za-z0-9_'\":=-]*(?:\s|\Z)")
_URL_BEFORE = Pattern(r"[a-z][a-z0-9+]*://[^\s<>]*\Z")
_JOINED_BEFORE = Pattern(r"[=/:@,]\Z")
_INSIDE_WORD_AFTER = Pattern(r"[:/.,@_-][A-Za-z0-9_\ue000]")
_COMMAND_START = Pattern(r"(?:\A|[|;&(\n])[ \t]*(?:sudo[ \t]+)?([A-Za-z0-9_./-]*)[^|;&(\n]*\Z")

# Programs whose users write `program <in> out` and mean redirections.
_FILTERS = frozenset(
    "awk base64 bash bc cat column comm cut dash dd diff ed expand fold gawk grep gunzip gzip head iconv jq less mail "
    "mongosh mysql nl od openssl paste patch perl pg_restore pr psql python python3 redis-cli rev ruby sed sendmail sh "
    "shuf sort split strings tac tail tar tee tr tsort uniq wc xargs xxd zcat zsh zstd".split()
)


_FURTHEST = 1000
"""Characters around a placeholder that are looked at; the program that it belongs to stands nearer."""


@dataclass(frozen=True, slots=True)
class Marked:
    """A command whose placeholders were replaced by stand-ins, and the placeholders as written, in order."""

    text: str
    placeholders: tuple[str, ...]


def mark(command: str) -> Marked:
    """Replace each placeholder by a stand-in that the shell's grammar takes for a part of a word.

    Inside quotes `<` is no redirection, so those that look like placeholders are only listed: what is in the quotes
    may be a script of its own, and is read as such.
    """
    if "<" not in command or any(character in command for character in STAND_INS):
        return Marked(command, ())
    found: list[str] = []
    quoted = _Quoted(command)

    def stand_in(match: re.Match[str]) -> str:
        if quoted.at(match.start()):
            if _NAMED.fullmatch(match.group(1)):
                found.append(match.group())
            return match.group()
        if not _is_placeholder(command, match):
            return match.group()
        found.append(match.group())
        return _OPEN + match.group(1).replace(" ", _BLANK) + _CLOSE

    return Marked(_CANDIDATE.sub(stand_in, command), tuple(found))


def restore(text: str) -> str:
    """The placeholders of `text` as they were written."""
    if _OPEN not in text:
        return text
    return text.replace(_OPEN, "<").replace(_CLOSE, ">").replace(_BLANK, " ")


@dataclass(slots=True)
class _Quoted:
    """Whether places of a command stand in quotes; asked for from the left to the right."""

    command: str
    quote: str = ""
    position: int = 0

    def at(self, index: int) -> bool:
        while self.position < index:
            character = self.command[self.position]
            if character == "\\" and self.quote != "'":
                self.position += 2
                continue
            if self.quote:
                self.quote = "" if character == self.quote else self.quote
            elif character in "'\"":
                self.quote = character
            self.position += 1
        return bool(self.quote)


def _is_placeholder(command: str, match: re.Match[str]) -> bool:
    before = command[max(0, match.start() - _FURTHEST) : match.start()]
    after = command[match.end() : match.end() + _FURTHEST]
    if before.endswith(("<", ">", "&", "\\")) or (before[-1:].isdigit() and not _URL_BEFORE.search(before)):
        return False
    if _URL_BEFORE.search(before):
        return True
    if _ERROR_FOR_BASH.match(after) or _OPTION_NEXT.match(after):
        return True
    program = _COMMAND_START.search(before)
    if program is None or program.group(1).rpartition("/")[2] in _FILTERS:
        return False
    if _INSIDE_WORD_AFTER.match(after):
        return not after.startswith("/") or bool(_JOINED_BEFORE.search(before))
    return bool(_PLAIN_WORD_NEXT.match(after))
