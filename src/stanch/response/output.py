"""What a command prints, as it is kept: lines, without control characters, redacted, the head and the end."""

import re
from collections import deque

from stanch.model.record import record
from stanch.response.redaction import RedactedLines, Redactor

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]{0,2000}(?:\x07|\x1b\\)?|[@-Z\\-_])")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_SEEN_TIMES = 4
"""The redactor sees this many times more of a line than is kept, so a secret at the cut is still recognised."""


@record
class Caps:
    """Sizes in bytes: of one line, of the head of an output and of its end."""

    line: int = 4_000
    head: int = 48_000
    end: int = 16_000


def plain(text: str) -> str:
    """One line without escape sequences and control characters; of a line redrawn with CR, its last drawing."""
    text = _ESCAPES.sub("", text.rstrip("\r"))
    return _CONTROLS.sub("\N{REPLACEMENT CHARACTER}", text[text.rfind("\r") + 1 :])


class Output:
    """Fed with bytes as they come. Memory is bounded by `caps`, whatever comes."""

    def __init__(self, redactor: Redactor, caps: Caps) -> None:
        self._redactor = redactor
        self._redact = redactor.lines()
        self._caps = caps
        self._head: list[str] = []
        self._head_size = 0
        self._line = bytearray()
        self._line_size = 0
        self._end: deque[bytes] = deque()
        self._end_size = 0
        self._lost = 0
        self.size = 0

    def feed(self, chunk: bytes) -> None:
        self.size += len(chunk)
        start = 0
        while self._head_size < self._caps.head:
            newline = chunk.find(b"\n", start)
            self._extend(chunk[start : newline if newline >= 0 else len(chunk)])
            if newline < 0:
                return
            self._close_line()
            start = newline + 1
        self._keep_end(chunk[start:])

    def text(self) -> str:
        """What is kept so far. The line still being written is not among it until `finish`."""
        return "\n".join(self._head)

    def finish(self) -> str:
        """Everything kept, with a line that says how much is not."""
        if self._line_size:
            self._close_line()
        end = b"".join(self._end)
        self._lost += max(0, len(end) - self._caps.end)
        lines = list(self._head)
        if self._lost:
            # Begin at a line's start, where patterns that look at what stands before a secret hold.
            cut, newline, rest = end[-self._caps.end :].partition(b"\n")
            end = rest if newline else b""
            self._lost += len(cut)
            lines.append(f"[... {self._lost:,} bytes left out ...]")
        redact = self._redactor.lines() if self._lost else self._redact
        for raw in end.splitlines():
            line = self._shown(raw[: self._caps.line * _SEEN_TIMES], len(raw), redact)
            lines += [] if line is None else [line]
        return "\n".join(lines)

    def _extend(self, part: bytes) -> None:
        room = self._caps.line * _SEEN_TIMES - len(self._line)
        self._line += part[: max(0, room)]
        self._line_size += len(part)

    def _close_line(self) -> None:
        line = self._shown(bytes(self._line), self._line_size, self._redact)
        if line is not None:
            self._head.append(line)
            self._head_size += len(line) + 1
        self._line.clear()
        self._line_size = 0

    def _shown(self, seen: bytes, size: int, redact: RedactedLines) -> str | None:
        text = plain(seen.decode(errors="replace"))
        if size > len(seen):
            # Its last word is cut through and may be half of a secret.
            text = text.rpartition(" ")[0]
        line = redact(text)
        if line is None or (size <= len(seen) and len(line) <= self._caps.line):
            return line
        return f"{line[: self._caps.line]} [... of {size:,} bytes]"

    def _keep_end(self, chunk: bytes) -> None:
        if not chunk:
            return
        self._end.append(chunk)
        self._end_size += len(chunk)
        while self._end_size - len(self._end[0]) >= self._caps.end:
            gone = self._end.popleft()
            self._end_size -= len(gone)
            self._lost += len(gone)
