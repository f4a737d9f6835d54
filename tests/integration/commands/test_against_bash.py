"""A real bash is the judge: what it would run, and with which words, must be what was rated."""

import shlex

import pytest
from hypothesis import HealthCheck, example, given, settings

from integration.commands import bash_shell, shell_scripts
from stanch.commands.parse import parse
from stanch.commands.rating import rate
from stanch.commands.words import Undecodable, decode
from stanch.model.risk import Rating, Risk, Trait

# Builtins of bash that a program stands in for: they are rated as plain commands, and bash runs them by itself.
OWN = frozenset({"echo", "printf", "test", "[", "true", "false", "pwd"})

examples = settings(
    deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)


def assert_rated_no_lower(rating: Rating, seen: bash_shell.Seen) -> None:
    """Nothing that bash ran or wrote may be riskier than the rating; where it was not certain, than what it allows."""
    if rating.risk is Risk.READ_ONLY:
        assert not seen.files
    for argv in seen.commands:
        if not argv:
            continue
        risk = rate(shlex.join(argv)).risk
        if rating.risk is Risk.READ_ONLY:
            assert risk is Risk.READ_ONLY, argv
        elif not rating.traits & {Trait.DYNAMIC, Trait.UNREADABLE}:
            assert risk.rank <= rating.risk.rank, argv


def assert_runs_what_was_rated(rating: Rating, seen: bash_shell.Seen) -> None:
    """The argv of each stage are those of bash. Stages run side by side, so their order is not bash's to keep."""
    if rating.pipeline is not None and seen.ended:
        # A name with a slash is a file to bash, and is not looked for: nobody is told that it is not there.
        told = [argv for argv in rating.pipeline if argv[0] not in OWN and "/" not in argv[0]]
        assert sorted(told) == sorted(seen.commands)


def judge(script: str) -> None:
    rating = rate(script)
    if not bash_shell.is_harmless(script):
        return
    seen = bash_shell.run(script)
    assert_rated_no_lower(rating, seen)
    assert_runs_what_was_rated(rating, seen)


@settings(examples, max_examples=300)
@given(shell_scripts.words)
@example("a\\\n#")
@example("\\ rm")
@example("{a,b}'{c,d}'{e,}")
@example("$'\\x72\\'' \"$'a'\"")
def test_words_reach_a_program_as_bash_would_hand_them_over(arguments: str) -> None:
    command = f"show {arguments}"
    rating = rate(command)
    if rating.pipeline is not None and bash_shell.is_harmless(command):
        assert_runs_what_was_rated(rating, bash_shell.run(command))


@settings(examples, max_examples=120)
@given(shell_scripts.script())
@example("x=rm; $x -rf y")
@example("'2>/dev/null x=rm ls; eval ' a")
@example("[[a = b ]] || ls")
def test_well_formed_scripts_are_not_rated_below_what_they_run(script: str) -> None:
    judge(script)


@settings(examples, max_examples=120)
@given(shell_scripts.broken())
@example("[[a = b ]] || 2>&1 ls")
@example("ls  2>&1; [[ a = b ]] || kubectl get $'\\x7\\x6f\\x64\\x73' 2>&1")
@example("y=' $(2>/dev/null x=$(ls) $(ls)) '")
def test_scripts_with_a_few_characters_changed_are_not_either(script: str) -> None:
    judge(script)


@settings(examples, max_examples=120)
@given(shell_scripts.soup)
def test_tokens_in_any_order_are_not_either(script: str) -> None:
    judge(script)


@pytest.mark.slow
@settings(examples, max_examples=20_000, derandomize=False)
@given(shell_scripts.script(3) | shell_scripts.broken() | shell_scripts.soup)
def test_a_long_campaign_finds_nothing(script: str) -> None:
    judge(script)


@pytest.mark.parametrize(
    "source",
    [
        "{a,b}", "x{1..3}y", "{a,b}{c,d}", "{a,{b,c}}", "a{b", "{a}", "{,a}", "{a,}x", "x{,}", "{01..3}", "{3..1}", "{1..10..3}",
        "{a..e..2}", "{-1..1}", "{-01..2}", "{10..01}", "{1..2..0}", "{{a,b}", "{a,b}}", "{a,b", "{1..3}{", "a{b,c{d,e}f}g", "'{'a,b}",
        "{}", "{,}", "a{},b", "{a},{b,c}", "}{a,b}", "\\{a,b}", "{a\\,b}", "{a,'b c'}", '{a,b}"{c,d}"', 'i""d', "$'\\x69d\\u00e9'",
        "a'b'\"c\\d\\$\"", "{.items[*].metadata.name}", "{a..}", "$'\\q\\101\\e'", "a\\\nb", '"a\\\nb"', "''", "a$", "$'a'b\"c\"",
    ],
)  # fmt: skip
def test_each_way_to_write_a_word_is_decoded_as_bash_does(source: str) -> None:
    try:
        decoded = [word.value for word in decode(source)]
    except Undecodable:
        return
    seen = bash_shell.run(f"show {source}")
    assert seen.commands == (("show", *decoded),)


@pytest.mark.parametrize(
    "script",
    [
        "ls; ls", "if ls; then ls; fi", "for i in a b; do ls $i; done", "cat <<EOF\n$x\nEOF", "case x in a) ls;; esac", "f() { ls; }; f",
        "[[ a = b ]] && ls", "((1+1))", "for ((i=0;i<3;i++)); do ls; done", "{ ls; } 2>&1", "(ls)", "ls | ls", "! ls", "time ls", "a=1 b=2 ls",
        "while ls; do ls; done", "until ls; do ls; done", "select x in a; do ls; done", "function f { ls; }", 'echo "${x:-a}" $((1+2))',
        "cat <(ls) > >(cat)", "a=(1 2); a+=(3)", "export A=b; unset A", "ls && ls || ls; ls &", "cat <<'A' | cat\nx\nA",
    ],
)  # fmt: skip
def test_what_bash_takes_is_readable(script: str) -> None:
    assert bash_shell.accepts(script)
    assert parse(script).is_readable


@pytest.mark.parametrize(
    "script",
    [
        "(ls", "ls )", "if ls", "fi", "ls |", "| ls", "ls &&", "ls;; ls", "case x in", "echo 'a", 'echo "a', "echo $(a", "for i in a; ls; done", "{ ls",
        "cat <(ls", "ls >", "then ls", "function", "() ls", "&& ls", "ls; ; ls",
    ],
)  # fmt: skip
def test_what_bash_refuses_is_never_read_only(script: str) -> None:
    assert not bash_shell.accepts(script)
    rating = rate(script)
    assert Trait.UNREADABLE in rating.traits
    assert rating.risk is not Risk.READ_ONLY
    assert rating.pipeline is None


def test_the_observer_sees_what_bash_runs() -> None:
    seen = bash_shell.run("rm 'a b' | kubectl get pods; x=ls; $x -l > f; echo hidden")
    assert sorted(seen.commands) == [("kubectl", "get", "pods"), ("ls", "-l"), ("rm", "a b")]
    assert seen.files == ("f",)
    assert seen.ended
