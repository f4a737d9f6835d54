"""PostgreSQL's programs: psql is rated by its SQL; pg_dump reads; pg_restore and dropdb destroy."""

import re
from urllib.parse import urlsplit

from stanch.commands.effect import Call, Effect, Grammar, changes, destroys, reads
from stanch.commands.options import Parsed, options, read
from stanch.commands.tables import always, reader
from stanch.model.pattern import Pattern
from stanch.model.risk import Risk, Trait

INERT = ("-h", "--host", "-U", "--username", "-p", "--port")

_CONNECTION = options("-w/--no-password -W/--password", "-d/--dbname -h/--host -p/--port -U/--username")
_PSQL = _CONNECTION | options(
    "-l/--list -V/--version -X/--no-psqlrc -1/--single-transaction --help -a/--echo-all -b/--echo-errors "
    "-e/--echo-queries "
    "-E/--echo-hidden -n/--no-readline -q/--quiet -s/--single-step -S/--single-line -A/--no-align --csv "
    "-H/--html -t/--tuples-only "
    "-x/--expanded -z/--field-separator-zero -0/--record-separator-zero -?",
    "-c/--command -f/--file -v/--set/--variable -L/--log-file -o/--output -F/--field-separator -P/--pset "
    "-R/--record-separator "
    "-T/--table-attr",
)
_SPECIAL = Pattern(
    r"(?:ON_ERROR_STOP|ON_ERROR_ROLLBACK|VERBOSITY|ECHO|ECHO_HIDDEN|QUIET|FETCH_COUNT|AUTOCOMMIT|SHOW_CONTEXT|HIDE_TABLEAM|"
    r"COMP_KEYWORD_CASE|HISTCONTROL|HISTSIZE|PROMPT[123])(?:=|\Z)"
)


def target(parsed: Parsed) -> dict[str, str | None]:
    """Database and host from the options, or from a connection string."""
    name = parsed.value("--dbname") or parsed.operand(0)
    host = parsed.value("--host")
    if "://" in name:
        try:
            split = urlsplit(name)
            return {"database": split.path.strip("/"), "host": host or split.hostname}
        except ValueError:
            return {"database": name}
    if "=" in name:
        pairs = dict(re.findall(r"(\w+)\s*=\s*('[^']*'|\S+)", name))
        return {"database": pairs.get("dbname"), "host": host or pairs.get("host")}
    return {"database": name, "host": host}


def _psql(call: Call) -> Effect:
    parsed = read(call.arguments, _PSQL)
    if len(call.arguments) == 1 and parsed.has("--help", "--version", "-?"):
        return reads("says what it is")
    effects: list[Effect] = []
    if parsed.has("--file") and parsed.value("--file") != "-":
        effects.append(changes("runs statements from a file that nobody has rated"))
    if parsed.has("--log-file") or (parsed.value("--output") or "/dev/null") != "/dev/null":
        piped = (parsed.value("--output") or "").startswith("|")
        effects.append(destroys("gives what it reads to a program") if piped else changes("writes a file"))
    if any(not _SPECIAL.match(setting) for setting in parsed.all("--set")):
        effects.append(changes("puts a variable into its statements"))
    statements = parsed.all("--command")
    if statements:
        effects.extend(call.rater.sql(statement, "postgres") for statement in statements)
    elif parsed.has("--list"):
        effects.append(reads("lists databases"))
    elif not parsed.has("--file") or parsed.value("--file") == "-":
        effects.append(_from_input(call, "postgres"))
    first, *rest = effects
    return parsed.certain(first.along(*rest)).at(**target(parsed))


def _from_input(call: Call, dialect: str) -> Effect:
    if not call.stdin.is_given:
        return changes("opens a session to type into", Trait.INTERACTIVE)
    if call.stdin.text is not None:
        return call.rater.sql(call.stdin.text, dialect)
    return destroys("runs statements that nobody can see beforehand", Trait.DYNAMIC)


_DUMP = _CONNECTION | options(
    "-a/--data-only -b/--large-objects/--blobs -B/--no-large-objects/--no-blobs -c/--clean -C/--create "
    "-O/--no-owner -s/--schema-only "
    "-v/--verbose -V/--version -x/--no-privileges/--no-acl --column-inserts --inserts --if-exists "
    "--no-comments --no-publications "
    "--no-security-labels --no-subscriptions --no-sync --no-tablespaces --no-unlogged-table-data "
    "--quote-all-identifiers "
    "--serializable-deferrable --strict-names --disable-triggers --enable-row-security "
    "--on-conflict-do-nothing -g/--globals-only "
    "-r/--roles-only -t/--tablespaces-only --help",
    "-e/--extension -E/--encoding -f/--file -F/--format -j/--jobs -n/--schema -N/--exclude-schema "
    "-S/--superuser -t/--table "
    "-T/--exclude-table -Z/--compress --exclude-table-data --extra-float-digits --include-foreign-data "
    "--lock-wait-timeout "
    "--rows-per-insert --section --snapshot --role --load-via-partition-root -l/--database --exclude-database",
)


def _pg_dump(call: Call) -> Effect:
    parsed = read(call.arguments, _DUMP)
    if len(call.arguments) == 1 and parsed.has("--help", "--version"):
        return reads("says what it is")
    effect = reads("reads a whole database", Trait.HEAVY, Trait.EXPOSES_SECRETS)
    if (parsed.value("--file") or "/dev/null") != "/dev/null":
        effect = effect.raised(Risk.MUTATING, "writes a whole database into a file")
    return parsed.certain(effect).at(**target(parsed))


