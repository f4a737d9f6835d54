"""What a cause teaches: the lesson to draft and who usually holds it. A team edits the draft; it is never final."""

from collections.abc import Callable, Mapping
from typing import Any

from stanch.model.record import record

Subject = Mapping[str, Any]


@record
class Lesson:
    """`text` is what was learned; `actions` are what to do so that it does not happen again."""

    text: str
    actions: tuple[str, ...]


def _missing_index(subject: Subject) -> Lesson:
    columns = ", ".join(str(column) for column in subject.get("columns", ()))
    table = subject.get("table", "the table")
    return Lesson(
        text=(
            f"A query on {table} by ({columns}) ran without an index that serves it. Its cost grew with the table "
            "until the database was saturated; nothing before production compared the plan with the table's real size."
        ),
        actions=(
            f"Put the index on {table} ({columns}) into the schema's migrations, so that the next environment has it.",
            "Find out how the index came to be missing, and which change removed it or never brought it.",
            "Check query plans against production's table sizes in code review.",
        ),
    )


_LESSONS: Mapping[str, Callable[[Subject], Lesson]] = {"missing_index": _missing_index}


def lesson(cause: str | None, subject: Subject) -> Lesson:
    """The lesson of a cause; where there is none yet, it says that people must find it."""
    if cause is not None and (draft := _LESSONS.get(cause)) is not None:
        return draft(subject)
    named = "No cause was found with evidence" if cause is None else f"The cause was {cause.replace('_', ' ')}"
    return Lesson(
        text=f"{named}. What was learned is for the people who were there to write down.",
        actions=("Agree on the cause and on one change that would have prevented it.",),
    )
