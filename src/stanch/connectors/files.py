"""Playbooks on disk: the Markdown files of some paths, as bytes, in a stable order."""

from collections.abc import Sequence
from pathlib import Path

from stanch.model.problem import Unusable

_LARGEST = 64 * 1024 * 1024


def documents(paths: Sequence[Path]) -> list[tuple[str, bytes]]:
    """(path, content) of each file; folders are searched for `*.md`.

    Raises Unusable where one cannot be read, is larger than 64 MiB, or there is none at all.
    """
    found: list[tuple[str, bytes]] = []
    for path in paths:
        try:
            for file in sorted(path.rglob("*.md")) if path.is_dir() else [path]:
                size = file.stat().st_size
                if size > _LARGEST:
                    raise Unusable(
                        f"{file} is {size // 1024 // 1024} MiB: too large for a playbook (64 MiB at most).",
                        hint="Name the document itself; nothing was started.",
                    )
                found.append((str(file), file.read_bytes()))
        except OSError as error:
            raise Unusable(
                f"The playbook {path} cannot be read: {error.strerror or error}.",
                hint="Correct the path, or the rights on it; nothing was started.",
            ) from error
    if not found:
        raise Unusable("There is no playbook to read.", hint="Name Markdown files, or folders that hold some.")
    return found
