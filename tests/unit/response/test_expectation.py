"""What is expected, what was printed, and what comes of it; what is not understood is left to the eye."""

import pytest

from stanch.response.expectation import ByEye, Met, NotMet, is_understood, judged

CASES = [
    ("`active (running)`", "Active: active (running) since Mon", Met),
    ("`active (running)`", "Active: inactive (dead)", NotMet),
    ("`role: master` and `ok`, then all is well", "role: master\nok", Met),
    ("`role: master` and `ok`, then all is well", "role: master", NotMet),
    ("`200` or `204`", "HTTP/1.1 204", Met),
    ("`200` or `204`", "HTTP/1.1 500", NotMet),
    ("no `ERROR`", "all is well", Met),
    ("no `ERROR`", "an ERROR", NotMet),
    ("should not contain `ERROR`", "an ERROR", NotMet),
    ("`up` but never `down`", "up", ByEye),
    ("PONG", "PONG\n", Met),
    ("PONG", "NOAUTH Authentication required.", NotMet),
    ("200", "1200", NotMet),
    ("3/3", "api 3/3 Running", Met),
    ("3/3", "api 2/3 Running", NotMet),
    ('"Welcome back"', "Welcome back, alice", Met),
    ("matches `^v1\\.\\d+`", "v1.29", Met),
    ("matches `^v1\\.\\d+`", "v2.0", NotMet),
    ("matches `(`", "(", ByEye),
    ("/rev(ision)? 12/", "rev 12", Met),
    ("no output", "\n", Met),
    ("nothing", "a row", NotMet),
    ("< 70%", "used: 41%", Met),
    ("< 70%", "used: 71.5%", NotMet),
    ("< 70%", "used: 0.41", ByEye),
    ("< 70%", "41% of 8 GB", ByEye),
    ("< 70%", "", ByEye),
    ("at least 2", "2", Met),
    ("at least 2", "1", NotMet),
    ("less than 1,000", "999", Met),
    ("exactly 0", "0", Met),
    ("!= 0", "0", NotMet),
    ("between 1 and 3", "2", Met),
    ("between 1 and 3", "4", NotMet),
    ("1-3", "3", Met),
    ("< 100 ms", "30 ms", Met),
    ("< 100 ms", "30 s", ByEye),
    ("all pods are ready", "api 3/3", ByEye),
    ("see the dashboard", "", ByEye),
]


@pytest.mark.parametrize(("expects", "output", "outcome"), CASES, ids=lambda value: str(value)[:30])
def test_output_is_compared_with_what_is_expected(expects: str, output: str, outcome: type) -> None:
    assert type(judged(expects, output)) is outcome


def test_what_is_not_there_is_named() -> None:
    assert judged("`role: master` and `ok`", "role: master") == NotMet(
        because="Its output does not hold what is expected: `ok`."
    )


@pytest.mark.parametrize(
    ("expects", "understood"), [("`x`", True), ("< 70%", True), ("no output", True), ("error rate < 1%", False)]
)
def test_prose_is_not_taken_for_an_expectation_of_output(expects: str, understood: object) -> None:
    assert is_understood(expects) is understood
