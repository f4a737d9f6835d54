"""The playbook as it reads: nothing of it obeyed, every line with what it became."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stanch.model.plan import Playbook
from stanch.playbook.compile import compile_playbooks
from stanch.web.views import manuscript, playbook

BOOKING = Path(__file__).parents[2] / "cases" / "web" / "booking.md"
SEEDS = sorted((Path(__file__).parents[4] / "shared" / "seeds").glob("*.txt"))


def viewed(text: str) -> playbook.PlaybookView:
    plan = compile_playbooks([("a.md", text.encode())])
    found = plan.playbooks[0]
    return playbook.view(found, 1, [*found.problems, *plan.problems], lambda _: None)


def lines(view: playbook.PlaybookView) -> dict[str, playbook.MarginRow]:
    return {str(line.row.html or " | ".join(line.row.cells)): line for line in view.rows}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("**bold** and `code`", "<strong>bold</strong> and <code>code</code>"),
        ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
        ("![pixel](https://evil.example/p.png)", "[picture: pixel]"),
        ('![<b>"x"](https://evil.example/p.png)', "[picture: &lt;b&gt;&#34;x&#34;]"),
        ("[x](javascript:alert(1))", "[x](javascript:alert(1))"),
        ("[x](https://a.example)", '<a href="https://a.example" rel="noreferrer noopener">x</a>'),
    ],
)
def test_a_line_keeps_its_marks_and_nothing_in_it_is_obeyed(text, shown):
    assert str(manuscript.inline(text)) == shown


@given(st.text())
def test_no_text_becomes_an_element_that_is_not_markdowns_own(text):
    shown = str(manuscript.inline(text))
    assert "<script" not in shown.lower()
    assert "<img" not in shown.lower()
    assert not [part for part in shown.split("<")[1:] if not part.startswith(_OURS)]


_OURS = ("strong>", "/strong>", "em>", "/em>", "code>", "/code>", "a ", "/a>", "br />", "br>", "s>", "/s>")


@given(st.text(max_size=400))
def test_any_document_has_rows(text):
    manuscript.rows("a.md", text)


def test_paragraphs_flow_and_lists_keep_their_markers():
    rows = viewed("# Title\n\nOne line\nand its end.\n\n1. first\n2. second\n   - inner\n- [x] done\n").rows
    assert [(line.row.form, line.row.marker, line.row.depth) for line in rows] == [
        ("h1", "", 0),
        ("p", "", 0),
        ("item", "1.", 0),
        ("item", "2.", 0),
        ("item", "–", 1),  # noqa: RUF001 - the dash that is drawn
        ("item", "☑", 0),
    ]
    assert str(rows[1].row.html) == "One line and its end."


def test_a_table_keeps_its_columns_and_their_names():
    table = [line.row for line in viewed("| Level | What |\n|---|---|\n| P1 | it is down |\n").rows]
    assert [row.heading for row in table] == [True, False]
    assert table[1].labels == ("Level", "What")
    assert len(table[1].weights) == 2


def test_a_table_with_ragged_rows_is_shown():
    viewed("| a | b |\n|---|---|\n| 1 |\n| 1 | 2 | 3 |\n")
    viewed("<table><tr><td>x</td></tr><tr><td>y</td><td>z</td></tr></table>\n")


def test_each_line_of_the_case_shows_what_it_became():
    found = lines(viewed(BOOKING.read_text()))
    assert found["P1: API response time p95 over 10 seconds &gt; 1 second for 5 seconds"].tone == "understood"
    unknown = found["Flux capacitor charge above 80% for 5 minutes"]
    assert unknown.tone == "unread"
    assert len(unknown.notes) == 1
    placeholder = found["Support lead: [email address]"]
    assert placeholder.tone == "care"
    assert "placeholder" in placeholder.notes[-1].text
    flush = found["redis-cli FLUSHALL"]
    assert flush.notes[0].risk == "destructive"
    assert "two people" in flush.notes[0].text
    introduction = found["Empty the cache if pages stay wrong."]
    assert (introduction.tone, introduction.notes) == ("understood", ())
    plain = found["Keep the support team informed while you work; they hear from people first."]
    assert (plain.tone, plain.notes) == ("", ())
    procedure = found["Slow database"]
    assert procedure.notes[0].text == "6 steps · runs at P1 and P2 · for response time, connection pool utilization"


def test_the_counts_are_those_of_the_margin():
    view = viewed(BOOKING.read_text())
    assert (view.steps.alone, view.steps.one, view.steps.two, view.steps.people, view.steps.total) == (3, 1, 1, 1, 6)
    assert [part[0] for part in view.steps.widths] == ["alone", "one", "two", "people"]
    assert sum(width for _, _, width in view.steps.widths) == pytest.approx(100, abs=0.1)
    assert len(view.open) == view.unread + view.care + view.wrong
    assert all(mark.text and mark.tone for mark in view.open)
    assert [mark.text.split(":")[0] for mark in view.promises] == [
        str(line.notes[0].strong) for line in view.rows if line.notes and line.notes[0].strong.startswith("P")
    ]
    assert view.unread == sum(line.tone == "unread" for line in view.rows) == 1
    assert view.care == sum(line.tone == "care" for line in view.rows) >= 1
    assert view.wrong == 0


def test_a_problem_without_a_place_is_told_above_the_document():
    from stanch.model.problem import Level, Problem

    found = Playbook(path="a.md", title="a", text="# A\n", facts=(), problems=())
    view = playbook.view(found, 1, [Problem(code="x", level=Level.ERROR, message="it is odd")], lambda _: None)
    assert [note.text for note in view.others] == ["it is odd"]


@pytest.mark.skipif(not SEEDS, reason="the reference documents are not beside this checkout")
@pytest.mark.parametrize("path", SEEDS, ids=lambda path: path.name[:3])
def test_a_reference_document_is_shown_whole(path):
    text = path.read_text()
    view = viewed(text)
    shown = " ".join(
        str(line.row.html.striptags()) + " ".join(cell.striptags() for cell in line.row.cells) for line in view.rows
    )
    words = [word for word in text.replace("*", " ").replace("`", " ").split() if word.isalpha() and len(word) > 6]
    missing = [word for word in set(words) if word not in shown]
    assert len(missing) <= len(set(words)) * 0.02, missing
    assert any(line.tone == "understood" for line in view.rows)


def test_a_margin_stands_beside_the_silent_rows_after_it_up_to_a_heading():
    view = viewed("# Runbook\n\n## Alerts\n\n- error rate > 5%\n- some words\n\nProse.\n\n## More\n\nText.\n")
    spans = [(line.row.number, line.span) for line in view.rows]
    assert spans == [(1, 1), (3, 1), (5, 3), (6, 0), (8, 0), (10, 1), (12, 1)]


def test_what_a_problem_advises_is_not_said_twice():
    view = viewed("## Response procedure\n\n```bash\nredis-cli FLUSHALL\n```\n")
    (row,) = [line for line in view.rows if any(note.risk for note in line.notes)]
    hints = [note.hint for note in row.notes if note.hint]
    assert len(hints) == len(set(hints)) >= 1


def test_what_a_fact_took_in_is_told_beside_its_lines():
    text = (
        "## Severity\n\n### P1 - Critical\n\n- Everything is down\n\n### P2 - High\n\n- A part is down\n\n"
        "A P2 that is open for more than 2 hours is treated as a P1.\n\n## Past incidents\n\n"
        "### Overload (2024-01-15)\n\n"
        "Root Cause: slow queries\nResolution:\n- Added an index\nLessons:\n- Look at the plans\n"
    )
    told = {str(line.row.html): [(note.strong, note.text) for note in line.notes] for line in viewed(text).rows}
    assert told["Everything is down"] == [("criterion", "of P1")]
    assert told["A P2 that is open for more than 2 hours is treated as a P1."] == [
        ("re-graded", "P2 becomes P1 after 2 h")
    ]
    assert told["Added an index"] == [("done", "in this incident")]
    assert told["Look at the plans"] == [("lesson", "of this incident")]


def test_lines_that_begin_with_a_label_stand_on_their_own():
    view = viewed("# Past incidents\n\nRoot cause: slow queries\nResolution: an index\nand a cache.\n")
    assert [str(line.row.html) for line in view.rows[1:]] == [
        "Root cause: slow queries",
        "Resolution: an index and a cache.",
    ]
