"""Two versions of a playbook differ in what they do, not in their letters."""

import pytest

from playbook_reading import CLINIC
from stanch.playbook.compile import compile_playbooks
from stanch.playbook.difference import Change, Kind, as_text, difference

TEXT = CLINIC.read_text()


def changes(*edits: tuple[str, str]) -> tuple[Change, ...]:
    edited = TEXT
    for before, after in edits:
        assert before in edited
        edited = edited.replace(before, after, 1)
    return difference(
        compile_playbooks([("clinic.md", TEXT.encode())]), compile_playbooks([("clinic.md", edited.encode())])
    )


def told(*edits: tuple[str, str]) -> list[tuple[Kind, str]]:
    return [(change.kind, change.about) for change in changes(*edits)]


def test_words_that_change_nothing_change_nothing() -> None:
    assert changes(("These wake somebody up.", "These wake one of us up. Always.")) == ()
    assert as_text(()) == "Nothing changes: the same rules, clocks, steps, contacts and templates."


@pytest.mark.parametrize(
    ("edit", "kind", "about", "words"),
    [
        (("> 5% in any", "> 3% in any"), Kind.CHANGED, "rule", "http.error_rate > 5%"),
        (("- P1: error rate", "- [Deprecated] P1: error rate"), Kind.REMOVED, "rule", "http.error_rate > 5%"),
        (
            ("- P1: error rate", "- P2: queue depth > 50\n- P1: error rate"),
            Kind.ADDED,
            "rule",
            "messaging.queue.length > 50 (P2)",
        ),
        (
            ("| 5 minutes | every 15", "| 9 minutes | every 15"),
            Kind.CHANGED,
            "clock",
            "P1 acknowledge goes from 5 minutes to 9 minutes",
        ),
        (
            ("| next business day |", "| 5 days |"),
            Kind.CHANGED,
            "clock",
            "P3 contain goes from next business day to 5 days",
        ),
        (("5. Find the cause.\n", ""), Kind.REMOVED, "step", "Find the cause"),
        (("5. Find the cause.", "5. Find the cause.\n6. Restart the service."), Kind.ADDED, "step", "mutating"),
        (("at 2 concurrent", "at 4 concurrent"), Kind.CHANGED, "step", "cap_limit 4 instead of"),
        (
            ("oncall@clinic", "pager@clinic"),
            Kind.CHANGED,
            "contact",
            "goes from oncall@clinic.example.org to pager@clinic",
        ),
        (("(for P1 incidents)", "(for P1 and P2 incidents)"), Kind.CHANGED, "role", "P1 and P2"),
        (("Quarterly", "Monthly"), Kind.CHANGED, "drill", "quarterly to monthly"),
        (("5-second timeout maximum", "7-second timeout maximum"), Kind.REMOVED, "policy", "5-second timeout"),
        (("You can still call your clinic.", ""), Kind.CHANGED, "template", "user notification"),
    ],
)
def test_what_changes_is_said_in_words(edit: tuple[str, str], kind: Kind, about: str, words: str) -> None:
    found = [change for change in changes(edit) if (change.kind, change.about) == (kind, about)]
    assert found
    assert any(words in change.text for change in found)


def test_a_step_that_becomes_dangerous_says_so() -> None:
    (change,) = changes(
        (
            'psql --no-psqlrc --command "SELECT relname, seq_scan',
            'psql --no-psqlrc --command "DROP TABLE x; SELECT relname, seq_scan',
        )
    )
    assert "is destructive, and was read-only" in change.text


def test_moving_a_line_changes_nothing() -> None:
    assert changes(("## Recovery\n", "Some words.\n\n## Recovery\n")) == ()


def test_another_order_of_the_same_steps_is_a_change() -> None:
    before = "4. Review recent deployments.\n5. Find the cause.\n"
    assert told((before, "4. Find the cause.\n5. Review recent deployments.\n")) == [(Kind.CHANGED, "order")]


def test_the_text_names_both_places() -> None:
    text = as_text(changes(("> 5% in any", "> 3% in any")))
    assert text.startswith("~ rule: ")
    assert text.endswith("(clinic.md:23)")
