"""A record does what a frozen, slotted, keyword-only dataclass does."""

import copy
import dataclasses
import pickle
from collections.abc import Callable
from dataclasses import FrozenInstanceError, dataclass, field
from typing import Any

import pytest

from stanch.model.record import record


@record
class Base:
    """A record with every form of field."""

    name: str
    size: int = 3
    tags: list[str] = field(default_factory=list)
    note: str = field(default="", compare=False)
    shape: dict[str, int] = field(default_factory=dict, hash=False)
    secret: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standard:
    """The same fields, by the standard library."""

    name: str
    size: int = 3
    tags: list[str] = field(default_factory=list)
    note: str = field(default="", compare=False)
    shape: dict[str, int] = field(default_factory=dict, hash=False)
    secret: str = field(default="", repr=False)


@record
class Wider(Base):
    """A record that adds to another."""

    more: float = 0.5


@record
class Empty:
    """A record without fields."""


@record
class One:
    """A record with one field."""

    value: float


@record
class Checked:
    """A record that looks at what it is given."""

    low: int
    high: int

    def __post_init__(self) -> None:
        if self.low > self.high:
            raise ValueError("low is above high")

    def __repr__(self) -> str:
        return f"{self.low}..{self.high}"


def test_it_says_itself_as_a_dataclass_does() -> None:
    ours, theirs = Base(name="a", tags=["x"], secret="s"), Standard(name="a", tags=["x"], secret="s")
    assert repr(ours).removeprefix("Base") == repr(theirs).removeprefix("Standard")
    assert repr(Empty()) == "Empty()"
    assert repr(Checked(low=1, high=2)) == "1..2"


@pytest.mark.parametrize(
    "change", [{}, {"name": "b"}, {"size": 4}, {"tags": ["y"]}, {"note": "n"}, {"shape": {"a": 1}}, {"secret": "s"}]
)
def test_two_are_equal_when_two_dataclasses_would_be(change: dict[str, Any]) -> None:
    given: dict[str, Any] = {"name": "a", "tags": ["x"], **change}
    ours = Base(name="a", tags=["x"]) == Base(**given)
    assert ours == (Standard(name="a", tags=["x"]) == Standard(**given))


def test_equality_is_of_one_class_alone() -> None:
    same: object = 1.0
    assert One(value=1.0) == One(value=1.0)
    assert One(value=1.0) != same
    assert Base(name="a") != Wider(name="a")
    assert Empty() == Empty()
    nan = float("nan")
    assert One(value=nan) == One(value=nan), "as of dataclasses, which compare tuples"


def test_equal_ones_have_one_hash() -> None:
    assert hash(One(value=2.0)) == hash(One(value=2.0))
    assert {One(value=2.0), One(value=2.0), One(value=3.0)} == {One(value=3.0), One(value=2.0)}
    assert hash(Empty()) == hash(Empty())
    with pytest.raises(TypeError, match="unhashable"):
        hash(Base(name="a"))


@pytest.mark.parametrize("name", ["size", "other"])
def test_nothing_can_be_written(name: str) -> None:
    with pytest.raises(FrozenInstanceError):
        setattr(Base(name="a"), name, 4)


def test_nothing_can_be_deleted_and_there_is_no_dictionary() -> None:
    each = Base(name="a")
    with pytest.raises(FrozenInstanceError):
        del each.name
    assert not hasattr(each, "__dict__")


@pytest.mark.parametrize("given", [{}, {"name": "a", "unknown": 1}])
def test_what_is_missing_or_unknown_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        Base(**given)


def test_fields_are_given_by_name() -> None:
    with pytest.raises(TypeError):
        Base("a")  # type: ignore[call-arg]  # that is what is tried


def test_each_has_a_default_of_its_own() -> None:
    assert Base(name="a").tags is not Base(name="a").tags


def test_a_look_at_what_was_given_is_called() -> None:
    with pytest.raises(ValueError, match="low is above high"):
        Checked(low=2, high=1)


def test_the_functions_of_dataclasses_know_it() -> None:
    each = Wider(name="a", more=2.0)
    assert dataclasses.is_dataclass(each)
    assert [one.name for one in dataclasses.fields(each)] == ["name", "size", "tags", "note", "shape", "secret", "more"]
    assert dataclasses.replace(each, size=9) == Wider(name="a", more=2.0, size=9)
    assert dataclasses.asdict(One(value=1.0)) == {"value": 1.0}
    match each:
        case Wider(name=name, more=more):
            assert (name, more) == ("a", 2.0)


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda each: pickle.loads(pickle.dumps(each))])
def test_it_survives_a_copy(again: Callable[[Wider], Wider]) -> None:
    each = Wider(name="a", tags=["x"], shape={"a": 1})
    assert again(each) == each


def test_a_field_that_is_not_given_is_refused() -> None:
    with pytest.raises(TypeError, match="given when it is made"):

        @record
        class Derived:
            """Not a record."""

            value: int = field(init=False, default=1)
