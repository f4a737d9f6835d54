"""Random shell scripts: well-formed ones full of nesting and quoting, the same with a few characters changed, and
plain token soup. None holds a slash outside `/dev/null`, so a bash with an empty PATH runs no program for them.
"""

import shlex

from hypothesis import strategies as st

COMMANDS = (
    ("ls",),
    ("ls", "-l", "x"),
    ("cat", "a"),
    ("cat",),
    ("kubectl", "get", "pods"),
    ("kubectl", "delete", "pod", "x"),
    ("kubectl", "scale", "deploy", "x", "--replicas=2"),
    ("rm", "-rf", "x"),
    ("redis-cli", "FLUSHALL"),
    ("redis-cli", "get", "a"),
    ("psql", "-c", "select 1"),
    ("psql", "-c", "drop table x"),
    ("grep", "-v", "a b", "c"),
    ("sort", "-o", "f", "g"),
    ("sed", "-i", "s,a,b,", "f"),
    ("unknown", "a"),
    ("git", "status"),
    ("git", "reset", "--hard"),
    ("sh", "-c", "rm -rf x"),
    ("sudo", "rm", "x"),
    ("env", "A=b", "ls"),
    ("xargs", "rm"),
    ("true",),
    ("false",),
    ("echo", "rm -rf x"),
    ("echo", "a", "b"),
    ("printf", "%s", "a"),
)

_VARIABLES = ("x", "y", "ls", "A")
_VALUES = ("rm", "ls", "-rf", "a b", "delete", "", "kubectl", "1", "rm -rf x")


@st.composite
def _quoted(draw: st.DrawFn, text: str) -> str:
    """One of the ways to write a word."""
    match draw(st.integers(0, 8)):
        case 0 | 1 | 2 if text and shlex.quote(text) == text:
            return text
        case 3:
            return "'" + text.replace("'", "'\\''") + "'"
        case 4:
            escaped = "".join("\\" + c if c in '$`"\\' else c for c in text)
            return f'"{escaped}"'
        case 5:
            return "".join("\\" + c if c != "\n" else "'\n'" for c in text) or "''"
        case 6:
            return "$'" + "".join(f"\\x{ord(c):02x}" if c.isascii() else c for c in text) + "'"
        case 7 if len(text) > 1:
            middle = draw(st.integers(1, len(text) - 1))
            return draw(_quoted(text[:middle])) + draw(st.sampled_from(["", "''", '""'])) + draw(_quoted(text[middle:]))
        case 8 if len(text) > 1 and shlex.quote(text) == text:
            return text[:1] + "\\\n" + text[1:]
        case _:
            return shlex.quote(text)


@st.composite
def _word(draw: st.DrawFn, text: str, depth: int) -> str:
    if depth <= 0 or draw(st.integers(0, 5)):
        return draw(_quoted(text))
    inner = draw(script(depth - 1))
    name = draw(st.sampled_from(_VARIABLES))
    match draw(st.integers(0, 9)):
        case 0:
            return f"$({inner})"
        case 1:
            return f'"$({inner})"'
        case 2 if "`" not in inner and "\\" not in inner:
            return f"`{inner}`"
        case 3:
            return f"<({inner})"
        case 4:
            return f"${{{name}:-{draw(_quoted(text))}}}"
        case 5:
            return f'"${{{name}:-$({inner})}}"'
        case 6:
            return f"${name}"
        case 7:
            return f'"${name}"'
        case 8:
            return f"$(({draw(st.sampled_from(['1+2', 'x', 'x+1', '1']))}))"
        case _:
            return draw(_quoted(text)) + f"${{{name}}}"


@st.composite
def _simple(draw: st.DrawFn, depth: int) -> str:
    words = [draw(_word(text, depth)) for text in draw(st.sampled_from(COMMANDS))]
    if draw(st.integers(0, 6)) == 0:
        words.insert(0, f"{draw(st.sampled_from(_VARIABLES))}={draw(_word(draw(st.sampled_from(_VALUES)), depth))}")
    match draw(st.integers(0, 14)):
        case 0:
            words.insert(draw(st.integers(0, len(words))), "2>/dev/null")
        case 1:
            words.insert(draw(st.integers(0, len(words))), f"> {draw(_word('f', depth))}")
        case 2:
            words.append("2>&1")
        case 3:
            words.append(f"<<< {draw(_word('rm -rf x', depth))}")
        case 4:
            words.insert(0, draw(st.sampled_from(["!", "time", "command", "exec", "builtin", "eval"])))
        case 5:
            words = ["eval", draw(_quoted(" ".join(words)))]
        case 6:
            words = [f"{draw(st.sampled_from(_VARIABLES))}={draw(_word(draw(st.sampled_from(_VALUES)), depth))}"]
        case 7:
            words = [f"${draw(st.sampled_from(_VARIABLES))}", *words[1:]]
        case 8 if "\n" not in "".join(words):
            body = draw(script(depth - 1)) if depth > 0 else "rm -rf x"
            end = draw(st.sampled_from(["EOF", "'EOF'", '"EOF"', "\\EOF"]))
            return f"{' '.join(words)} <<{end}\n{body}\nEOF\n"
        case _:
            pass
    return draw(st.sampled_from([" ", "  ", " \\\n", "\t"])).join(words)


