"""A document is read into sections and blocks, and every line still knows its place."""

from textwrap import dedent

import pytest

from stanch.playbook.document import (
    MAX_LINES,
    Code,
    Document,
    Html,
    Items,
    Line,
    Paragraph,
    Passage,
    Quote,
    Section,
    Table,
    lines_of,
    plain,
    read_document,
)


def read(text: str) -> Document:
    document, _ = read_document("playbook.md", dedent(text).strip("\n").encode())
    return document


def titles(section: Section) -> list[tuple[int, str]]:
    return [(len(inner.trail), inner.title) for inner in section.walk() if inner.heading]


def test_headings_nest_by_their_level() -> None:
    document = read(
        """
        # One
        ## Two
        #### Deep
        ## Three

        Four
        ====
        """
    )
    assert titles(document.root) == [(0, "One"), (1, "Two"), (2, "Deep"), (1, "Three"), (0, "Four")]
    assert document.title == "One"


def test_a_line_that_is_only_bold_is_a_heading_below_the_others() -> None:
    document = read(
        """
        ## Plan

        **Immediate:**
        - a

        **Later**
        - b
        """
    )
    assert titles(document.root) == [(0, "Plan"), (1, "Immediate"), (1, "Later")]


def test_bold_headings_nest_by_how_they_count() -> None:
    document = read(
        """
        **Part 1: Incidents**

        **Incident 1:** Slow

        **1. Why?**
        Because.

        **2. And now?**
        This.

        **Incident 2:** Broken

        **1. Why?**
        Because.
        """
    )
    assert titles(document.root) == [
        (0, "Part 1: Incidents"),
        (1, "Incident 1: Slow"),
        (2, "1. Why?"),
        (2, "2. And now?"),
        (1, "Incident 2: Broken"),
        (2, "1. Why?"),
    ]


def test_a_bold_line_at_the_end_is_no_heading_of_anything() -> None:
    document = read("Text.\n\n**The end**\n")
    assert titles(document.root) == []


def test_front_matter_is_no_text_and_lines_still_count_from_the_top() -> None:
    document = read(
        """
        ---
        title: "Payments"
        reviewed: 2026-01-02
        ---
        # Other

        - item
        """
    )
    assert document.front == {"title": "Payments", "reviewed": "2026-01-02"}
    assert document.title == "Payments"
    (items,) = document.root.sections[0].blocks
    assert isinstance(items, Items)
    assert (items.items[0].line.number, items.items[0].line.column) == (7, 3)


def test_columns_point_at_the_text_behind_the_marker() -> None:
    document = read(
        """
        1) first
           - [x] nested
        """
    )
    (items,) = document.root.blocks
    assert isinstance(items, Items)
    first = items.items[0]
    assert (first.number, first.line.column, first.checked) == (1, 4, None)
    (inner,) = first.nested
    assert isinstance(inner, Items)
    assert (inner.items[0].checked, inner.items[0].text, inner.items[0].line.column) == (True, "nested", 10)


def test_marks_are_taken_off_and_columns_survive_it() -> None:
    line = Line(number=1, column=3, text=r"**Rate** is `> 5%` of [all](x) &gt; 1\. ~~old~~ *")
    assert line.plain == "Rate is > 5% of all > 1.  *"
    assert line.column_of(line.plain.index("5%")) == 3 + line.text.index("5%")
    assert line.column_of(line.plain.index("all")) == 3 + line.text.index("all")


@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        ("SELECT * FROM t", "SELECT * FROM t"),
        ("2 * 3 * 4", "2 * 3 * 4"),
        ("snake_case_name", "snake_case_name"),
        ("_emphasis_", "emphasis"),
        ("<pod-name> and <b>bold</b>", "<pod-name> and bold"),
        ("&lt;5% &amp; rising", "<5% & rising"),
        ("a \\* b", "a * b"),
        ("![chart](x.png) seen", "chart seen"),
    ],
)
def test_only_marks_are_taken_off(written: str, read_as: str) -> None:
    assert plain(written) == read_as