def _pg_restore(call: Call) -> Effect:
    if any(word in {"-l", "--list"} for word in call.arguments) or call.arguments == ("-V",):
        return reads("lists what is in a dump")
    parsed = read(call.arguments, _CONNECTION)
    if not any(word in {"-d", "--dbname"} or word.startswith(("-d", "--dbname=")) for word in call.arguments):
        return changes("writes a dump's statements out")
    return destroys("restores a dump over a database", hint="Restore into a new database, compare, then rename.").at(
        **target(parsed)
    )


def _pg_ctl(call: Call) -> Effect:
    verb = next((word for word in call.arguments if not word.startswith("-") and "/" not in word), "")
    if verb == "status":
        return reads("says whether a server runs")
    if verb in {"stop", "kill", "initdb", "init"}:
        return destroys("stops a server, or makes a new one")
    if verb == "promote":
        return destroys("makes a standby a primary of its own, which cannot be taken back")
    return changes("starts a server or makes it read its settings")


GRAMMARS: dict[str, Grammar] = {
    "psql": _psql,
    "pgcli": _psql,
    "pg_dump": _pg_dump,
    "pg_dumpall": _pg_dump,
    "pg_restore": _pg_restore,
    "pg_isready": always(reads("asks whether a server answers")),
    "pg_ctl": _pg_ctl,
    "pg_ctlcluster": _pg_ctl,
    "pg_lsclusters": always(reads("lists servers")),
    "pg_config": always(reads("says how it was built")),
    "pg_controldata": always(reads("shows a server's state")),
    "pg_waldump": always(reads("shows what the WAL holds")),
    "pg_basebackup": always(changes("copies a whole server", Trait.HEAVY)),
    "pg_rewind": always(destroys("overwrites a server with another's past")),
    "pg_resetwal": always(destroys("forgets what was not yet written")),
    "pg_upgrade": always(destroys("turns a server into one of a newer version")),
    "initdb": always(changes("makes a new server")),
    "createdb": always(changes("creates a database")),
    "createuser": always(changes("creates somebody who may log in")),
    "dropdb": always(destroys("deletes a database")),
    "dropuser": always(destroys("deletes somebody who may log in")),
    "vacuumdb": lambda call: (
        changes("rewrites tables under locks", Trait.HEAVY)
        if any(word in {"-f", "--full"} for word in call.arguments)
        else changes("brings statistics and free space up to date")
    ),
    "reindexdb": always(changes("rebuilds indexes", Trait.HEAVY)),
    "clusterdb": always(changes("rewrites tables under locks", Trait.HEAVY)),
    "pgbench": always(changes("puts load on a server and overwrites its tables", Trait.HEAVY)),
    "pg_top": always(reads("shows what a server does", Trait.INTERACTIVE, Trait.ENDLESS)),
    "pg_activity": always(reads("shows what a server does", Trait.INTERACTIVE, Trait.ENDLESS)),
    "sqlite3": lambda call: _sqlite(call),  # noqa: PLW0108 - it is defined further down
    "patronictl": lambda call: _patroni(call),  # noqa: PLW0108 - as above
    "pgbackrest": lambda call: (
        reads("shows backups")
        if call.arguments and call.arguments[-1] in {"info", "version", "help", "check", "verify"}
        else (
            destroys("restores over a server, or deletes backups")
            if {"restore", "expire", "stanza-delete"} & set(call.arguments)
            else changes("makes a backup")
        )
    ),
    "repmgr": reader("shows replication", options(), operands=0),
}


def _sqlite(call: Call) -> Effect:
    parsed = read(
        tuple(
            f"-{word}" if word.startswith("-") and not word.startswith("--") and len(word) > 2 else word
            for word in call.arguments
        ),
        options(
            "--readonly --header --noheader --csv --column --json --line --list --table --box --markdown "
            "--html --quote --tabs --batch --bail --echo --version --help --safe --stats",
            "--cmd --init --separator --nullvalue --newline --mmap",
        ),
    )
    if len(call.arguments) == 1 and parsed.has("--version", "--help"):
        return reads("says what it is")
    if parsed.has("--init"):
        return changes("runs statements from a file that nobody has rated")
    statements = [*parsed.all("--cmd"), *parsed.operands[1:]]
    effects = [
        _dot(statement) if statement.lstrip().startswith(".") else call.rater.sql(statement, "sqlite")
        for statement in statements
    ]
    if not parsed.operands[1:]:
        effects.append(_from_input(call, "sqlite"))
    first, *rest = effects
    return parsed.certain(first.along(*rest)).at(database=parsed.operand(0))


def _dot(text: str) -> Effect:
    if re.match(
        r"\s*\.(?:tables|schema|databases|indexes|indices|headers?|mode|dump|stats|show|timer|width|fullschema|help|dbinfo|nullvalue|separator|explain|eqp)\b",
        text,
    ):
        return reads("describes what there is")
    if re.match(r"\s*\.(?:shell|system)\b", text):
        return destroys("runs a command of the shell")
    return changes("reads or writes a file")


def _patroni(call: Call) -> Effect:
    words = [word for word in call.arguments if not word.startswith("-")]
    if any(word in {"list", "topology", "history", "show-config", "dsn", "version"} for word in words):
        return reads("shows a cluster's state")
    if any(word in {"reinit", "remove"} for word in words):
        return destroys("deletes a member's data")
    return changes("changes which server is the primary, or how it runs")
