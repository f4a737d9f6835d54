"""The plan as JSON, as text, as SARIF and as annotations."""

import json
import re
from itertools import pairwise

from playbook_reading import CASES, CLINIC, plan_of
from stanch.playbook.compile import compile_playbooks
from stanch.playbook.report import as_dict, as_github, as_json, as_sarif, as_text, problems_of

TEXT = """
## Alert thresholds

- Error rate > 5% for any 2-minute window
- Basket abandonment > 40%
"""


def test_the_json_form_is_what_the_contract_says() -> None:
    told = as_dict(plan_of(TEXT))
    assert set(told) == {"plan_hash", "playbooks", "problems"}
    (playbook,) = told["playbooks"]
    fact = playbook["facts"][0]
    assert fact["source"] == {
        "path": "playbook.md",
        "line": 3,
        "column": 3,
        "text": "- Error rate > 5% for any 2-minute window",
    }
    assert {key: fact[key] for key in ("kind", "signal", "statistic", "comparison", "value", "unit", "window_s")} == {
        "kind": "threshold",
        "signal": "http.error_rate",
        "statistic": None,
        "comparison": ">",
        "value": 0.05,
        "unit": "ratio",
        "window_s": 120.0,
    }
    assert {key: fact[key] for key in ("persistence_s", "role", "armed")} == {
        "persistence_s": None,
        "role": "alert",
        "armed": True,
    }
    problem = playbook["problems"][0]
    assert set(problem) == {"code", "level", "message", "hint", "source"}
    assert (problem["code"], problem["level"], problem["source"]["line"]) == ("unknown-signal", "warning", 4)


def test_json_survives_a_round_trip_and_holds_plain_values_only() -> None:
    plan = compile_playbooks([("clinic.md", CLINIC.read_bytes())])
    told = json.loads(as_json(plan))
    assert told == as_dict(plan)
    steps = [fact for fact in told["playbooks"][0]["facts"] if fact["kind"] == "step"]
    assert [step["risk"] for step in steps[:1]] == ["read-only"]
    assert list(steps[0])[:2] == ["kind", "source"]


def test_the_text_form_points_at_the_words_and_says_what_they_became() -> None:
    lines = as_text(plan_of(TEXT)).split("\n")
    at = lines.index("    3 | - Error rate > 5% for any 2-minute window")
    assert lines[at + 1] == "      |   ^ armed alert: http.error_rate > 5%, over 2 min"
    assert any("playbook.md:4: warning: This threshold is not armed" in line for line in lines)
    assert lines[-1] == "2 facts: 1 armed rule, 0 procedures with 0 steps; 0 errors, 1 warning, 0 notes"


def test_long_lines_are_cut_around_the_words() -> None:
    text = f"## Notes\n\n{'Some words that say nothing. ' * 12}Page us when the error rate exceeds 5%.\n"
    lines = as_text(plan_of(text)).split("\n")
    source, pointer = next((one, two) for one, two in pairwise(lines) if "armed alert" in two)
    assert len(source) < 130
    assert source[pointer.index("^") :].startswith("Page us when")


def test_sarif_names_rule_level_and_place() -> None:
    document = json.loads(as_sarif(plan_of(TEXT)))
    (run,) = document["runs"]
    assert document["version"] == "2.1.0"
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["unknown-signal"]
    (result,) = run["results"]
    assert (result["ruleId"], result["level"]) == ("unknown-signal", "warning")
    assert result["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "playbook.md"},
        "region": {"startLine": 4, "startColumn": 3, "snippet": {"text": "- Basket abandonment > 40%"}},
    }


def test_sarif_has_the_shape_that_its_schema_asks_for() -> None:
    """What sarif-schema-2.1.0.json requires of each object that is written, and the values that it allows."""
    documents = [(f"a folder/{path.name}", path.read_bytes()) for path in sorted(CASES.glob("checks/*/fires*.md"))]
    document = json.loads(as_sarif(compile_playbooks(documents)))
    assert set(document) == {"$schema", "version", "runs"}
    (run,) = document["runs"]
    assert set(run) == {"tool", "columnKind", "results"}
    assert run["columnKind"] in {"utf16CodeUnits", "unicodeCodePoints"}
    driver = run["tool"]["driver"]
    assert driver["name"]
    assert re.fullmatch(r"\d+\.\d+\.\d+", driver["semanticVersion"])
    identifiers = [rule["id"] for rule in driver["rules"]]
    assert len(identifiers) == len(set(identifiers)) > 15
    for rule in driver["rules"]:
        assert set(rule) == {"id", "shortDescription", "help"}
        assert rule["shortDescription"]["text"].endswith(".")
        assert "What to do: " in rule["help"]["text"]
    assert run["results"]
    for result in run["results"]:
        assert set(result) == {"ruleId", "ruleIndex", "level", "message", "locations"}
        assert identifiers[result["ruleIndex"]] == result["ruleId"]
        assert result["level"] in {"none", "note", "warning", "error"}
        assert result["message"]["text"]
        (location,) = result["locations"]
        place = location["physicalLocation"]
        assert re.fullmatch(r"a%20folder/[\w.-]+", place["artifactLocation"]["uri"])
        assert place["region"]["startLine"] >= 1
        assert place["region"]["startColumn"] >= 1


def test_colours_change_no_letter() -> None:
    plan = plan_of(TEXT)
    painted = as_text(plan, colour=True)
    assert "\x1b[" in painted
    assert re.sub(r"\x1b\[[\d;]*m", "", painted) == as_text(plan)


def test_a_caret_stands_below_its_column_whatever_the_width_of_the_letters() -> None:
    lines = as_text(plan_of("## Alerts\n\n- \U0001f525\t\u6f22\u5b57: error rate > 5%\n")).split("\n")
    at = lines.index("    3 | - \U0001f525\t\u6f22\u5b57: error rate > 5%")
    assert lines[at + 1].startswith("      |     \t      ^ armed alert")


def test_annotations_are_one_line_each_and_escaped() -> None:
    plan = compile_playbooks([("a,b.md", b"## Alert thresholds\n\n- 100% basket abandonment > 40%\n")])
    (line,) = as_github(plan).split("\n")
    assert line.startswith("::warning file=a%2Cb.md,line=3,col=3,title=unknown-signal::")
    assert "\n" not in line


def test_every_problem_of_the_plan_is_told_once() -> None:
    plan = plan_of(TEXT)
    assert len(problems_of(plan)) == 1


def test_no_report_for_people_or_for_code_scanning_repeats_a_secret() -> None:
    text = (
        "## Response procedure\n\n```bash\ncurl -H 'Authorization: Bearer s3cr3tt0ken' https://api.example/x\n"
        "PGPASSWORD=hunter22 psql -c 'delete from t'\n```\n\nThe key is AKIAIOSFODNN7ABCDEFG, keep it.\n"
    )
    plan = plan_of(text)
    for told in (as_text(plan), as_sarif(plan), as_github(plan)):
        for secret in ("s3cr3tt0ken", "hunter22", "AKIAIOSFODNN7ABCDEFG"):
            assert secret not in told
    assert "PGPASSWORD=\u2022\u2022\u2022\u2022\u2022\u2022\u2022\u2022 psql" in as_text(plan)
