"""A step's turn: by which way it is carried out, and whether it may be."""

from typing import assert_never

from stanch.model.run import StepRecord
from stanch.response.acting import Acting
from stanch.response.asking import Asking
from stanch.response.carrying import Carrying
from stanch.response.resolving import Resolving
from stanch.response.ways import ByHand, FillIn, Means, Way, goes_by_itself, way_of


class Turns:
    """Gives the steps of one run their turns."""

    def __init__(
        self, *, means: Means, resolving: Resolving, asking: Asking, acting: Acting, carrying: Carrying
    ) -> None:
        self._means = means
        self._resolving = resolving
        self._asking = asking
        self._acting = acting
        self._carrying = carrying

    async def take(self, step: StepRecord, *, again: str | None = None) -> None:
        """Do the step, or ask for it: where it goes by itself, or was approved as it is now, it is done.

        `again` says why it is begun once more. A by-hand step that people have said yes to before the means went away
        is asked for again.
        """
        way = way_of(step, self._means)
        match way:
            case ByHand() | FillIn():
                await self._asking.leave_to_people(step, way)
            case Way.ACTION:
                await self._acting.carry_out(step, again=again)
            case Way.ARGV | Way.SHELL | Way.QUERY | Way.MESSAGE | Way.WATCH:
                resolved = await self._resolving.now(step, way)
                if goes_by_itself(step, way, self._means) or await self._asking.is_allowed(step, resolved):
                    await self._carrying.carry_out(step, resolved, way, again=again)
            case _:
                assert_never(way)
