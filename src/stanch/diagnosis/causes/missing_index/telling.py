"""A cure in words: the finding, its evidence, the proposal, and what to put right later."""

from collections.abc import Iterator
from typing import Any

from stanch.diagnosis import ddl, estimate
from stanch.diagnosis.candidates import broken
from stanch.diagnosis.causes.missing_index.cures import WHOLE_TABLE, Cure
from stanch.diagnosis.causes.missing_index.suspects import CAUSE, Judge, Suspect
from stanch.diagnosis.estimate import duration_text, size_text
from stanch.diagnosis.relations import Relations
from stanch.diagnosis.workload import Load, Workload, shortened
from stanch.model.finding import Evidence, Finding, LongTerm, Proposal
from stanch.model.postgres import Index, IndexShape, Observation, Planned, Table
from stanch.model.risk import Risk


class Teller:
    """Puts a cure into words."""

    def __init__(self, observation: Observation, work: Workload, judge: Judge) -> None:
        self._observation = observation
        self._work = work
        self._judge = judge
        self._taken = {
            name
            for table in observation.tables
            for name in (table.name, *(index.name for index in table.indexes or ()))
        }

    def finding(self, cure: Cure, others: list[Cure]) -> Finding:
        suspect = cure.suspect
        shapes = cure.candidate.indexes
        broken_by = [self._broken(cure, shape) for shape in shapes]
        names = [
            index.name if index is not None else ddl.index_name(shape, self._taken)
            for shape, index in zip(shapes, broken_by, strict=True)
        ]
        refusal = self._cannot_apply(suspect)
        proposals = [
            self._proposal(cure, shape, name, index)
            for shape, name, index in zip(shapes, names, broken_by, strict=True)
            if refusal is None
        ]
        subject: dict[str, Any] = {
            "table": suspect.table.name,
            "schema": suspect.table.schema,
            "columns": list(shapes[0].columns),
            "index": names[0],
        }
        if len(shapes) > 1:
            subject["further"] = [
                {"columns": list(shape.columns), "index": name}
                for shape, name in zip(shapes[1:], names[1:], strict=True)
            ]
        return Finding(
            cause=CAUSE,
            summary=self._summary(cure, broken_by[0]),
            confidence=_confidence(cure),
            subject=subject,
            evidence=tuple(self._evidence(cure)),
            proposals=tuple(proposals),
            later=tuple(self._later(cure, others, refusal)),
        )

    def _broken(self, cure: Cure, shape: IndexShape) -> Index | None:
        return broken(cure.suspect.leaf, shape.columns, min(cure.candidate.equalities, len(shape.columns)))

    def _cannot_apply(self, suspect: Suspect) -> str | None:
        if self._observation.later.standby:
            return "This server is a standby: create the index on its primary."
        if suspect.table.kind == "p":
            return (
                f"{suspect.table.name} is partitioned, and an index on it cannot be built concurrently: create it on "
                "each partition with CREATE INDEX CONCURRENTLY, then on the parent with ON ONLY, then attach each."
            )
        return None

    def _summary(self, cure: Cure, invalid: Index | None) -> str:
        suspect, shape = cure.suspect, cure.candidate.indexes[0]
        columns = " and ".join(ddl.columns_text(each.columns) for each in cure.candidate.indexes)
        load = suspect.load
        if invalid is not None:
            lack = f"The index {invalid.name} of {shape.table} on {columns} is invalid: its build was interrupted"
        else:
            lack = f"{suspect.table.name} has no index on {columns}"
        if load.blocks_per_call is not None and load.rows_per_call is not None:
            cost = (
                f"each call reads {load.blocks_per_call:,.0f} blocks of the table's {suspect.leaf.pages:,} "
                f"to return {_count(load.rows_per_call)}"
            )
        else:
            cost = f"each call reads the whole table, {suspect.leaf.pages:,} blocks"
        return f"{lack}, so {cost}. It takes {_share(load)} of the database's time."

    def _evidence(self, cure: Cure) -> Iterator[Evidence]:
        suspect, load = cure.suspect, cure.suspect.load
        table = suspect.leaf
        yield Evidence(name="Statement", text=suspect.reading.shown, data={"id": load.id})
        yield Evidence(
            name="Share of database time",
            text=f"{_share(load)} over {duration_text(self._work.window_s)}, {load.running + load.waiting} sessions in "
            f"it now, {self._work.active:.1f} at work on average",
            data={
                "share": round(load.share, 4),
                "window_s": round(self._work.window_s, 3),
                "sessions": load.running + load.waiting,
                "active": round(self._work.active, 2),
            },
        )
        if load.measured and load.blocks_per_call is not None and load.rows_per_call is not None:
            when = f"in {duration_text(self._work.window_s)}" if load.ended else "since the statistics began"
            yield Evidence(
                name="Calls",
                text=f"{load.calls:,} {when}, {duration_text(load.mean_s or 0)} each",
                data={"calls": load.calls, "mean_s": round(load.mean_s or 0, 6), "in_window": load.ended},
            )
            yield Evidence(
                name="Blocks a call",
                text=f"{load.blocks_per_call:,.0f} of the table's {table.pages:,} ({size_text(table.pages * 8192)})",
                data={"blocks_per_call": round(load.blocks_per_call, 1), "relpages": table.pages},
            )
            yield Evidence(
                name="Rows a call",
                text=f"{_count(load.rows_per_call)} of {table.rows:,.0f}",
                data={"rows_per_call": round(load.rows_per_call, 2), "reltuples": table.rows},
            )
        else:
            yield from self._sampled(load, table)
        yield from _plans(cure)
        shape = cure.candidate.indexes[0]
        served = list(self._judge.also_served(shape, load))
        if served:
            yield Evidence(
                name="Also served",
                text="; ".join(f"`{shortened(each.text)}` ({_share(each)} of the time)" for each in served[:3]),
                data={"statements": [each.id for each in served]},
            )

    def _sampled(self, load: Load, table: Table) -> Iterator[Evidence]:
        before = Relations(self._observation).before(table)
        scans = table.sequential_scans - before.sequential_scans
        rows = table.sequential_rows - before.sequential_rows
        yield Evidence(
            name="Sessions",
            text=f"{load.running} sessions were running it, the longest for {duration_text(load.oldest_s)}; "
            f"{_of_calls(load)}",
            data={"running": load.running, "oldest_s": round(load.oldest_s, 3)},
        )
        yield Evidence(
            name="Sequential scans",
            text=f"{scans:,} scans of {table.name} ended in {duration_text(self._work.window_s)} and read {rows:,} "
            f"rows; it has {table.rows:,.0f} in {table.pages:,} blocks ({size_text(table.pages * 8192)})",
            data={"scans": scans, "rows": rows, "relpages": table.pages, "reltuples": table.rows},
        )

    def _proposal(self, cure: Cure, shape: IndexShape, name: str, invalid: Index | None) -> Proposal:
        table = cure.suspect.leaf
        create = ddl.create_index(shape, name)
        statement = create if invalid is None else f"{ddl.drop_index(shape.schema, name)};\n{create}"
        writes = _written_per_second(self._observation, table)
        return Proposal(
            action="create_index",
            title=f"Create the index {name} on {shape.table} {ddl.columns_text(shape.columns)}",
            why=f"A call becomes about {_times(cure.gain)} cheaper"
            + (", by the planner's own costs." if cure.planned else ", estimated from the table's statistics."),
            risk=Risk.MUTATING,
            parameters={
                "schema": shape.schema,
                "table": shape.table,
                "columns": list(shape.columns),
                "index": name,
                "replaces_invalid": invalid is not None,
            },
            statement=statement,
            undo=ddl.drop_index(shape.schema, name),
            facts=(
                ("Duration", _duration(table)),
                ("Size", f"about {size_text(estimate.index_bytes(table, shape.columns))} on disk"),
                ("Locks", "SHARE UPDATE EXCLUSIVE: reads and writes go on; VACUUM and other DDL of the table wait"),
                ("Writes", f"{writes:,.1f} rows a second are written to {table.name} now; each will maintain it"),
                ("If it is interrupted", "an invalid index is left, which is found and dropped"),
            ),
        )

    def _later(self, cure: Cure, others: list[Cure], refusal: str | None) -> Iterator[LongTerm]:
        suspect = cure.suspect
        if refusal is not None:
            yield LongTerm(kind="apply_by_hand", text=refusal, data={})
        for named in suspect.reading.star:
            table = Relations(self._observation).table(named)
            columns = [column.name for column in (table.columns or ())] if table is not None else []
            yield LongTerm(
                kind="select_star",
                text=f"`SELECT *` fetches all {len(columns)} columns of {named.name}: name those that are used "
                f"({', '.join(columns)}).",
                data={"table": named.name, "columns": columns},
            )
        reading = suspect.reading
        if reading.verb == "select" and not reading.limited and not reading.aggregated:
            yield LongTerm(
                kind="missing_pagination",
                text=f"The statement has no LIMIT: page through {suspect.table.name} by key, so that what a call "
                "returns is bounded.",
                data={"table": suspect.table.name},
            )
        for shape in cure.candidate.indexes:
            for index in suspect.leaf.indexes or ():
                if (
                    len(index.columns) < len(shape.columns)
                    and shape.columns[: len(index.columns)] == index.columns
                    and not (index.unique or index.constraint or index.partial or index.included)
                ):
                    yield LongTerm(
                        kind="redundant_index",
                        text=f"The index {index.name} on {ddl.columns_text(shape.columns[: len(index.columns)])} is "
                        "served by the new one: drop it once that is in use.",
                        data={"index": index.name},
                    )
        for other in others:
            if other.candidate.indexes == cure.candidate.indexes:
                continue
            shape = other.candidate.indexes[0]
            yield LongTerm(
                kind=CAUSE,
                text=f"{shape.table} also lacks an index on {ddl.columns_text(shape.columns)}, for "
                f"`{shortened(other.suspect.reading.shown)}` ({_share(other.suspect.load)} of the time).",
                data={"table": shape.table, "schema": shape.schema, "columns": list(shape.columns)},
            )


