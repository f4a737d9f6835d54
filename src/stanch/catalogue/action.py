"""What an action of the vocabulary is: its name, its risk, how people ask for it, what it takes from a sentence."""

from stanch.model.record import record
from stanch.model.risk import Risk


@record
class Parameter:
    """A value that stands in the sentence. `pattern` is a regular expression whose group `value` is taken as text."""

    name: str
    pattern: str
    description: str


@record
class ActionEntry:
    """A verb of the vocabulary, as a playbook can ask for it; what carries it out is bound elsewhere.

    A phrase is a row of words that must stand in this order with at most four others between two of them; `a|b`
    are alternatives, and every word stands for its inflections (`block` for *blocks*, *blocked*, *blocking*).
    `tells` marks actions that speak to people; `undo` says how it is taken back, empty where nothing is to undo.
    `command` carries it out where a team's own table gives one; a step that asks for it is then a command's.
    """

    name: str
    risk: Risk
    description: str
    phrases: tuple[str, ...]
    parameters: tuple[Parameter, ...] = ()
    undo: str = ""
    tells: bool = False
    command: str = ""


PATH = Parameter(
    name="path",
    pattern=r"(?<![\w/.:])(?P<value>/[\w{}-][\w/{}.*-]*)",
    description="The request path, as /appointments.",
)
DURATION = Parameter(
    name="for",
    pattern=r"\bfor (?P<value>\d+(?:\.\d+)? ?(?:seconds?|s|minutes?|min|m|hours?|h))\b",
    description="How long it stays in force.",
)
