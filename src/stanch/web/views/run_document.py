"""Runs and their steps as the API tells them."""

from typing import Any

import msgspec

from stanch.model.run import Run, StepRecord, StepState
from stanch.response import slots
from stanch.response.approvals import VALID_S, people_missing


def run(record: Run) -> dict[str, Any]:
    """A run with its steps, as `step` tells each."""
    values: dict[str, Any] = msgspec.to_builtins(record)
    values["steps"] = [step(each) for each in record.steps]
    return values


def step(record: StepRecord) -> dict[str, Any]:
    """A step without its secrets; of each yes also until when it is good, and how many are missing."""
    values: dict[str, Any] = msgspec.to_builtins(slots.shown(record))
    values["people_missing"] = people_missing(record) if record.state is StepState.PROPOSED else 0
    for given in values["approvals"]:
        given["good_until"] = given["at"] + VALID_S
    return values
