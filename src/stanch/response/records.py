"""What became of a command, on disk beside its supervisor: so that an outcome outlives the server that asked for it.

One file a command, of JSON lines: that it was begun, written and flushed to disk before its first program is started,
and how it ended. Its supervisor holds a lock on it for as long as it lives. What stands in it is redacted. A name says
in which directory it was given, so that nobody takes a file that is missing here for a command that was not begun
there.
"""

import contextlib
import fcntl
import json
import os
import time
import uuid
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from stanch.model.record import record
from stanch.response.processes import Execution, NotStarted

_PLACE = "place"
_KEPT_S = 7 * 86_400.0
"""What nobody collected is kept for a week, for people to look at."""


@record
class Running:
    """Its supervisor lives."""


@record
class Ended:
    """What it did, as its supervisor saw it; or why it could not be started, and then nothing ran."""

    outcome: Execution | NotStarted


@record
class NeverBegun:
    """Nothing of it was started, and nothing will be."""


@record
class Lost:
    """It was begun, and its supervisor is gone without a word: killed, or the machine went down."""


@record
class Elsewhere:
    """It was begun by a server with another data directory; nothing is known of it here."""


Found = Running | Ended | NeverBegun | Lost | Elsewhere


class Records:
    """The directory of the files. It is made when it is first needed, for its owner alone."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._place: str | None = None

    def name(self) -> str:
        """A name that no other command has or had. Raises OSError."""
        return f"{self.place()}-{uuid.uuid4().hex}"

    def path(self, name: str) -> Path:
        return self.directory / f"{name}.jsonl"

    def find(self, name: str | None) -> Found:
        """What became of the command of that name. One that was never begun is made sure never to be."""
        if name is None or not name.startswith(f"{self.place()}-"):
            return Elsewhere()
        path = self.path(name)
        try:
            with path.open("x"):  # its supervisor gives the file its name before it starts anything, or finds this one
                return NeverBegun()
        except FileExistsError:
            pass
        descriptor = os.open(path, os.O_RDONLY)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return Running()
            entries = list(_entries(os.read(descriptor, os.fstat(descriptor).st_size)))
        finally:
            os.close(descriptor)
        if not entries:
            return NeverBegun()  # the file was made, and what says that it was begun never reached the disk
        last = entries[-1]
        if "not_started" in last:
            return Ended(outcome=NotStarted(last["not_started"]))
        if "statuses" not in last:
            return Lost()
        return Ended(outcome=of_entry(last))

    def forget(self, name: str) -> None:
        """Its outcome is stored elsewhere."""
        self.path(name).unlink(missing_ok=True)

    def sweep(self, now: float) -> int:
        """Remove what nobody collected for a week (epoch seconds); how many there were."""
        swept = 0
        for path in (*self.directory.glob("*.jsonl"), *self.directory.glob("*.new")):
            with contextlib.suppress(FileNotFoundError):
                if now - path.stat().st_mtime > _KEPT_S:
                    path.unlink()
                    swept += 1
        return swept

    def place(self) -> str:
        """What the directory is called, made when it was. Raises OSError."""
        if self._place is None:
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            path = self.directory / _PLACE
            with contextlib.suppress(FileExistsError), path.open("x") as made:
                made.write(uuid.uuid4().hex[:12])
                made.flush()
                os.fsync(made.fileno())
            self._place = path.read_text(encoding="ascii")
        return self._place


class Record:
    """The file of one command, as its supervisor writes it."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @classmethod
    def begin(cls, path: Path) -> "Record | None":
        """Say that it is begun, on disk; None where somebody has made sure that it never is. Raises OSError.

        The file gets its name when it is locked and says that it is begun, so nobody ever sees it otherwise.
        """
        nameless = path.with_suffix(".new")
        descriptor = os.open(nameless, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            record = cls(descriptor)
            record._write({"begun": time.time(), "supervisor": os.getpid()})
            os.link(nameless, path)
        except FileExistsError:
            os.close(descriptor)
            return None
        finally:
            nameless.unlink()
        directory = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
        return record

    def end(self, outcome: Execution | NotStarted) -> None:
        """Say how it ended, on disk. Raises OSError."""
        self._write(as_entry(outcome))

    def _write(self, entry: dict[str, Any]) -> None:
        os.write(self._descriptor, json.dumps(entry).encode() + b"\n")
        os.fsync(self._descriptor)


def as_entry(outcome: Execution | NotStarted) -> dict[str, Any]:
    """The outcome as JSON holds it."""
    return {"not_started": str(outcome)} if isinstance(outcome, NotStarted) else asdict(outcome)


def of_entry(entry: dict[str, Any]) -> Execution:
    """An execution as JSON holds it."""
    lists = {"programs": tuple(entry["programs"]), "statuses": tuple(entry["statuses"])}
    return Execution(**{**entry, **lists})


def _entries(content: bytes) -> Iterator[dict[str, Any]]:
    """The whole lines; a machine that went down may have left the last one torn."""
    *whole, _ = content.split(b"\n")
    for line in whole:
        try:
            entry = json.loads(line)
        except ValueError:
            return
        if isinstance(entry, dict):
            yield entry
