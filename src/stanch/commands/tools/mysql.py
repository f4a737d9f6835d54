"""MySQL's and MariaDB's programs: the client is rated by its SQL; mysqldump reads; mysqladmin by its verb."""

from stanch.commands.effect import Call, Effect, Grammar, changes, destroys, reads
from stanch.commands.options import each, options, read
from stanch.commands.tables import always
from stanch.model.risk import Risk, Trait

INERT = ("-h", "--host", "-u", "--user", "-P", "--port")

_OPTIONS = options(
    "-A/--no-auto-rehash -B/--batch -b/--no-beep -C/--compress -c/--comments -f/--force -G/--named-commands -H/--html "
    "-i/--ignore-spaces -L/--skip-line-numbers -N/--skip-column-names -n/--unbuffered -q/--quick -r/--raw -s/--silent -t/--table "
    "-U/--safe-updates/--i-am-a-dummy -v/--verbose -V/--version -w/--wait -X/--xml -E/--vertical -?/--help --no-defaults "
    "--column-names --skip-pager --skip-ssl --auto-rehash --auto-vertical-output --binary-as-hex --show-warnings --column-type-info",
    "-D/--database -e/--execute -h/--host -P/--port -S/--socket -u/--user --connect-timeout --default-character-set --defaults-file "
    "--defaults-extra-file --defaults-group-suffix --login-path --max-allowed-packet --protocol --ssl-ca --ssl-cert --ssl-key --ssl-mode "
    "--init-command --pager --tee --delimiter --prompt --plugin-dir --connect-expired-password --server-public-key-path",
    "-p/--password --ssl --reconnect --local-infile",
)


def _mysql(call: Call) -> Effect:
    parsed = read(call.arguments, _OPTIONS)
    if len(call.arguments) == 1 and parsed.has("--help", "--version"):
        return reads("says what it is")
    effects: list[Effect] = []
    if parsed.has("--pager"):
        effects.append(
            changes("runs a program to show what it reads").along(call.rater.script(parsed.value("--pager") or "less"))
        )
    if parsed.has("--tee"):
        effects.append(changes("writes a file"))
    if parsed.has("--plugin-dir", "--defaults-file", "--defaults-extra-file", "--delimiter"):
        effects.append(changes("its settings may change what it does"))
    effects.extend(call.rater.sql(text, "mysql") for text in parsed.all("--init-command"))
    statements = parsed.all("--execute")
    effects.extend(_statement(call, text) for text in statements)
    if not statements:
        if not call.stdin.is_given:
            effects.append(changes("opens a session to type into", Trait.INTERACTIVE))
        elif call.stdin.text is None:
            effects.append(destroys("runs statements that nobody can see beforehand", Trait.DYNAMIC))
        else:
            effects.append(_statement(call, call.stdin.text))
    first, *rest = effects
    return parsed.certain(first.along(*rest)).at(
        host=parsed.value("--host"), database=parsed.value("--database") or parsed.operand(0)
    )


_CLIENT_COMMANDS = ("system", "source", "tee", "pager", "edit", "delimiter")


def _statement(call: Call, text: str) -> Effect:
    effect = call.rater.sql(text, "mysql")
    for line in text.replace(";", "\n").splitlines():
        word = line.strip().lower().split(" ", 1)[0]
        if word == "system":
            return effect.along(destroys("runs a command of the shell"))
        if word in _CLIENT_COMMANDS:
            return effect.raised(Risk.MUTATING, "runs a file or a program, or writes a file")
    return effect


def _mysqldump(call: Call) -> Effect:
    effect = reads("reads a whole database", Trait.HEAVY, Trait.EXPOSES_SECRETS)
    for word in call.arguments:
        name = word.partition("=")[0]
        if name in {"-r", "--result-file", "-T", "--tab", "--log-error"} or word.startswith(("-r", "-T")):
            effect = effect.raised(Risk.MUTATING, "writes a file")
        if name in {
            "--flush-logs",
            "-F",
            "--flush-privileges",
            "--delete-master-logs",
            "--delete-source-logs",
            "--lock-all-tables",
            "-x",
            "--lock-tables",
            "-l",
            "--opt",
            "--apply-slave-statements",
            "--add-drop-database-now",
            "--dump-slave",
            "--dump-replica",
        }:
            effect = effect.raised(Risk.MUTATING, f"{name} locks or changes the server")
        if name in {"--delete-master-logs", "--delete-source-logs"}:
            effect = destroys("deletes logs that replication or recovery need")
    return effect


_ADMIN_READS = frozenset({"status", "ping", "processlist", "extended-status", "variables", "version"})
_ADMIN_DESTROYS = frozenset({"shutdown", "drop", "password", "old-password"})


def _mysqladmin(call: Call) -> Effect:
    parsed = read(call.arguments, _OPTIONS | options("-r/--relative -f/--force", "-i/--sleep -c/--count"))
    effect = reads("asks a server for its state")
    if parsed.has("--sleep") and not parsed.has("--count"):
        effect = effect.having(Trait.ENDLESS)
    for word in parsed.operands:
        if word in _ADMIN_DESTROYS:
            effect = effect.raised(
                Risk.DESTRUCTIVE, f"{word} stops the server, deletes a database or changes a password"
            )
        elif word not in _ADMIN_READS:
            effect = effect.raised(Risk.MUTATING, f"{word} changes the server")
    return parsed.certain(effect).at(host=parsed.value("--host"))


GRAMMARS: dict[str, Grammar] = {
    **each("mysql mariadb mycli", _mysql),
    **each("mysqldump mariadb-dump mysqlpump", _mysqldump),
    **dict.fromkeys(("mysqladmin", "mariadb-admin"), _mysqladmin),
    "mysqlshow": always(reads("lists databases and tables")),
    "mysqlcheck": always(changes("checks tables under locks", Trait.HEAVY)),
    "mysqlbinlog": always(reads("shows what the binary log holds", Trait.EXPOSES_SECRETS)),
    "mysqlimport": always(changes("adds rows from a file")),
    "innotop": always(reads("shows what a server does", Trait.INTERACTIVE, Trait.ENDLESS)),
    "mytop": always(reads("shows what a server does", Trait.INTERACTIVE, Trait.ENDLESS)),
}
