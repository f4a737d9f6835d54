"""Patients and front desks: a closed loop of users who read, think, and read on. Bounded in time always."""

import asyncio
import json
import math
import random
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TextIO

from clinic.http_client import Answer, Connection, Unanswered

USERS = 24
THINK_S = 0.12
SECONDS = 3600.0

_TIMEOUT_S = 60.0
_AFTER_FAILURE_S = 0.5
_LONGEST_WAIT_S = 30.0
_PERCENT = {"appointments": 85, "patient": 6, "doctor": 6, "book": 2, "token": 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """`think_s` is the mean pause of a user between an answer and the next request, exponentially distributed."""

    url: str
    users: int = USERS
    think_s: float = THINK_S
    seconds: float = SECONDS
    seed: int = 1


@dataclass(slots=True)
class Tally:
    """What happened in one interval. Percentiles are of what was answered or failed, not of quick refusals."""

    ok: int = 0
    refused: int = 0
    failed: int = 0
    times: list[float] = field(default_factory=list)

    def add(self, answer: Answer | None, took_s: float) -> None:
        """`answer` is None where there was none. A refusal is a 429 or a 503 that says when to come again."""
        if answer is not None and (answer.status == 429 or (answer.status == 503 and "retry-after" in answer.headers)):
            self.refused += 1
            return
        if answer is not None and answer.status < 400:
            self.ok += 1
        else:
            self.failed += 1
        self.times.append(took_s)

    def line(self, at: float) -> dict[str, float | int | None]:
        return {
            "at": round(at, 3),
            "ok": self.ok,
            "refused": self.refused,
            "failed": self.failed,
            "p50_s": percentile(self.times, 0.5),
            "p95_s": percentile(self.times, 0.95),
        }


def percentile(times: Iterable[float], share: float) -> float | None:
    """The smallest time that at least `share` of all do not exceed (nearest rank); None of nothing."""
    ordered = sorted(times)
    return round(ordered[max(0, math.ceil(share * len(ordered)) - 1)], 6) if ordered else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """What there is to ask for."""

    doctors: int
    patients: int
    first_day: date
    days: int


async def run(plan: Plan, output: TextIO) -> None:
    """Load the clinic for `plan.seconds`, writing one JSON line a second. Waits for a clinic that is not up yet."""
    load = _Load(plan, output)
    try:
        async with asyncio.timeout(plan.seconds):
            await load.run()
    except TimeoutError:
        load.write()


class _Load:
    def __init__(self, plan: Plan, output: TextIO) -> None:
        self._plan = plan
        self._output = output
        self._tally = Tally()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._report())
            calendar = await self._calendar()
            for number in range(self._plan.users):
                tasks.create_task(_User(self, number, calendar).live())

    @property
    def plan(self) -> Plan:
        return self._plan

    def write(self) -> None:
        """One line, and a new tally."""
        tally, self._tally = self._tally, Tally()
        self._output.write(json.dumps(tally.line(time.time())) + "\n")
        self._output.flush()

    async def _report(self) -> None:
        began = time.monotonic()
        due = 0
        while True:
            due = max(due + 1, math.floor(time.monotonic() - began))
            await asyncio.sleep(began + due - time.monotonic())
            self.write()

    async def _calendar(self) -> Calendar:
        connection = Connection(self._plan.url)
        while True:
            answer = await self.ask(connection, "GET", "/statistics")
            if answer is not None and answer.status == 200:
                connection.close()
                told = json.loads(answer.body)
                first, last = date.fromisoformat(told["first_day"]), date.fromisoformat(told["last_day"])
                return Calendar(
                    doctors=told["doctors"], patients=told["patients"], first_day=first, days=(last - first).days + 1
                )
            await asyncio.sleep(_AFTER_FAILURE_S)

    async def ask(
        self, connection: Connection, method: str, target: str, *, token: str = "", body: object = None
    ) -> Answer | None:
        """One counted request; None where no answer came."""
        headers = {"authorization": f"Bearer {token}"} if token else {}
        began = time.monotonic()
        answer = None
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                answer = await connection.request(
                    method, target, headers=headers, body=b"" if body is None else json.dumps(body).encode()
                )
        except (OSError, TimeoutError, Unanswered):
            pass  # counted as failed
        self._tally.add(answer, time.monotonic() - began)
        return answer


class _User:
    """One patient, with a connection and a token."""

    def __init__(self, load: _Load, number: int, calendar: Calendar) -> None:
        self._load = load
        self._calendar = calendar
        self._random = random.Random(load.plan.seed * 100_003 + number)  # noqa: S311 - to be repeatable
        self._connection = Connection(load.plan.url)
        self._patient = self._random.randint(1, calendar.patients)
        self._token = ""

    async def live(self) -> None:
        think_s = self._load.plan.think_s
        await asyncio.sleep(self._random.uniform(0.0, 1.0))  # not all at once
        await self._log_in()
        while True:
            await asyncio.sleep(self._random.expovariate(1.0 / think_s) if think_s > 0 else 0.0)
            answer = await self._act()
            await asyncio.sleep(_pause(answer))

    async def _act(self) -> Answer | None:
        chosen = self._random.choices(list(_PERCENT), list(_PERCENT.values()))[0]
        doctor = self._random.randint(1, self._calendar.doctors)
        day = self._calendar.first_day + timedelta(days=self._random.randrange(self._calendar.days))
        match chosen:
            case "appointments":
                return await self._ask("GET", f"/appointments?doctor_id={doctor}&date={day}")
            case "patient":
                return await self._ask("GET", f"/patients/{self._patient}")
            case "doctor":
                return await self._ask("GET", f"/doctors/{doctor}")
            case "book":
                starts_at = datetime(day.year, day.month, day.day, self._random.randrange(8, 16), tzinfo=UTC)
                body = {
                    "patient_id": self._patient,
                    "doctor_id": doctor,
                    "starts_at": starts_at.isoformat(),
                    "reason": "Follow-up after treatment",
                }
                return await self._ask("POST", "/appointments", body)
            case _:
                return await self._log_in()

    async def _log_in(self) -> Answer | None:
        answer = await self._load.ask(self._connection, "POST", "/tokens", body={"patient_id": self._patient})
        if answer is not None and answer.status == 201:
            self._token = json.loads(answer.body)["token"]
        return answer

    async def _ask(self, method: str, target: str, body: object = None) -> Answer | None:
        return await self._load.ask(self._connection, method, target, token=self._token, body=body)


def _pause(answer: Answer | None) -> float:
    """How long to stay away: as the server asks, briefly after no answer at all."""
    if answer is None:
        return _AFTER_FAILURE_S
    asked = answer.headers.get("retry-after", "")
    return min(float(asked), _LONGEST_WAIT_S) if asked.isdecimal() else 0.0
