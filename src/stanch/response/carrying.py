"""Carries out what a step says in words: a command, a query, a message, a look at a signal.

Intent written, act, outcome written. A command that changes something has a record that outlives this server.
"""

from dataclasses import replace

from sqlalchemy import Connection

from stanch.model.problem import StanchError
from stanch.model.risk import Risk, Trait
from stanch.model.run import StepRecord
from stanch.response import rows, slots, transitions
from stanch.response.bounds import Cut
from stanch.response.execution import NotStarted, Pipeline
from stanch.response.held import HeldRun
from stanch.response.proving import CommandResult, Proving, result_of
from stanch.response.signal_checks import SignalChecks
from stanch.response.text_table import aligned
from stanch.response.tools import Tools
from stanch.response.ways import ByHand, FillIn, Way, goes_by_itself

_SHELL = ("/bin/bash", "--noprofile", "--norc", "-c")


def begun_again(step: StepRecord, way: Way | ByHand | FillIn) -> bool:
    """Whether the step only reads, so that after a crash it is simply begun again."""
    return step.risk is Risk.READ_ONLY and way is not Way.SHELL


class Carrying:
    """Does the steps of one run that are not actions."""

    def __init__(self, held: HeldRun, tools: Tools, *, proving: Proving, signals: SignalChecks) -> None:
        self._held = held
        self._tools = tools
        self._proving = proving
        self._signals = signals

    async def carry_out(self, step: StepRecord, resolved: StepRecord, way: Way, *, again: str | None = None) -> None:
        """Do the step as resolved. `again` says why it is begun once more."""
        if way is Way.MESSAGE:
            await self._say(step, resolved)
            return
        if way is Way.WATCH:
            await self._signals.carry_out(await self._held.start(step, resolved, because=again))
            return
        # What only reads is begun again after a crash; of everything else the outcome must outlive us.
        record = None if way is Way.QUERY or begun_again(resolved, way) else self._tools.executor.record()
        started = await self._held.start(step, resolved, because=again, record=record)
        result = await self._query(started) if way is Way.QUERY else await self._execute(started, way, record)
        await self._proving.close(started, result)
        self._tools.executor.forget(record)

    async def _execute(self, step: StepRecord, way: Way, record: str | None) -> CommandResult:
        pipeline: Pipeline | None = step.pipeline
        if way is Way.SHELL:
            assert step.command is not None
            pipeline = ((*_SHELL, step.command),)
        assert pipeline is not None
        variables: dict[str, str] = {}
        if goes_by_itself(step, way, self._tools.means):
            pipeline, variables = self._tools.identity.taken_by(pipeline)
        act = self._tools.executor.run(
            pipeline,
            variables=variables,
            secrets=slots.secret_values(step),
            step=f"{step.run_id}/{step.key}",
            timebox_s=self._tools.timing.limit_s(step),
            endless=Trait.ENDLESS in step.traits,
            harmless=step.risk is Risk.READ_ONLY,
            record=record,
            begun_before=self._held.safe_until,
            show=lambda output: self._held.show(step, output),
        )
        try:
            return result_of(await self._held.within(act, None))
        except NotStarted as not_started:
            return CommandResult(output=None, fault=str(not_started))
        except Cut as cut:
            return CommandResult(output=None, fault=str(cut), cut=True)

    async def _query(self, step: StepRecord) -> CommandResult:
        """Ask the database."""
        query, redactor = self._tools.query, self._tools.redactor
        statement = step.statement or step.command
        assert query is not None
        assert statement is not None
        try:
            answer = await self._held.within(query(statement), self._tools.timing.limit_s(step))
        except StanchError as refused:
            return CommandResult(output=None, fault=redactor(f"{refused.message} {refused.hint}".strip()))
        except Cut as cut:
            return CommandResult(output=None, fault=str(cut))
        return CommandResult(output=redactor(aligned(answer)))

    async def _say(self, step: StepRecord, resolved: StepRecord) -> None:
        """Queue what is to be said, in one transaction with the step: said once, whatever happens."""
        tell, clock, incident = self._tools.tell, self._tools.clock, self._held.incident
        assert tell is not None
        change = transitions.said(step, resolved, now=clock.now())

        def queue(connection: Connection) -> None:
            output = tell(connection, incident, resolved, clock.now())
            rows.update_step(connection, change.after, replace(change.after, output=output))

        await self._held.move(step, change, also=queue)
