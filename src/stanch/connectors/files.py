"""Playbooks on disk: the Markdown files of some paths, as bytes, in a stable order."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from stanch.model.problem import Unusable

_MOST = 64 * 1024 * 1024
"""Bytes that are read of a file: more than any reader takes, so that it says of a larger one what it is."""

_SUFFIXES = (".md", ".markdown", ".mdown", ".mkd")
_PASSED_OVER = frozenset({"node_modules", "__pycache__"})


def documents(paths: Sequence[Path]) -> list[tuple[str, bytes]]:
    """(path, content) of each file; folders are searched for Markdown, or for `*.txt` where they hold none.

    Hidden folders and those of installed packages are passed over. Raises Unusable where a file cannot be read, or
    there is none at all.
    """
    found: list[tuple[str, bytes]] = []
    for path in paths:
        try:
            for file in _files(path):
                with file.open("rb") as opened:
                    found.append((str(file), opened.read(_MOST)))
        except OSError as error:
            raise Unusable(
                f"The playbook {path} cannot be read: {error.strerror or error}.",
                hint="Correct the path, or the rights on it; nothing was started.",
            ) from error
    if not found:
        raise Unusable("There is no playbook to read.", hint="Name Markdown files, or folders that hold some.")
    return found


def stamp(paths: Sequence[Path]) -> tuple[tuple[str, int, int], ...]:
    """Name, time of change and size of each file: another one where something was saved. Never raises."""
    found: list[tuple[str, int, int]] = []
    for path in paths:
        try:
            for file in _files(path):
                status = file.stat()
                found.append((str(file), status.st_mtime_ns, status.st_size))
        except OSError:
            found.append((str(path), 0, 0))
    return tuple(found)


def _files(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return
    every: list[Path] = []
    for folder, below, names in os.walk(path):
        below[:] = [name for name in below if not name.startswith(".") and name not in _PASSED_OVER]
        every.extend(Path(folder, name) for name in names if not name.startswith("."))
    marked = [file for file in every if file.suffix.lower() in _SUFFIXES]
    yield from sorted(marked or [file for file in every if file.suffix.lower() == ".txt"])
