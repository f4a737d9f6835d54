"""Which way a run goes on, where its procedure forks: by what is measured, else by people."""

from sqlalchemy import Connection

from stanch.model.clock import Clock
from stanch.model.run import StepRecord, StepState
from stanch.response import branches, rows, transitions, watching
from stanch.response.branches import Branch
from stanch.response.held import HeldRun
from stanch.response.transitions import Transition
from stanch.response.watching import Measure


class Branching:
    """The forks of one run. `answer_s` is how long people may take to choose."""

    def __init__(self, held: HeldRun, *, clock: Clock, answer_s: float, measure: Measure | None) -> None:
        self._held = held
        self._clock = clock
        self._answer_s = answer_s
        self._measure = measure

    async def choose(self, step: StepRecord, branch: Branch) -> None:
        """Ask people which way it goes."""
        change = transitions.asked_to_choose(
            step,
            branches.choice_of(self._held.run.steps, branch),
            digest=self._held.digest,
            because=None,
            due_at=self._clock.now() + self._answer_s,
        )
        await self._held.move(step, change)

    async def decide(self, step: StepRecord, branch: Branch) -> None:
        """Go by what is measured; without data, people are asked."""
        assert self._measure is not None
        looked = watching.look(watching.of_document(step.progress[transitions.WHEN]), self._measure)
        if looked.holds is None:
            await self.choose(step, branch)
            return
        mine = [each for each in self._held.run.steps if each.key in branch.keys and not each.state.is_over]
        because = f"'{branch.condition}' {'holds' if looked.holds else 'does not hold'}: {looked.text}"
        changes = [self._decided(each, because, taken=looked.holds) for each in mine]
        at = next(index for index, each in enumerate(mine) if each.key == step.key)

        def also(connection: Connection) -> None:
            for each, change in zip(mine, changes, strict=True):
                if each.key != step.key:
                    rows.update_step(connection, each, change.after)

        events = tuple(event for change in changes for event in change.events)
        told = events if not looked.holds else changes[at].events
        await self._held.move(step, Transition(after=changes[at].after, events=told), also=also)
        self._held.heard()  # more than one step has changed

    def _decided(self, step: StepRecord, because: str, *, taken: bool) -> Transition:
        if taken:
            return transitions.decided(step, because)
        skipped = transitions.Result(state=StepState.SKIPPED, because=because)
        return transitions.ended(step, skipped, now=self._clock.now(), elapsed_s=0.0, digest=self._held.digest)
