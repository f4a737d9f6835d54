"""The tools' own dry runs of procedures: one at a time, each told as it came, and none of them ending the others."""

import asyncio
from dataclasses import replace
from types import SimpleNamespace

import pytest

from response_stage import plan as plan_of
from response_stage import procedure, sql
from stanch.model.clock import ManualClock
from stanch.model.problem import Refused
from stanch.model.risk import Risk
from stanch.response.native import Tried
from stanch.response.preview import preview
from stanch.response.ways import Means
from stanch.web.trying import Trials

ONE = ("p", "one", "")
TWO = ("p", "two", "")
WELL = Tried(well=True, because="It was planned.", output="")


def previewed(*statements: str):
    one = procedure(*(sql(f"k{number}", text, Risk.MUTATING) for number, text in enumerate(statements)))
    return preview(one, plan_of(one), Means(can_query=True))


class Tools:
    """Answers when it is let, and counts who asks at the same time."""

    def __init__(self, *, broken: str = "") -> None:
        self.let = asyncio.Event()
        self.asking = self.most = 0
        self.broken = broken

    async def __call__(self, step) -> Tried:
        self.asking += 1
        self.most = max(self.most, self.asking)
        await self.let.wait()
        self.asking -= 1
        if step.key == self.broken:
            raise RuntimeError("a fault of ours")
        return WELL


def trials_of(tools: Tools) -> Trials:
    return Trials(SimpleNamespace(clock=ManualClock(), try_natively=tools))


async def test_however_many_procedures_are_tried_one_tool_is_asked_at_a_time():
    tools = Tools()
    trials = trials_of(tools)
    shown = previewed("UPDATE a SET b = 1", "UPDATE a SET b = 2")
    going = [trials.start(key, shown, by="rita") for key in (ONE, TWO)]
    tools.let.set()
    await asyncio.gather(*(trial.task for trial in going))
    assert tools.most == 1
    assert [len(trial.results) for trial in going] == [2, 2]
    assert not any(trial.going_on for trial in going)


async def test_a_fault_of_ours_ends_one_step_and_none_of_the_others():
    tools = Tools(broken="k0")
    tools.let.set()
    shown = previewed("UPDATE a SET b = 1", "UPDATE a SET b = 2")
    trial = trials_of(tools).start(ONE, shown, by="rita")
    await trial.task
    assert [trial.results[key].well for key in ("k0", "k1")] == [None, True]
    assert "server's log" in trial.results["k0"].because


async def test_what_was_filled_in_otherwise_since_was_not_tried():
    tools = Tools()
    tools.let.set()
    (before,), (after,) = (previewed(text).steps for text in ("UPDATE a SET b = 1", "UPDATE a SET b = 2"))
    trial = trials_of(tools).start(ONE, previewed("UPDATE a SET b = 1"), by="rita")
    await trial.task
    assert trial.of(before) == WELL
    assert trial.of(after) is None
    assert trial.of(replace(before, dry_run=None)) is None


async def test_it_is_refused_where_it_goes_on_and_where_nothing_can_be_tried():
    tools = Tools()
    trials = trials_of(tools)
    trials.start(ONE, previewed("UPDATE a SET b = 1"), by="rita")
    with pytest.raises(Refused, match="rita has the tools asked already"):
        trials.start(ONE, previewed("UPDATE a SET b = 1"), by="bob")
    with pytest.raises(Refused, match="No step of this procedure can be tried"):
        trials.start(TWO, previewed(), by="bob")
    await trials.close()
    assert tools.let.is_set() is False
    assert not trials.get(ONE).going_on


async def test_only_those_of_the_last_while_are_kept():
    tools = Tools()
    tools.let.set()
    trials = trials_of(tools)
    shown = previewed("UPDATE a SET b = 1")
    going = [trials.start(("p", f"{number}", ""), shown, by="rita") for number in range(40)]
    assert trials.get(("p", "0", "")) is None
    assert trials.get(("p", "39", "")) is going[-1]
    await asyncio.gather(*(trial.task for trial in going), return_exceptions=True)
