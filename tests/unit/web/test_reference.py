"""The page about the API names every address there is, and none that there is not."""

import re
from pathlib import Path

import pytest

from stanch.web import acts, afterwards, api, following, marks

PAGE = (Path(__file__).parents[3] / "docs" / "api.md").read_text(encoding="utf-8")


def addresses() -> set[tuple[str, str]]:
    """Method and path of every handler, parameters as `{}`."""
    return {
        (method, re.sub(r"\{[^}]+\}", "{}", path))
        for handler in (*api.handlers, *following.handlers, *marks.handlers, *afterwards.handlers)
        for method in handler.http_methods
        for path in handler.paths
        if path.startswith("/api/")
    }


def told() -> set[tuple[str, str]]:
    """The same of the page; a verb behind a key or an id is part of what the key's handler takes."""
    found = set()
    for line in PAGE.splitlines():
        cell = line.split("|")[1] if line.startswith("| `") else line
        method, path = None, ""
        for text in re.findall(r"`([^`]+)`", cell) if "/api/" in cell else ():
            match = re.match(r"(?:(GET|POST|DELETE) )?(/api/\S*|\w+)$", text)
            if match is None:
                continue
            method = match[1] or method
            if method is None:
                continue
            last = match[2]
            path = last.split("?")[0] if last.startswith("/api/") else re.sub(r"\w+$", last, path)
            found.add((method, re.sub(r"\{[^}]+\}", "{}", path)))
    folded = {
        "/api/runs/{}/steps/{}": r"/api/runs/\{\}/steps/\{\}/[\w-]+",
        "/api/controls/{}": r"/api/controls/\{\}/\w+",
        "/api/incidents/{}/{}": rf"/api/incidents/\{{\}}/(?:{'|'.join(acts.INCIDENT)})",
    }
    return {
        (method, next((short for short, long in folded.items() if re.fullmatch(long, path)), path))
        for method, path in found
    }


def test_the_page_and_the_handlers_agree():
    assert told() == addresses()


@pytest.mark.parametrize(("table", "path"), [(acts.INCIDENT, "/api/incidents/{id}"), (acts.STEP, "/steps/{key}")])
def test_the_page_names_every_verb(table, path):
    lines = [line for line in PAGE.splitlines() if "POST /api/" in line and path in line]
    assert [verb for verb in table if not any(re.search(rf"[/`]{verb}`", line) for line in lines)] == []