def _plans(cure: Cure) -> Iterator[Evidence]:
    if cure.before is not None:
        yield Evidence(
            name="Plan now",
            text=f"{plan_text(cure.before)}, cost {cure.before.cost:,.0f}",
            data={"cost": cure.before.cost, "plan": plan_text(cure.before)},
        )
    if cure.after is not None:
        yield Evidence(
            name="Plan with the index",
            text=f"{plan_text(cure.after)}, cost {cure.after.cost:,.0f}: {_times(cure.gain)} cheaper (HypoPG)",
            data={"cost": cure.after.cost, "plan": plan_text(cure.after), "gain": round(cure.gain, 1), "hypopg": True},
        )
    elif cure.blocks is not None:
        now, then = cure.blocks
        yield Evidence(
            name="Estimate with the index",
            text=f"about {then:,.0f} blocks a call instead of {now:,.0f}, estimated from the columns' statistics as if "
            "they were independent",
            data={"gain": round(cure.gain, 1), "hypopg": False},
        )


def plan_text(plan: Planned) -> str:
    """A plan in one line: `Gather > Parallel Seq Scan on appointments`."""
    parts: list[str] = []
    node: Any = plan.node
    while node is not None:
        name = str(node["Node Type"])
        parallel = "Parallel " if node.get("Parallel Aware") and "Scan" in name else ""
        index = str(node.get("Index Name") or "")
        where = f" using {'the new index' if index.startswith('<') else index}" if index else ""
        on = f" on {node['Relation Name']}" if node.get("Relation Name") else ""
        parts.append(f"{parallel}{name}{where}{on}")
        inner = node.get("Plans") or ()
        node = max(inner, key=lambda each: float(each["Total Cost"]), default=None)
    return " > ".join(parts)


