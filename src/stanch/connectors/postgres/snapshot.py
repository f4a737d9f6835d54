"""One look at a server, by one statement that touches catalogs and counters and no table of the patient's.

The statement answers with one JSON document whose keys are the fields of the records in `stanch.model.postgres`.
"""

from collections.abc import Sequence

import msgspec
from psycopg import sql

from stanch.model.postgres import Server, Snapshot, Table

MOST_SESSIONS = 500
MOST_TABLES = 200
MOST_BLOCKERS_ASKED = 20
"""pg_blocking_pids() stops the whole lock table for a moment, so it is asked for the longest waits alone."""
DESCRIBED_FROM_PAGES = 1000
"""Smaller tables are counted and not described; 8 MB are read in milliseconds however they are read."""
MOST_TEXT = 20_000

_SNAPSHOT = sql.SQL("""\
WITH activity AS MATERIALIZED (
  SELECT * FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
), biggest AS MATERIALIZED (
  SELECT c.oid, n.nspname, c.relname, c.relkind, c.relpages, c.reltuples, c.relfrozenxid, c.relispartition
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'm', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
    AND n.nspname NOT LIKE 'pg\\_toast%' AND n.nspname NOT LIKE 'pg\\_temp%'
  ORDER BY c.relpages DESC, c.oid LIMIT {most_tables}
)
SELECT json_build_object(
  'at', extract(epoch FROM clock_timestamp()),
  'started_at', extract(epoch FROM pg_postmaster_start_time()),
  'standby', pg_is_in_recovery(),
  'frozen_age', (SELECT age(datfrozenxid) FROM pg_database WHERE datname = current_database()),
  'frozen_age_limit', current_setting('autovacuum_freeze_max_age')::bigint,
  'slot_horizon_age', (SELECT max(greatest(age(xmin), age(catalog_xmin))) FROM pg_replication_slots),
  'prepared_age_s', (SELECT extract(epoch FROM clock_timestamp() - min(prepared)) FROM pg_prepared_xacts),
  'connections', json_build_object(
    'allowed', current_setting('max_connections')::int,
    'reserved', current_setting('superuser_reserved_connections')::int
      + coalesce(current_setting('reserved_connections', true)::int, 0),
    'by_state', (SELECT json_object_agg(state, clients ORDER BY state) FROM (
      SELECT CASE WHEN pid = pg_backend_pid() THEN 'diagnosing' ELSE coalesce(state, 'hidden') END AS state,
        count(*) AS clients
      FROM pg_stat_activity WHERE backend_type = 'client backend' GROUP BY 1) counted),
    'idle_longest_s', coalesce((SELECT extract(epoch FROM clock_timestamp() - min(state_change))
      FROM activity WHERE state = 'idle'), 0)),
  'sessions', (SELECT coalesce(json_agg(json_build_object(
      'pid', pid, 'state', state, 'text', coalesce(left(query, {most_text}), ''),
      'truncated', octet_length(query) >= pg_size_bytes(current_setting('track_activity_query_size')) - 1,
      'statement', {statement}, 'wait_type', wait_event_type, 'wait', wait_event,
      'statement_age_s', coalesce(greatest(0, extract(epoch FROM clock_timestamp() - query_start)), 0),
      'transaction_age_s', extract(epoch FROM clock_timestamp() - xact_start),
      'state_age_s', coalesce(greatest(0, extract(epoch FROM clock_timestamp() - state_change)), 0),
      'horizon_age', age(backend_xmin),
      'blockers', CASE WHEN wait_event_type = 'Lock' AND place <= {most_blockers}
        THEN to_json(pg_blocking_pids(pid)) ELSE '[]' END,
      'role', coalesce(usename, ''), 'application', coalesce(application_name, ''))), '[]')
    FROM (SELECT *, row_number() OVER (PARTITION BY wait_event_type ORDER BY query_start) AS place
      FROM activity WHERE datname = current_database() AND state <> 'idle'
      ORDER BY query_start LIMIT {most_sessions}) busy),
  'lock_waits', (SELECT coalesce(json_agg(json_build_object(
      'pid', l.pid, 'mode', l.mode, 'table', n.nspname || '.' || c.relname)), '[]')
    FROM pg_locks l LEFT JOIN pg_class c ON c.oid = l.relation LEFT JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE NOT l.granted AND EXISTS (SELECT FROM activity WHERE wait_event_type = 'Lock')),
  'builds', (SELECT coalesce(json_agg(json_build_object(
      'pid', p.pid, 'table_oid', p.relid::bigint, 'index_oid', p.index_relid::bigint, 'index', c.relname,
      'phase', p.phase, 'blocks_done', p.blocks_done, 'blocks_total', p.blocks_total,
      'tuples_done', p.tuples_done, 'tuples_total', p.tuples_total, 'lockers_done', p.lockers_done,
      'lockers_total', p.lockers_total, 'locker_pid', nullif(p.current_locker_pid, 0))), '[]')
    FROM pg_stat_progress_create_index p LEFT JOIN pg_class c ON c.oid = p.index_relid
    WHERE p.datname = current_database() AND p.relid IS NOT NULL),
  'statements', {statements},
  'tables', (SELECT coalesce(json_agg(json_build_object({counters}, 'columns', {columns}, 'indexes', {indexes})), '[]')
    FROM biggest t)
)::text""")

