"""The parse table that ships is that of the grammar, and parses as lark does."""

import importlib.util
from functools import lru_cache
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lark import Lark, Token, Tree, UnexpectedInput

from stanch.playbook import grammar
from stanch.playbook.grammar import END, Part, parse, table

ROOT = Path(__file__).parents[3]
KINDS = sorted({kind for actions in table().actions for kind in actions} - {END})


@lru_cache(maxsize=1)
def writer() -> ModuleType:
    spec = importlib.util.spec_from_file_location("parse_table", ROOT / "scripts" / "parse_table.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@lru_cache(maxsize=1)
def lalr() -> Lark:
    built: Lark = writer().lalr()
    return built


def by_lark(kinds: tuple[str, ...]) -> tuple[Part, ...] | None:
    try:
        tree = lalr().parse(" ".join(kinds))
    except UnexpectedInput:
        return None
    return tuple(
        Part(
            name=str(child.data),
            at=tuple(int(str(leaf)) for leaf in child.scan_values(lambda value: isinstance(value, Token))),
        )
        for child in tree.children
        if isinstance(child, Tree)
    )


def test_the_table_is_that_of_the_grammar() -> None:
    written = Path(grammar.__file__).with_name("threshold.json").read_text(encoding="utf-8")
    assert written == writer().written(), "make tables"


@given(st.lists(st.sampled_from(KINDS), max_size=9).map(tuple))
def test_any_kinds_parse_as_lark_parses_them(kinds: tuple[str, ...]) -> None:
    assert parse(kinds) == by_lark(kinds)


@pytest.mark.parametrize(
    "kinds",
    [
        (),
        ("SIGNAL", "COMPARISON", "RATIO", "FOR", "DURATION"),
        ("SIGNAL", "COMPARISON", "RATIO", "FOR", "_ANY", "DURATION", "_WINDOW"),
        ("SIGNAL", "FAILING", "NUMBER", "_IN_A_ROW", "_SAMPLES"),
        ("DURATION", "_ROLLING", "SIGNAL", "COMPARISON", "RATIO", "FOR", "COMPARISON", "DURATION"),
        ("COMPARISON", "RATIO", "SHARE", "IN", "_LAST", "DURATION"),
        ("SIGNAL", "COMPARISON", "BETWEEN", "RATIO", "AND", "RATIO"),
    ],
)
def test_sentences_of_the_wild_parse_as_lark_parses_them(kinds: tuple[str, ...]) -> None:
    found = parse(kinds)
    assert found is not None
    assert found == by_lark(kinds)


def test_no_segment_is_no_crash() -> None:
    assert parse(("COMPARISON", "COMPARISON")) is None
    assert parse(("no such kind",)) is None
