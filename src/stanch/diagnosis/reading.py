"""What a statement asks of its tables: the columns it compares, ranges over, joins on and sorts by.

Read with sqlglot from the normalised text, so nothing here ever sees a value. What is not understood is left out of
the reading, never guessed: a condition that no B-tree serves gives no column.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeGuard

import sqlglot
from sqlglot import exp
from sqlglot.errors import ErrorLevel, SqlglotError
from sqlglot.optimizer.scope import Scope, traverse_scope

from stanch.diagnosis.lexer import Kind, Normalised, Unreadable, folded, for_planning, normalise
from stanch.model.record import record

MOST_READ = 20_000
"""Characters; a longer statement is a generated one, and reading it would take longer than the incident allows."""
_MARK = "stanch_parameter_"
_MARKED = re.compile(rf"\b{_MARK}([0-9]+)\b")
_QUERIES = frozenset({"select", "with", "insert", "update", "delete", "values", "table"})
# Called like functions, and part of the grammar.
_SYNTAX = frozenset(
    {
        *("array", "cast", "coalesce", "current_time", "current_timestamp", "exists", "extract", "greatest"),
        *("grouping", "least", "localtime", "localtimestamp", "nullif", "row", "trim"),
    }
)


class Use(StrEnum):
    """How a condition uses a column: compared with one value (or a list), with another table's column, or ranged."""

    EQUALITY = "equality"
    JOIN = "join"
    RANGE = "range"


@record
class Named:
    """A table as a statement names it; `schema` is None where it leaves that to the search path."""

    schema: str | None
    name: str


@record
class Scan:
    """One appearance of a table in a statement.

    `sort` is set where the whole ORDER BY is over this table's columns, all in one direction, as a B-tree can be
    read. `branches` are the columns of each side of an OR, where every side has some. `wrapped` are columns inside
    an expression, which an index on the column does not serve. `limited` tells that a LIMIT ends the scan early.
    """

    table: Named
    equalities: tuple[str, ...] = ()
    joins: tuple[str, ...] = ()
    ranges: tuple[str, ...] = ()
    sort: tuple[str, ...] = ()
    branches: tuple[tuple[str, ...], ...] = ()
    wrapped: tuple[str, ...] = ()
    limited: bool = False


@record
class Reading:
    """A statement understood. `planned` is the SELECT that is planned in its place, None where none stands for it.

    `star` names the tables whose every column is returned; `writes` the columns that an UPDATE sets.
    """

    verb: str
    shown: str
    key: str
    scans: tuple[Scan, ...]
    star: tuple[Named, ...] = ()
    limited: bool = False
    aggregated: bool = False
    writes: tuple[str, ...] = ()
    target: Named | None = None
    functions: tuple[str, ...] = ()
    planned: Normalised | None = field(default=None, compare=False)


Columns = Mapping[str, frozenset[str]]
"""Column names by table name, for names that appear without their table in a statement of several tables."""


def read(text: str, columns: Columns | None = None, *, rows: int = 1) -> Reading | Unreadable:
    """Understand one statement. `rows` is what a call returns, which stands for a LIMIT that is a parameter."""
    if len(text) > MOST_READ:
        return Unreadable(because=f"it is longer than {MOST_READ:,} characters")
    statement = normalise(text)
    if isinstance(statement, Unreadable):
        return statement
    if statement.tokens[0].word not in _QUERIES and statement.tokens[0].text != "(":
        return Reading(verb="other", shown=statement.text, key=statement.key, scans=())
    marked = "".join(
        _MARK + token.text[1:] if token.kind is Kind.PARAMETER else token.text for token in statement.tokens
    )
    try:
        trees = sqlglot.parse(marked, dialect="postgres")
    except (SqlglotError, RecursionError) as error:
        return Unreadable(because=f"its grammar was not understood ({_first_line(error)})")
    if len(trees) != 1 or trees[0] is None:
        return Unreadable(because="it is not one statement")
    return _Reader(columns or {}).read(trees[0], statement, rows)


