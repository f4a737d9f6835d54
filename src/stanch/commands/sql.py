"""What SQL does: every statement by its first word, queries by their tree and by every function that they call.

Text is first cut by our own scanner, which knows comments, quotes and dollar quotes, into statements and psql's
backslash commands; sqlglot then reads the queries. Where the two see different statements, the text is unreadable.
"""

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

from stanch.commands import psql_commands
from stanch.commands.effect import Effect, changes, destroys, reads, together, unreadable
from stanch.commands.sql_functions import EFFECTS, PREFIXES, PURE, WORDS
from stanch.model.pattern import Pattern
from stanch.model.risk import Rating, Reason, Risk, Trait

if TYPE_CHECKING:
    from sqlglot.expressions import Expression

LONGEST = 50_000
"""Characters. Longer text is no statement that a person checked."""

_DOLLAR = Pattern(r"\$(?:[A-Za-z_][A-Za-z0-9_]*)?\$")
_CALL = Pattern(r'((?:[A-Za-z_][\w$]*|"[^"]+"|`[^`]+`)(?:\s*\.\s*(?:[A-Za-z_][\w$]*|"[^"]+"|`[^`]+`))*)\s*\(')
_VARIABLE = Pattern(r"(?<![:\w\[]):(?:[A-Za-z_]\w*|'|\")")
_SECRET = Pattern(
    r"\b(?:pg_shadow|pg_authid|pg_user_mappings?|rolpassword|passwd|authentication_string|mysql\.user|passwords?|secrets?|"
    r"api_?keys?|access_tokens?|refresh_tokens?|password_hash(?:es)?|private_keys?|ssn)\b",
    re.IGNORECASE,
)
_CONSTANT_WHERE = Pattern(
    r"\bwhere\s+(?:true|1\s*=\s*1|1|not\s+false|''\s*=\s*''|\(?\s*true\s*\)?)\s*(?:returning\b.*)?$",
    re.IGNORECASE | re.DOTALL,
)
_EXPLAIN = Pattern(
    r"(?:explain|describe|desc)\b\s*(\([^()]*\)|(?:(?:analyze|analyse|verbose|extended|format\s*=\s*\w+)\b\s*)*)(.*)",
    re.IGNORECASE | re.DOTALL,
)
_SESSION_SETTINGS = frozenset(
    "statement_timeout lock_timeout idle_in_transaction_session_timeout idle_session_timeout transaction_timeout timezone "
    "time datestyle intervalstyle application_name client_min_messages client_encoding names extra_float_digits work_mem "
    "maintenance_work_mem temp_buffers enable_seqscan enable_indexscan enable_bitmapscan enable_hashjoin enable_nestloop "
    "enable_mergejoin enable_sort enable_hashagg enable_material enable_memoize jit random_page_cost seq_page_cost "
    "effective_cache_size max_parallel_workers_per_gather plan_cache_mode track_io_timing default_transaction_read_only "
    "transaction_read_only bytea_output xmloption constraints track_activity_query_size max_execution_time sql_safe_updates "
    "transaction".split()
)


@dataclass(frozen=True, slots=True)
class _Statement:
    """`code` is the text with comments out and the inside of string literals emptied, `text` as written."""

    text: str
    code: str
    literals: tuple[str, ...]
    is_meta: bool = False

    @property
    def words(self) -> list[str]:
        return re.findall(r"[a-z_]+", self.code.lower())[:12]


def rate_sql(text: str, dialect: str = "postgres") -> Rating:
    """Rate SQL statements; `dialect` is `postgres`, `mysql` or `sqlite`. Never raises."""
    effect = sql_effect(text, dialect)
    return Rating(
        command=text,
        risk=effect.risk,
        traits=effect.traits,
        target=dict(effect.target),
        because=tuple(dict.fromkeys(effect.parts)),
        hint=effect.hint,
    )


def sql_effect(text: str, dialect: str = "postgres") -> Effect:
    """The effect of all statements together; each is one of the `parts`."""
    if len(text) > LONGEST:
        return unreadable(f"its SQL is {len(text)} characters long")
    scanned = _scan(text, dialect)
    effects = [_as_part(_rated(statement, dialect), statement.text) for statement in scanned.statements]
    if scanned.problem:
        effects.append(_as_part(_feared(text, scanned.problem), text))
    return together(effects, otherwise="says nothing")


def _as_part(effect: Effect, text: str) -> Effect:
    own = Reason(text=" ".join(text.split()), risk=effect.risk, why=effect.why)
    return replace(effect, parts=(own, *effect.parts))