def test_a_table_gives_cells_with_their_places() -> None:
    document = read(
        """
        | Metric | Limit |
        |:--|--:|
        | a \\| b | > 5% |
        """
    )
    (table,) = document.root.blocks
    assert isinstance(table, Table)
    assert [cell.plain for cell in table.header] == ["Metric", "Limit"]
    assert [(cell.plain, cell.number, cell.column) for cell in table.rows[0]] == [("a | b", 3, 3), ("> 5%", 3, 12)]


def test_an_html_table_is_a_table() -> None:
    document = read(
        "<table>\n<tr><th>Metric</th><th>Limit</th></tr>\n<tr><td>Errors</td><td>&gt; 5%</td></tr>\n</table>\n"
    )
    (table,) = document.root.blocks
    assert isinstance(table, Table)
    assert [[cell.plain for cell in row] for row in table.rows] == [["Errors", "> 5%"]]
    assert table.rows[0][1].number == 3


def test_html_without_blocks_is_kept_as_lines() -> None:
    (block,) = read('<img src="x.png">\n').root.blocks
    assert isinstance(block, Html)
    assert [line.text for line in lines_of(block)] == ['<img src="x.png">']


def test_html_as_wikis_export_it_is_lists_headings_and_paragraphs() -> None:
    text = (
        "<h2>Alert thresholds</h2>\n<p>We page on\n  these:</p>\n<ul>\n<li>Error rate &gt; 5%</li>\n\n"
        "<li><p>Latency</p><ol><li>p95 &gt; 1 s</li><li>p99 &gt; 3 s</li></ol></li>\n</ul>\n"
        "<script>error rate > 1%</script>\n<pre>kubectl get pods\nkubectl get nodes</pre>\n"
    )
    document = read(text)
    (section,) = document.root.sections
    assert section.title == "Alert thresholds"
    lead, items, code = section.blocks
    assert isinstance(lead, Paragraph)
    assert lead.lines[0].text == "We page on these:"
    assert isinstance(items, Items)
    assert [item.text for item in items.items] == ["Error rate > 5%", "Latency"]
    assert (items.items[0].line.number, items.items[0].line.column) == (5, 5)
    (nested,) = items.items[1].nested
    assert isinstance(nested, Items)
    assert nested.ordered
    assert [item.text for item in nested.items] == ["p95 > 1 s", "p99 > 3 s"]
    assert isinstance(code, Code)
    assert code.lines == ("kubectl get pods", "kubectl get nodes")


def test_an_html_table_with_blank_lines_between_its_rows_is_one_table() -> None:
    rows = "\n\n".join(
        f"<tr>\n\n<td>{name}</td>\n\n<td>&gt; {limit}%</td></tr>" for name, limit in (("cpu", 1), ("ram", 2))
    )
    (block,) = read(f"<table>\n<tr><th>Metric</th><th>Limit</th></tr>\n\n{rows}\n\n</table>\n\nAfter.\n").root.blocks[
        :1
    ]
    assert isinstance(block, Table)
    assert [[cell.text for cell in row] for row in block.rows] == [["cpu", "> 1%"], ["ram", "> 2%"]]
    assert [row[0].number for row in block.rows] == [6, 12]


def test_lines_that_count_by_letters_are_a_list() -> None:
    lead, items = read("Page when:\na) error rate > 5%\nb) latency > 2 s\n   for long\n(c) cpu > 90%\n").root.blocks
    assert isinstance(lead, Paragraph)
    assert isinstance(items, Items)
    assert [item.text for item in items.items] == ["error rate > 5%", "latency > 2 s for long", "cpu > 90%"]
    assert (items.items[2].line.number, items.items[2].line.column) == (5, 5)
    (prose,) = read("a) alone is no list\n").root.blocks
    assert isinstance(prose, Paragraph)


def test_a_fence_gives_its_lines_and_where_they_begin() -> None:
    document = read(
        """
        1. Step

           ```Bash title="x"
           echo 1
           ```
        """
    )
    (items,) = document.root.blocks
    assert isinstance(items, Items)
    (code,) = items.items[0].nested
    assert isinstance(code, Code)
    assert (code.language, code.lines, code.first, code.column, code.closed) == ("bash", ("echo 1",), 4, 4, True)


