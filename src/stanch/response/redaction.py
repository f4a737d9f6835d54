"""Secrets are taken out of everything a command says before it is stored or shown.

Four nets, one after another: values known to be secret (settings, environment), the published forms of tokens and
keys, `name = value` pairs whose name says secret, and long runs of characters too random to be words. The last is
measured in bits of Shannon entropy a character: English prose is about 4.1 over letters, base64 of random bytes
close to 6, hexadecimal digits at most 4. Hashes that operators read (image digests, commits, plan hashes) are plain
hexadecimal and stay; a hexadecimal secret is caught by its name or by being known.
"""

import base64
import json
import math
import re
from collections import Counter
from collections.abc import Iterable
from itertools import pairwise
from urllib.parse import quote

_MARK = "[redacted: {}]"
MARKED = "[redacted: "
"""How every mark begins: what holds one is not what was printed."""

_SHORTEST_KNOWN = 6
"""A known secret shorter than this would take ordinary words out of the output; its owner should change it."""

_LONG_WORD = 16
_LEAST_RANDOM_LENGTH = 24
_LEAST_RANDOM_BITS = 4.0
_LEAST_CHANGES = 0.45
"""Of neighbouring characters in random base64, 61% differ in kind (upper, lower, digit, sign); in names, under 35%."""

_NAMES = (
    r"pass(?:word|wd|phrase)?|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|secret[_-]?key|"
    r"client[_-]?secret|auth(?:[_-]?key|[_-]?token)|credentials?|session[_-]?(?:id|key|token)|"
    r"encryption[_-]?key|signing[_-]?key|connection[_-]?string|requirepass|masterauth|PGPASSWORD|REDISCLI_AUTH"
)
_SECRET_NAME = re.compile(rf"[A-Za-z0-9_.-]*(?:{_NAMES})(?:[_.-][A-Za-z0-9]+)*", re.IGNORECASE)
_NAME_OF_A_PLACE = re.compile(r"(?:file|path|dir|url|uri|id)\Z", re.IGNORECASE)

_FORMS: tuple[tuple[str, re.Pattern[str]], ...] = (
    (
        "private key",
        re.compile(
            r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----.*?"
            r"(?:-----END (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----|\Z)",
            re.DOTALL,
        ),
    ),
    ("web token", re.compile(r"\beyJ[A-Za-z0-9_-]{5,2000}\.[A-Za-z0-9_-]{5,8000}(?:\.[A-Za-z0-9_-]{0,2000})?")),
    ("AWS key", re.compile(r"\b(?:AKIA|ASIA|AGPA|AROA|AIDA|ANPA)[A-Z0-9]{16}\b")),
    ("GitHub token", re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,})")),
    ("GitLab token", re.compile(r"\bgl(?:pat|ptt|dt|rt|oas|ft|soat)-[A-Za-z0-9_-]{16,}")),
    ("Slack token", re.compile(r"\bxox[abeoprs]-[A-Za-z0-9-]{8,}|\bxapp-[A-Za-z0-9-]{8,}")),
    ("webhook", re.compile(r"https://hooks\.slack\.com/(?:services|workflows)/[^\s\"'<>]+")),
    ("webhook", re.compile(r"https://(?:\w+\.)?discord(?:app)?\.com/api/webhooks/[^\s\"'<>]+")),
    ("Google key", re.compile(r"\bAIza[A-Za-z0-9_-]{35}|\bya29\.[A-Za-z0-9_-]{16,}")),
    ("Stripe key", re.compile(r"\b(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{12,}|\bwhsec_[A-Za-z0-9+/=]{16,}")),
    ("API key", re.compile(r"\bsk-(?:[a-z]+-)*[A-Za-z0-9_-]{20,}")),
    ("package token", re.compile(r"\bpypi-[A-Za-z0-9_-]{16,}|\bnpm_[A-Za-z0-9]{30,}|\bdckr_pat_[A-Za-z0-9_-]{16,}")),
    ("mail key", re.compile(r"\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}|\bkey-[0-9a-f]{32}\b")),
    ("Stanch token", re.compile(r"\bstanch_[A-Za-z0-9_-]{32,}")),
    ("Vault token", re.compile(r"\bhv[sbr]\.[A-Za-z0-9_-]{16,}")),
    ("age key", re.compile(r"\bAGE-SECRET-KEY-1[A-Z0-9]{20,}")),
    ("password hash", re.compile(r"\$(?:2[abxy]|5|6|y|argon2(?:id|i|d))\$[^\s:\"']{16,}|\bSCRAM-SHA-256\$[^\s\"']+")),
)