def _first_line(error: Exception) -> str:
    line = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return re.sub(r"\x1b\[[0-9;]*m", "", line).rstrip(".")


class _Reader:
    def __init__(self, columns: Columns) -> None:
        self._columns = columns

    def read(self, tree: exp.Expr, statement: Normalised, rows: int) -> Reading | Unreadable:
        query = _as_query(tree)
        scans: list[Scan] = []
        if query is not None:
            try:
                scopes = traverse_scope(query)
            except (SqlglotError, RecursionError) as error:
                return Unreadable(because=f"its tables were not understood ({_first_line(error)})")
            for scope in scopes:
                scans += _ScopeReader(scope, self._columns).scans()
        outer = query if isinstance(query, exp.Select) else None
        return Reading(
            verb=_verb(tree),
            shown=statement.text,
            key=statement.key,
            scans=tuple(scans),
            star=tuple(_starred(outer)) if outer is not None and query is tree else (),
            limited=query is not None and (query.args.get("limit") or query.args.get("fetch")) is not None,
            aggregated=outer is not None and _is_aggregated(outer),
            writes=tuple(_written(tree)),
            target=_target(tree),
            functions=tuple(sorted(_functions(tree, statement))),
            planned=_planned(tree, query, statement, rows),
        )


def _verb(tree: exp.Expr) -> str:
    for kind, verb in ((exp.Query, "select"), (exp.Update, "update"), (exp.Delete, "delete"), (exp.Insert, "insert")):
        if isinstance(tree, kind):
            return verb
    return "other"


def _as_query(tree: exp.Expr) -> exp.Query | None:
    """The rows that a statement has to find, as a query; None where it finds none."""
    if isinstance(tree, exp.Query):
        return tree
    if isinstance(tree, exp.Insert):
        source = tree.expression
        return source.copy() if isinstance(source, exp.Query) else None
    if not isinstance(tree, exp.Update | exp.Delete) or not isinstance(tree.this, exp.Table):
        return None
    select = exp.select("1").from_(tree.this.copy())
    others: list[exp.Expr] = []
    if isinstance(tree, exp.Update):
        from_ = tree.args.get("from_") or tree.args.get("from")
        others = [] if from_ is None else [from_.this]
    else:
        others = list(tree.args.get("using") or ())
    for other in others:
        select.append("joins", exp.Join(this=other.copy()))
    where = tree.args.get("where")
    if where is not None:
        select.set("where", where.copy())
    with_ = tree.args.get("with_") or tree.args.get("with")
    if with_ is not None:
        select.set("with_", with_.copy())
    return select


def _planned(tree: exp.Expr, query: exp.Query | None, statement: Normalised, rows: int) -> Normalised | None:
    if query is None or any(isinstance(node, exp.DML) for node in query.walk()):
        return None
    if query is tree:
        return for_planning(statement, rows)
    text = _MARKED.sub(r"$\1", query.sql(dialect="postgres", comments=False, unsupported_level=ErrorLevel.IGNORE))
    made = normalise(text)
    return None if isinstance(made, Unreadable) else for_planning(made, rows)


def _written(tree: exp.Expr) -> Iterator[str]:
    if isinstance(tree, exp.Update):
        for assignment in tree.expressions:
            target = assignment.this if isinstance(assignment, exp.EQ) else None
            for column in target.find_all(exp.Column) if target is not None else ():
                yield _name(column.this)


def _target(tree: exp.Expr) -> Named | None:
    if isinstance(tree, exp.Update | exp.Delete) and isinstance(tree.this, exp.Table):
        return _named(tree.this)
    return None


def _is_aggregated(select: exp.Select) -> bool:
    if select.args.get("group") is not None or select.args.get("distinct") is not None:
        return True
    return any(
        aggregate.find_ancestor(exp.Select) is select and aggregate.find_ancestor(exp.Window) is None
        for projection in select.expressions
        for aggregate in projection.find_all(exp.AggFunc)
    )