@st.composite
def script(draw: st.DrawFn, depth: int = 2) -> str:
    """A well-formed script."""
    if depth <= 0:
        return draw(_simple(depth))
    first = draw(_simple(depth))
    if draw(st.integers(0, 2)) == 0:
        return first
    second = draw(script(depth - 1))
    name = draw(st.sampled_from(_VARIABLES))
    values = " ".join(draw(_word(value, 0)) for value in draw(st.lists(st.sampled_from(_VALUES), max_size=3)))
    match draw(st.integers(0, 18)):
        case 0 | 1 | 2:
            return f"{first}; {second}" if not first.endswith("\n") else f"{first}{second}"
        case 3:
            return f"{first} && {second}" if not first.endswith("\n") else f"{first}{second}"
        case 4:
            return f"{first} || {second}" if not first.endswith("\n") else f"{first}{second}"
        case 5 | 6:
            return f"{first} | {second}" if not first.endswith("\n") else f"{first}{second}"
        case 7:
            return f"{first}\n{second}"
        case 8:
            return f"( {first}\n )"
        case 9:
            return f"{{ {first}\n }}"
        case 10:
            return f"if {first}\n then {second}\n fi"
        case 11 | 12:
            return f"for {name} in {values}; do {second}\n done"
        case 13:
            return f"case {draw(_word('a', depth))} in a) {first}\n;; *) {second}\n;; esac"
        case 14:
            return f"{draw(st.sampled_from(['f', 'ls', 'g']))}() {{ {first}\n }}; {second}"
        case 15:
            return f"[[ {draw(_word('a', depth))} = b ]] || {second}"
        case 16:
            return f"{first} # {second}" if "\n" not in second else f"{first}\n{second}"
        case 17:
            return f"while false; do {first}\n done; {second}"
        case _:
            return f"{{ {first}\n }} > f; {second}"


_SPLICES = (
    "'",
    '"',
    "`",
    "\\",
    "$",
    "(",
    ")",
    "{",
    "}",
    ";",
    "&",
    "|",
    "<",
    ">",
    "\n",
    " ",
    "#",
    "=",
    "!",
    "*",
    "$(",
    "<<",
    ",",
)


@st.composite
def broken(draw: st.DrawFn) -> str:
    """A script with a few characters taken out, put in or doubled."""
    text = draw(script(2))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, max(0, len(text) - 1)))
        match draw(st.integers(0, 2)):
            case 0:
                text = text[:at] + text[at + 1 :]
            case 1:
                text = text[:at] + draw(st.sampled_from(_SPLICES)) + text[at:]
            case _:
                text = text[:at] + text[at : at + 2] + text[at:]
    return text


_TOKENS = (
    "rm", "-rf", "x", "kubectl", "delete", "get", "pods", "ls", "cat", "echo", "redis-cli", "FLUSHALL", ";", "&&", "||", "|", "\n",
    "$(", ")", "`", '"', "'", "{", "}", "(", "<(", ">(", "$x", "${x:-", "${x", "x=rm", "x=ls", "x=", "<<EOF\n", "<<'EOF'\n", "EOF\n", "\nEOF\n",
    "if", "then", "fi", "else", "for i in", "do", "done", "case", "in", "esac", "eval", "\\", "#", "$'\\x72m'", ">f", "2>/dev/null", "<<<",
    "!", "time", "env", "sudo", "xargs", "command", "exec", "$((", "))", "[[", "]]", "[", "]", "=", "$i", "-c", "sh", "bash", "true", "false",
    "*", "{rm,x}", "\\\n", "|&", "&>", "$@", "rm x", "ls x", "cat <", "a", "\t", " ", " ", " ", " ",
)  # fmt: skip

soup = st.lists(st.tuples(st.sampled_from(_TOKENS), st.sampled_from(["", " "])), min_size=1, max_size=16).map(
    lambda pairs: "".join(token + blank for token, blank in pairs)
)
"""Tokens in any order."""

_FRAGMENTS = (
    *"abcr m", "'", '"', "\\", "$'", "{", "}", ",", "..", "1", "3", "[", "]", "*", "?", "~", "#", "!", "=", ":", "\n", "\\\n", "$'\\x72'", "$'\\''",
    "é", "-", "%", "^", "@", "+", ".", "''", '""', "{a,b}", "{1..3}", "\t",
)  # fmt: skip

words = st.lists(st.sampled_from(_FRAGMENTS), min_size=1, max_size=14).map("".join)
"""The arguments of one command, in every kind of quoting."""