def _feared(text: str, why: str) -> Effect:
    """What cannot be read counts as mutating, and as destructive where its words are."""
    if re.search(r"\b(?:drop|truncate|delete|revoke|purge|shutdown)\b", text, re.IGNORECASE):
        return destroys(f"it cannot be read ({why}), and holds what would destroy something", Trait.UNREADABLE)
    return unreadable(f"its SQL cannot be read: {why}")


# Cutting


@dataclass(frozen=True, slots=True)
class _Scanned:
    statements: tuple[_Statement, ...]
    problem: str = ""


def _scan(text: str, dialect: str) -> _Scanned:  # noqa: C901, PLR0912, PLR0915 - one state machine reads better in one piece
    statements: list[_Statement] = []
    code: list[str] = []
    literals: list[str] = []
    start = index = 0
    problem = ""

    def close(end: int) -> None:
        written = text[start:end].strip()
        if "".join(code).strip():
            statements.append(_Statement(written, "".join(code).strip(), tuple(literals)))
        code.clear()
        literals.clear()

    backslashes = dialect == "mysql"
    while index < len(text):
        character = text[index]
        if text.startswith("--", index) or (character == "#" and backslashes):
            end = text.find("\n", index)
            if character == "-" and backslashes and text[index + 2 : index + 3] not in {"", " ", "\t", "\n"}:
                code.append("--")
                index += 2
                continue
            index = len(text) if end < 0 else end
            code.append(" ")
        elif text.startswith("/*", index):
            if text.startswith(("/*!", "/*M!", "/*+"), index) and backslashes and not text.startswith("/*+", index):
                problem = problem or "a comment holds what the server runs"
            end = _comment_end(text, index)
            if end < 0:
                return _Scanned(tuple(statements), "a comment does not end")
            index = end
            code.append(" ")
        elif character == "'" or (character == '"' and backslashes):
            prefix = text[index - 1 : index].lower()
            escaped = backslashes or (prefix == "e" and not text[index - 2 : index - 1].isalnum())
            if prefix == "&" and text[index - 2 : index - 1].lower() == "u":
                problem = problem or "a literal is written in escapes"
            end, value = _literal_end(text, index, character, escaped=escaped)
            if end < 0:
                close(len(text))
                return _Scanned(tuple(statements), "a quote is not closed")
            if "\\" in value and not escaped and dialect == "postgres" and value.endswith("\\"):
                problem = problem or "a backslash stands before a quote"
            literals.append(value)
            code.append("''")
            index = end
        elif character in {'"', "`"}:
            if text[max(0, index - 2) : index].lower() == "u&":
                problem = problem or "a name is written in escapes"
            end = text.find(character, index + 1)
            if end < 0:
                close(len(text))
                return _Scanned(tuple(statements), "a quote is not closed")
            code.append(text[index : end + 1])
            index = end + 1
        elif (
            character == "$"
            and dialect == "postgres"
            and (match := _DOLLAR.match(text, index))
            and not (index and (text[index - 1].isalnum() or text[index - 1] in "_$"))
        ):
            end = text.find(match.group(), match.end())
            if end < 0:
                close(len(text))
                return _Scanned(tuple(statements), "a dollar quote is not closed")
            literals.append(text[match.end() : end])
            code.append("''")
            index = end + len(match.group())
        elif character == "\\" and dialect in {"postgres", "mysql"} and text[index + 1 : index + 2] != ";":
            end = text.find("\n", index)
            end = len(text) if end < 0 else end
            is_sender = re.match(r"\\(?:g|gx|G|gdesc|gexec|gset|watch|crosstabview|bind)\b", text[index:end])
            meta = text[index:end].strip()
            if code and "".join(code).strip() and not is_sender:
                # A backslash command in the middle of a statement leaves the statement unsent; it still counts.
                close(index)
            else:
                close(index)
            statements.append(_Statement(meta, meta, (), is_meta=True))
            index = end
            start = index
        elif text.startswith("\\;", index) and dialect == "postgres":
            # psql sends both statements at once.
            close(index)
            index += 2
            start = index
        elif character == ";":
            close(index)
            index += 1
            start = index
        else:
            code.append(character)
            index += 1
    close(len(text))
    return _Scanned(tuple(statements), problem)


