"""When the check of a night is due."""

from datetime import UTC, datetime

import pytest

from stanch.drift.nightly import last_due


def moment(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("now", "due"),
    [
        ("2026-03-02 03:30:00", "2026-03-02 03:30:00"),
        ("2026-03-02 03:29:59", "2026-03-01 03:30:00"),
        ("2026-03-02 23:59:59", "2026-03-02 03:30:00"),
        ("2026-03-01 00:00:00", "2026-02-28 03:30:00"),
    ],
)
def test_the_latest_moment_at_which_the_check_was_due(now: str, due: str) -> None:
    assert last_due(moment(now), "03:30") == moment(due)