_AUTHORIZATION = re.compile(
    r"(?P<before>\b(?:proxy-)?authorization[\"']?\s*[:=]\s*[\"']?(?:(?:basic|bearer|token|digest|negotiate|apikey)\s+)?)"
    r"(?P<value>[^\s\"',;]+)",
    re.IGNORECASE,
)
_BEARER = re.compile(r"(?P<before>\bbearer\s+)(?P<value>[A-Za-z0-9._~+/=-]{8,})", re.IGNORECASE)
_COOKIE = re.compile(r"(?P<before>\b(?:set-)?cookie[\"']?\s*:\s*)(?P<value>[^\r\n\"']+)", re.IGNORECASE)
_URL = re.compile(
    r"(?P<before>(?<![a-z0-9+.-])[a-z][a-z0-9+.-]{1,30}://[^\s:/?#@\"']{0,200}:)(?P<value>[^\s/?#\"']*)(?=@)",
    re.IGNORECASE,
)
_LIBPQ = re.compile(r"(?P<before>\bpassword\s*=\s*)(?P<value>'(?:[^'\\]|\\.)*'|[^\s'\"&;,]+)", re.IGNORECASE)
_SQL = re.compile(
    r"(?P<before>\b(?:identified\s+by|(?:encrypted\s+)?password)\s+)(?P<value>'(?:[^']|'')*')", re.IGNORECASE
)
_FLAG = re.compile(
    rf"(?P<before>(?<!\S)--?(?:[A-Za-z0-9]{{1,40}}[_-]){{0,6}}(?:{_NAMES})(?:\s+|=))(?P<value>\"[^\"]*\"|'[^']*'|[^\s\"'-][^\s]*)",
    re.IGNORECASE,
)
_PAIR = re.compile(
    rf"(?P<before>(?<![A-Za-z])(?:[A-Za-z0-9]{{1,40}}[_.-]){{0,6}}(?:{_NAMES})(?:[_.-][A-Za-z0-9]{{1,40}}){{0,6}}[\"']?\s*(?:=>|:=|[:=])\s*)"
    r"(?P<value>\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|[^\s\"',;&}\])]+)",
    re.IGNORECASE,
)
_PAIRS: tuple[re.Pattern[str], ...] = (_AUTHORIZATION, _BEARER, _COOKIE, _URL, _LIBPQ, _SQL, _FLAG, _PAIR)

_PLAIN_VALUES = re.compile(r"[\"']?(?:true|false|null|none|nil|yes|no|\*+|<[^>]*>|\d{1,4}|)[\"']?\Z", re.IGNORECASE)
_CANDIDATE = re.compile(r"[A-Za-z0-9+/=_-]{24,}")
_HEXADECIMAL = re.compile(r"(?:0x)?[0-9a-f]+(?:-[0-9a-f]+)*\Z|(?:0x)?[0-9A-F]+(?:-[0-9A-F]+)*\Z")


def is_distinct(value: str) -> bool:
    """Whether a secret can be told from the words and numbers that stand anywhere: a password `clinic` cannot."""
    return len(value) >= _SHORTEST_KNOWN and (len(value) >= _LONG_WORD or not (value.isalpha() or value.isdigit()))


