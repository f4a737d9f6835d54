"""One file an action: do, verify, undo. The file's name is the action's."""

from pkgutil import iter_modules

NAMES = frozenset(module.name for module in iter_modules(__path__))
"""The actions that ship."""
