"""The tables hold every field of the records that they are for."""

import dataclasses

import pytest

from stanch.model.control import Control
from stanch.model.incident import Event, Incident
from stanch.model.message import Message
from stanch.model.run import Approval, Run, StepRecord
from stanch.store import tables

# Field -> where it is kept instead of a column of its own.
ELSEWHERE = {
    Run: {"steps": "step"},
    StepRecord: {"approvals": "approval"},
}


@pytest.mark.parametrize(
    ("record", "table"),
    [
        (Incident, tables.incident),
        (Event, tables.event),
        (Run, tables.run),
        (StepRecord, tables.step),
        (Approval, tables.approval),
        (Control, tables.control),
        (Message, tables.outbox),
    ],
)
def test_a_record_has_a_column_for_each_field(record, table):
    fields = {field.name for field in dataclasses.fields(record)}
    assert fields - set(table.columns.keys()) == set(ELSEWHERE.get(record, {}))


@pytest.mark.parametrize(
    ("record", "table"),
    [
        (Event, tables.event),
        (Run, tables.run),
        (StepRecord, tables.step),
        (Control, tables.control),
    ],
)
def test_what_a_record_may_leave_out_its_column_may_too(record, table):
    for field in dataclasses.fields(record):
        if field.name in table.columns:
            optional = "None" in str(field.type)
            assert table.columns[field.name].nullable == optional, field.name
