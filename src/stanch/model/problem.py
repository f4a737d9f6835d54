"""Where something was written, and what is wrong with it. Problems are values: all are reported, not the first."""

from enum import StrEnum

from stanch.model.record import record


@record
class Source:
    """A place in a document: 1-based `line` and `column`, and the line's own `text`."""

    path: str
    line: int
    column: int = 1
    text: str = ""

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"


class Level(StrEnum):
    """How much a problem matters, least first."""

    NOTE = "note"
    WARNING = "warning"
    ERROR = "error"


@record
class Problem:
    """One thing wrong or not understood. `hint` says what to do about it; `code` is stable (`unknown-signal`)."""

    code: str
    level: Level
    message: str
    hint: str = ""
    source: Source | None = None


class StanchError(Exception):
    """Something a person must act on: what happened, what is safe, what to do. Raised at the edges only."""

    code = "failed"
    status = 500

    def __init__(self, message: str, *, hint: str = "", problems: tuple[Problem, ...] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.problems = problems


class Refused(StanchError):
    """The request is well-formed and not allowed now (wrong state, changed digest, not permitted)."""

    code = "refused"
    status = 409


class NotFound(StanchError):
    """Nothing has that name."""

    code = "not-found"
    status = 404


class Unusable(StanchError):
    """The start cannot go on (port in use, disk full, data directory locked). The command line exits with 2."""

    code = "unusable"
    status = 503
