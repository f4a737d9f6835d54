"""Whether a document is in English: by its small words, or by its script."""

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping
from types import MappingProxyType

from stanch.model.pattern import Pattern
from stanch.playbook.words import wordset

_SMALL_WORDS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "English": wordset(
            "the of and to in is for on with if when are be or by from this that it as at not all any no"
            " after before check"
        ),
        "Spanish": wordset(
            "el la los las de del que en un una con por para si cuando es son se al lo como m\u00e1s o y su"
            " todos despu\u00e9s"
        ),
        "Portuguese": wordset(
            "o a os as de do da dos das que em um uma com por para se quando \u00e9 s\u00e3o ao mais ou e no"
            " na n\u00e3o todos ap\u00f3s"
        ),
        "French": wordset(
            "le la les de des du que en un une avec par pour si quand est sont se au aux plus ou et dans pas"
            " tous apr\u00e8s sur"
        ),
        "German": wordset(
            "der die das und von zu in ist f\u00fcr auf mit wenn sind oder aus den dem nicht alle nach vor"
            " ein eine bei wird werden"
        ),
        "Italian": wordset(
            "il lo la i gli le di del della che in un una con per se quando \u00e8 sono al pi\u00f9 o e nel"
            " non tutti dopo su"
        ),
        "Dutch": wordset(
            "de het een van en in is voor op met als zijn of uit niet alle na bij wordt worden dat dit te aan door over"
        ),
        "Polish": wordset(
            "i w na z do nie jest si\u0119 dla po je\u015bli gdy przez od oraz lub jak ma s\u0105 przed za o czy"
        ),
        "Turkish": wordset(
            "ve bir bu i\u00e7in ile veya da de olarak e\u011fer ise sonra \u00f6nce her t\u00fcm olan de\u011fil gibi"
        ),
        "Indonesian": wordset(
            "dan yang di ke dari untuk dengan jika pada adalah atau ini itu tidak semua setelah oleh akan"
        ),
    }
)
_SCRIPTS: Mapping[str, str] = MappingProxyType(
    {
        "CYRILLIC": "Russian or another language in Cyrillic",
        "CJK": "Chinese or Japanese",
        "HIRAGANA": "Japanese",
        "KATAKANA": "Japanese",
        "HANGUL": "Korean",
        "ARABIC": "Arabic or another language in its script",
        "HEBREW": "Hebrew",
        "DEVANAGARI": "Hindi or another language in Devanagari",
        "GREEK": "Greek",
        "THAI": "Thai",
    }
)
_FENCED = Pattern(r"^(?P<fence>```+|~~~+).*?(?:^(?P=fence)|\Z)", re.MULTILINE | re.DOTALL)
_WORD = Pattern(r"[^\W\d_]+")
_CODE = Pattern(r"`[^`\n]*`")
_FEWEST_DIFFERENT = 4
"""Small words of a language that must occur; letters alone (names of hosts, of columns) are words of none."""

_SAMPLE = 60_000
_FEWEST = 25
"""Words; a shorter text tells nothing about its language."""


def other_language(text: str) -> str | None:
    """The language of a document that is not English; None for English, and for too little text to tell."""
    prose = _CODE.sub(" ", _FENCED.sub(" ", text[:_SAMPLE]))
    found = [word.lower() for word in _WORD.findall(prose)]
    if len(found) < _FEWEST:
        return None
    script = _script(found)
    if script is not None:
        return script
    often = Counter(word for word in found if len(word) > 1)
    counts = {language: sum(often[word] for word in small) for language, small in _SMALL_WORDS.items()}
    best = max(counts, key=lambda language: counts[language])
    various = sum(word in often for word in _SMALL_WORDS[best]) >= _FEWEST_DIFFERENT
    clear = counts[best] >= 2 * counts["English"] + 4 and counts[best] * 12 >= len(found)
    return best if best != "English" and clear and various else None


def _script(found: list[str]) -> str | None:
    """The language of a script other than Latin in which at least a third of the letters stand."""
    letters = Counter(character for word in found[:2000] for character in word)
    total = sum(letters.values())
    scripts: Counter[str] = Counter()
    for character, count in letters.items():
        if ord(character) > 0x370:
            scripts[unicodedata.name(character, "?").split()[0].split("-")[0]] += count
    for script, count in scripts.most_common(1):
        if count * 3 >= total and script in _SCRIPTS:
            return _SCRIPTS[script]
    return None