def entropy(text: str) -> float:
    """Shannon entropy of the characters of `text`, in bits a character; 0 for the empty string."""
    total = len(text)
    return -sum(count / total * math.log2(count / total) for count in Counter(text).values()) if total else 0.0


def says_secret(name: str) -> bool:
    """Whether the name of a variable says that its value is a secret: `PGPASSWORD`, not `PGPASSFILE`."""
    return _SECRET_NAME.fullmatch(name) is not None and _NAME_OF_A_PLACE.search(name) is None


class Redactor:
    """Takes secrets out of text. `known` are secret values as they are; their base64, URL and JSON forms go as well."""

    def __init__(self, known: Iterable[str] = ()) -> None:
        self.known = tuple(known)
        forms: set[str] = set()
        for value in self.known:
            if len(value) < _SHORTEST_KNOWN:
                continue
            encoded = base64.b64encode(value.encode()).decode()
            forms |= {value, quote(value, safe=""), encoded, encoded.rstrip("="), json.dumps(value)[1:-1]}
            forms |= {line for line in value.splitlines() if len(line) >= _SHORTEST_KNOWN}
        # Longest first, so that a secret which contains another leaves no rest behind.
        ordered = sorted(forms, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, ordered))) if ordered else None

    def lines(self) -> "RedactedLines":
        """A fresh redactor of a text that comes line by line."""
        return RedactedLines(self)

    def without_known(self, text: str) -> str:
        """`text` without the values that are known, all else as it is: also for names, numbers and JSON."""
        return text if self._known is None else self._known.sub(_MARK.format("known secret"), text)

    def __call__(self, text: str) -> str:
        """`text` with every secret replaced by `[redacted: what it was]`. Idempotent; never raises."""
        text = self.without_known(text)
        for what, form in _FORMS:
            text = form.sub(_MARK.format(what), text)
        for pair in _PAIRS:
            text = pair.sub(_hide_value, text)
        return _CANDIDATE.sub(_hide_random, text)


class RedactedLines:
    """Redacts a text that comes line by line: a private key that spans lines is gone as a whole."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._within_key = False

    def __call__(self, line: str) -> str | None:
        """The line to keep; None where it is the inside of a private key."""
        if self._within_key:
            _, end, rest = line.partition("-----END ")
            self._within_key = not end
            return self._redactor(rest.partition("-----")[2]) or None if end else None
        line = self._redactor(line)
        self._within_key = line.endswith(_MARK.format("private key"))
        return line


def _hide_value(match: re.Match[str]) -> str:
    value = match["value"]
    if "[redacted:" in value or _PLAIN_VALUES.match(value):
        return match[0]
    quoted = value[0] if value[0] in "\"'" and value[-1] == value[0] else ""
    return f"{match['before']}{quoted}{_MARK.format('secret')}{quoted}"


def _hide_random(match: re.Match[str]) -> str:
    text = match[0]
    return _MARK.format("random value") if _is_random(text) else text


def _is_random(text: str) -> bool:
    """Whether no person or compiler would have written it: long, mixed and without the rhythm of words or paths."""
    core = text.strip("=/-_+")
    if len(core) < _LEAST_RANDOM_LENGTH or _HEXADECIMAL.match(core):
        return False
    has_all = any(map(str.isdigit, core)) and any(map(str.islower, core)) and any(map(str.isupper, core))
    if not has_all or entropy(core) < _LEAST_RANDOM_BITS:
        return False
    # In words, even in CamelCase with a number, most letters follow one of their own kind; at random, few do.
    kinds = [_kind(character) for character in core]
    changes = sum(left != right for left, right in pairwise(kinds))
    return changes >= _LEAST_CHANGES * (len(core) - 1)


def _kind(character: str) -> str:
    return "A" if character.isupper() else "a" if character.islower() else "0" if character.isdigit() else "-"