def _comment_end(text: str, index: int) -> int:
    """Comments nest in PostgreSQL; where they would nest, other servers read something else, which is counted in."""
    depth = 0
    while index < len(text):
        if text.startswith("/*", index):
            depth += 1
            index += 2
        elif text.startswith("*/", index):
            depth -= 1
            index += 2
            if depth == 0:
                return index
        else:
            index += 1
    return -1


def _literal_end(text: str, index: int, quote: str, *, escaped: bool) -> tuple[int, str]:
    start = index + 1
    index = start
    while index < len(text):
        character = text[index]
        if escaped and character == "\\":
            index += 2
        elif character == quote:
            if text[index + 1 : index + 2] == quote:
                index += 2
                continue
            return index + 1, text[start:index]
        else:
            index += 1
    return -1, ""


# Rating one statement


def _rated(statement: _Statement, dialect: str) -> Effect:  # noqa: C901, PLR0912 - a grammar has a branch for each rule
    if statement.is_meta:
        return psql_commands.meta_effect(statement.text, dialect)
    words = statement.words
    if not words:
        return reads("says nothing") if not statement.code.strip("()") else unreadable("it is no statement")
    match words[0]:
        case "select" | "with" | "values" | "table" | "insert" | "update" | "delete" | "merge":
            return _query(statement, dialect)
        case "explain" | "describe" | "desc":
            return _explained(statement, dialect)
        case "pragma":
            return _pragma(statement)
        case "show":
            return reads("shows a setting or what there is")
        case "copy":
            return _copied(statement, dialect)
        case "set" | "reset":
            return _set(words)
        case "create":
            return _created(statement)
        case "alter":
            return _altered(statement)
        case "do":
            return _feared_in(statement, "runs code that is given as text")
        case "prepare" | "declare":
            inner = re.sub(r"^.*?\b(?:as|for)\b", "", statement.text, count=1, flags=re.IGNORECASE | re.DOTALL)
            if inner == statement.text:
                return changes("keeps a statement for later that cannot be read here").along(_in_literals(statement))
            return sql_effect(inner, dialect).raised(Risk.MUTATING, "keeps a statement for later")
        case "vacuum" | "cluster" | "reindex" | "analyze" | "optimize" | "repair" | "refresh" | "checkpoint":
            return _maintained(statement)
        case _ if statement.code.startswith("("):
            return _query(statement, dialect)
        case first:
            return _BY_FIRST_WORD.get(first, changes(f"what {first.upper()} does is not known"))


_BY_FIRST_WORD: dict[str, Effect] = {
    **dict.fromkeys(("begin", "start", "commit", "end", "rollback", "abort", "savepoint", "release"), reads("begins or ends a transaction")),
    **dict.fromkeys(("use", "help", "status", "checksum"), reads("asks the server about itself")),
    "fetch": reads("reads on in a cursor"),
    "move": reads("moves a cursor"),
    "close": reads("closes a cursor"),
    "listen": reads("waits for messages"),
    "unlisten": reads("waits no longer for messages"),
    "notify": changes("sends a message"),
    "discard": reads("forgets what its session knows"),
    "deallocate": reads("forgets a prepared statement"),
    "execute": changes("runs a prepared statement that cannot be read here"),
    "call": changes("runs a procedure that cannot be read here"),
    "replace": destroys("overwrites rows"),
    "drop": destroys("deletes an object and what is in it", hint="Rename it, and drop it when nobody has missed it."),
    "truncate": destroys("deletes every row of a table", hint="It cannot be narrowed down: DELETE ... WHERE can."),
    "grant": changes("gives somebody access"),
    "revoke": destroys("takes access away from somebody"),
    "reassign": changes("gives objects to another owner"),
    "lock": changes("locks a table", Trait.HEAVY),
    "unlock": changes("gives locks back"),
    "comment": changes("changes a comment"),
    "security": changes("changes a label"),
    "import": changes("creates foreign tables"),
    "load": changes("loads data or code into the server"),
    "rename": changes("renames a table"),
    "kill": changes("ends a connection or its statement"),
    "flush": changes("empties caches or closes tables of the server"),
    "purge": destroys("deletes logs that replication or recovery need"),
    "shutdown": destroys("stops the server"),
    "restart": destroys("stops the server"),
    "handler": changes("opens a table by hand"),
    "install": changes("loads code into the server"),
    "uninstall": changes("unloads code from the server"),
    "stop": changes("stops replication"),
    "change": destroys("changes what a replica follows"),
    "attach": changes("opens another database file"),
    "detach": changes("closes a database file"),
}  # fmt: skip


