"""What is seen of a PostgreSQL server: records of one look at it, and what a cause may still ask for.

Counters are cumulative, as the server keeps them; the difference of two snapshots is what happened between them.
No record holds a value out of the patient's tables: of column statistics, only how many and how often.
"""

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from stanch.model.record import record


@record
class Extension:
    """An installed extension: its version as text (`1.10`) and the schema that its functions are in."""

    version: str
    schema: str


@record
class Server:
    """What does not change while a session lives. `version` is numeric: 150020 is 15.20.

    `reads_statistics` tells whether other users' statements and sessions can be seen (pg_read_all_stats);
    `reads_data` whether every table may be planned over (pg_read_all_data); `plans` whether DO blocks in plpgsql run.
    """

    version: int
    database: str
    role: str
    superuser: bool
    reads_statistics: bool
    reads_data: bool
    plans: bool
    extensions: Mapping[str, Extension]

    @property
    def major(self) -> int:
        return self.version // 10_000


@record
class Column:
    """A column and what the planner knows of it. `category` is pg_type.typcategory: D is date and time, N numbers.

    `distinct` is as in pg_stats: a count of values, or, where negative, minus the share of rows that are distinct.
    `null_share` and `common_share` (of the most common value) are 0 to 1; `width` is in bytes. All four are None
    where the column was never analysed, or where the role may not see the statistics.
    """

    name: str
    type: str
    category: str
    not_null: bool
    distinct: float | None = None
    null_share: float | None = None
    common_share: float | None = None
    correlation: float | None = None
    width: int | None = None


@record
class Index:
    """An index. `columns` are the keys in order, None for an expression; `partial` has a WHERE of its own."""

    name: str
    columns: tuple[str | None, ...]
    included: tuple[str, ...] = ()
    method: str = "btree"
    unique: bool = False
    primary: bool = False
    constraint: bool = False
    valid: bool = True
    ready: bool = True
    partial: bool = False
    pages: int = 0
    scans: int = 0


@record
class Table:
    """A table and its counters. `pages` are relpages (8 kB each), `rows` reltuples: -1 where never analysed.

    `kind` is pg_class.relkind: r is a table, p a partitioned one, m a materialised view. `blocks` are heap blocks
    read or hit; `parent_oid` is the partitioned table above a partition. `columns` and `indexes` are None where the
    table was counted and not described.
    """

    oid: int
    schema: str
    name: str
    kind: str = "r"
    pages: int
    rows: float
    live: int = 0
    dead: int = 0
    modified: int = 0
    sequential_scans: int = 0
    sequential_rows: int = 0
    blocks: int = 0
    inserts: int = 0
    updates: int = 0
    hot_updates: int = 0
    deletes: int = 0
    analyzed_at: float | None = None
    vacuumed_at: float | None = None
    frozen_age: int = 0
    parent_oid: int | None = None
    columns: tuple[Column, ...] | None = None
    indexes: tuple[Index, ...] | None = None

    def column(self, name: str) -> Column | None:
        return next((column for column in self.columns or () if column.name == name), None)


@record
class Statement:
    """A row of pg_stat_statements, summed over users. `time_ms` is execution time; `blocks` shared ones hit or read.

    `text` is None where it was not asked for or may not be seen.
    """

    id: str
    calls: int
    time_ms: float
    rows: int
    blocks: int
    temporary_blocks: int = 0
    text: str | None = None
    truncated: bool = False


@record
class Session:
    """A client that is not idle. Ages are in seconds. `text` may hold literals: it is normalised before it is shown.

    `statement` is the query id that pg_stat_statements knows it by; `blockers` are pids, for a bounded number of
    lock waits; `horizon_age` counts the transactions since the oldest one that this session may still see.
    """

    pid: int
    state: str
    text: str
    truncated: bool = False
    statement: str | None = None
    wait_type: str | None = None
    wait: str | None = None
    statement_age_s: float = 0.0
    transaction_age_s: float | None = None
    state_age_s: float = 0.0
    horizon_age: int | None = None
    blockers: tuple[int, ...] = ()
    role: str = ""
    application: str = ""

    @property
    def waits_for_a_lock(self) -> bool:
        return self.wait_type == "Lock"

    @property
    def is_active(self) -> bool:
        return self.state == "active"


