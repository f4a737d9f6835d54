"""What is printed holds nothing that a terminal would obey."""

import json

import pytest

from stanch.cli.output import harmless, print_json, say


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, tab\tand\nline", "plain, tab\tand\nline"),
        ("grün → 東京 🩹", "grün → 東京 🩹"),
        ("\x1b[2J\x1b]0;title\x07", r"\x1b[2J\x1b]0;title\x07"),
        ("safe\rrm -rf", r"safe\x0drm -rf"),
        ("\x9b2J\x90", r"\x9b2J\x90"),
        ("\u202egnp.exe", r"\u202egnp.exe"),
        ("\x08\x7f\x00", r"\x08\x7f\x00"),
        ("\ud800", r"\ud800"),
    ],
)
def test_what_a_terminal_would_obey_is_spelled_out(text: str, shown: str):
    assert harmless(text) == shown


def test_json_stays_json_and_holds_nothing_a_terminal_would_obey(capsys: pytest.CaptureFixture[str]):
    document = {"text": "grün \x1b[2J \x9b2J \u202e \x7f \ud800", "list": ["\n"]}
    print_json(document)
    printed = capsys.readouterr().out
    assert json.loads(printed) == document
    assert "grün" in printed
    assert harmless(printed) == printed


def test_what_is_said_is_harmless(capsys: pytest.CaptureFixture[str]):
    say("a title \x1b]0;owned\x07\nand a line")
    assert capsys.readouterr().out == "a title \\x1b]0;owned\\x07\nand a line\n"