_COUNTERS = sql.SQL("""\
'oid', t.oid::bigint, 'schema', t.nspname, 'name', t.relname, 'kind', t.relkind,
      'pages', greatest(t.relpages, 0), 'rows', t.reltuples,
      'live', pg_stat_get_live_tuples(t.oid), 'dead', pg_stat_get_dead_tuples(t.oid),
      'modified', pg_stat_get_mod_since_analyze(t.oid),
      'sequential_scans', pg_stat_get_numscans(t.oid), 'sequential_rows', pg_stat_get_tuples_returned(t.oid),
      'blocks', pg_stat_get_blocks_fetched(t.oid),
      'inserts', pg_stat_get_tuples_inserted(t.oid), 'updates', pg_stat_get_tuples_updated(t.oid),
      'hot_updates', pg_stat_get_tuples_hot_updated(t.oid), 'deletes', pg_stat_get_tuples_deleted(t.oid),
      'analyzed_at', extract(epoch FROM
        greatest(pg_stat_get_last_analyze_time(t.oid), pg_stat_get_last_autoanalyze_time(t.oid))),
      'vacuumed_at', extract(epoch FROM
        greatest(pg_stat_get_last_vacuum_time(t.oid), pg_stat_get_last_autovacuum_time(t.oid))),
      'frozen_age', CASE WHEN t.relkind = 'p' THEN 0 ELSE age(t.relfrozenxid) END,
      'parent_oid', CASE WHEN t.relispartition
        THEN (SELECT inhparent::bigint FROM pg_inherits WHERE inhrelid = t.oid LIMIT 1) END""")

_COLUMNS = sql.SQL("""\
(SELECT coalesce(json_agg(json_build_object(
        'name', a.attname, 'type', format_type(a.atttypid, a.atttypmod), 'category', y.typcategory,
        'not_null', a.attnotnull, 'distinct', s.n_distinct, 'null_share', s.null_frac,
        'common_share', s.most_common_freqs[1], 'correlation', s.correlation, 'width', s.avg_width)
        ORDER BY a.attnum), '[]')
      FROM pg_attribute a JOIN pg_type y ON y.oid = a.atttypid
      LEFT JOIN pg_stats s ON s.schemaname = t.nspname AND s.tablename = t.relname AND s.attname = a.attname
        AND s.inherited = (t.relkind = 'p')
      WHERE a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped)""")

_INDEXES = sql.SQL("""\
(SELECT coalesce(json_agg(json_build_object(
        'name', c.relname, 'method', m.amname, 'unique', x.indisunique, 'primary', x.indisprimary,
        'constraint', EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = x.indexrelid),
        'valid', x.indisvalid, 'ready', x.indisready, 'partial', x.indpred IS NOT NULL, 'pages', c.relpages,
        'scans', pg_stat_get_numscans(x.indexrelid),
        'columns', (SELECT json_agg(a.attname ORDER BY key.place) {keys} AND key.place <= x.indnkeyatts),
        'included', (SELECT coalesce(json_agg(a.attname ORDER BY key.place), '[]') {keys}
          AND key.place > x.indnkeyatts)) ORDER BY c.relname), '[]')
      FROM pg_index x JOIN pg_class c ON c.oid = x.indexrelid JOIN pg_am m ON m.oid = c.relam
      WHERE x.indrelid = t.oid)""").format(
    keys=sql.SQL("""\
FROM unnest(x.indkey::int2[]) WITH ORDINALITY AS key (number, place)
          LEFT JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = key.number AND key.number <> 0
          WHERE true""")
)

