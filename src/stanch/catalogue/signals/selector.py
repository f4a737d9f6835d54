"""Selectors written as PromQL spells them, so that the catalogue reads like the queries people know."""

from stanch.model.pattern import Pattern
from stanch.model.signal import Matcher, Selector

_SELECTOR = Pattern(r"(?P<metric>[a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(?P<matchers>.*)\})?")
_MATCHER = Pattern(
    r"""\s*(?P<label>[a-zA-Z_]\w*)\s*(?P<operator>=~|!~|!=|=)\s*"(?P<value>(?:[^"\\]|\\.)*)"\s*(?:,|$)"""
)
_ESCAPED = Pattern(r"\\(.)")


def series(text: str) -> Selector:
    """Read `metric{label="value",other=~"regular expression"}`.

    Raises ValueError where the text is no selector.
    """
    whole = _SELECTOR.fullmatch(text)
    if whole is None:
        raise ValueError(f"not a selector: {text!r}")
    matchers: list[Matcher] = []
    inside = whole["matchers"] or ""
    position = 0
    while position < len(inside):
        found = _MATCHER.match(inside, position)
        if found is None:
            raise ValueError(f"not a selector: {text!r}, from {inside[position:]!r} on")
        matchers.append(Matcher(label=found["label"], operator=found["operator"], value=_unescaped(found["value"])))
        position = found.end()
    return Selector(metric=whole["metric"], matchers=tuple(matchers))


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(lambda found: {"n": "\n"}.get(found[1], found[1]), text)
