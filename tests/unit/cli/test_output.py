"""What is printed holds nothing that a terminal would obey."""

import pytest

from stanch.cli.output import harmless


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
