"""A step as it would run now: its values in their places, rated anew, and as whom it acts."""

import asyncio
from dataclasses import replace
from functools import partial

from stanch.model.run import StepRecord
from stanch.response import slots
from stanch.response.attending import Attendant
from stanch.response.principals import Principals, reads_a_file
from stanch.response.ways import Means, Way, goes_by_itself


class Resolving:
    """Resolves the steps of runs, at the moment at which people are asked and at the moment at which they act.

    What is asked and what is done are made the same way, so that whatever changed between the two is seen.
    """

    def __init__(self, *, means: Means, principals: Principals, attendant: Attendant) -> None:
        self._means = means
        self._principals = principals
        self._attendant = attendant

    async def now(self, step: StepRecord, way: Way) -> StepRecord:
        """The step with its values, as whom it acts, and for a command what would put it back. Raises Refused."""
        resolved = await self.anew(step, way)
        return await self._attendant.prepared(resolved) if way is Way.ARGV else resolved

    async def anew(self, step: StepRecord, way: Way) -> StepRecord:
        """The same without a look at what is there now: for what was begun already. Raises Refused."""
        resolved = slots.resolved(replace(step, statement=step.command))
        alone = goes_by_itself(step, way, self._means)
        whom = partial(self._principals.whom, resolved, way, by_itself=alone)
        # A kubeconfig need not lie on a fast disk; a thread costs more than all else, so only what reads one gets it.
        acts_as = await asyncio.to_thread(whom) if reads_a_file(resolved) else whom()
        return replace(resolved, acts_as=acts_as)