def _starred(select: exp.Select) -> Iterator[Named]:
    tables = [table for table in _from_tables(select) if _is_base(table)]
    for projection in select.expressions:
        if isinstance(projection, exp.Star):
            yield from (_named(table) for table in tables)
        elif isinstance(projection, exp.Column) and isinstance(projection.this, exp.Star):
            alias = _name(projection.args["table"]) if projection.args.get("table") else ""
            yield from (_named(table) for table in tables if _alias(table) == alias)


def _from_tables(select: exp.Select) -> Iterator[exp.Expr]:
    from_ = select.args.get("from_") or select.args.get("from")
    if from_ is not None:
        yield from_.this
    for join in select.args.get("joins") or ():
        yield join.this


def _is_base(source: exp.Expr) -> TypeGuard[exp.Table]:
    """Whether it is a table by name, and not a function or a subquery in its place."""
    return isinstance(source, exp.Table) and isinstance(source.this, exp.Identifier)


def _functions(tree: exp.Expr, statement: Normalised) -> set[str]:
    """Names called as functions; one with a schema other than pg_catalog keeps it, so that no built-in is meant."""
    parsed = {name.lower() for node in tree.find_all(exp.Func) for name in _names_of(node)}
    seen = [token for token in statement.tokens if token.kind is not Kind.SPACE]
    called: set[str] = set()
    for position in range(len(seen) - 1):
        token = seen[position]
        if seen[position + 1].text != "(" or token.kind not in {Kind.WORD, Kind.QUOTED}:
            continue
        name = token.word or token.text[1:-1].replace('""', '"')
        if position >= 2 and seen[position - 1].text == ".":
            schema = seen[position - 2].word or seen[position - 2].text
            called.add(name if schema == "pg_catalog" else f"{schema}.{name}")
        elif (name in parsed or token.kind is Kind.QUOTED) and name not in _SYNTAX:
            called.add(name)
    return called


def _names_of(node: exp.Expr) -> Iterable[str]:
    if isinstance(node, exp.Anonymous):
        return (node.name,)
    return node.sql_names() if isinstance(node, exp.Func) and not isinstance(node, exp.Connector) else ()


def _name(identifier: exp.Expr) -> str:
    """An identifier's name as PostgreSQL folds it."""
    if isinstance(identifier, exp.Identifier):
        return identifier.name if identifier.quoted else folded(identifier.name)
    return folded(identifier.name)


def _named(table: exp.Table) -> Named:
    schema = table.args.get("db")
    return Named(schema=None if schema is None else _name(schema), name=_name(table.this))


def _alias(table: exp.Table) -> str:
    alias = table.args.get("alias")
    return _name(alias.this) if alias is not None and alias.this is not None else _name(table.this)


def _is_parameter(column: exp.Column) -> bool:
    return not column.table and column.name.startswith(_MARK)


@dataclass(slots=True)
class _Found:
    equalities: list[str] = field(default_factory=list)
    joins: list[str] = field(default_factory=list)
    ranges: list[str] = field(default_factory=list)
    wrapped: list[str] = field(default_factory=list)
    branches: tuple[tuple[str, ...], ...] = ()

    def add(self, use: Use, column: str) -> None:
        """A column once, under its strongest use."""
        wanted = {Use.EQUALITY: self.equalities, Use.JOIN: self.joins, Use.RANGE: self.ranges}[use]
        if column not in wanted:
            wanted.append(column)

    def scan(self, table: Named, sort: tuple[str, ...], *, limited: bool) -> Scan:
        joins = [column for column in self.joins if column not in self.equalities]
        ranges = [column for column in self.ranges if column not in self.equalities and column not in joins]
        return Scan(
            table=table,
            equalities=tuple(self.equalities),
            joins=tuple(joins),
            ranges=tuple(ranges),
            sort=sort,
            branches=self.branches,
            wrapped=tuple(dict.fromkeys(self.wrapped)),
            limited=limited,
        )


