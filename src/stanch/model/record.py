"""Records: frozen, slotted, keyword-only dataclasses, as everything in this house is told.

`@record` is `@dataclass(frozen=True, slots=True, kw_only=True)` at a third of its price. The standard decorator
compiles six functions for a class, half a millisecond each time a program starts and a fifth of what a check of five
playbooks may take; here only `__init__` is compiled, the others are shared and ask `operator.attrgetter`. What it makes
is a dataclass: `fields`, `replace`, `asdict`, `match`, `copy` and `pickle` know it.
"""

import dataclasses
from collections.abc import Callable, Iterable
from dataclasses import MISSING, Field, FrozenInstanceError, dataclass
from operator import attrgetter
from reprlib import recursive_repr
from types import FunctionType
from typing import Any, TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(dataclasses.field,))
def record(cls: type[T]) -> type[T]:
    """Make a class with annotated fields a record. What the class defines itself stays.

    `InitVar` and fields without `init` are not supported. Writing to a record raises FrozenInstanceError.
    """
    own = set(vars(cls))
    made = dataclass(init=False, repr=False, eq=False, kw_only=True, slots=True)(cls)
    fields = dataclasses.fields(made)  # type: ignore[arg-type]  # the line above has made it one
    if not all(each.init for each in fields):
        raise TypeError(f"{cls.__name__}: each field of a record is given when it is made.")
    methods: dict[str, Callable[..., Any]] = {
        "__init__": _initialiser(made, fields),
        "__eq__": _equality(_values(each.name for each in fields if each.compare)),
        "__hash__": _hash(_values(each.name for each in fields if (each.compare if each.hash is None else each.hash))),
        "__repr__": _representation,
        "__setattr__": _refuse_to_set,
        "__delattr__": _refuse_to_delete,
        "__getstate__": _state,
        "__setstate__": _set_state,
    }
    for name, method in methods.items():
        if name not in own:
            setattr(made, name, method)
    return made


def _initialiser(cls: type, fields: tuple[Field[Any], ...]) -> Callable[..., None]:
    """`__init__` with a keyword for each field, that writes through the slots themselves."""
    names: dict[str, Any] = {"_MISSING": MISSING}
    parameters: list[str] = []
    lines: list[str] = []
    for each in fields:
        name = each.name
        names[f"_set_{name}"] = getattr(cls, name).__set__
        value = name
        if each.default is not MISSING:
            names[f"_default_{name}"] = each.default
            parameters.append(f"{name}=_default_{name}")
        elif each.default_factory is not MISSING:
            names[f"_make_{name}"] = each.default_factory
            parameters.append(f"{name}=_MISSING")
            value = f"_make_{name}() if {name} is _MISSING else {name}"
        else:
            parameters.append(name)
        lines.append(f"_set_{name}(self, {value})")
    if hasattr(cls, "__post_init__"):
        lines.append("self.__post_init__()")
    star = "*, " if parameters else ""
    exec(  # noqa: S102 - as the standard library does it; names of fields are identifiers
        f"def __init__(self, {star}{', '.join(parameters)}):\n  " + "\n  ".join(lines or ["pass"]), names
    )
    method: FunctionType = names["__init__"]
    assert callable(method)
    method.__qualname__ = f"{cls.__qualname__}.__init__"
    return method


def _values(names: Iterable[str]) -> Callable[[Any], tuple[Any, ...]]:
    """The values of some fields as a tuple, read in one call."""
    match tuple(names):
        case ():
            return lambda _: ()
        case (name,):
            one = attrgetter(name)
            return lambda each: (one(each),)
        case several:
            return attrgetter(*several)


def _equality(values: Callable[[Any], tuple[Any, ...]]) -> Callable[[Any, object], bool]:
    def __eq__(self: Any, other: object) -> bool:  # noqa: N807 - it becomes the method of that name
        return values(self) == values(other) if other.__class__ is self.__class__ else NotImplemented

    return __eq__


def _hash(values: Callable[[Any], tuple[Any, ...]]) -> Callable[[Any], int]:
    return lambda self: hash(values(self))


@recursive_repr()
def _representation(self: Any) -> str:
    shown = ", ".join(f"{each.name}={getattr(self, each.name)!r}" for each in dataclasses.fields(self) if each.repr)
    return f"{self.__class__.__qualname__}({shown})"


def _refuse_to_set(self: Any, name: str, value: object) -> None:
    del self, value
    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_to_delete(self: Any, name: str) -> None:
    del self
    raise FrozenInstanceError(f"cannot delete field {name!r}")


def _state(self: Any) -> list[Any]:
    return [getattr(self, each.name) for each in dataclasses.fields(self)]


def _set_state(self: Any, state: list[Any]) -> None:
    for each, value in zip(dataclasses.fields(self), state, strict=True):
        object.__setattr__(self, each.name, value)
