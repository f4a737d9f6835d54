"""A cause that has no lesson says so instead of inventing one."""

from stanch.learning.lessons import lesson


def test_a_missing_index_teaches_about_its_own_table() -> None:
    taught = lesson("missing_index", {"table": "visits", "columns": ["day"]})
    assert "visits" in taught.text
    assert any("migrations" in action for action in taught.actions)


def test_an_unknown_cause_leaves_the_lesson_to_people() -> None:
    assert "for the people who were there" in lesson("sunspots", {}).text
    assert "No cause was found" in lesson(None, {}).text
