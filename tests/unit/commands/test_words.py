"""Words are decoded exactly as bash decodes them; what is only known at run time is marked."""

import pytest

from stanch.commands.words import Hole, Undecodable, Unknown, decode, substitute


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("plain", ["plain"]),
        ("'a b'", ["a b"]),
        ('"a b"', ["a b"]),
        ("a'b'\"c\"", ["abc"]),
        ("''", [""]),
        ('i""d', ["id"]),
        ("\\id", ["id"]),
        ("a\\ b", ["a b"]),
        ("a\\\nb", ["ab"]),
        ('"a\\\nb"', ["ab"]),
        ('"\\$x \\a \\" \\\\"', ['$x \\a " \\']),
        ("'\\n'", ["\\n"]),
        ("$'\\x69d'", ["id"]),
        ("$'\\151d'", ["id"]),
        ("$'\\u00e9\\t\\''", ["é\t'"]),
        ("$'\\q'", ["\\q"]),
        ("a$", ["a$"]),
        ("a$.b", ["a$.b"]),
        ("{a,b}", ["a", "b"]),
        ("x{1..3}y", ["x1y", "x2y", "x3y"]),
        ("{3..1}", ["3", "2", "1"]),
        ("{01..3}", ["01", "02", "03"]),
        ("{1..10..4}", ["1", "5", "9"]),
        ("{a..e..2}", ["a", "c", "e"]),
        ("{a,b}{c,d}", ["ac", "ad", "bc", "bd"]),
        ("a{b,c{d,e}}f", ["abf", "acdf", "acef"]),
        ("{a}", ["{a}"]),
        ("{}", ["{}"]),
        ("{a,b", ["{a,b"]),
        ("{{a,b}", ["{a", "{b"]),
        ("\\{a,b}", ["{a,b}"]),
        ("'{a,b}'", ["{a,b}"]),
        ("{a,'b c'}", ["a", "b c"]),
        ("{,a}x", ["x", "ax"]),
        ("{,}", []),
        ("jsonpath={.items[*].metadata.name}", ["jsonpath={.items[*].metadata.name}"]),
        ("{rm,-rf,x}", ["rm", "-rf", "x"]),
    ],
)
def test_a_word_is_decoded_as_bash_decodes_it(source: str, expected: list[str]) -> None:
    assert [word.value for word in decode(source)] == expected


@pytest.mark.parametrize(
    "source",
    [
        "a b",
        "a;b",
        "a|b",
        "a>b",
        "(a)",
        "'a",
        '"a',
        "a\\",
        "$'a",
        "#a",
        "$x",
        "${x}",
        "$(x)",
        "`x`",
        '"`x`"',
        '$"a"',
        "$'\\x00'",
        "$'\\xff'",
        "$'\\ud800'",
        "$'\\cA'",
        "$'\\e[2K'",
        "{1..999}",
        "{Z..a}",
        "{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}",
    ],
)
def test_what_cannot_be_decoded_with_certainty_is_refused(source: str) -> None:
    with pytest.raises(Undecodable):
        decode(source)


@pytest.mark.parametrize("source", ["*.log", "a?", "[ab]c", "/var/log/*", "'a'*"])
def test_a_pattern_needs_a_shell(source: str) -> None:
    assert decode(source)[0].has_glob


@pytest.mark.parametrize(
    "source", ["'*'", "\\*", '"a?"', "[", "[]", "https://x/?a=1", "--selector=a*", "x={.items[*]}"]
)
def test_what_matches_no_file_needs_none(source: str) -> None:
    assert not decode(source)[0].needs_shell


@pytest.mark.parametrize(("source", "leads"), [("*.log", True), ("a*", False), ("./*", False), ("'*'*", False)])
def test_a_pattern_that_leads_may_match_files_named_like_options(source: str, *, leads: bool) -> None:
    assert decode(source)[0].glob_leads is leads


@pytest.mark.parametrize("source", ["~", "~/x", "~me/x", "A=~/x", "A=b:~/x"])
def test_a_tilde_needs_a_shell(source: str) -> None:
    assert decode(source)[0].needs_shell


@pytest.mark.parametrize("source", ["'~'", "\\~", "a~", "--file=~/x", "a/~"])
def test_a_tilde_elsewhere_is_a_plain_character(source: str) -> None:
    assert not decode(source)[0].needs_shell


def test_an_expansion_is_kept_as_written_and_marked() -> None:
    (word,) = decode('a"$x"b', [Hole(2, 4, "x")])
    assert word.is_dynamic
    assert word.value == "a$xb"
    assert word.prefix == "a"
    assert word.segments[2] == Unknown("$x", quoted=True, variable="x")


@pytest.mark.parametrize(
    ("source", "hole", "value", "expected"),
    [
        ('"$x"', Hole(1, 3, "x"), "a b", ["a b"]),
        ("$x", Hole(0, 2, "x"), "a b", ["a", "b"]),
        ("$x", Hole(0, 2, "x"), "", []),
        ('"$x"', Hole(1, 3, "x"), "", [""]),
        ("-$x-", Hole(1, 3, "x"), "a b", ["-a", "b-"]),
        ("$x", Hole(0, 2, "x"), "'a' {b,c}", ["'a'", "{b,c}"]),
    ],
)
def test_a_known_value_is_put_in_as_bash_does_it(source: str, hole: Hole, value: str, expected: list[str]) -> None:
    (word,) = decode(source, [hole])
    readings, certain = substitute(word, lambda _: ((value,), True))
    assert certain
    assert [[word.value for word in reading] for reading in readings] == [expected]
