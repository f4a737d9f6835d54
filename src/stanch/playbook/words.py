"""Words as they are compared: lower case, without the endings that English hangs on them."""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from stanch.model.pattern import Pattern

_WORD = Pattern(r"[^\W_]+(?:['\u2019][^\W\d_]+)?", re.UNICODE)
_BRITISH = Pattern(r"is(e|es|ed|ing|ation|ations)$")
_VOWEL = Pattern(r"[aeiouy]")
_KEPT = frozenset({"redis", "status", "https", "always", "access", "process"})


@lru_cache(maxsize=65536)
def stem(word: str) -> str:
    """One form for a word's inflections: *blocks*, *blocked*, *blocking* -> *block*. No English word need come out."""
    word = word.lower()
    if not word.isalpha():
        word = word.split("'")[0].split("\u2019")[0]
        if any(map(str.isdigit, word)):
            return word
    if len(word) <= 3 or word in _KEPT:
        return word
    if len(word) > 6 and "is" in word:
        word = _BRITISH.sub(r"iz\1", word)
    if word.endswith(("ies", "ied")):
        return word[:-3] + "y"
    if word.endswith("ings") and len(word) > 6:
        word = word[:-1]
    for ending in ("ing", "ed"):
        root = word[: -len(ending)]
        if word.endswith(ending) and len(root) >= 3 and _VOWEL.search(root):
            if len(root) > 3 and root[-1] == root[-2] and root[-1] not in "lsz":
                root = root[:-1]
            return root.removesuffix("e")
    if word.endswith("es") and len(word) > 4 and word[-3] in "sxzh":
        return word[:-2]
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    return word[:-1] if word.endswith("e") and len(word) > 3 else word


class Word(NamedTuple):
    """A word of a text: its stem, and where it stands."""

    stem: str
    start: int
    end: int


def words(text: str) -> tuple[Word, ...]:
    return tuple(Word(stem(match[0]), match.start(), match.end()) for match in _WORD.finditer(text))


@lru_cache(maxsize=16384)
def stems(text: str) -> tuple[str, ...]:
    return tuple(stem(match) for match in _WORD.findall(text))


def wordset(text: str) -> frozenset[str]:
    """The words of a text, parted by white space."""
    return frozenset(text.split())


def slug(text: str) -> str:
    """A name for keys: lower case, words joined by a dash."""
    return "-".join(match.lower() for match in _WORD.findall(text))[:80].strip("-") or "untitled"


def listing(names: Sequence[str]) -> str:
    """`a, b and c`."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"
