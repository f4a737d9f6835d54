"""Which grammar rates which program. A tool is a file of `tools/`; it names its programs, or its own name is one."""

import pkgutil
from functools import cache
from importlib import import_module

from stanch.commands import tools, wrappers
from stanch.commands.effect import Grammar

_TRUSTED_DIRECTORIES = frozenset(
    "/bin /sbin /usr/bin /usr/sbin /usr/local/bin /usr/local/sbin /snap/bin /opt/homebrew/bin".split()
)


def program(written: str) -> str:
    """The plain name of a program; a path that is not where programs are installed stays as it is."""
    directory, slash, name = written.rpartition("/")
    return name if slash and directory in _TRUSTED_DIRECTORIES else written


def grammar(name: str) -> Grammar | None:
    """The grammar of a program by its plain name, or None: not known."""
    return grammars().get(name)


@cache
def inert(name: str) -> frozenset[str]:
    """The options of a program whose values change where or how much it looks, never what it does.

    A tool's module lists them as `INERT`.
    """
    for module in pkgutil.iter_modules(tools.__path__):
        tool = import_module(f"{tools.__name__}.{module.name}")
        if name in getattr(tool, "NAMES", getattr(tool, "GRAMMARS", (module.name.replace("_", "-"),))):
            return frozenset(getattr(tool, "INERT", ()))
    return frozenset()


@cache
def grammars() -> dict[str, Grammar]:
    """Every program that is known, with its grammar.

    A tool's module has `rate(call) -> Effect` for its `NAMES` (by default the file's own name with `-` for `_`), or
    a table `GRAMMARS` where several programs share a file.
    """
    found: dict[str, Grammar] = dict(wrappers.GRAMMARS)
    for module in pkgutil.iter_modules(tools.__path__):
        tool = import_module(f"{tools.__name__}.{module.name}")
        if hasattr(tool, "GRAMMARS"):
            found |= tool.GRAMMARS
        else:
            found |= dict.fromkeys(getattr(tool, "NAMES", (module.name.replace("_", "-"),)), tool.rate)
    return found