def test_a_fence_in_a_fence_is_text() -> None:
    document = read("````markdown\n```bash\nrm -rf /\n```\n````\n\n# After\n")
    (code,) = document.root.blocks
    assert isinstance(code, Code)
    assert code.lines == ("```bash", "rm -rf /", "```")
    assert titles(document.root) == [(0, "After")]


def test_an_unclosed_fence_ends_before_the_next_heading_and_is_told() -> None:
    text = "## One\n\n```bash\nkubectl get pods\n\n## Two\n\n- item\n"
    document, problems = read_document("playbook.md", text.encode())
    assert titles(document.root) == [(0, "One"), (0, "Two")]
    assert [(problem.code, problem.source.line if problem.source else 0) for problem in problems] == [
        ("unclosed-fence", 3)
    ]
    code = document.root.sections[0].blocks[0]
    assert isinstance(code, Code)
    assert code.lines == ("kubectl get pods", "")


def test_a_label_swallowed_by_the_item_above_begins_the_next_list() -> None:
    document = read(
        """
        Resolution:
        - one
        - two
        Lessons:
        - three
        """
    )
    kinds = [type(block) for block in document.root.blocks]
    assert kinds == [Paragraph, Items, Paragraph, Items]


def test_a_wrapped_item_is_one_text_with_two_places() -> None:
    document = read("- error rate above\n  5% for\n  5 minutes\n")
    (items,) = document.root.blocks
    assert isinstance(items, Items)
    passage = Passage(lines=items.items[0].lines)
    assert passage.text == "error rate above 5% for 5 minutes"
    source = passage.source(document, passage.text.index("5 minutes"))
    assert (source.line, source.column, source.text) == (3, 3, "  5 minutes")


def test_quotes_and_lists_give_all_their_lines() -> None:
    document = read("> a\n> - b\n>   - c\n")
    (quote,) = document.root.blocks
    assert isinstance(quote, Quote)
    assert [line.plain for line in lines_of(quote)] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"\x00\x01\x02", "not-text"),
        (b"caf\xe9", "not-utf8"),
        (b"x" * 17_000_000, "document-too-large"),
        (b"a\n" * (MAX_LINES + 5), "document-too-long"),
        (b"> " * 40 + b"x", "nested-too-deeply"),
        (b"x" * 30_000, "line-too-long"),
    ],
    ids=["binary", "latin-1", "huge", "long", "nested", "one line"],
)
def test_bad_input_is_a_problem_and_a_document(raw: bytes, code: str) -> None:
    document, problems = read_document("playbook.md", raw)
    assert code in {problem.code for problem in problems}
    assert isinstance(document, Document)


@pytest.mark.parametrize("raw", [b"# T\r\n\r\n- a\r\n", "\ufeff# T\n\n- a\n".encode(), "# T\n\n- a\n".encode("utf-16")])
def test_line_ends_marks_and_utf16_do_not_matter(raw: bytes) -> None:
    document, problems = read_document("playbook.md", raw)
    assert problems == ()
    assert document.title == "T"
    assert document.lines[:3] == ("# T", "", "- a")


def test_an_empty_document_has_its_name_for_a_title() -> None:
    document, problems = read_document("docs/empty.md", b"")
    assert (document.title, problems) == ("empty.md", ())


def test_bold_steps_stand_beside_a_bold_heading_that_has_a_text_of_its_own() -> None:
    text = "**Paging**\n\n- error rate > 5%\n\n**Step 1: Look**\n\nText.\n\n**Who**\n\nUs.\n"
    assert [section.title for section in read(text).root.sections] == ["Paging", "Step 1: Look", "Who"]


def test_bold_questions_stand_below_a_bold_case() -> None:
    text = "**Incident 1:** Database\n\n**Questions**:\n\n**1. Why?**\nBecause.\n\n**Incident 2:** Cache\n\nText.\n"
    first, second = read(text).root.sections
    assert [section.title for section in first.sections] == ["Questions"]
    assert [section.title for section in first.sections[0].sections] == ["1. Why?"]
    assert second.title == "Incident 2: Cache"
