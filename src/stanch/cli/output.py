"""What the command line prints: text for people, `--json` for scripts, one shape for errors."""

import json
import re
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from stanch.model.problem import StanchError

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def harmless(text: str) -> str:
    """`text` with nothing that a terminal would obey: control characters and changes of direction are spelled out.

    Line feeds and tabs stay.
    """
    return _CONTROLS.sub(_spelled, text)


def say(text: str) -> None:
    """A line, or several, on standard output. It may hold what comes from outside: it is made harmless."""
    sys.stdout.write(harmless(text) + "\n")
    sys.stdout.flush()


def _spelled(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def print_json(document: Any) -> None:
    """One JSON document on standard output."""
    write_json(json.dumps(document, indent=2, ensure_ascii=False, default=str))


def write_json(written: str) -> None:
    """JSON that is written already, on standard output."""
    # What is left of control characters stands within strings, where JSON has its own way to spell them.
    sys.stdout.write(_CONTROLS.sub(lambda match: f"\\u{ord(match[0]):04x}", written) + "\n")
    sys.stdout.flush()


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]], *, empty: str) -> None:
    """A table on a terminal, or the sentence `empty`. Cells are plain text: markup in them is shown as it is."""
    from rich.console import Console  # noqa: PLC0415 - it takes as long to import as a check takes to run
    from rich.markup import escape  # noqa: PLC0415 - as above
    from rich.table import Table  # noqa: PLC0415 - as above

    console = Console()
    body = [[escape("" if cell is None else harmless(str(cell))) for cell in row] for row in rows]
    if not body:
        console.print(empty, highlight=False)
        return
    table = Table(
        title=escape(harmless(title)) or None, box=None, pad_edge=False, title_justify="left", header_style="dim"
    )
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in body:
        table.add_row(*row)
    console.print(table, highlight=False)


def moment(at: float | None) -> str:
    """A time of day, UTC, to the second."""
    return "" if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S")


def duration(seconds: float | None) -> str:
    """`0.4 s`, `41 s`, `3 min 12 s`, `2 h 5 min`."""
    if seconds is None:
        return ""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def error_document(error: StanchError) -> dict[str, Any]:
    """The one JSON shape of an error, the same as the API's."""
    return {
        "error": {
            "code": error.code,
            "message": error.message,
            "hint": error.hint,
            "problems": [
                {
                    "code": problem.code,
                    "level": problem.level.value,
                    "message": problem.message,
                    "hint": problem.hint,
                    "source": None if problem.source is None else str(problem.source),
                }
                for problem in error.problems
            ],
        }
    }


def print_error(error: StanchError, *, as_json: bool) -> None:
    """On standard error for people; on standard output as JSON for scripts."""
    if as_json:
        print_json(error_document(error))
        return
    from rich.console import Console  # noqa: PLC0415 - it takes as long to import as a check takes to run
    from rich.markup import escape  # noqa: PLC0415 - as above

    console = Console(stderr=True)
    console.print(f"[bold red]stanch:[/] {escape(harmless(error.message))}", highlight=False, soft_wrap=True)
    for problem in error.problems:
        where = f"{problem.source}: " if problem.source else ""
        console.print(f"  {escape(harmless(where + problem.message))}", highlight=False, soft_wrap=True)
    if error.hint:
        console.print(escape(harmless(error.hint)), highlight=False, soft_wrap=True)
