"""How long a step may take: what its playbook says, else what is usual for what it is."""

import pytest

from stanch.model.plan import StepKind
from stanch.model.risk import Risk
from stanch.model.run import StepRecord, StepState
from stanch.response.tools import Timing

TIMING = Timing(command_s=120.0, query_s=30.0, action_s=3600.0)


def step(**said) -> StepRecord:
    whole = {
        "run_id": "1.1",
        "key": "a",
        "ordinal": 0,
        "type": StepKind.COMMAND,
        "text": "a",
        "risk": Risk.READ_ONLY,
        "state": StepState.WAITING,
    }
    return StepRecord(**{**whole, **said})


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ({"command": "uptime", "language": "bash"}, 120.0),
        ({"command": "SELECT 1", "language": "sql"}, 30.0),
        ({"type": StepKind.ACTION, "action": "create_index"}, 3600.0),
        ({"command": "uptime", "timebox_s": 5.0}, 5.0),
        ({"type": StepKind.ACTION, "action": "create_index", "timebox_s": 5.0}, 5.0),
        # When it is due says nothing of how long it may take.
        ({"command": "uptime", "language": "bash", "due_s": 900.0}, 120.0),
    ],
)
def test_a_step_may_take_as_long_as_its_playbook_says_or_as_is_usual(said: dict[str, object], seconds: float) -> None:
    assert TIMING.limit_s(step(**said)) == seconds
