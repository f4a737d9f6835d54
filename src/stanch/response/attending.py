"""What is done around a command that changes something: a look before, proof after, and putting it back.

The words come from `commands.companions`; here they are run, each in a time box of its own. Looks are rated
read-only; an undo is rated like any other command, and one that destroys is left to a person.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from stanch.commands.companion import Companions, Pipeline
from stanch.commands.companions.table import companions_of, rated, written
from stanch.model.record import record
from stanch.model.risk import Risk
from stanch.model.run import StepRecord
from stanch.response.action import Effect, Verified
from stanch.response.execution import Execution, Executor, NotStarted
from stanch.response.identities import Identity
from stanch.response.redaction import MARKED
from stanch.response.transitions import BEFORE, NO_UNDO, UNDO

LOOK_S = 15.0
FOLLOW_S = 150.0

_REFUSED = re.compile(
    r"\bforbidden\b|unauthorized|not authorized|permission denied|access ?denied|\bNOPERM\b", re.IGNORECASE
)
"""How the tools say that somebody may not look."""


@record
class Looked:
    """What a look printed, and why it did not succeed where it did not. `unseen`: it was not allowed to look."""

    output: str
    fault: str | None = None

    @property
    def unseen(self) -> bool:
        return self.fault is not None and _REFUSED.search(self.fault) is not None


class Attendant:
    """Runs what goes along with commands. Looks act as `identity`, like every step that nobody is asked about."""

    def __init__(self, executor: Executor, identity: Identity) -> None:
        self._executor = executor
        self._identity = identity

    @staticmethod
    def companions(step: StepRecord) -> Companions | None:
        """What goes along with the step's command; None for what only reads, or needs a shell."""
        if step.pipeline is None or step.command is None or step.language == "sql" or step.risk is Risk.READ_ONLY:
            return None
        return companions_of(step.pipeline)

    async def prepared(self, step: StepRecord) -> StepRecord:
        """The step with what is there now, and what would put it back; where nothing would, with the reason."""
        found = self.companions(step)
        if found is None:
            return step
        progress = {key: value for key, value in step.progress.items() if key not in {BEFORE, UNDO}}
        facts = tuple(fact for fact in step.facts if fact[0] != NO_UNDO)
        before: str | None = None
        why = found.no_undo
        if found.before is not None:
            looked = await self._look(step, found.before)
            if MARKED in looked.output:
                why = "What is there now is a secret, which is not kept: nothing can be put back."
            elif looked.fault is None:
                before = looked.output
                progress[BEFORE] = before
            else:
                why = f"What is there now could not be read, so nothing can be put back: {looked.fault}"
        pipeline = None
        if found.undo is not None and before is not None:
            pipeline = found.undo.of(before)
            why = "It is as the command would make it already: there is nothing to put back."
        if pipeline is None:
            return replace(step, undo=None, progress=progress, facts=(*facts, (NO_UNDO, why)))
        progress[UNDO] = [list(stage) for stage in pipeline]
        return replace(step, undo=written(pipeline), progress=progress, facts=facts)

    async def proved(self, step: StepRecord) -> Verified:
        """What the outside world says about the act."""
        found = self.companions(step)
        if found is None or found.proof is None:
            return Verified(effect=Effect.CANNOT_TELL, because="There is no look that tells.")
        looked = await self._look(step, found.proof.look)
        if looked.fault is not None:
            return Verified(effect=Effect.CANNOT_TELL, because=f"It could not be looked at: {looked.fault}")
        shown = f"`{written(found.proof.look)}` shows {_brief(looked.output)}."
        match found.proof.judge(step.progress.get(BEFORE), looked.output):
            case True:
                return Verified(effect=Effect.TOOK_EFFECT, because=shown)
            case False:
                return Verified(effect=Effect.NO_EFFECT, because=shown)
            case _:
                return Verified(effect=Effect.CANNOT_TELL, because=f"{shown} From that it cannot be told.")

    async def settled(self, step: StepRecord, *, within_s: float) -> Looked | None:
        """Follow what the act began to its end; None where there is nothing to follow."""
        found = self.companions(step)
        if found is None or found.settled is None:
            return None
        looked = await self._look(step, found.settled.look, within_s=min(FOLLOW_S, within_s))
        if looked.fault is None and not found.settled.judge(looked.output):
            fault = f"`{written(found.settled.look)}` shows {_brief(looked.output)}."
            return replace(looked, fault=fault)
        return looked

    async def present(self, step: StepRecord) -> str | None:
        """What the look before the act prints now."""
        found = self.companions(step)
        if found is None or found.before is None:
            return None
        looked = await self._look(step, found.before)
        return looked.output if looked.fault is None else None

    async def is_back(self, step: StepRecord, seen: str | None) -> bool:
        """Whether the undo, begun when `seen` was there, has been done already."""
        found = self.companions(step)
        now = await self.present(step)
        if found is None or found.undo is None or now is None:
            return False
        if found.undo.restores:
            return now == step.progress.get(BEFORE)
        return seen is not None and now != seen

    async def undo(
        self, step: StepRecord, *, within_s: float, begun_before: Callable[[], float | None] | None = None
    ) -> str | None:
        """Put the command back and look; why that failed, where it did. For `begun_before` see `Executor.run`."""
        stages: Any = step.progress.get(UNDO)
        if not stages:
            return "there is no known undo"
        pipeline: Pipeline = tuple(tuple(stage) for stage in stages)
        words = written(pipeline)
        if rated(pipeline).risk is Risk.DESTRUCTIVE:
            return f"its undo destroys something, so it is yours to run: {words}"
        before = await self.present(step)
        ran = await self._look(step, pipeline, within_s=within_s, harmless=False, begun_before=begun_before)
        if ran.fault is not None:
            return f"`{words}`: {ran.fault}"
        found = self.companions(step)
        if found is not None and found.undo is not None and found.before is not None:
            now = await self.present(step)
            if now is None:
                return f"`{words}` ended well, and what is there now could not be read"
            back = now == step.progress.get(BEFORE) if found.undo.restores else now != before
            if not back:
                return f"`{words}` ended well, and `{written(found.before)}` shows {_brief(now)}"
        return None

    async def _look(
        self,
        step: StepRecord,
        pipeline: Pipeline,
        *,
        within_s: float = LOOK_S,
        harmless: bool = True,
        begun_before: Callable[[], float | None] | None = None,
    ) -> Looked:
        name = f"{step.run_id}/{step.key}/{'look' if harmless else 'undo'}"
        variables: dict[str, str] = {}
        if harmless and self._identity.cannot_take(pipeline) is None:
            pipeline, variables = self._identity.taken_by(pipeline)
        try:
            done: Execution = await self._executor.run(
                pipeline,
                step=name,
                timebox_s=within_s,
                harmless=harmless,
                begun_before=begun_before,
                variables=variables,
            )
        except NotStarted as not_started:
            return Looked(output="", fault=str(not_started))
        fault = done.fault
        if fault is not None and done.output.strip():
            fault = f"{fault} {_brief(done.output)}"
        return Looked(output=done.output.strip(), fault=fault)


def _brief(output: str) -> str:
    """What a look printed, in a line."""
    text = " ".join(output.split())
    return f"'{text}'" if len(text) <= 200 else f"'{text[:200]}...'"
