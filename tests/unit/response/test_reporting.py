"""What of a step's progress is news for the timeline."""

import pytest

from stanch.response.reporting import says_the_same


@pytest.mark.parametrize(
    ("before", "now", "same"),
    [
        ("Still out of range: p95 is 14.7 s, limit 1 s", "Still out of range: p95 is 9.64 s, limit 1 s", True),
        ("building: 1,200 of 90,000 blocks", "building: 64,000 of 90,000 blocks", True),
        ("Still out of range: p95 is 14.7 s; pool is 100%", "Still out of range: p95 is 14.7 s", False),
        ("Still out of range: p95 is 14.7 s", "Within limits.", False),
        ("no data from response time", "response time p95 is 3 s, limit 1 s", False),
    ],
)
def test_a_value_that_wanders_is_no_news_and_another_reason_is(before: str, now: str, *, same: bool) -> None:
    assert says_the_same(now, before) is same