def _duration(table: Table) -> str:
    idle = estimate.build_seconds(table)
    busy = duration_text(idle * estimate.BUSY_FACTOR)
    return f"about {duration_text(idle)} on an idle server, up to {busy} beside 30 clients; capped load shortens it"


def _confidence(cure: Cure) -> float:
    """0.97 where blocks, rows and the planner agree; less for each that could not be asked."""
    load, pages = cure.suspect.load, cure.suspect.leaf.pages
    confidence = 0.97 if cure.planned else 0.85 if cure.before is not None else 0.75
    whole = load.blocks_per_call is not None and load.blocks_per_call >= WHOLE_TABLE * pages
    return round(confidence if whole else confidence - 0.1, 2)


def _written_per_second(observation: Observation, table: Table) -> float:
    before = Relations(observation).before(table)
    written = (table.inserts - before.inserts) + (table.updates - before.updates) + (table.deletes - before.deletes)
    return max(0.0, written / observation.window_s)


def _of_calls(load: Load) -> str:
    if not load.outgrown:
        return "how often it is called is not known without pg_stat_statements"
    return f"the {load.calls:,} calls that ended took {duration_text(load.call_time_s / load.calls)} each"


def _share(load: Load) -> str:
    return f"{load.share:.0%}"


def _count(rows: float) -> str:
    shown = f"{rows:,.0f}" if rows >= 10 or rows == round(rows) else f"{rows:,.1f}"
    return f"{shown} row{'' if shown == '1' else 's'}"


def _times(gain: float) -> str:
    return f"{gain:,.0f} times" if gain >= 10 else f"{gain:.1f} times"
