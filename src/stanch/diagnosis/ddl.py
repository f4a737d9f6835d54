"""Statements over indexes, with names quoted so that no name can be more than a name."""

import hashlib
import re
from collections.abc import Collection, Sequence

from stanch.model.postgres import IndexShape

_PLAIN = re.compile(r"[a-z_][a-z0-9_]*")
_MOST_NAME_BYTES = 63
_NOT_PLAIN = """
    all analyse analyze and any array as asc asymmetric authorization between bigint binary bit boolean both case cast
    char character check coalesce collate collation column concurrently constraint create cross current_catalog
    current_date current_role current_schema current_time current_timestamp current_user dec decimal default
    deferrable desc distinct do else end except exists extract false fetch float for foreign freeze from full grant
    greatest group grouping having ilike in initially inner inout int integer intersect interval into is isnull join
    json json_array json_arrayagg json_exists json_object json_objectagg json_query json_scalar json_serialize
    json_table json_value lateral leading least left like limit localtime localtimestamp merge_action national natural
    nchar none normalize not notnull null nullif numeric offset on only or order out outer overlaps overlay placing
    position precision primary real references returning right row select session_user setof similar smallint some
    substring symmetric system_user table tablesample then time timestamp to trailing treat trim true union unique
    user using values varchar variadic verbose when where window with xmlattributes xmlconcat xmlelement xmlexists
    xmlforest xmlnamespaces xmlparse xmlpi xmlroot xmlserialize xmltable
"""
# Words that are no plain names in some place of the grammar (manual, appendix C), up to PostgreSQL 18.
_KEYWORDS = frozenset(_NOT_PLAIN.split())


def identifier(name: str) -> str:
    """A name as SQL, quoted where it must be. Raises ValueError for what is no name at all."""
    if not name or "\0" in name:
        raise ValueError(f"{name!r} is not a name")
    if _PLAIN.fullmatch(name) and name not in _KEYWORDS:
        return name
    return '"' + name.replace('"', '""') + '"'


def qualified(schema: str, name: str) -> str:
    """`schema.name` as SQL."""
    return f"{identifier(schema)}.{identifier(name)}"


def create_index(shape: IndexShape, name: str) -> str:
    """Build an index without stopping writes."""
    columns = ", ".join(identifier(column) for column in shape.columns)
    return f"CREATE INDEX CONCURRENTLY {identifier(name)} ON {qualified(shape.schema, shape.table)} ({columns})"


def drop_index(schema: str, name: str) -> str:
    """Drop an index without stopping writes; nothing where it is not there."""
    return f"DROP INDEX CONCURRENTLY IF EXISTS {qualified(schema, name)}"


def index_name(shape: IndexShape, taken: Collection[str]) -> str:
    """A name in PostgreSQL's own manner, `table_column_column_idx`, at most 63 bytes, that is not taken."""
    stem = "_".join((shape.table, *shape.columns))
    name = _fitted(stem, "_idx")
    number = 0
    while name in taken:
        number += 1
        name = _fitted(stem, f"_idx{number}")
    return name


def _fitted(stem: str, suffix: str) -> str:
    whole = stem + suffix
    if len(whole.encode()) <= _MOST_NAME_BYTES:
        return whole
    digest = hashlib.sha256(stem.encode()).hexdigest()[:8]
    room = _MOST_NAME_BYTES - len(suffix) - len(digest) - 1
    return f"{stem.encode()[:room].decode(errors='ignore')}_{digest}{suffix}"


def columns_text(columns: Sequence[str]) -> str:
    """`(a, b)` for people."""
    return f"({', '.join(columns)})"
