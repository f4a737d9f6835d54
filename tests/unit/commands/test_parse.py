"""Shell text as statements; what bash would read otherwise is a problem, never a guess."""

import subprocess
import sys

import pytest

from stanch.commands.parse import DEEPEST, LONGEST, Compound, Pipeline, Simple, parse


def argv(statement: object) -> list[str]:
    assert isinstance(statement, Simple)
    return [word.value for word in statement.words]


def test_a_pipeline_has_its_stages() -> None:
    script = parse("kubectl get pods -n 'a b' | grep -v x | wc -l")
    assert script.is_readable
    (pipeline,) = script.statements
    assert isinstance(pipeline, Pipeline)
    assert [argv(stage) for stage in pipeline.stages] == [
        ["kubectl", "get", "pods", "-n", "a b"],
        ["grep", "-v", "x"],
        ["wc", "-l"],
    ]


def test_words_behind_a_redirection_belong_to_the_command() -> None:
    (simple,) = parse("rm > log -rf /data").statements
    assert argv(simple) == ["rm", "-rf", "/data"]


def test_a_substitution_is_a_statement_of_its_own() -> None:
    (simple,) = parse('echo "${x:-$(rm -rf y)}"').statements
    assert isinstance(simple, Simple)
    assert argv(simple.inner[0]) == ["rm", "-rf", "y"]


def test_a_list_knows_that_only_its_first_command_is_certain_to_run() -> None:
    (listed,) = parse("a && b || c").statements
    assert isinstance(listed, Compound)
    assert listed.kind == "list"
    assert [argv(part) for part in listed.body] == [["a"], ["b"], ["c"]]


@pytest.mark.parametrize(
    ("text", "body"),
    [
        ("cat <<EOF\na\nb\nEOF", "a\nb\n"),
        ("cat <<'EOF'\n$(x)\nEOF", "$(x)\n"),
        ("cat <<-EOF\n\ta\n\tEOF", "a\n"),
        ("cat <<\\E\na\nE", "a\n"),
        ("cat <<EOF\n$x\nEOF", None),
        ("cat <<EOF\nEOF", ""),
        ("cat <<< 'a b'", "a b\n"),
        ("cat <<< $x", None),
    ],
)
def test_a_document_is_known_where_nothing_is_expanded_in_it(text: str, body: str | None) -> None:
    (simple,) = parse(text).statements
    assert isinstance(simple, Simple)
    assert simple.redirects[0].body == body


def test_what_stands_behind_a_document_is_read_too() -> None:
    statements = parse("cat <<EOF && rm x\na\nEOF\nls").statements
    assert [argv(statement) for statement in statements] == [["cat"], ["rm", "x"], ["ls"]]


@pytest.mark.parametrize(
    "text",
    [
        "(ls",
        "ls )",
        "echo 'a",
        'echo "a',
        "echo $(a",
        "if ls",
        "fi",
        "ls |",
        "| ls",
        "ls &&",
        "ls;; ls",
        "case x in",
        "cat <<EOF\nno end",
        "[[a = b ]]",
        "{ls; }",
        "cat <(ls",
        "ls >",
        "exec 3<>f",
        "cat <<A <<B\na\nA\nb\nB",
        'echo "${x:-`ls`}"',
        "then ls",
        "ls \\",
        "\\ rm",
        "a\\\n#b",
        "echo `echo \\`ls\\``",
        '$"ls"',
        "echo a } ; }",
    ],
)
def test_what_bash_would_read_otherwise_is_a_problem(text: str) -> None:
    assert parse(text).problems


def test_what_can_be_read_of_something_unreadable_is_kept() -> None:
    script = parse("rm -rf /data; ((")
    assert script.problems
    assert any(isinstance(s, Simple) and argv(s)[:1] == ["rm"] for s in script.statements)


@pytest.mark.parametrize("text", ["", "  ", "# only a comment", "\n\n"])
def test_nothing_is_nothing(text: str) -> None:
    script = parse(text)
    assert script.is_readable
    assert not script.statements


def test_depth_and_length_are_bounded() -> None:
    assert parse("( " * (DEEPEST + 20) + "ls" + " )" * (DEEPEST + 20)).problems
    assert parse("$(" * 400 + "ls" + ")" * 400).problems
    assert parse("ls " + "a" * LONGEST).problems


def test_lone_surrogates_and_controls_are_problems_and_no_faults() -> None:
    for text in ("ls \udcff", "ls \x00", "ls \x1b[2K", "ls\r", "\ud83d ls"):
        assert parse(text).problems


@pytest.mark.parametrize(
    "text", ["{\U0007865a", "echo {\U0001f600..5}", "{\U0010ffff..", "${\U0007865a", "a=\U0007865a{"]
)
def test_no_character_ends_the_process(text: str) -> None:
    # What the grammar's scanner read beyond its table was there or not by chance: in a process of its own, often.
    program = f"from stanch.commands.parse import _read\nfor _ in range(500): _read({text!a})"
    for _ in range(3):
        assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("echo grün 東京 '😀'", [["echo", "grün", "東京", "😀"]]),
        ("東京=1 ls", [["東京=1", "ls"]]),
        ("a東=1 ls", [["a東=1", "ls"]]),
        ("echo 'é' \"東\"", [["echo", "é", "東"]]),
        ("cat 東>datei", [["cat", "東"]]),
    ],
)
def test_what_is_beyond_ascii_is_letters_of_a_word_and_of_no_name(text: str, words: list[list[str]]) -> None:
    found = parse(text)
    assert found.is_readable
    assert [argv(statement) for statement in found.statements] == words


@pytest.mark.parametrize("quote", ["", "'"])
@pytest.mark.parametrize(
    ("end", "other"), [("日", "本"), ("é", "ü"), ("ж", "é"), ("日", "éx"), ("😀", "éé"), ("é", "日")]
)
def test_a_here_document_whose_end_is_not_plain_is_not_trusted(end: str, other: str, quote: str) -> None:
    hidden = f"cat <<{quote}{end}{quote}\n{other}\ncat <<EOF\n{end}\nrm -rf /\nEOF\n"
    assert not parse(hidden).is_readable
    assert parse(f"cat <<EOF\n{end} {other}\nEOF\n").is_readable
