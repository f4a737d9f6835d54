"""Whether a value changes what a SQL statement says, or only the one word or literal that it stands in."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlglot.tokenizer_core import Token


def same_shape(text: str, word: str, value: str, dialect: str = "postgres") -> bool:
    """Whether `text` with `word` replaced by `value` has the same tokens, but for those that hold the word.

    A literal stays one literal, a quoted name one quoted name; a bare word stays one bare word or becomes a number,
    and never a keyword. What cannot be cut into tokens has no shape.
    """
    from sqlglot.errors import TokenError  # noqa: PLC0415 - sqlglot takes longer to import than all else
    from sqlglot.tokenizer_core import TokenType  # noqa: PLC0415

    try:
        before, after = _tokens(text, dialect), _tokens(text.replace(word, value), dialect)
    except TokenError:
        return False
    if len(before) != len(after):
        return False
    for old, new in zip(before, after, strict=True):
        if word not in old.text:
            if (old.token_type, old.text) != (new.token_type, new.text):
                return False
        elif new.text != old.text.replace(word, value) or new.token_type not in {old.token_type, TokenType.NUMBER}:
            return False
    return True


def _tokens(text: str, dialect: str) -> "Sequence[Token]":
    from sqlglot.dialects.dialect import Dialect  # noqa: PLC0415 - as above

    return Dialect.get_or_raise(dialect).tokenize(text)
