"""tar, gzip, zip and their kin, and programs that take the terminal: editors, pagers, multiplexers."""

import re

from stanch.commands.effect import Call, Effect, Grammar, changes, destroys, reads, unknown
from stanch.commands.options import each
from stanch.commands.tables import always
from stanch.model.pattern import Pattern
from stanch.model.risk import Trait


def _tar(call: Call) -> Effect:
    text = call.arguments
    runs = [
        word
        for word in text
        if re.match(
            r"--(?:to-command|checkpoint-action=exec|use-compress-program|rsh-command|info-script|new-volume-script)|-I|-F",
            word,
        )
    ]
    if runs or "--checkpoint-action" in text:
        effect = destroys("runs a program on what it packs or unpacks")
        return effect.along(
            *(call.rater.script(word.partition("exec=")[2] or word.partition("=")[2]) for word in runs if "=" in word)
        )
    mode = text[0] if text else ""
    letters = mode.lstrip("-") if not mode.startswith("--") else ""
    listing = "t" in letters or "--list" in text
    if listing and not set(letters) & set("xcruA") and not {"-x", "-c", "--extract", "--create"} & set(text):
        return reads("lists what is packed")
    if any(word in {"--delete", "--remove-files"} for word in text):
        return destroys("deletes what it packed")
    if "c" in letters and ("f" not in letters or "-" in text[1:3] or "-f-" in text) and "x" not in letters:
        return reads("packs files and prints them", Trait.HEAVY)
    return changes("unpacks, and overwrites files of the same name" if "x" in letters else "writes an archive")


def _compress(call: Call) -> Effect:
    flags = [word for word in call.arguments if word.startswith("-")]
    names = {word for word in flags if word.startswith("--")} | {
        letter for word in flags if not word.startswith("--") for letter in word[1:]
    }
    operands = [word for word in call.arguments if not word.startswith("-")]
    if names & {"c", "--stdout", "--to-stdout", "l", "--list", "t", "--test", "--help", "--version", "V"}:
        return reads("prints or checks what is packed")
    if not operands:
        return reads("packs what passes through it")
    return changes("replaces files by packed ones, or the other way round")


_DAEMON_CHECKS = Pattern(
    r"-(?:t|T|v|V|h|S|M|L|l)+\Z|--(?:version|help|test|check|configtest|dump|validate-config)|configtest|status|version|fullstatus|config-test"
)


def _server(call: Call) -> Effect:
    """`nginx -t`, `haproxy -c -f FILE`: checks; anything else starts, stops or signals a server."""
    flags = [
        word
        for word in call.arguments
        if word.startswith("-") or word in {"configtest", "status", "version", "fullstatus"}
    ]
    if call.name == "haproxy" and any(re.fullmatch(r"-[A-Za-z]*c", word) for word in flags):
        return reads("checks a server's settings")
    if flags[:1] == ["-D"] and call.arguments[1:2] and call.arguments[1].startswith("DUMP_"):
        return reads("checks a server's settings")
    if (
        flags
        and _DAEMON_CHECKS.match(flags[0])
        and not any(word in {"-s", "-k", "-sf", "-st", "-g", "-W", "-db", "-e"} for word in flags)
    ):
        return reads("checks a server's settings")
    if "stop" in call.arguments or "quit" in call.arguments:
        return changes("stops a server")
    return changes("starts a server, or sends it a signal")


def _unzip(call: Call) -> Effect:
    flags = "".join(word[1:] for word in call.arguments if word.startswith("-") and not word.startswith("--"))
    return (
        reads("lists or prints what is packed")
        if set(flags) & set("lvtzpcZ")
        else changes("unpacks, and overwrites files of the same name")
    )


_SEES = reads("shows a text", Trait.INTERACTIVE)

_PAGES = always(reads("shows a text page by page", Trait.INTERACTIVE, hint="`cat` or `tail -n 200` prints it."))


def _pager(call: Call) -> Effect:
    if any(
        word.startswith(("-o", "-O", "--log-file", "--LOG-FILE", "-k", "--lesskey"))
        # Commands of its own: `!` runs one, `|` and `s` give the text to a program or a file, `v` edits.
        or (word.startswith("+") and re.search(r"[!|sv#]", word))
        for word in call.arguments
    ):
        return changes("writes a file, or runs a command")
    return reads("shows a text page by page", Trait.INTERACTIVE, hint="`cat` or `tail -n 200` prints it.")


