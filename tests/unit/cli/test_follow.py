"""Messages of a run as lines, and how a run ended as an exit status."""

import pytest

from stanch.cli.follow import lines, status_of


def end(state: str = "finished", **steps: int) -> dict:
    return {"type": "end", "run": "1.1", "state": state, "outcome": "All done.", "at": 3723.0, "steps": steps}


@pytest.mark.parametrize(
    ("message", "status"),
    [
        (end(done=3), 0),
        (end(done=2, skipped=1, undone=1), 0),
        (end(done=2, failed=1), 1),
        (end(done=2, unknown=1), 1),
        (end("stopped", done=1, skipped=2), 3),
        (end("stopped", failed=1), 3),
    ],
)
def test_the_exit_status_says_how_it_ended(message: dict, status: int):
    assert status_of(message) == status


def step(**more) -> dict:
    return {
        "key": "fix/it now", "state": "proposed", "text": "Fix it", "title": None, "statement": None,
        "command": "systemctl restart app", "risk": "mutating", "target": {"host": "a"}, "filled": [], "approvals": [],
        "undo": None, "acts_as": "deploy of this machine", "digest": "d1", "people_missing": 1,
        "progress": {}, "why": None, "because": None, **more,
    }  # fmt: skip


OPTION = {"key": "a/b", "text": "the first", "keys": ["a/b", "a/c"]}


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        (
            step(),
            [
                "Waits for approval (1 more person): fix/it now",
                "  systemctl restart app",
                "  as: deploy of this machine",
                "  host: a",
                "  stanch run approve 1.1 'fix/it now' --digest d1 --url http://x",
            ],
        ),
        (
            step(risk="destructive", people_missing=2),
            ["""  stanch run approve 1.1 'fix/it now' --digest d1 --reason "why" --url http://x"""],
        ),
        (
            step(
                command="deploy <tag>",
                open_slots=["tag"],
                slots=[{"name": "tag", "placeholder": "<tag>", "type": "tag"}],
                offers=[{"name": "tag", "value": "v1", "origin": "deployed yesterday"}],
            ),
            [
                "  <tag> (tag)",
                "    v1  deployed yesterday",
                "  stanch run fill 1.1 'fix/it now' tag=... --url http://x",
            ],
        ),
        (
            step(progress={"choice": {"question": "Which?", "options": [OPTION]}}),
            ["To decide: Which?", "  stanch run choose 1.1 a/b --url http://x    the first", "      a/b", "      a/c"],
        ),
        (
            step(progress={"by_hand": True}),
            ["""  stanch run complete 1.1 'fix/it now' --reason "what you saw" --url http://x"""],
        ),
        (
            step(state="unknown", because="The server died."),
            ["  The server died.", "  stanch run again 1.1 'fix/it now' --url http://x    it did not: try it again"],
        ),
    ],
)
def test_a_question_comes_with_the_commands_that_answer_it(asked: dict, wanted: list[str]):
    told = list(lines({"type": "question", "run": "1.1", "step": asked}, " --url http://x"))
    for line in wanted:
        assert line in told


def test_output_is_set_off_and_one_that_was_kept_otherwise_says_so():
    message = {"type": "output", "step": "a", "attempt": 1, "anew": False, "lines": ["one", "two"]}
    assert list(lines(message)) == ["  | one", "  | two"]
    assert len(list(lines({**message, "anew": True}))) == 3


def test_the_end_counts_the_steps():
    assert list(lines(end(done=2, failed=1))) == ["01:02:03  Run 1.1 is finished: 2 done, 1 failed."]


def test_what_a_newer_server_says_is_passed_over():
    assert not list(lines({"type": "news"}))
