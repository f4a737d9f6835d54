"""What every reader is given beside the document."""

from collections.abc import Callable, Mapping
from dataclasses import field

from stanch.model.plan import Fact
from stanch.model.problem import Problem
from stanch.model.record import record
from stanch.model.signal import Reading, Signal
from stanch.playbook.document import Document
from stanch.playbook.effort import Effort
from stanch.playbook.topics import Outline
from stanch.playbook.vocabulary import Vocabulary


@record
class Context:
    """The vocabulary with the team's own words in it, what each section is about, and the language.

    `language` is None for English, else the name of the language that was recognised. `effort` bounds how much is
    read closely. `alerts` are the signals of the alerting rules that stand in fences, by what they read.
    """

    vocabulary: Vocabulary
    outline: Outline
    language: str | None = None
    alerts: Mapping[Reading, Signal] = field(default_factory=dict)
    effort: Effort = field(default_factory=Effort)


Findings = tuple[tuple[Fact, ...], tuple[Problem, ...]]
Reader = Callable[[Document, Context], Findings]
"""A reader takes one construct out of a document: facts, and what was wrong or not understood."""