_EDITS = Pattern(r":?!|\bsystem\(|\bterm(?:inal)?\b")


def _editor(call: Call) -> Effect:
    """An editor; `-c`, `+` and what is typed into it (`ed`, `ex`) may run commands with `!`."""
    effect = unknown("edits a file", Trait.INTERACTIVE)
    typed = [word.removeprefix("+").removeprefix("--cmd=") for word in call.arguments if _EDITS.search(word)]
    if call.stdin.text is not None:
        typed.extend(line for line in call.stdin.text.splitlines() if "!" in line)
    return effect.along(*(call.rater.script(text.partition("!")[2]) for text in typed if "!" in text))


def _man(call: Call) -> Effect:
    if any(
        re.match(r"-[A-Za-z]*[PHC]|--(?:pager|html|browser|config-file|gxditview)|-X", word) for word in call.arguments
    ):
        return unknown("runs a program of its own to show a manual", Trait.INTERACTIVE)
    return reads("shows a manual", Trait.INTERACTIVE)


def _minio_or_commander(call: Call) -> Effect:
    """`mc` is a file manager, and MinIO's client."""
    words = [word for word in call.arguments if not word.startswith("-")]
    if words[:1] in (["rm"], ["rb"], ["mb"], ["mirror"], ["cp"], ["mv"], ["admin"], ["ls"], ["stat"], ["cat"], ["du"]):
        if words[0] in {"ls", "stat", "cat", "du"}:
            return reads("lists objects")
        return (
            destroys("deletes objects")
            if words[0] in {"rm", "rb"} or "--remove" in call.arguments
            else changes("copies objects, and overwrites those of the same name")
        )
    return unknown("takes the terminal", Trait.INTERACTIVE)


GRAMMARS: dict[str, Grammar] = {
    **each("tar gtar bsdtar", _tar),
    **each("gzip gunzip bzip2 bunzip2 xz unxz zstd unzstd lz4 pigz lzma compress", _compress),
    "unzip": _unzip,
    "zipinfo": always(reads("lists what is packed")),
    "zip": always(changes("writes an archive")),
    **each("cpio 7z ar rar unrar pax", always(changes("packs or unpacks files"))),
    **each("vi vim nvim nano emacs ed ex pico joe micro code subl mcedit vimdiff vipw sudoedit hexedit", _editor),
    **each("less more most pg", _pager),
    "view": always(_SEES),
    **each("info tldr", always(reads("shows a manual", Trait.INTERACTIVE))),
    "man": _man,
    "mc": _minio_or_commander,
    **each(
        "tmux screen byobu script dialog whiptail fzf ranger", always(unknown("takes the terminal", Trait.INTERACTIVE))
    ),
    "stty": lambda call: (
        reads("shows the terminal's settings")
        if not call.arguments or call.arguments[0] in {"-a", "-g", "size"}
        else changes("changes the terminal's settings")
    ),
    "reset": always(reads("resets the terminal", Trait.INTERACTIVE)),
    **each(
        "nginx haproxy apachectl apache2ctl httpd apache2 sshd named-checkconf named-checkzone caddy "
        "traefik varnishd squid unbound-checkconf postfix dovecot",
        _server,
    ),
    **dict.fromkeys(
        ("postqueue", "mailq"),
        lambda call: (
            reads("lists waiting mail")
            if not any(word in {"-f", "-i", "-s"} for word in call.arguments)
            else changes("sends waiting mail")
        ),
    ),
    "postsuper": always(destroys("deletes or holds waiting mail")),
    **each("mail mailx sendmail mutt msmtp", always(changes("sends mail"))),
    **each(
        "gpg ssh-keygen ssh-add ssh-copy-id htpasswd keytool certbot age sops pass",
        lambda call: (
            reads("shows keys")
            if call.arguments[:1]
            in {
                ("--list-keys",),
                ("-k",),
                ("-l",),
                ("-lf",),
                ("--verify",),
                ("certificates",),
                ("-list",),
                ("--version",),
                ("-L",),
            }
            else changes("makes, changes or opens keys", Trait.EXPOSES_SECRETS)
        ),
    ),
}