class _ScopeReader:
    """One SELECT of a statement, with the tables in its FROM."""

    def __init__(self, scope: Scope, columns: Columns) -> None:
        self._select = scope.expression
        self._known = columns
        self._sources: dict[str, exp.Table | None] = {}
        if isinstance(self._select, exp.Select):
            common = {folded(name) for name, source in scope.sources.items() if isinstance(source, Scope)}
            for source in _from_tables(self._select):
                self._add_source(source, common)
        self._found: dict[str, _Found] = {alias: _Found() for alias, table in self._sources.items() if table}

    def _add_source(self, source: exp.Expr, common: set[str]) -> None:
        if _is_base(source):
            alias = _alias(source)
            is_base = source.args.get("db") is not None or alias not in common
            self._sources[alias] = source if is_base else None
        elif source.alias:
            self._sources[folded(source.alias)] = None

    def scans(self) -> Iterator[Scan]:
        if not isinstance(self._select, exp.Select):
            return
        where = self._select.args.get("where")
        if where is not None:
            self._conjunction(where.this)
        for join in self._select.args.get("joins") or ():
            self._join(join)
        sorted_alias, sort = self._sort()
        limited = (self._select.args.get("limit") or self._select.args.get("fetch")) is not None
        for alias, table in self._sources.items():
            if table is not None:
                own = sort if alias == sorted_alias else ()
                yield self._found[alias].scan(_named(table), own, limited=limited)

    def _join(self, join: exp.Join) -> None:
        on = join.args.get("on")
        if on is not None:
            self._conjunction(on)
        for identifier in join.args.get("using") or ():
            name = _name(identifier.this if isinstance(identifier, exp.Column) else identifier)
            for alias, table in self._sources.items():
                if table is not None and self._may_have(table, name):
                    self._found[alias].add(Use.JOIN, name)

    def _may_have(self, table: exp.Table, column: str) -> bool:
        known = self._known.get(_named(table).name)
        return known is None or column in known

    def _owner(self, column: exp.Column) -> str | None:
        """The alias of the base table that a column belongs to; None for outer columns, parameters and the unclear."""
        if _is_parameter(column):
            return None
        qualifier = column.args.get("table")
        if qualifier is not None:
            alias = _name(qualifier)
            return alias if self._sources.get(alias) is not None else None
        name = _name(column.this)
        if len(self._sources) == 1:
            ((alias, table),) = self._sources.items()
            return alias if table is not None and self._may_have(table, name) else None
        owners = [
            alias
            for alias, table in self._sources.items()
            if table is not None and name in self._known.get(_named(table).name, frozenset())
        ]
        return owners[0] if len(owners) == 1 else None

    def _conjunction(self, condition: exp.Expr) -> None:
        for each in _flattened(condition, exp.And):
            self._condition(each)

    def _condition(self, condition: exp.Expr) -> None:
        if isinstance(condition, exp.Or):
            self._disjunction(condition)
            return
        used = list(self._uses(condition))
        for alias, column, use in used:
            self._found[alias].add(use, column)
        if not used:
            self._note_wrapped(condition)

    def _note_wrapped(self, condition: exp.Expr) -> None:
        if not isinstance(condition, exp.EQ | exp.GT | exp.GTE | exp.LT | exp.LTE | exp.Between):
            return
        side = condition.this
        while isinstance(side, exp.Paren):
            side = side.this
        if isinstance(side, exp.Func | exp.Cast | exp.Binary | exp.Anonymous):
            for column in side.find_all(exp.Column):
                alias = self._owner(column)
                if alias is not None:
                    self._found[alias].wrapped.append(_name(column.this))

    def _uses(self, condition: exp.Expr) -> Iterator[tuple[str, str, Use]]:
        """The columns that one condition gives an index, as (alias, column, use)."""
        if condition.args.get("negate"):
            return
        match condition:
            case exp.EQ(this=left, expression=right):
                yield from self._compared(left, right, Use.EQUALITY)
            case exp.Operator(this=left, expression=right) if str(condition.args.get("operator")).endswith("="):
                yield from self._compared(left, right, Use.EQUALITY)
            case exp.GT() | exp.GTE() | exp.LT() | exp.LTE():
                yield from self._compared(condition.this, condition.expression, Use.RANGE)
            case exp.Between(this=left):
                yield from self._one_side(left, [condition.args["low"], condition.args["high"]], Use.RANGE)
            case exp.In(this=left):
                query = condition.args.get("query")
                others = list(condition.expressions) + [query] * (query is not None)
                yield from self._one_side(left, others, Use.EQUALITY if query is None else Use.JOIN)
            case exp.Is(this=left, expression=exp.Null() | exp.Boolean()):
                yield from self._one_side(left, [], Use.EQUALITY)
            case exp.Not(this=exp.Column() as column) | (exp.Column() as column):
                yield from self._one_side(column, [], Use.EQUALITY)
            case _:
                return

    def _compared(self, left: exp.Expr, right: exp.Expr, use: Use) -> Iterator[tuple[str, str, Use]]:
        left, right = left.unnest(), right.unnest()
        if isinstance(left, exp.Tuple) and isinstance(right, exp.Tuple):
            pairs = list(zip(left.expressions, right.expressions, strict=False))
            for a, b in pairs if use is Use.EQUALITY else pairs[:1]:
                yield from self._compared(a, b, use)
            return
        yield from self._one_side(left, [right], use)
        yield from self._one_side(right, [left], use)

    def _one_side(self, side: exp.Expr, others: Sequence[exp.Expr], use: Use) -> Iterator[tuple[str, str, Use]]:
        side = side.unnest()
        if not isinstance(side, exp.Column) or isinstance(side.this, exp.Star):
            return
        alias = self._owner(side)
        if alias is None:
            return
        owners = {owner for other in others for column in other.find_all(exp.Column) for owner in self._sides(column)}
        if alias in owners:
            return
        joined = Use.JOIN if owners and use is Use.EQUALITY else use
        yield alias, _name(side.this), joined

    def _sides(self, column: exp.Column) -> Iterator[str]:
        """The source of this SELECT that a column on the other side of a comparison is of, if any is."""
        qualifier = column.args.get("table")
        if qualifier is not None:
            alias = _name(qualifier)
            if alias in self._sources:
                yield alias
            return
        # A bare name inside a subquery is most likely the subquery's own.
        owner = self._owner(column) if column.find_ancestor(exp.Query) is self._select else None
        if owner is not None:
            yield owner

    def _disjunction(self, condition: exp.Or) -> None:
        branches = [
            [use for each in _flattened(side, exp.And) for use in self._uses(each)]
            for side in _flattened(condition, exp.Or)
        ]
        for alias, found in self._found.items():
            own = [
                tuple(dict.fromkeys(column for owner, column, use in branch if owner == alias and use is Use.EQUALITY))
                for branch in branches
            ]
            if not all(own):
                continue
            if len(set(own)) == 1 and len(own[0]) == 1:
                found.add(Use.EQUALITY, own[0][0])
            elif not found.branches:
                found.branches = tuple(dict.fromkeys(own))

    def _sort(self) -> tuple[str | None, tuple[str, ...]]:
        order = self._select.args.get("order")
        if order is None or self._select.args.get("group") is not None:
            return None, ()
        owners: set[str | None] = set()
        directions: set[bool] = set()
        names: list[str] = []
        for ordered in order.expressions:
            column = ordered.this.unnest()
            descending = bool(ordered.args.get("desc"))
            if not isinstance(column, exp.Column) or bool(ordered.args.get("nulls_first")) is not descending:
                return None, ()
            owners.add(self._owner(column))
            directions.add(descending)
            names.append(_name(column.this))
        if len(owners) != 1 or len(directions) != 1 or None in owners:
            return None, ()
        return owners.pop(), tuple(names)


def _flattened(condition: exp.Expr, kind: type[exp.Expr]) -> Iterator[exp.Expr]:
    condition = condition.unnest()
    if isinstance(condition, kind):
        yield from _flattened(condition.args["this"], kind)
        yield from _flattened(condition.args["expression"], kind)
    else:
        yield condition
