"""What becomes of an act, from how it ended and what verification says. Pure.

The table that everything about crashes hangs on: an act whose outcome nobody saw is never simply done again.
"""

from enum import StrEnum

from stanch.model.record import record
from stanch.model.risk import Risk
from stanch.response.action import Effect, Remedy, Verified


class Ending(StrEnum):
    """How an act came to an end, as seen from here."""

    RETURNED = "returned"
    FAILED = "failed"
    CUT = "cut"
    """By the time box or a stop."""
    UNSEEN = "unseen"
    """Stanch ended first, or lost its lease."""


class Verdict(StrEnum):
    DONE = "done"
    FAILED = "failed"
    WATCH = "watch"
    AGAIN = "again"
    UNDO_AND_FAIL = "undo and fail"
    UNDO_AND_ASK = "undo and ask"
    UNKNOWN = "unknown"


@record
class Settled:
    verdict: Verdict
    because: str


MOST_ATTEMPTS = 3
"""An act that took Stanch down with it this often is not begun again by itself."""


def settle(ending: Ending, verified: Verified, *, risk: Risk, attempt: int, why: str = "") -> Settled:
    """Decide about an action that is not read-only. `why` says, where it failed or was cut, why."""
    seen = verified.because
    verdict = _verdict(ending, verified, risk, attempt)
    match verdict:
        case Verdict.DONE if ending is Ending.FAILED or ending is Ending.CUT:
            return Settled(verdict=verdict, because=f"{why} It took effect all the same: {seen}")
        case Verdict.UNKNOWN if risk is Risk.DESTRUCTIVE:
            return Settled(
                verdict=verdict,
                because=f"{why or _HOW[ending]} Verification says '{verified.effect}' ({seen}); a destructive step is "
                "left to people.",
            )
        case Verdict.UNKNOWN if verified.effect is Effect.NO_EFFECT:
            return Settled(verdict=verdict, because=f"{seen} It was begun {attempt} times without a seen outcome.")
        case Verdict.FAILED if ending is Ending.RETURNED:
            return Settled(verdict=verdict, because=f"It reported success, and had no effect: {seen}")
        case _:
            return Settled(verdict=verdict, because=f"{why} {seen}".strip())


_HOW = {
    Ending.RETURNED: "It reported success.",
    Ending.FAILED: "It failed.",
    Ending.CUT: "It was cut short.",
    Ending.UNSEEN: "Stanch ended while it ran.",
}


def _verdict(ending: Ending, verified: Verified, risk: Risk, attempt: int) -> Verdict:
    nobody_saw = ending in {Ending.CUT, Ending.UNSEEN}
    if risk is Risk.DESTRUCTIVE and nobody_saw:
        return Verdict.UNKNOWN
    match verified.effect:
        case Effect.TOOK_EFFECT:
            return Verdict.DONE
        case Effect.IN_PROGRESS:
            return Verdict.WATCH
        case Effect.NO_EFFECT if ending is Ending.UNSEEN:
            return Verdict.AGAIN if attempt < MOST_ATTEMPTS else Verdict.UNKNOWN
        case Effect.NO_EFFECT:
            return Verdict.FAILED
        case Effect.PARTIAL if risk is Risk.DESTRUCTIVE:
            return Verdict.UNKNOWN
        case Effect.PARTIAL if ending is not Ending.UNSEEN:
            return Verdict.UNDO_AND_FAIL
        case Effect.PARTIAL if verified.remedy is Remedy.DO_AGAIN and attempt < MOST_ATTEMPTS:
            return Verdict.AGAIN
        case Effect.PARTIAL:
            return Verdict.UNDO_AND_ASK
        case Effect.CANNOT_TELL:
            return Verdict.DONE if ending is Ending.RETURNED else Verdict.UNKNOWN
