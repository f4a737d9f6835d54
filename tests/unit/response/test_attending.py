"""When a look that did not succeed says nothing of what it looked at."""

import pytest

from stanch.response.attending import Looked


@pytest.mark.parametrize(
    ("fault", "unseen"),
    [
        ('`kubectl` ended with exit status 1. Error from server (Forbidden): pods is forbidden: User "reader"', True),
        ("`helm` ended with exit status 1. Error: list: failed to list: secrets is forbidden", True),
        ("`redis-cli` ended with exit status 1. NOPERM this user has no permissions to run 'config|get'", True),
        ("`aws` ended with exit status 254. An error occurred (AccessDenied) when calling", True),
        ("`psql` ended with exit status 1. ERROR: permission denied for table kept", True),
        ("`kubectl` ended with exit status 1. error: deployment exceeded its progress deadline", False),
        ("`helm` ended with exit status 1. Error: release: not found", False),
        ("It did not finish in its time box of 150 s and was ended, with all it had started.", False),
        (None, False),
    ],
)
def test_what_may_not_be_looked_at_is_told_from_what_is_not_well(fault: str | None, *, unseen: bool) -> None:
    assert Looked(output="", fault=fault).unseen is unseen
