"""Cases of causes as data: what was seen of a server, and whether the cause fires.

`tests/cases/diagnosis/<cause>.toml` holds `[tables.<name>]`, fields of the Table record, and one `[[case]]` each:
`fires` or `because` (a part of the reason why not), and what was seen. In `statements`, a pair of numbers is the
counter at the two looks. `plans` are what the planner would say, by the columns of the hypothetical indexes.
"""

import tomllib
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import msgspec

from stanch.diagnosis.cause import Need, all_causes
from stanch.model.finding import Finding, RuledOut
from stanch.model.postgres import (
    Answer,
    Build,
    Connections,
    Extension,
    LockWait,
    Observation,
    Planned,
    PlanRequest,
    Request,
    Server,
    Session,
    Snapshot,
    Statement,
    Table,
    Unanswered,
)

FOLDER = Path(__file__).parent / "cases" / "diagnosis"
AT = 1_700_000_000.0
SERVER = Server(
    version=150_020,
    database="clinic",
    role="stanch_read",
    superuser=False,
    reads_statistics=True,
    reads_data=True,
    plans=True,
    extensions={
        "pg_stat_statements": Extension(version="1.10", schema="public"),
        "hypopg": Extension(version="1.3.1", schema="public"),
    },
)
BARE_SERVER = replace(SERVER, version=180_004, extensions={})
EMPTY = Snapshot(
    at=AT,
    started_at=0.0,
    statements=(),
    sessions=(),
    connections=Connections(allowed=100, reserved=3, by_state={"active": 1}),
    tables=(),
)


@dataclass(frozen=True, kw_only=True)
class Case:
    cause: str
    name: str
    data: dict[str, Any]
    observation: Observation

    @property
    def fires(self) -> bool:
        return bool(self.data.get("fires", False))

    def verdict(self) -> Finding | RuledOut:
        """What the cause says once its needs are met from the case's plans."""
        observation = self.observation
        for _ in range(3):
            verdict = all_causes()[self.cause](observation)
            if not isinstance(verdict, Need):
                return verdict
            answers: dict[Request, Answer] = {request: self._answer(request) for request in verdict.requests}
            observation = replace(observation, answers={**observation.answers, **answers})
        raise AssertionError("the cause asks without end")

    def _answer(self, request: Request) -> Answer:
        assert isinstance(request, PlanRequest)
        wanted = [list(index.columns) for index in request.indexes]
        for plan in self.data.get("plans", []):
            if plan.get("indexes", []) == wanted:
                name = "<1>btree" if wanted else None
                default = "Index Scan" if wanted else "Seq Scan"
                return Planned(
                    node={
                        "Node Type": plan.get("node", default),
                        "Total Cost": plan["cost"],
                        "Relation Name": plan.get("table", "appointments"),
                        **({"Index Name": name} if name else {}),
                        **({"Filter": plan["filter"]} if "filter" in plan else {}),
                    }
                )
        return Unanswered(because=self.data.get("unplanned", "this case has no such plan"))


def all_cases() -> list[Case]:
    """Every case of every cause."""
    return [case for path in sorted(FOLDER.glob("*.toml")) for case in cases_of(path)]


def cases_of(path: Path) -> list[Case]:
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    known = document.get("tables", {})
    return [
        Case(cause=path.stem, name=data["name"], data=data, observation=observed(data, known))
        for data in document["case"]
    ]


def observed(data: dict[str, Any], known: dict[str, Any]) -> Observation:
    window = data.get("window_s", 30.0)
    server = replace(BARE_SERVER if data.get("bare") else SERVER, **data.get("server", {}))
    looks = [_snapshot(data, known, place, AT + place * window) for place in (0, 1)]
    return Observation(server=server, earlier=looks[0], later=looks[1])


def _snapshot(data: dict[str, Any], known: dict[str, Any], place: int, at: float) -> Snapshot:
    changes = {name: data[name] for name in _PLAIN if name in data}
    return replace(
        EMPTY,
        at=at,
        statements=None if data.get("bare") else tuple(_statements(data.get("statements", []), place)),
        sessions=tuple(_sessions(data.get("sessions", []))),
        connections=msgspec.convert(data["connections"], Connections) if "connections" in data else EMPTY.connections,
        tables=tuple(_table(each, known, number, place) for number, each in enumerate(data.get("tables", []))),
        lock_waits=msgspec.convert(data.get("lock_waits", []), tuple[LockWait, ...]),
        builds=msgspec.convert(data.get("builds", []), tuple[Build, ...]),
        **changes,
    )


_PLAIN = {each.name for each in fields(Snapshot)} - {
    "at", "statements", "sessions", "connections", "tables", "lock_waits", "builds",
}  # fmt: skip


def _at(value: Any, place: int) -> Any:
    return value[place] if isinstance(value, list) and len(value) == 2 and not isinstance(value[0], dict) else value


def _statements(given: list[dict[str, Any]], place: int) -> list[Statement]:
    found = []
    for number, each in enumerate(given):
        at = {"id": str(1000 + number), "rows": 0, "blocks": 0, **{k: _at(v, place) for k, v in each.items()}}
        found.append(msgspec.convert(at, Statement))
    return found


def _sessions(given: list[dict[str, Any]]) -> list[Session]:
    found: list[Session] = []
    for each in given:
        told = {"state": "active", "text": "", **each}
        count = told.pop("count", 1)
        first = told.pop("pid", 100 + len(found))
        found += [msgspec.convert({**told, "pid": first + number}, Session) for number in range(count)]
    return found


def _table(given: Any, known: dict[str, Any], number: int, place: int) -> Table:
    changes = {"use": given} if isinstance(given, str) else dict(given)
    base = known.get(changes.pop("use", ""), {})
    told = {"oid": 16384 + number, "schema": "public", "columns": [], "indexes": [], **base}
    counters = {"live", "dead", "modified", "sequential_scans", "sequential_rows", "inserts", "updates", "hot_updates"}
    told |= {key: _at(value, place) if key in counters else value for key, value in changes.items()}
    told["indexes"] = told["indexes"] + told.pop("more_indexes", [])
    if told.pop("undescribed", False):
        told["columns"] = told["indexes"] = None
    return msgspec.convert(told, Table)
