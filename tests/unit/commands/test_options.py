"""Option grammars read arguments as the tools themselves do."""

import pytest

from stanch.commands.effect import reads
from stanch.commands.options import Parsed, Style, options, read
from stanch.model.risk import Risk

GRAMMAR = options("-a/--all -v/--verbose -w/--watch", "-n/--namespace -o/--output", "-i/--in-place")


def given(*arguments: str) -> tuple[tuple[str, str], ...]:
    return read(arguments, GRAMMAR).given


@pytest.mark.parametrize(
    "arguments",
    [("-n", "x"), ("-nx",), ("-n=x",), ("--namespace", "x"), ("--namespace=x",), ("--names=x",), ("--name", "x")],
)
def test_a_value_is_found_however_it_is_joined(arguments: tuple[str, ...]) -> None:
    assert read(arguments, GRAMMAR).value("-n") == "x"
    assert read(arguments, GRAMMAR).value("--namespace") == "x"


def test_clusters_are_taken_apart() -> None:
    assert given("-avn", "x") == (("--all", ""), ("--verbose", ""), ("--namespace", "x"))
    assert given("-avnx") == given("-avn", "x")


def test_an_optional_value_is_only_taken_where_it_is_joined() -> None:
    parsed = read(("-i", "x", "-i.bak", "--in-place=.old"), GRAMMAR)
    assert parsed.all("-i") == ("", ".bak", ".old")
    assert parsed.operands == ("x",)


@pytest.mark.parametrize("written", ["--watch=false", "-w=false", "--watch=0"])
def test_a_flag_that_is_set_to_false_is_not_there(written: str) -> None:
    assert not read(("--watch", written), GRAMMAR).has("--watch")


def test_a_value_may_look_like_an_option_or_be_false() -> None:
    parsed = read(("-o", "--all", "--namespace", "false"), GRAMMAR)
    assert parsed.value("-o") == "--all"
    assert parsed.value("-n") == "false"
    assert not parsed.has("--all")


def test_words_behind_two_dashes_are_no_options() -> None:
    parsed = read(("x", "--", "-a", "y"), GRAMMAR)
    assert parsed.operands == ("x", "-a", "y")
    assert parsed.after == ("-a", "y")
    assert not parsed.has("-a")


def test_a_wrapper_stops_at_its_first_operand() -> None:
    parsed = read(("-a", "ls", "-v", "-n"), GRAMMAR, stop_at_operand=True)
    assert parsed.operands == ("ls", "-v", "-n")
    assert not parsed.has("-v")


@pytest.mark.parametrize("argument", ["--unknown", "-z", "-az", "--unknown=x", "--al-l"])
def test_an_option_that_is_not_known_makes_everything_uncertain(argument: str) -> None:
    parsed = read((argument,), GRAMMAR)
    assert parsed.unknown
    assert parsed.certain(reads()).risk is Risk.MUTATING


def test_an_abbreviation_that_fits_two_options_is_not_known() -> None:
    assert read(("--ver",), options("--verbose --version")).unknown


def test_go_style_options_have_one_or_two_dashes_and_no_clusters() -> None:
    grammar = options("-auto-approve", "-var", style=Style.GO)
    parsed = read(("--auto-approve", "-var", "a=b", "-var=c"), grammar)
    assert parsed.has("-auto-approve")
    assert parsed.all("-var") == ("a=b", "c")
    assert read(("-av",), grammar).unknown


def test_asking_for_an_option_that_the_grammar_has_not_is_a_fault() -> None:
    with pytest.raises(KeyError):
        read((), GRAMMAR).has("--no-such-option")


def test_two_grammars_join() -> None:
    leading = read(("-v", "get", "-n", "x"), options("-v/--verbose"), stop_at_operand=True)
    joined: Parsed = read(leading.operands[1:], options("", "-n/--namespace")).joined(leading)
    assert joined.has("--verbose")
    assert joined.value("-n") == "x"
