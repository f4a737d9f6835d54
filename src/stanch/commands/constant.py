"""What a command prints, where its words and input decide that alone: `echo`, `printf`, `base64 -d` and their like.

Commands hidden behind an encoding are read through it (`echo cm0gLXJmIC8= | base64 -d | sh`).
"""

import base64
import binascii
import codecs
import re
from collections.abc import Callable

from stanch.model.pattern import Pattern

_ECHO_ESCAPE = Pattern(r"\\(?:([abefnrtv\\])|x([0-9A-Fa-f]{1,2})|0([0-7]{0,3}))")
_PRINTF_ESCAPE = Pattern(r"\\(?:([abefnrtv\\\"'])|x([0-9A-Fa-f]{1,2})|([0-7]{1,3}))")
_NAMED = {
    "a": "\a", "b": "\b", "e": "\x1b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\", '"': '"',
    "'": "'",
}  # fmt: skip
_LONGEST = 20_000


def output(argv: tuple[str, ...], stdin: str | None) -> str | None:
    """What `argv` prints when it reads `stdin`; None where that is not certain."""
    printed = _output(argv, stdin)
    return None if printed is None or len(printed) > _LONGEST else printed


def _output(argv: tuple[str, ...], stdin: str | None) -> str | None:  # noqa: C901, PLR0912 - a grammar has a branch for each rule
    match argv:
        case ("true" | ":" | "false", *_):
            return ""
        case ("echo", *words):
            return _echo(words)
        case ("printf", text, *words) if not text.startswith("-"):
            return _printf(text, words)
        case ("seq", *words) if 1 <= len(words) <= 2 and all(re.fullmatch(r"\d{1,4}", word) for word in words):
            first, last = (1, int(words[0])) if len(words) == 1 else (int(words[0]), int(words[1]))
            return "".join(f"{number}\n" for number in range(first, last + 1))
        case ("cat",) | ("cat", "-") | ("tee",):
            return stdin
        case ("base64", "-d" | "-D" | "--decode" | "-di" | "-id"):
            return _decoded(stdin, lambda text: base64.b64decode("".join(text.split())))
        case ("base32", "-d" | "--decode"):
            return _decoded(stdin, lambda text: base64.b32decode("".join(text.split())))
        case ("xxd", *words) if sorted("".join(word.strip("-") for word in words)) == ["p", "r"]:
            return _decoded(stdin, lambda text: bytes.fromhex("".join(text.split())))
        case ("openssl", "base64", "-d", *_) | ("openssl", "enc", "-base64", "-d", *_):
            return _decoded(stdin, lambda text: base64.b64decode("".join(text.split())))
        case ("rev",) if stdin is not None:
            return "\n".join(line[::-1] for line in stdin.split("\n"))
        case ("tr", "A-Za-z", "N-ZA-Mn-za-m") | ("tr", "a-zA-Z", "n-za-mN-ZA-M") if stdin is not None:
            return codecs.encode(stdin, "rot13")
        case ("tr", "-d", removed) if stdin is not None and re.fullmatch(r"[A-Za-z0-9 _.]+", removed):
            return stdin.translate({ord(character): None for character in removed})
        case ("tr", before, after) if stdin is not None and len(before) == len(after) == 1:
            return stdin.replace(before, after)
        case _:
            return None


def _decoded(stdin: str | None, decode: Callable[[str], bytes]) -> str | None:
    if stdin is None:
        return None
    try:
        return decode(stdin).decode()
    except (ValueError, binascii.Error):
        return None


def _echo(words: list[str]) -> str | None:
    newline, escapes = True, False
    while words and re.fullmatch(r"-[neE]+", words[0]):
        newline = newline and "n" not in words[0]
        escapes = "e" in words[0] if set(words[0]) & {"e", "E"} else escapes
        words = words[1:]
    text = " ".join(words)
    if escapes:
        if "\\c" in text or re.search(r"\\[uU]", text):
            return None
        text = _ECHO_ESCAPE.sub(lambda m: _escaped(m.group(1), m.group(2), m.group(3)), text)
    return text + ("\n" if newline else "")


def _printf(text: str, words: list[str]) -> str | None:
    text = _PRINTF_ESCAPE.sub(lambda m: _escaped(m.group(1), m.group(2), m.group(3)), text)
    conversions = re.findall(r"%(.)", text.replace("%%", ""))
    if any(conversion not in "sd" for conversion in conversions) or "\0" in text:
        return None
    if not conversions:
        return text.replace("%%", "%")
    printed = ""
    rest = list(words)
    while True:
        chunk = rest[: len(conversions)]
        chunk += [""] * (len(conversions) - len(chunk))
        rest = rest[len(conversions) :]
        values = iter(chunk)
        printed += re.sub(r"%(.)", lambda m: "%" if m.group(1) == "%" else next(values), text)  # noqa: B023 - called at once
        if not rest:
            return printed


def _escaped(named: str | None, code: str | None, octal: str | None) -> str:
    if named:
        return _NAMED[named]
    return chr(int(code, 16) if code else int(octal or "0", 8) & 0xFF)