def _query(statement: _Statement, dialect: str) -> Effect:
    tree = _tree(statement.text, dialect)
    if tree is None:
        return _feared(statement.code, "it is not understood")
    effect = together([_by_tree(tree, statement), *_functions(statement)])
    if dialect == "postgres" and _VARIABLE.search(statement.code):
        effect = effect.raised(Risk.MUTATING, "a variable of psql is put into it when it runs").having(Trait.DYNAMIC)
    return effect


def _tree(text: str, dialect: str) -> "Expression | None":
    sqlglot = _sqlglot()
    try:
        trees = sqlglot.parse(text, read=dialect)
    except (
        sqlglot.errors.SqlglotError,
        RecursionError,
        ValueError,
        AssertionError,
        TypeError,
        IndexError,
        AttributeError,
    ):
        return None
    found = [tree for tree in trees if tree is not None]
    return found[0] if len(found) == 1 and not isinstance(found[0], sqlglot.exp.Command) else None


@cache
def _sqlglot():  # type: ignore[no-untyped-def] # noqa: ANN202 - a module has no type of its own
    import sqlglot  # noqa: PLC0415 - it takes a third of a second to import, and most commands have no SQL

    # What it does not understand is said here by rating it so; it would also write to standard error.
    logging.getLogger("sqlglot").setLevel(logging.CRITICAL)
    return sqlglot


def _by_tree(tree: "Expression", statement: _Statement) -> Effect:  # noqa: C901, PLR0912 - a grammar has a branch for each rule
    exp = _sqlglot().exp
    effects: list[Effect] = []
    for node in tree.walk():
        if isinstance(node, exp.Delete):
            effects.append(destroys("deletes rows", hint="SELECT count(*) with the same WHERE shows how many."))
        elif isinstance(node, exp.Update):
            where = node.args.get("where")
            if where is None or _CONSTANT_WHERE.search(statement.code) or not list(where.find_all(exp.Column)):
                effects.append(destroys("overwrites every row of a table", hint="A WHERE narrows it down."))
            else:
                effects.append(changes("changes rows", hint="SELECT count(*) with the same WHERE shows how many."))
        elif isinstance(node, exp.Insert):
            effects.append(destroys("overwrites rows") if node.args.get("overwrite") else changes("adds rows"))
        elif isinstance(node, exp.Merge):
            effects.append(changes("adds or changes rows"))
        elif isinstance(node, exp.Into):
            effects.append(changes("creates a table, a file or a variable from what it reads"))
        elif isinstance(node, exp.Lock):
            effects.append(changes("locks the rows that it reads"))
        elif isinstance(node, exp.Drop | exp.Create | exp.Command | exp.Copy | exp.Alter | exp.TruncateTable):
            effects.append(unreadable("it holds what no query can"))
    if re.search(r"\binto\b", statement.code, re.IGNORECASE) and not effects:
        effects.append(changes("puts what it reads somewhere"))
    if re.search(
        r"\bfor\s+(?:no\s+key\s+)?(?:update|share|key)\b|\block\s+in\s+share\b", statement.code, re.IGNORECASE
    ):
        effects.append(changes("locks the rows that it reads"))
    if (
        re.search(
            r"\b(?:insert|update|delete|merge|truncate|drop)\b\s+(?:into|from|table|only|\w+\s+set)\b",
            statement.code,
            re.IGNORECASE,
        )
        and not effects
    ):
        effects.append(_feared(statement.code, "two readings of it differ"))
    effect = together(effects, otherwise="reads rows")
    if _SECRET.search(statement.code):
        effect = effect.having(Trait.EXPOSES_SECRETS)
    if not effects and _reads_everything(tree):
        effect = effect.having(Trait.HEAVY).hinting("A LIMIT or a WHERE keeps it from reading the whole table.")
    return effect


def _reads_everything(tree: "Expression") -> bool:
    """`SELECT *` of a table of one's own without WHERE or LIMIT."""
    exp = _sqlglot().exp
    if not isinstance(tree, exp.Select) or tree.args.get("where") or tree.args.get("limit") or tree.args.get("fetch"):
        return False
    if not any(isinstance(projection, exp.Star) for projection in tree.expressions):
        return False
    tables = list(tree.find_all(exp.Table))
    return bool(tables) and not all(
        table.name.lower().startswith(("pg_", "sqlite_"))
        or (table.db or "").lower() in {"information_schema", "pg_catalog", "performance_schema", "sys"}
        for table in tables
    )


