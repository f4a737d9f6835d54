"""The file and text programs of every Unix system (GNU coreutils, util-linux, BSD): ls, cat, sort, rm, dd and others."""

import re

from stanch.commands.effect import Call, Effect, Grammar, changes, destroys, reads
from stanch.commands.environment import assigned
from stanch.commands.options import Raises, each, options, read
from stanch.commands.tables import always, gives, reader, unless
from stanch.model.pattern import Pattern
from stanch.model.risk import Risk, Trait

_SECRET_FILE = Pattern(
    r"/etc/(?:shadow|gshadow|sudoers)|\.ssh/id_|\.pem$|\.key$|\.pgpass$|\.netrc$|\.aws/credentials|\.kube/config|"
    r"\.docker/config\.json|(?:^|/)\.env(?:\.|$)|/proc/[^/]+/(?:environ|mem)\b|/run/secrets/|/var/run/secrets/|\.npmrc$|"
    r"\.vault-token|\.my\.cnf$|\.git-credentials|kubeconfig|admin\.conf$"
)
_DEVICE = Pattern(r"/dev/(?!null$|zero$|stdout$|stderr$|stdin$|tty$|fd/|shm/)")
_SYSTEM_FILE = Pattern(r"/(?:etc|boot|usr|lib|lib64|bin|sbin)(?:/|\Z)")
_SYSTEM = Pattern(r"/(?:\*|bin|boot|dev|etc|home|lib|lib64|opt|proc|root|sbin|srv|sys|usr|var)?/?\Z")


def _shows_files(why: str) -> Grammar:
    """Prints what files hold, whatever its arguments are; some files hold secrets."""

    def rate(call: Call) -> Effect:
        effect = reads(why)
        if any(_SECRET_FILE.search(word) for word in call.arguments):
            return effect.having(Trait.EXPOSES_SECRETS)
        return effect

    return rate


def _tail(call: Call) -> Effect:
    grammar = options(
        "-f -F --retry -q/--quiet/--silent -v/--verbose -z/--zero-terminated -r",
        "-n/--lines -c/--bytes -b --pid -s/--sleep-interval --max-unchanged-stats",
        "--follow",
        numbers=True,
    )
    parsed = read(call.arguments, grammar)
    effect = _shows_files("shows the end of files")(call)
    if parsed.has("-f", "-F", "--follow") or any(re.match(r"\+?\d*f$", word[1:]) for word in parsed.unknown):
        return effect.having(Trait.ENDLESS).hinting("Without -f it ends by itself; `tail -n 200` shows the last lines.")
    return effect


_SORT = options(
    "-b/--ignore-leading-blanks -d/--dictionary-order -f/--ignore-case -g/--general-numeric-sort "
    "-i/--ignore-nonprinting "
    "-M/--month-sort -h/--human-numeric-sort -n/--numeric-sort -R/--random-sort -r/--reverse "
    "-V/--version-sort -c/--check "
    "-C -m/--merge -s/--stable -u/--unique -z/--zero-terminated --debug --help --version",
    "-k/--key -o/--output -S/--buffer-size -t/--field-separator -T/--temporary-directory --compress-program "
    "--batch-size --files0-from --parallel --random-source --sort",
    "--check=quiet",
)
_UNIQ = options(
    "-c/--count -d/--repeated -D -i/--ignore-case -u/--unique -z/--zero-terminated --help --version",
    "-f/--skip-fields -s/--skip-chars -w/--check-chars",
    "--all-repeated --group",
    numbers=True,
)
_DATE = options(
    "-R/--rfc-email -u/--utc/--universal --debug --help --version",
    "-d/--date -f/--file -r/--reference -s/--set -v",
    "-I/--iso-8601 --rfc-3339 --resolution",
)
_HOSTNAME = options(
    "-a/--alias -A/--all-fqdns -b/--boot -d/--domain -f/--fqdn/--long -i/--ip-address -I/--all-ip-addresses -s/--short "
    "-y/--yp/--nis --help --version -V",
    "-F/--file",
)
_WRITES = Raises(risk=Risk.MUTATING, why="writes a file")


def _date(call: Call) -> Effect:
    parsed = read(call.arguments, _DATE)
    if parsed.has("--set") or any(not operand.startswith("+") for operand in parsed.operands):
        return changes("sets the clock")
    return parsed.certain(reads("says what time it is"))


