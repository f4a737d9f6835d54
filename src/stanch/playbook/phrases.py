"""Patterns of wording, written as lists of phrases and compiled when they are first needed."""

import re
from collections.abc import Iterator


class Phrases:
    r"""Any of several phrases as whole words, in any case; a blank stands for any run of white space.

    An alternative may be a regular expression; a blank in a character class is written `\s`. Compiling waits for the
    first use, since a document meets few of them.
    """

    __slots__ = ("_alternatives", "_compiled", "_whole")

    def __init__(self, *alternatives: str, whole: bool = True) -> None:
        self._alternatives = alternatives
        self._whole = whole
        self._compiled: re.Pattern[str] | None = None

    @property
    def text(self) -> str:
        """The regular expression."""
        joined = "|".join(self._alternatives).replace(" ", r"\s+")
        return rf"(?<![\w-])(?:{joined})(?![\w-])" if self._whole else joined

    @property
    def _pattern(self) -> re.Pattern[str]:
        if self._compiled is None:
            self._compiled = re.compile(self.text, re.IGNORECASE)
        return self._compiled

    def search(self, text: str, start: int = 0) -> re.Match[str] | None:
        return self._pattern.search(text, start)

    def match(self, text: str, start: int = 0) -> re.Match[str] | None:
        return self._pattern.match(text, start)

    def fullmatch(self, text: str) -> re.Match[str] | None:
        return self._pattern.fullmatch(text)

    def finditer(self, text: str, start: int = 0) -> Iterator[re.Match[str]]:
        return self._pattern.finditer(text, start)

    def sub(self, replacement: str, text: str) -> str:
        return self._pattern.sub(replacement, text)

    def inside(self, text: str) -> bool:
        """Whether one of the phrases stands in a text."""
        return self._pattern.search(text) is not None