_STATEMENTS = sql.SQL("""\
(SELECT coalesce(json_agg(json_build_object(
      'id', queryid::text, 'calls', calls, 'time_ms', time, 'rows', rows, 'blocks', blocks,
      'temporary_blocks', temporary{texts})), '[]')
    FROM (SELECT queryid, sum(calls) AS calls, sum({time}) AS time, sum(rows) AS rows,
        sum(shared_blks_hit + shared_blks_read) AS blocks, sum(temp_blks_read + temp_blks_written) AS temporary,
        max(query) AS query,
        rank() OVER (ORDER BY sum({time}) DESC) AS by_time,
        rank() OVER (ORDER BY sum({time}) / greatest(sum(calls), 1) DESC) AS by_mean
      FROM {schema}.pg_stat_statements({with_text})
      WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) AND queryid IS NOT NULL
      GROUP BY queryid) counted)""")

_TEXTS = sql.SQL("""\
,
      'text', CASE WHEN {wanted} THEN left(query, {most_text}) END,
      'truncated', coalesce(length(query) > {most_text}, false)""")

_DESCRIBE = sql.SQL("""\
SELECT coalesce(json_agg(json_build_object({counters}, 'columns', {columns}, 'indexes', {indexes})), '[]')::text
FROM (SELECT c.oid, n.nspname, c.relname, c.relkind, c.relpages, c.reltuples, c.relfrozenxid, c.relispartition
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = ANY({oids}::oid[])) t""")

_NULL = sql.SQL("NULL")
_snapshots = msgspec.json.Decoder(Snapshot)
_tables = msgspec.json.Decoder(tuple[Table, ...])


def composed(server: Server, *, described: bool) -> sql.Composed:
    """The statement of a snapshot. `described` adds statements' texts and the big tables' columns and indexes."""
    return _SNAPSHOT.format(
        most_tables=MOST_TABLES,
        most_text=MOST_TEXT,
        most_blockers=MOST_BLOCKERS_ASKED,
        most_sessions=MOST_SESSIONS,
        statement=sql.SQL("nullif(query_id, 0)::text") if server.major >= 14 else _NULL,
        statements=_statements(server, texts=described),
        counters=_COUNTERS,
        columns=_of_big_tables(_COLUMNS) if described else _NULL,
        indexes=_of_big_tables(_INDEXES) if described else _NULL,
    )


def describing(oids: Sequence[int]) -> sql.Composed:
    """The statement that describes tables by oid."""
    return _DESCRIBE.format(counters=_COUNTERS, columns=_COLUMNS, indexes=_INDEXES, oids=[str(oid) for oid in oids])


def snapshot(told: str) -> Snapshot:
    """The record of what the statement of `composed` answered."""
    return _snapshots.decode(told)


def tables(told: str) -> tuple[Table, ...]:
    """The records of what the statement of `describing` answered."""
    return _tables.decode(told)


def _of_big_tables(what: sql.Composable) -> sql.Composed:
    return sql.SQL("CASE WHEN t.relpages >= {pages} THEN {what} END").format(pages=DESCRIBED_FROM_PAGES, what=what)


def _statements(server: Server, *, texts: bool) -> sql.Composable:
    extension = server.extensions.get("pg_stat_statements")
    if extension is None:
        return _NULL
    number = tuple(int(part) for part in extension.version.split("."))
    wanted = "by_time <= 100 OR by_mean <= 50"
    if server.major >= 14:
        wanted += " OR queryid IN (SELECT query_id FROM activity)"
    return _STATEMENTS.format(
        schema=sql.Identifier(extension.schema),
        time=sql.SQL("total_exec_time" if number >= (1, 8) else "total_time"),
        with_text=sql.SQL("true" if texts else "false"),
        texts=_TEXTS.format(wanted=sql.SQL(wanted), most_text=MOST_TEXT) if texts else sql.SQL(""),
    )
