"""What every reader is given beside the document."""

from collections.abc import Callable
from dataclasses import dataclass

from stanch.model.plan import Fact
from stanch.model.problem import Problem
from stanch.playbook.document import Document
from stanch.playbook.topics import Outline
from stanch.playbook.vocabulary import Vocabulary


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The vocabulary with the team's own words in it, and what each section is about."""

    vocabulary: Vocabulary
    outline: Outline


Findings = tuple[tuple[Fact, ...], tuple[Problem, ...]]
Reader = Callable[[Document, Context], Findings]
"""A reader takes one construct out of a document: facts, and what was wrong or not understood."""
