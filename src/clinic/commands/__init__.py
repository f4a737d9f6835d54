"""The commands of `python -m clinic`, one file each: its docstring is its help; `add_arguments`, `run`."""

import argparse
import importlib
import pkgutil
from typing import Protocol


class Command(Protocol):
    """A module of this package."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None: ...

    def run(self, told: argparse.Namespace) -> None: ...


def names() -> tuple[str, ...]:
    return tuple(sorted(found.name for found in pkgutil.iter_modules(__path__)))


def find(name: str) -> Command:
    """Only the command that runs is imported: the load then needs neither the application nor the database driver."""
    command: Command = importlib.import_module(f"{__name__}.{name}")
    return command
