"""Any bytes give facts and problems: never a traceback, never without end."""

import random
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from playbook_reading import CASES, CLINIC, SEEDS
from stanch.playbook.compile import compile_playbooks
from stanch.playbook.report import as_github, as_json, as_sarif, as_text

DOCUMENTS = [CLINIC, *sorted((CASES / "labelled").glob("*.md")), *sorted(SEEDS.glob("*.txt"))]
PIECES = [
    *(
        "# ",
        "## Alert thresholds\n",
        "### P1 - High\n",
        "- ",
        "1. ",
        "> ",
        "| a | b |\n|---|---|\n",
        "```bash\n",
        "```\n",
    ),
    *("error rate", " > 5%", " for 5 minutes", "**", "`", "[x](", "<table>", "<td>", "\\", "~~", "&gt;", "\n", "\n\n"),
    *("<ul>", "<li>", "</li>", "</ul>", "<ol>\n\n", "<pre>", "</pre>", "<h2>", "<p>", "<th>", "</table>", "<tr>"),
    *("a) ", "\nb) ", "1.1 ", "\n1.2 ", "\u2022 ", ": `kubectl get pods`", "both for 5 minutes", "10 000", "error: "),
    *("P0", "SEV-1", "between 5 and ", "if ", " and ", " or ", "not ", "3x", "baseline", "fails 3 consecutive checks"),
    *(
        "kubectl logs -f x",
        "SELECT 1;",
        "redis-cli FLUSHALL",
        "$ ",
        "# Expected: ",
        "<<EOF",
        "'",
        '"',
        "---\n",
        "(0-5 minutes)",
    ),
    *(
        "Root cause:",
        "Lessons:\n",
        "2024-02-30",
        "Signal",
        "Query",
        "@",
        "\u0000",
        "\ufeff",
        "\U0001f525",
        "\u202e",
        "\u2028",
    ),
]


def reported(raw: bytes) -> None:
    plan = compile_playbooks([("playbook.md", raw)])
    for render in (as_text, as_json, as_sarif, as_github):
        render(plan)
    lines = plan.playbooks[0].text.split("\n")
    for fact in plan.facts:
        assert 1 <= fact.source.line <= len(lines)
        assert 1 <= fact.source.column <= len(lines[fact.source.line - 1]) + 1
        assert fact.source.text == lines[fact.source.line - 1]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.binary(max_size=400))
def test_any_bytes(raw: bytes) -> None:
    reported(raw)


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.sampled_from(PIECES), max_size=40).map("".join))
def test_any_mixture_of_markdown(text: str) -> None:
    reported(text.encode())


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(max_size=300))
def test_any_text(text: str) -> None:
    reported(text.encode("utf-8", errors="surrogatepass"))


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_damaged_documents(path: Path) -> None:
    """Bytes flipped, cut, doubled and moved; the seed is the document's name, so a failure comes back."""
    raw = path.read_bytes()
    chance = random.Random(path.name)
    for _ in range(6):
        damaged = bytearray(raw)
        for _ in range(chance.randint(1, 30)):
            at = chance.randrange(len(damaged) or 1)
            match chance.randrange(4):
                case 0:
                    damaged[at : at + 1] = bytes([chance.randrange(256)])
                case 1:
                    del damaged[at : at + chance.randint(1, 80)]
                case 2:
                    damaged[at:at] = damaged[at : at + chance.randint(1, 200)]
                case _:
                    damaged[at:at] = chance.choice(PIECES).encode()
        reported(bytes(damaged))


LARGE = {
    "prose": "The database was slow and the users waited for it.\n" * 100_000,
    "distinct thresholds": "## Alerts\n\n"
    + "\n".join(f"- Error rate > {i}.{i % 7}% for {i % 50} minutes" for i in range(100_000)),
    "distinct steps": "## Procedure\n\n" + "\n".join(f"{i}. Restart the service {i}" for i in range(100_000)),
    "one line": "error rate > 5% " * 650_000,
    "a table": "## Alerts\n\n| Metric | Limit |\n|---|---|\n"
    + "\n".join(f"| Error rate | > {i}% |" for i in range(100_000)),
    "headings": "\n".join(f"## Heading {i}" for i in range(100_000)),
    "commands": "## Procedure\n\n```bash\n"
    + "\n".join(f"kubectl get pods -n a{i}" for i in range(100_000))
    + "\n```\n",
    "quotes": ">" * 100_000,
    "brackets": "[" * 100_000 + "](" * 10_000,
    "stars": "*a **b " * 200_000,
    "an open fence": "```\n" + "x\n" * 100_000,
    "deep lists": "\n".join("  " * i + "- a" for i in range(3_000)),
    "html lists": "\n\n".join(f"<ul>\n<li>error rate &gt; {i}%</li>\n\n</ul>" for i in range(20_000)),
    "html never closed": "<ul>\n" * 100_000,
    "html nested": "<ul><li>" * 50_000,
    "an html table": "<table>" + "".join(f"<tr><td>error rate</td><td>&gt; {i}%</td></tr>\n" for i in range(100_000)),
    "letters": "\n".join("a) x\nb) y" for _ in range(50_000)),
    "commands in entries": "## Procedure\n\n" + "\n".join(f"{i}. Run: `kubectl get pod a{i}`" for i in range(100_000)),
    "many open fences": "\n".join(f"## H{i}\n```\nx" for i in range(20_000)),
    "NUL": "\x00" * 10_000_000,
    "alerting rules": "\n".join(f"```yaml\n- alert: A{i}\n  expr: sum(a) > {i}\n  for: 5m\n```" for i in range(20_000)),
    "a long alerting rule": "```yaml\n- alert: A\n  expr: " + "sum(a) / " * 10_000 + "1 > 2\n```\n",
    "brackets of an alerting rule": "```yaml\n- alert: A\n  expr: " + "(" * 15_000 + "a" + ")" * 15_000 + " > 2\n```\n",
    "labels": "\n\n".join(f"Name {i}: value\n- a\n- b" for i in range(25_000)),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", LARGE)
def test_a_large_document_takes_less_than_five_seconds(name: str) -> None:
    raw = LARGE[name].encode()
    begun = time.process_time()
    compile_playbooks([("playbook.md", raw)])
    assert time.process_time() - begun < 5


def test_a_document_beyond_all_measure_is_read_in_part_and_says_so() -> None:
    text = "## Alerts\n\n" + "\n".join(f"- Error rate > {i}.{i % 7}% for {i % 50 + 1} minutes" for i in range(2_500))
    plan = compile_playbooks([("playbook.md", text.encode())])
    (problem,) = plan.playbooks[0].problems
    assert problem.code == "too-much-to-read"
    assert problem.source is not None
    assert problem.source.line == 2_003
    assert len(plan.facts) == 2_000


def test_repetition_is_free() -> None:
    text = "## Alerts\n\n" + "- Error rate > 5% for 5 minutes\n" * 2_500
    plan = compile_playbooks([("playbook.md", text.encode())])
    assert plan.playbooks[0].problems == ()
    assert len(plan.facts) == 2_500
