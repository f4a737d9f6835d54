"""Tables, columns and databases of SQL: whether the database still has them.

Asked: the catalog of the `[postgres.NAME]` that the SQL runs on, in a read-only transaction. A statement that names
another database is not asked about; a name without a schema is looked for in all of them. Columns are those of
statements over one table; where a statement joins several, a column belongs to whichever has it and is not asked for.
"""

import re
from collections.abc import Iterator

import psycopg
import sqlglot
from psycopg import sql
from sqlglot import exp

from stanch.connectors.postgres.session import ConnectionRefused
from stanch.drift.outside import Database, Outside
from stanch.drift.reading import is_open, option, stages
from stanch.model.drift import Named, Verdict, exists, gone, unasked
from stanch.model.plan import Plan, Step
from stanch.model.problem import Refused

KINDS = ("table", "column", "database")

_SYSTEM = re.compile(r"^(?:pg_.*|information_schema|sqlite_.*)$", re.IGNORECASE)
_LONGEST = 20_000

_TABLES = """
SELECT n.nspname, c.relname FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relname = {table} AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND ({schema} = '' OR n.nspname = {schema})
"""
_COLUMNS = """
SELECT c.oid::pg_catalog.text, bool_or(a.attname = {column}) FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND NOT a.attisdropped
WHERE c.relname = {table} AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND ({schema} = '' OR n.nspname = {schema})
GROUP BY c.oid
"""
_DATABASES = "SELECT datname FROM pg_catalog.pg_database WHERE datname = {wanted}"


def names(plan: Plan) -> Iterator[Named]:
    for step in plan.of(Step):
        if step.command is not None and (step.language or "").lower() in {"sql", "postgres", "postgresql", "pgsql"}:
            yield from _of_statement(step.command, step, ())
    for step, argv in stages(plan):
        if argv[0].rpartition("/")[2] != "psql":
            continue
        database = option(argv, "-d", "--dbname")
        host = option(argv, "-h", "--host")
        where = tuple((key, value) for key, value in (("host", host),) if value and not is_open(value, step))
        if database is not None and not is_open(database, step) and not re.search(r"[=/]", database):
            yield Named(kind="database", name=database, where=where, source=step.source)
            where = (("database", database), *where)
        statement = option(argv, "-c", "--command")
        if statement is not None:
            yield from _of_statement(statement, step, where)


def _of_statement(text: str, step: Step, where: tuple[tuple[str, str], ...]) -> Iterator[Named]:
    if len(text) > _LONGEST:
        return
    try:
        trees = sqlglot.parse(text, read="postgres")
    except (sqlglot.errors.SqlglotError, RecursionError):
        return
    for tree in trees:
        if tree is not None:
            yield from _of_tree(tree, step, where)


def _of_tree(tree: exp.Expr, step: Step, where: tuple[tuple[str, str], ...]) -> Iterator[Named]:
    making = isinstance(tree, exp.Create)
    aliases = {cte.alias.casefold() for cte in tree.find_all(exp.CTE)}
    tables = [
        table
        for table in tree.find_all(exp.Table)
        if table.name and table.name.casefold() not in aliases and isinstance(table.this, exp.Identifier)
    ]
    lasting = [table for table in tables if not _is_system(table) and not is_open(table.name, step)]
    made = tree.find(exp.Schema, exp.Table) if making and tree.args.get("kind") != "INDEX" else None
    new = made.find(exp.Table) if made is not None else None
    for table in lasting:
        if table is not new:
            yield Named(kind="table", name=_folded(table), where=where, source=step.source)
    if len(tables) != 1 or len(lasting) != 1 or aliases or making or isinstance(tree, exp.Alter | exp.Command):
        return
    given = {alias.alias.casefold() for alias in tree.find_all(exp.Alias)}
    for column in tree.find_all(exp.Column):
        if isinstance(column.this, exp.Identifier) and column.name.casefold() not in given:
            name = column.name if column.this.quoted else column.name.lower()
            if not is_open(name, step):
                yield Named(kind="column", name=f"{_folded(lasting[0])}.{name}", where=where, source=step.source)


def _is_system(table: exp.Table) -> bool:
    return bool(_SYSTEM.match(table.name) or _SYSTEM.match(table.db))


def _folded(table: exp.Table) -> str:
    """Its name as PostgreSQL folds it, with the schema where that is written."""
    parts = [part for part in (table.args.get("db"), table.this) if part is not None]
    return ".".join(part.name if part.quoted else part.name.lower() for part in parts)


async def ask(named: Named, outside: Outside) -> Verdict:
    database = _database(named, outside)
    if isinstance(database, Verdict):
        return database
    try:
        match named.kind:
            case "database":
                _, rows = await _query(database, _DATABASES, wanted=named.name)
                return exists() if rows else gone("the server has no database of that name")
            case "table":
                schema, _, table = named.name.rpartition(".")
                _, rows = await _query(database, _TABLES, table=table, schema=schema)
                if rows:
                    return exists(f"in schema {', '.join(str(row[0]) for row in rows)}")
                return gone(f"no schema has a table or view {named.name}")
            case _:
                return await _column(database, named.name)
    except (Refused, ConnectionRefused, psycopg.Error) as error:
        return unasked(f"PostgreSQL did not answer: {str(error).strip() or type(error).__name__}")


async def _column(database: Database, name: str) -> Verdict:
    path, _, column = name.rpartition(".")
    schema, _, table = path.rpartition(".")
    _, rows = await _query(database, _COLUMNS, table=table, schema=schema, column=column)
    if any(row[1] for row in rows):
        return exists()
    # Its table's own answer says that the table is gone; a column of it is no second one.
    return gone(f"{path} has no column {column}") if rows else unasked(f"there is no table {path} to look in")


async def _query(database: Database, text: str, **values: str) -> tuple[tuple[str, ...], list[tuple[object, ...]]]:
    literals = {name: sql.Literal(value).as_string(None) for name, value in values.items()}
    return await database.query(text.format(**literals))


def _database(named: Named, outside: Outside) -> Database | Verdict:
    if not outside.databases:
        return unasked("no [postgres.NAME] is configured to ask")
    if outside.default_database is None:
        return unasked("several databases are configured and commands.database names none of them")
    if named.at("host") is not None:
        return unasked(f"it is on {named.at('host')}, which is not a [postgres.NAME] that may be asked")
    wanted = named.at("database")
    if wanted is not None and wanted != outside.names_of.get(outside.default_database, wanted):
        return unasked(f"it is in the database {wanted}, which is not the configured one")
    return outside.databases[outside.default_database]