def _printf(call: Call) -> Effect:
    if call.arguments[:1] == ("-v",) and len(call.arguments) > 1:
        name = call.arguments[1]
        return changes("its index is computed") if "[" in name else assigned(name, None, for_command=False)
    return reads("only computes and prints")


def _tee(call: Call) -> Effect:
    parsed = read(
        call.arguments, options("-a/--append -i/--ignore-interrupts -p --help --version", "", "--output-error")
    )
    files = [
        word for word in parsed.operands if word not in {"/dev/null", "/dev/stderr", "/dev/stdout", "/dev/tty", "-"}
    ]
    if not files:
        return parsed.certain(reads("passes its input on"))
    if any(_DEVICE.match(word) for word in files) or (
        not parsed.has("--append") and any(word.startswith("/etc/") for word in files)
    ):
        return destroys(f"overwrites {files[0]}")
    return changes(f"writes {files[0]}")


def _rm(call: Call) -> Effect:
    grammar = options(
        "-d/--dir -f/--force -i -I -r/-R/--recursive -v/--verbose -x/--one-file-system --no-preserve-root "
        "--help --version",
        "",
        "--interactive --preserve-root",
    )
    parsed = read(call.arguments, grammar)
    if len(call.arguments) == 1 and parsed.has("--help", "--version"):
        return reads("says what it is")
    effect = destroys("deletes files", hint="Move it aside (mv NAME NAME.old) and delete it after the incident.")
    return effect.having(Trait.INTERACTIVE) if parsed.has("-i", "-I") else effect


def _dd(call: Call) -> Effect:
    target = next((word[3:] for word in call.arguments if word.startswith("of=")), None)
    if target is None or target in {"/dev/null", "/dev/stdout"}:
        return reads("copies to its output")
    return destroys(f"overwrites {target}")


def _copy(verb: str) -> Grammar:
    def rate(call: Call) -> Effect:
        words = [word for word in call.arguments if not word.startswith("-")]
        if call.arguments in {("--help",), ("--version",)}:
            return reads("says what it is")
        if any(_DEVICE.match(word) for word in words) or "/dev/null" in words[-1:]:
            return destroys(f"{verb} over a device")
        if "/dev/null" in words or (verb == "moves" and any(_SYSTEM_FILE.match(word) for word in words)):
            return destroys("empties a file, or takes one of the system away")
        return changes(f"{verb} files, and overwrites those of the same name")

    return rate


def _modes(why: str) -> Grammar:
    def rate(call: Call) -> Effect:
        parsed = read(
            call.arguments,
            options(
                "-c/--changes -f/--quiet/--silent -v/--verbose -R/--recursive -h/--no-dereference -H -L -P "
                "--dereference --help --version --no-preserve-root --preserve-root",
                "--from --reference",
            ),
        )
        if len(call.arguments) == 1 and parsed.has("--help", "--version"):
            return reads("says what it is")
        if parsed.has("--recursive") or any(_SYSTEM.match(word) for word in parsed.operands):
            return destroys(f"{why} of a whole tree, and nothing keeps what they were")
        return changes(why)

    return rate


def _second_operand(why: str, count: int) -> Grammar:
    def rate(call: Call) -> Effect:
        words = [word for word in call.arguments if not word.startswith("-")]
        return changes("writes a file") if len(words) > count else _shows_files(why)(call)

    return rate


def _xxd(call: Call) -> Effect:
    parsed = read(call.arguments, options("-a -b -C -d -E -e -i -p -ps -r -u -v", "-c -g -l -n -o -R -s"))
    return changes("writes a file") if len(parsed.operands) > 1 or parsed.unknown else reads("shows bytes")


def _split(call: Call) -> Effect:
    return (
        destroys("runs a command for each part").along(call.rater.script(_filter(call)))
        if _filter(call)
        else changes("writes files")
    )


def _filter(call: Call) -> str:
    return next((word.partition("=")[2] for word in call.arguments if word.startswith("--filter=")), "")


def _links(call: Call) -> Effect:
    words = [word for word in call.arguments if not word.startswith("-")]
    if gives(call.arguments, "-f --force") and len(words) > 1 and _SYSTEM_FILE.match(words[-1]):
        return destroys(f"replaces {words[-1]}")
    return changes("makes links")