def _functions(statement: _Statement) -> Iterator[Effect]:
    """What each called function does. A name in parentheses after a comma is a column list, not a call."""
    code = re.sub(
        r"\b(?:with|,)\s*(?:recursive\s+)?[A-Za-z_]\w*\s*\([^()]*\)\s+as\s*(?:not\s+materialized\s*|materialized\s*)?\(",
        " (",
        statement.code,
        flags=re.IGNORECASE,
    )
    code = re.sub(r"\binsert\s+into\s+[\w.\"`]+\s*\(", "insert (", code, flags=re.IGNORECASE)
    code = re.sub(r"\bas\s+[A-Za-z_]\w*\s*\(", "as (", code, flags=re.IGNORECASE)
    code = re.sub(r"\)\s+[A-Za-z_]\w*\s*\(([A-Za-z_]\w*(?:\s*,\s*[A-Za-z_]\w*)*)\)", ") ()", code)
    for match in _CALL.finditer(code):
        parts = [part.strip().strip('"`').lower() for part in match.group(1).split(".")]
        name = parts[-1]
        schema = parts[-2] if len(parts) > 1 else ""
        if schema and schema not in {"pg_catalog", "information_schema", "sys"}:
            yield changes(f"calls {'.'.join(parts)}, which may do anything")
            continue
        if name in EFFECTS:
            yield EFFECTS[name]
        elif name in PURE or (name in WORDS and not schema):
            continue
        else:
            known = next((effect for prefix, effect in PREFIXES if name.startswith(prefix)), None)
            yield known or changes(f"calls {name}, which may do anything")
    yield from (_hidden(literal) for literal in statement.literals if len(literal) > 8)


def _hidden(literal: str) -> Effect:
    """A statement in a literal is only text, unless a function runs it; those functions are mutating already."""
    del literal
    return reads("reads rows")


def _explained(statement: _Statement, dialect: str) -> Effect:
    match = _EXPLAIN.match(statement.code)
    written = _EXPLAIN.match(statement.text.lstrip())
    if match is None or written is None:
        return unreadable("what it explains cannot be read")
    options, inner = match.group(1), written.group(2)
    first = re.match(r"[a-z]+", match.group(2).strip().lower())
    if statement.words[0] != "explain" or (
        first
        and first.group()
        not in {
            "select",
            "with",
            "insert",
            "update",
            "delete",
            "merge",
            "values",
            "table",
            "create",
            "execute",
            "declare",
            "refresh",
            "replace",
            "for",
            "analyze",
        }
    ):
        return reads("describes a table")
    runs = re.search(r"\banaly[sz]e\b(?!\s*(?:,|=)?\s*(?:false|off|0)\b)", options, re.IGNORECASE) or re.match(
        r"analy[sz]e\b", match.group(2).strip(), re.IGNORECASE
    )
    if not runs:
        planned = sql_effect(inner, dialect)
        if Trait.UNREADABLE in planned.traits:
            return planned
        return reads("shows how it would be run")
    effect = sql_effect(re.sub(r"^\s*analy[sz]e\b", "", inner, flags=re.IGNORECASE), dialect)
    return (
        effect.hinting("EXPLAIN ANALYZE runs the statement; plain EXPLAIN only plans it.")
        if effect.risk is not Risk.READ_ONLY
        else effect.having(Trait.HEAVY)
    )


def _copied(statement: _Statement, dialect: str) -> Effect:
    code = statement.code
    if re.search(r"\bprogram\b", code, re.IGNORECASE):
        program = next(iter(statement.literals), "")
        return destroys(f"runs a command on the database's machine: {program}")
    if match := re.match(r"copy\s*\((.*)\)\s*to\s+stdout\b", statement.text, re.IGNORECASE | re.DOTALL):
        return sql_effect(match.group(1), dialect)
    if re.search(r"\bto\s+stdout\b", code, re.IGNORECASE):
        effect = reads("reads a whole table", Trait.HEAVY)
        return effect.having(Trait.EXPOSES_SECRETS) if _SECRET.search(code) else effect
    if re.search(r"\bto\s+''", code, re.IGNORECASE):
        return destroys("writes a file on the database's machine")
    return changes("adds rows")


def _set(words: list[str]) -> Effect:
    rest = [word for word in words[1:] if word not in {"session", "local", "characteristics", "as"}]
    if rest and rest[0] in _SESSION_SETTINGS:
        return reads("changes a setting of its own session")
    if words[0] == "reset" and rest[:1] not in (
        ["role"],
        ["master"],
        ["binary"],
        ["query"],
        ["slave"],
        ["replica"],
        ["persist"],
    ):
        return reads("puts a setting of its own session back")
    if rest[:1] in (["master"], ["binary"], ["slave"], ["replica"]):
        return destroys("deletes replication's state")
    return changes("changes who it acts as, or a setting that changes what statements mean")