@record
class LockWait:
    """A lock that was asked for and not given: `table` is schema.name, None for locks of rows and transactions."""

    pid: int
    mode: str
    table: str | None


@record
class Connections:
    """Clients by state. `allowed` is max_connections, `reserved` what ordinary roles cannot have of them."""

    allowed: int
    reserved: int
    by_state: Mapping[str, int]
    idle_longest_s: float = 0.0

    @property
    def used(self) -> int:
        return sum(self.by_state.values())


@record
class Build:
    """An index being built, as pg_stat_progress_create_index tells. `index` is 0 until the catalog has it."""

    pid: int
    table_oid: int
    index_oid: int
    index: str | None
    phase: str
    blocks_done: int = 0
    blocks_total: int = 0
    tuples_done: int = 0
    tuples_total: int = 0
    lockers_done: int = 0
    lockers_total: int = 0
    locker_pid: int | None = None


@record
class Snapshot:
    """One look, by one statement. `at` is the server's clock in epoch seconds.

    `statements` is None where pg_stat_statements is not installed. `horizon_age` counts transactions that the oldest
    prepared transaction or replication slot holds back.
    """

    at: float
    started_at: float
    statements: tuple[Statement, ...] | None
    sessions: tuple[Session, ...]
    connections: Connections
    tables: tuple[Table, ...]
    lock_waits: tuple[LockWait, ...] = ()
    builds: tuple[Build, ...] = ()
    standby: bool = False
    frozen_age: int = 0
    frozen_age_limit: int = 200_000_000
    slot_horizon_age: int | None = None
    prepared_age_s: float | None = None


@record
class IndexShape:
    """An index that is not there (yet)."""

    schema: str
    table: str
    columns: tuple[str, ...]


@record
class PlanRequest:
    """Plan a statement for unknown parameter values, as if `indexes` were there.

    `text` is one SELECT without a literal or a comment, its parameters `$1` to `$<parameters>`. `schemas` are the
    search path that it was written for; `functions` those it calls, which must be PostgreSQL's own.
    """

    text: str
    parameters: int
    schemas: tuple[str, ...]
    functions: tuple[str, ...] = ()
    indexes: tuple[IndexShape, ...] = ()


@record
class DescribeRequest:
    """Columns and indexes of tables by oid."""

    oids: tuple[int, ...]


Request = PlanRequest | DescribeRequest


@record
class Planned:
    """A plan: the top node as EXPLAIN (FORMAT JSON) gives it."""

    node: Mapping[str, Any] = field(hash=False)

    @property
    def cost(self) -> float:
        return float(self.node["Total Cost"])


@record
class Unanswered:
    """A request that could not be met, and why."""

    because: str


@record
class Described:
    tables: tuple[Table, ...]


Answer = Planned | Described | Unanswered


@record
class Observation:
    """Two looks at one server, `earlier` and `later`, and the answers to what was asked since."""

    server: Server
    earlier: Snapshot
    later: Snapshot
    answers: Mapping[Request, Answer] = field(default_factory=dict)

    @property
    def window_s(self) -> float:
        return max(0.001, self.later.at - self.earlier.at)

    @property
    def tables(self) -> tuple[Table, ...]:
        """Tables as last seen, those described on request in place of those only counted."""
        described = {
            table.oid: table
            for answer in self.answers.values()
            if isinstance(answer, Described)
            for table in answer.tables
        }
        return tuple(described.pop(table.oid, table) for table in self.later.tables) + tuple(described.values())


@record
class Refusal:
    """The server would not let us in: `sqlstate` 53300 is too many connections. `because` is for people."""

    sqlstate: str | None
    because: str
