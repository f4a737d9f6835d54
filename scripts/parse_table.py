"""Writes the parse table of the grammar of thresholds: `python scripts/parse_table.py`, or `make tables`."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lark import Lark
from lark.lexer import Lexer, LexerState, Token
from lark.parsers.lalr_analysis import Shift

ROOM = Path(__file__).parent.parent / "src" / "stanch" / "playbook"


class _Kinds(Lexer):
    """Kinds are told apart before the grammar sees them: it has no letters."""

    __future_interface__ = 2

    def __init__(self, _conf: object) -> None:
        """Nothing to configure."""

    def lex(self, lexer_state: LexerState, parser_state: object) -> Iterator[Token]:
        del parser_state
        for index, kind in enumerate(lexer_state.text.text.split()):
            yield Token(kind, str(index))


def lalr() -> Lark:
    """The grammar as lark understands it: what the table is held against."""
    text = (ROOM / "threshold.lark").read_text(encoding="utf-8")
    return Lark(text, parser="lalr", lexer=_Kinds, maybe_placeholders=False)


def written() -> str:
    """The table as JSON, the same for the same grammar: states are numbered in the order in which they are reached."""
    parser: Any = lalr().parser
    machine = parser.parser.parser.parse_table
    numbers = {machine.start_states["start"]: 0}
    reached = [machine.start_states["start"]]
    rules: dict[Any, int] = {}
    actions: list[dict[str, int]] = []
    gotos: list[dict[str, int]] = []
    for state in reached:
        acts: dict[str, int] = {}
        goes: dict[str, int] = {}
        for symbol, (action, argument) in sorted(machine.states[state].items()):
            if action is Shift:
                if argument not in numbers:
                    numbers[argument] = len(numbers)
                    reached.append(argument)
                (goes if symbol.islower() or symbol.startswith("__") else acts)[symbol] = numbers[argument]
            else:
                acts[symbol] = -1 - rules.setdefault(argument, len(rules))
        actions.append(acts)
        gotos.append(goes)
    kinds = {kind for acts in actions for kind in acts}
    document = {
        "start": 0,
        "accepting": numbers[machine.end_states["start"]],
        "left_out": sorted(kind for kind in kinds if kind.startswith("_")),
        "rules": [_rule(rule) for rule in rules],
        "actions": actions,
        "gotos": gotos,
    }
    text = json.dumps(document, separators=(",", ":"))
    return re.sub(r"(\},)(?=\{)|(\],)(?=[\[\"])", lambda match: match[0] + "\n", text) + "\n"


def _rule(rule: Any) -> list[object]:
    """What a rule makes, its length, its name among the parts, and whether it lists parts."""
    makes = rule.origin.name
    lists = makes == "start" or makes.startswith("__")
    stands_for_its_child = rule.options.expand1 and not rule.alias
    return [makes, len(rule.expansion), "" if lists or stands_for_its_child else rule.alias or makes, lists]


if __name__ == "__main__":
    (ROOM / "threshold.json").write_text(written(), encoding="utf-8")
