"""A pattern finds what the regular expression finds, whether or not it was worth compiling."""

import importlib
import pkgutil
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import stanch
from stanch.model.pattern import Pattern, needed


def _patterns() -> list[Pattern]:
    """Every pattern that a module of the package holds, in whatever table."""
    found: dict[tuple[str, int], Pattern] = {}

    def gather(value: object, depth: int = 0) -> None:
        if isinstance(value, Pattern):
            found[value.text, value.flags] = value
        elif depth < 4 and isinstance(value, tuple | list | frozenset | set):
            for each in value:
                gather(each, depth + 1)
        elif depth < 4 and isinstance(value, dict):
            gather([*value, *value.values()], depth + 1)

    for module in pkgutil.walk_packages(stanch.__path__, "stanch."):
        if module.name.startswith(("stanch.playbook", "stanch.commands", "stanch.catalogue", "stanch.model")):
            for value in vars(importlib.import_module(module.name)).values():
                gather(value)
    return list(found.values())


PATTERNS = _patterns()


def test_there_are_patterns_to_look_at() -> None:
    assert len(PATTERNS) > 250
    assert sum(bool(needed(each.text, each.flags)) for each in PATTERNS) > 100


@pytest.mark.parametrize("pattern", PATTERNS, ids=range(len(PATTERNS)))
def test_each_is_well_formed(pattern: Pattern) -> None:
    re.compile(pattern.text, pattern.flags)


@pytest.mark.parametrize(
    ("text", "literals"),
    [
        ("abc", ("abc",)),
        ("abc|de", ("abc", "de")),
        ("abc|", ()),
        ("abc?", ("ab",)),
        ("a?", ()),
        ("ab*c", ("c",)),
        ("x+?foo", ("foo",)),
        ("fo{0,2}bar", ("bar",)),
        ("d{0}", ()),
        (r"\bdrills?\b", ("drill",)),
        (r"(?:one|two) (?:three|four)?", ("one", "two")),
        (r"(?:one|two)(?:three|four)", ("four", "three")),
        ("(?:foo|ba)*zz", ("zz",)),
        ("(?:foo|ba)?", ()),
        ("(?=foo)x", ("x",)),
        ("(?<!foo)x", ("x",)),
        ("(?P<name>foo)(?P=name)", ("foo",)),
        ("[abc]d[^]x]", ("d",)),
        (r"\(foo\)", ("foo",)),
        ("(?i)foo", ()),
        ("(a)?(?(1)b|c)", ()),
        ("FOO", ("foo",)),
        ("\u00b5s", ()),
        (r"a(?:\u2264|<=)", ("a",)),
        (r"\u2264\x41\U0001f600\N{BULLET}\0\101b", ("b",)),
        (r"(?:\u2264|<=)", ()),
        (r"(ab)\1b\1", ("ab",)),
    ],
)
def test_it_knows_what_a_match_cannot_do_without(text: str, literals: tuple[str, ...]) -> None:
    assert needed(text, re.IGNORECASE) == literals


def test_an_expression_in_many_lines_is_not_read() -> None:
    assert needed("a b  # c", re.VERBOSE) == ()


@pytest.mark.parametrize("pattern", PATTERNS, ids=range(len(PATTERNS)))
@settings(max_examples=10, suppress_health_check=list(HealthCheck), deadline=None)
@given(data=st.data())
def test_whatever_an_expression_matches_could_match(pattern: Pattern, data: st.DataObject) -> None:
    subject = data.draw(st.from_regex(re.compile(pattern.text, pattern.flags)))
    assert pattern.could_match(subject), (pattern, needed(pattern.text, pattern.flags), subject)


@pytest.mark.parametrize("letters", ["\u0130s", "\u0131s", "i\u017f", "\u212a"])
@pytest.mark.parametrize("text", ["is", "k"])
def test_letters_that_equal_ascii_ones_are_not_missed(letters: str, text: str) -> None:
    found = re.search(text, letters, re.IGNORECASE)
    assert bool(Pattern(text, re.IGNORECASE).search(letters)) == bool(found)


@pytest.mark.parametrize("subject", ["", "nothing here", "Roll back, then rollback.", "ROLLBACK", "a rollback"])
def test_its_methods_give_what_those_of_the_expression_give(subject: str) -> None:
    text = r"\broll ?back\b"
    compiled = re.compile(text, re.IGNORECASE)

    def fresh() -> Pattern:
        return Pattern(text, re.IGNORECASE)

    for method in ("search", "match", "fullmatch"):
        ours, theirs = getattr(fresh(), method)(subject), getattr(compiled, method)(subject)
        assert (ours and ours.span()) == (theirs and theirs.span())
    assert [each.span() for each in fresh().finditer(subject)] == [each.span() for each in compiled.finditer(subject)]
    assert fresh().findall(subject) == compiled.findall(subject)
    assert fresh().sub("x", subject) == compiled.sub("x", subject)
    assert fresh().sub("x", subject, count=1) == compiled.sub("x", subject, count=1)
    assert fresh().split(subject) == compiled.split(subject)
    assert fresh().inside(subject) == bool(compiled.search(subject))


def test_what_cannot_match_is_not_compiled() -> None:
    pattern = Pattern("rollback|revert", re.IGNORECASE)
    assert pattern.search("nothing of the kind") is None
    assert not pattern.is_compiled
    assert pattern.search("a revert")
    assert pattern.is_compiled