GRAMMARS: dict[str, Grammar] = {
    **each(
        "cat tac head nl od hexdump strings zcat bzcat xzcat zstdcat base64 base32 cut paste fold fmt "
        "column expand unexpand rev join comm zgrep zless",
        _shows_files("shows what files hold"),
    ),
    **each("grep egrep fgrep rgrep", _shows_files("looks for text")),
    **each("diff cmp diff3 colordiff", _shows_files("compares files")),
    **each(
        "md5sum sha1sum sha224sum sha256sum sha384sum sha512sum b2sum cksum sum shasum md5",
        always(reads("computes sums of files")),
    ),
    **each(
        "ls dir vdir stat du df readlink realpath lsattr getfacl namei exa eza ll getcap",
        always(reads("shows what files there are")),
    ),
    **each(
        "echo true false : test [ seq basename dirname expr factor numfmt pathchk tty wc tsort sleep "
        "usleep getconf locale bc cal ascii",
        always(reads("only computes and prints")),
    ),
    **each(
        "whoami id groups logname users who w last lastb lastlog uname arch nproc uptime hostid pwd "
        "finger lsb_release runlevel getent which whereis locate type apropos whatis",
        always(reads("says who and where one is")),
    ),
    "printf": _printf,
    "file": unless(reads("says what kind of file it is"), "-C --compile", changes("writes a file")),
    "tree": unless(reads("shows what files there are"), "-o --output", changes("writes a file")),
    "sdiff": unless(reads("compares files"), "-o --output", changes("writes a file")),
    "bat": unless(reads("shows what files hold"), "--pager", changes("runs a program to show it")),
    "printenv": always(reads("shows the environment", Trait.EXPOSES_SECRETS)),
    "tr": always(reads("replaces characters in what it passes on")),
    "tail": _tail,
    "sort": reader(
        "sorts",
        _SORT,
        raises={"--compress-program": Raises(risk=Risk.MUTATING, why="runs a program on its data")},
        writes="--output",
    ),
    "shuf": reader(
        "shuffles",
        options(
            "-e/--echo -r/--repeat -z/--zero-terminated", "-i/--input-range -n/--head-count -o/--output --random-source"
        ),
        writes="--output",
    ),
    "uniq": reader("drops repeated lines", _UNIQ, operands=1),
    "xxd": _xxd,
    "date": _date,
    "hostname": reader(
        "says what this machine is called",
        _HOSTNAME,
        raises={"--file": _WRITES, "--boot": _WRITES},
        operands=0,
        beyond="gives this machine another name",
    ),
    "domainname": reader("says what this domain is called", operands=0, beyond="gives this domain another name"),
    "yes": always(reads("prints without end", Trait.ENDLESS)),
    "tee": _tee,
    "rm": _rm,
    "unlink": always(destroys("deletes a file")),
    "rmdir": always(changes("removes empty directories")),
    "shred": always(destroys("overwrites files so that nothing can bring them back")),
    "wipe": always(destroys("overwrites files so that nothing can bring them back")),
    "srm": always(destroys("overwrites files so that nothing can bring them back")),
    "truncate": always(destroys("cuts files off", hint="Rotate a log instead: logrotate, or mv and a signal.")),
    "dd": _dd,
    "cp": _copy("copies"),
    "mv": _copy("moves"),
    "install": _copy("installs"),
    "ln": _links,
    "link": always(changes("makes links")),
    "mkdir": always(changes("makes directories")),
    "mkfifo": always(changes("makes a pipe")),
    "mknod": always(changes("makes a device")),
    "mktemp": always(changes("makes a file")),
    "touch": always(changes("makes files or changes their times")),
    "fallocate": always(changes("takes space on a disk")),
    "chmod": _modes("changes the modes"),
    "chown": _modes("changes the owners"),
    "chgrp": _modes("changes the groups"),
    "chattr": always(changes("changes attributes of files")),
    "setfacl": unless(
        changes("changes who may read files"),
        "-b --remove-all -k --remove-default -R --recursive --set --set-file --restore",
        destroys("changes who may read files, and nothing keeps what it was"),
    ),
    "split": _split,
    "csplit": always(changes("writes files")),
    "patch": always(changes("changes files")),
    "sync": always(changes("writes what is still in memory to disk")),
    "rename": always(changes("renames files")),
    "iconv": reader(
        "converts characters",
        options("-c -l/--list -s/--silent --verbose", "-f/--from-code -t/--to-code -o/--output"),
        writes="--output",
    ),
    "pr": always(reads("lays text out")),
    "logger": always(changes("writes to the system's log")),
    "wall": always(changes("writes to everybody's terminal")),
    "write": always(changes("writes to somebody's terminal")),
}
