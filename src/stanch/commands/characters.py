"""Characters that show a person something else than the shell reads: invisible ones, and look-alikes of ASCII."""

import unicodedata
from collections.abc import Collection

from stanch.model.pattern import Pattern

_PLAIN = Pattern(r"[\t\n\x20-\x7e]*\Z")
_INVISIBLE = frozenset({"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp", "Zs"})
_BLANK_LETTERS = frozenset("\u115f\u1160\u17b4\u17b5\u3164\uffa0\u2800\u034f")
_VARIATION = (range(0xFE00, 0xFE10), range(0xE0100, 0xE01F0), range(0x180B, 0x1810))
_LOOK_ALIKE_SCRIPTS = (
    "CYRILLIC",
    "GREEK",
    "ARMENIAN",
    "CHEROKEE",
    "COPTIC",
    "LISU",
    "GEORGIAN",
    "LATIN LETTER SMALL CA",
)
_RUN = Pattern(r"[^\W\d_]+")


def suspicious(text: str) -> str | None:
    """Why `text` cannot be trusted to be what it looks like; None where it can.

    Plain ASCII is always fine. Elsewhere it names: a character that cannot be seen (controls, zero width,
    direction marks, unusual spaces), a letter or digit that is a styled form of an ASCII one (full width,
    mathematical), and a word that mixes Latin with letters of scripts that look like it.
    """
    if _PLAIN.match(text):
        return None
    for character in text:
        if character < "\x7f":
            if character < " " and character not in "\t\n":
                return f"the control character {_name(character)} cannot be seen"
            continue
        category = unicodedata.category(character)
        if (
            category in _INVISIBLE
            or character in _BLANK_LETTERS
            or any(ord(character) in block for block in _VARIATION)
        ):
            return f"the character {_name(character)} cannot be seen"
        if category[0] in "LN" and unicodedata.normalize("NFKC", character).isascii():
            return f"the character {_name(character)} looks like '{unicodedata.normalize('NFKC', character)}'"
    for run in _RUN.findall(text):
        if any(letter.isascii() for letter in run):
            for letter in run:
                if unicodedata.name(letter, "").startswith(_LOOK_ALIKE_SCRIPTS):
                    return f"the letter {_name(letter)} is mixed with Latin ones in '{run}'"
    return None


def suspicious_outside_quotes(text: str, allowed: Collection[str]) -> str | None:
    """Punctuation that looks like the shell's own (dashes, curly quotes, a full-width bar) where it would matter."""
    for character in text:
        if character > "\x7f" and character not in allowed and unicodedata.category(character)[0] not in "LNM":
            return f"the character {_name(character)} stands where the shell's own punctuation does"
    return None


def _name(character: str) -> str:
    return f"U+{ord(character):04X} {unicodedata.name(character, 'control')}"
