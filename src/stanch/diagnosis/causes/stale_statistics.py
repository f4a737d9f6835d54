"""The planner decides by statistics that are missing or no longer true.

**What it looks at.** Big tables that the load reads and that were never analysed, or of which more than a fifth
changed since they were.

**What to do.** ANALYZE the table when the server has room for it; later lower its `autovacuum_analyze_scale_factor`.
"""

from collections.abc import Iterator

from stanch.diagnosis.lexer import Unreadable
from stanch.diagnosis.reading import read
from stanch.diagnosis.relations import Relations
from stanch.diagnosis.workload import LEAST_ACTIVE, LEAST_SHARE, workload
from stanch.model.finding import Evidence, Finding, LongTerm, RuledOut
from stanch.model.postgres import Observation, Table

CAUSE = "stale_statistics"
BIG_PAGES = 1000
STALE_SHARE = 0.2


def look(observation: Observation) -> Finding | RuledOut:
    """Among the tables that the load reads, find the one whose statistics are furthest from it."""
    tables = list(_loaded(observation))
    stale = [(table, _staleness(table)) for table in tables if _staleness(table) >= STALE_SHARE]
    if not stale:
        names = ", ".join(sorted({table.name for table in tables}))
        return RuledOut(
            cause=CAUSE,
            because=f"the statistics of {names} are fresh" if names else "no big table is under load",
        )
    table, staleness = max(stale, key=lambda each: (each[1], each[0].pages, each[0].name))
    never = table.analyzed_at is None and table.rows <= 0
    return Finding(
        cause=CAUSE,
        summary=f"{table.name} was never analysed, so its statements are planned blindly."
        if never
        else f"{table.modified:,} rows of {table.name} changed since it was analysed, of about {_rows(table):,}.",
        confidence=0.6 if never else 0.4,
        subject={"table": table.name, "schema": table.schema},
        evidence=(
            Evidence(
                name="Statistics",
                text="never analysed" if never else f"{staleness:.0%} of the rows changed since",
                data={"modified": table.modified, "rows": table.rows, "analyzed_at": table.analyzed_at},
            ),
        ),
        later=(
            LongTerm(
                kind="analyze",
                text=f"Run ANALYZE on {table.schema}.{table.name} when the server has room for it, and lower its "
                "autovacuum_analyze_scale_factor.",
                data={"table": table.name, "schema": table.schema},
            ),
        ),
    )


def _loaded(observation: Observation) -> Iterator[Table]:
    """Big tables that statements with a good part of the time read."""
    relations = Relations(observation)
    work = workload(observation)
    if work.active < LEAST_ACTIVE:
        return
    seen: set[int] = set()
    for load in work.loads:
        if load.share < LEAST_SHARE:
            return
        reading = read(load.text, relations.columns)
        for scan in () if isinstance(reading, Unreadable) else reading.scans:
            table = relations.table(scan.table)
            leaf = None if table is None else relations.largest_leaf(table)
            if leaf is not None and leaf.pages >= BIG_PAGES and leaf.oid not in seen:
                seen.add(leaf.oid)
                yield leaf


def _rows(table: Table) -> int:
    return max(1, round(max(table.rows, table.live)))


def _staleness(table: Table) -> float:
    """The share of rows that changed since the statistics were made; 1 where there are none."""
    if table.rows < 0 or (table.analyzed_at is None and table.rows == 0):
        return 1.0
    return table.modified / _rows(table)
