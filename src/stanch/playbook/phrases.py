"""Patterns of wording, written as lists of phrases."""

import re

from stanch.model.pattern import Pattern


class Phrases(Pattern):
    r"""Any of several phrases as whole words, in any case; a blank stands for any run of white space.

    An alternative may be a regular expression; a blank in a character class is written `\s`.
    """

    __slots__ = ()

    def __init__(self, *alternatives: str, whole: bool = True) -> None:
        joined = "|".join(alternatives).replace(" ", r"\s+")
        super().__init__(rf"(?<![\w-])(?:{joined})(?![\w-])" if whole else joined, re.IGNORECASE)