def _created(statement: _Statement) -> Effect:
    words = statement.words
    if "index" in words[:4]:
        if "concurrently" in words[:6]:
            return changes("builds an index while writes go on")
        return changes(
            "builds an index and blocks writes while it does",
            Trait.HEAVY,
            hint="CREATE INDEX CONCURRENTLY lets writes go on.",
        )
    if words[1:2] in (["role"], ["user"]):
        return changes("creates somebody who may log in")
    if words[1:3] == ["or", "replace"] or "function" in words[:5] or "procedure" in words[:5]:
        return _feared_in(statement, "creates or replaces code or a view")
    if " as " in f" {statement.code.lower()} " and "temp" not in words[:3] and "temporary" not in words[:3]:
        return changes("creates an object from what it reads")
    return changes("creates an object")


def _altered(statement: _Statement) -> Effect:
    code = statement.code.lower()
    words = statement.words
    if re.search(r"\bdrop\s+(?!default|not\s+null|expression|identity)", code) or "detach partition" in code:
        return destroys("deletes a part of an object and what is in it")
    if words[1:2] in (["role"], ["user"]) and re.search(
        r"password|nologin|valid until|identified|rename|account lock|nosuperuser|superuser", code
    ):
        return destroys("changes who may log in, and may lock somebody out")
    if re.search(r"\bdisable\s+row\s+level|no\s+force\s+row\s+level", code):
        return destroys("shows everybody every row")
    if (
        re.search(r"\btype\b|\bset\s+not\s+null\b|\badd\s+constraint\b|\bset\s+tablespace\b|\bmodify\b", code)
        and "not valid" not in code
    ):
        return changes("checks or rewrites a whole table under a lock", Trait.HEAVY)
    if words[1:2] == ["system"]:
        return changes("changes a setting of the server", hint="ALTER SYSTEM RESET takes it back.")
    return changes("changes an object")


def _maintained(statement: _Statement) -> Effect:
    words = statement.words
    if words[0] == "vacuum" and "full" in words:
        return changes(
            "rewrites a table and locks everybody out while it does",
            Trait.HEAVY,
            hint="VACUUM without FULL lets work go on.",
        )
    if words[0] in {"cluster", "optimize", "repair"} or (
        words[0] in {"reindex", "refresh"} and "concurrently" not in words
    ):
        return changes("rewrites and locks while it does", Trait.HEAVY)
    if words[0] == "checkpoint":
        return changes("writes everything to disk now", Trait.HEAVY)
    return changes("brings statistics, free space or an index up to date")


def _in_literals(statement: _Statement) -> Effect:
    """Statements that are kept in text, as MySQL's `PREPARE x FROM '...'` has them."""
    inside = " ".join(statement.literals)
    if re.search(r"\b(?:drop|truncate|delete|revoke|purge|shutdown)\b", inside, re.IGNORECASE):
        return destroys("it holds what would destroy something")
    return reads("nothing in it is feared")


_PRAGMA_READS = Pattern(
    r"pragma\s+(?:\w+\.)?(?:(?:table_x?info|table_list|index_x?info|index_list|foreign_key_list|foreign_key_check|"
    r"integrity_check|quick_check|compile_options|database_list|collation_list|function_list|module_list|pragma_list|"
    r"page_count|freelist_count|data_version|stats)\b[^=]*|\w+\s*)\Z",
    re.IGNORECASE,
)
_PRAGMA_ACTS = Pattern(
    r"pragma\s+(?:\w+\.)?(?:wal_checkpoint|optimize|incremental_vacuum|shrink_memory)\b", re.IGNORECASE
)


def _pragma(statement: _Statement) -> Effect:
    """SQLite's settings: with a value they are changed, and some act by being named."""
    if _PRAGMA_READS.match(statement.code) and not _PRAGMA_ACTS.match(statement.code):
        return reads("asks the database about itself")
    return changes("changes how the database is kept")


def _feared_in(statement: _Statement, why: str) -> Effect:
    inside = " ".join(statement.literals)
    if re.search(r"\b(?:drop|truncate|delete|revoke|execute)\b", f"{inside} {statement.code}", re.IGNORECASE):
        return destroys(f"{why}, with words in it that would destroy something")
    return changes(why)
