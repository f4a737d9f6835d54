"""One server a data directory: an advisory lock that the kernel lets go of when its holder is gone."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from stanch.model.problem import Unusable
from stanch.store.faults import explain_path

FILE = "stanch.lock"


@contextlib.contextmanager
def hold(directory: Path) -> Iterator[Path]:
    """Hold `directory`, made where it is missing, for as long as the block runs; yields the lock's file.

    The file stays behind with nothing in it: removing it would let a third process lock another file of that name.
    Raises `Unusable` where another process holds it, or where it cannot be made.
    """
    path = directory / FILE
    try:
        directory.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise explain_path(error, str(directory)) from error
    with open(descriptor, "r+", encoding="ascii") as file:  # noqa: PTH123 - the descriptor is open already
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = file.read().strip() or "not known yet"
            raise Unusable(
                f"Another Stanch (process {holder}) works in {directory}.",
                hint=f"Nothing was changed. Use that one, end it (`kill {holder}`), or name another data directory.",
            ) from error
        except OSError as error:
            raise Unusable(
                f"{directory} is on a file system without locks: {error.strerror}.",
                hint="Nothing was changed. Name a data directory on a local disk.",
            ) from error
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        try:
            yield path
        finally:
            file.seek(0)
            file.truncate(0)
