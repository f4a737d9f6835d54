"""Which statements an index may cure, and why the others not."""

from collections.abc import Iterator

from stanch.diagnosis.candidates import Candidate, candidates, serving, unique_lookup
from stanch.diagnosis.lexer import Unreadable
from stanch.diagnosis.reading import Named, Reading, Scan, read
from stanch.diagnosis.relations import Relations
from stanch.diagnosis.workload import Load, Workload
from stanch.model.postgres import IndexShape, Observation, Table
from stanch.model.record import record

CAUSE = "missing_index"
SMALL_PAGES = 1000
MOST_RETURNED = 0.05
MOST_INDEXES = 10
OFTEN_UPDATED = 1000
MOSTLY_IN_PLACE = 0.5
_MOST_UPDATES_READ = 30


@record
class Suspect:
    """A scan that an index may cure. `table` is what was named, `leaf` where the rows are (a partition, or itself)."""

    load: Load
    reading: Reading
    scan: Scan
    table: Table
    leaf: Table
    candidates: tuple[Candidate, ...]


class Judge:
    """Tells for each statement why an index is no cure, or which could be."""

    def __init__(self, observation: Observation, work: Workload, relations: Relations) -> None:
        self._observation = observation
        self._work = work
        self._relations = relations
        self._columns = relations.columns

    def reading(self, load: Load) -> Reading | Unreadable:
        rows = load.rows_per_call
        return read(load.text, self._columns, rows=1 if rows is None else max(1, round(rows)))

    def judged(self, load: Load) -> list[Suspect] | str:
        if load.truncated:
            return "its text is cut off"
        reading = self.reading(load)
        if isinstance(reading, Unreadable):
            return reading.because
        if load.waits_for_locks:
            return f"its sessions wait for locks ({load.waiting} of {load.waiting + load.running})"
        if not reading.scans:
            return "it looks for rows in no table"
        suspects: list[Suspect] = []
        reasons: list[str] = []
        for scan in reading.scans:
            suspect = self._suspect(load, reading, scan)
            if isinstance(suspect, str):
                reasons.append(suspect)
            else:
                suspects.append(suspect)
        return suspects or reasons[0]

    def _suspect(self, load: Load, reading: Reading, scan: Scan) -> Suspect | str:
        table = self._relations.table(scan.table)
        leaf = None if table is None else self._relations.largest_leaf(table)
        if table is None or leaf is None:
            return f"{_called(scan.table)} is not among the tables that are known"
        reason = self._unfit(load, reading, scan, leaf)
        if reason is not None:
            return reason
        hot = self._updated_in_place(leaf)
        found = candidates(scan, leaf, hot)
        if not found:
            return self._unserved_reason(scan, leaf, hot)
        return Suspect(load=load, reading=reading, scan=scan, table=table, leaf=leaf, candidates=found)

    def _unfit(self, load: Load, reading: Reading, scan: Scan, table: Table) -> str | None:
        """Why an index on this table is no cure for this statement, as far as the table and the counters tell."""
        if table.rows < 0 or (table.rows == 0 and table.pages >= SMALL_PAGES):
            return f"{table.name} was never analysed, so there are no statistics to choose an index by"
        if table.pages < SMALL_PAGES:
            return f"{table.name} is small ({table.pages:,} pages): it is read whole in milliseconds"
        if table.columns is None or table.indexes is None:
            return f"{table.name} was not described"
        building = next((build for build in self._observation.later.builds if build.table_oid == table.oid), None)
        if building is not None:
            return f"an index on {table.name} is being built by process {building.pid} ({building.phase})"
        blocks, rows = load.blocks_per_call, load.rows_per_call
        if blocks is not None and blocks < SMALL_PAGES:
            return f"a call reads {blocks:,.0f} blocks of {table.pages:,}: it does not read {table.name} whole"
        is_plain = len(reading.scans) == 1 and not reading.aggregated and not reading.limited
        if is_plain and rows is not None and rows > MOST_RETURNED * table.rows:
            return f"a call returns {rows:,.0f} of {table.rows:,.0f} rows, which an index does not make cheaper"
        lookup = unique_lookup(table, scan.equalities)
        if lookup is not None:
            return f"the unique index {lookup.name} finds its row"
        if len(table.indexes) >= MOST_INDEXES:
            return f"{table.name} has {len(table.indexes)} indexes already, and every write maintains them all"
        visible = self._observation.server.reads_data
        if visible and table.analyzed_at is None and all(column.distinct is None for column in table.columns):
            return f"{table.name} was never analysed, so there are no statistics to choose an index by"
        return None

    def _updated_in_place(self, table: Table) -> frozenset[str]:
        """Columns in no index that are updated often while HOT keeps the updates cheap; an index would end that."""
        if table.hot_updates < OFTEN_UPDATED or table.hot_updates < MOSTLY_IN_PLACE * table.updates:
            return frozenset()
        indexed = {column for index in table.indexes or () for column in (*index.columns, *index.included)}
        written: set[str] = set()
        updates = [load for load in self._work.loads if load.text[:8].lstrip().lower().startswith("update")]
        for load in updates[:_MOST_UPDATES_READ]:
            if table.name not in load.text.lower() and table.name not in load.text:
                continue
            reading = self.reading(load)
            if isinstance(reading, Reading) and reading.target is not None:
                target = self._relations.table(reading.target)
                if target is not None and target.oid == table.oid:
                    written |= set(reading.writes)
        return frozenset(written - indexed)

    def _unserved_reason(self, scan: Scan, table: Table, hot: frozenset[str]) -> str:
        used = (*scan.equalities, *scan.joins, *scan.ranges, *scan.sort)
        known = tuple(name for name in used if table.column(name) is not None)
        if hot & set(known):
            return (
                f"{', '.join(sorted(hot & set(known)))} is updated often and in place: an index on it would end HOT "
                f"updates of {table.name}"
            )
        if known:
            served = serving(table, known[:1], 1)
            return f"the index {served.name} serves it already" if served is not None else "an index serves it already"
        if scan.wrapped:
            return f"its condition on {', '.join(scan.wrapped)} is inside an expression, which no plain index serves"
        return f"it has no condition on {table.name} that an index could serve"

    def also_served(self, shape: IndexShape, but: Load) -> Iterator[Load]:
        """Other statements that compare the index's first column on the same table."""
        for load in self._work.loads:
            if load.id == but.id or shape.table not in load.text:
                continue
            reading = self.reading(load)
            if isinstance(reading, Reading) and any(
                scan.table.name == shape.table and shape.columns[0] in (*scan.equalities, *scan.joins)
                for scan in reading.scans
            ):
                yield load


def _called(named: Named) -> str:
    return named.name if named.schema is None else f"{named.schema}.{named.name}"
