"""npm and its kin (npx, yarn, pnpm), and other package managers: asking reads; installing and running scripts do not."""

from stanch.commands.effect import Call, Effect, Grammar, changes, destroys, reads, unknown
from stanch.commands.options import each, verbs
from stanch.commands.tables import verb_of
from stanch.model.risk import Trait

_ASKS = reads("asks about packages")
_INSTALLS = unknown("installs packages, whose scripts may do anything")
_RUNS = changes("runs a script of the project, which nobody has rated")

_NPM = verbs(
    [
        (("ls list ll la view info show v outdated ping whoami root prefix bin explain why fund search find docs repo bugs help help-search "
         "query pkg doctor diff owner-ls licenses"), _ASKS),
        ("audit", reads("asks for known faults")),
        ("config token profile org team access", changes("changes settings or who may publish")),
        ("install i add ci update upgrade up dedupe prune rebuild link import it cit dlx exec x init create patch set-script audit-fix", _INSTALLS),
        ("run run-script rum urn test t tst start stop restart", _RUNS),
        ("uninstall un rm remove r", changes("removes packages")),
        ("publish deprecate dist-tag pack version owner adduser login logout shrinkwrap cache", changes("publishes, or changes what is published")),
        ("unpublish", destroys("takes a published package away")),
    ]
)  # fmt: skip


def _npm(call: Call) -> Effect:
    arguments = call.arguments
    words = [word for word in arguments if not word.startswith("-")]
    if not words:
        return (
            reads("says what it is")
            if set(arguments) <= {"--version", "-v", "--help", "-h", "-l"}
            else changes("installs packages")
        )
    if any(
        word.startswith(
            (
                "--script-shell",
                "--prefix",
                "--userconfig",
                "--globalconfig",
                "--node-options",
                "--registry",
                "--viewer",
                "--browser",
            )
        )
        for word in arguments
    ):
        return changes("its settings come from elsewhere")
    match words[:2]:
        case ["audit", "fix"]:
            return _INSTALLS
        case ["config" | "c", "get" | "list" | "ls"]:
            return reads("shows settings", Trait.EXPOSES_SECRETS)
        case ["token", "list" | "ls"] | ["owner" | "team" | "org" | "dist-tag", "ls" | "list"] | ["pkg", "get"]:
            return _ASKS
        case ["pkg", _]:
            return changes("changes the project")
        case ["version"]:
            return reads("says what it is")
        case _:
            pass
    if call.name == "yarn" and verb_of(words, _NPM) is None:
        return _RUNS
    found = verb_of(words, _NPM, longest=1)
    effect = found[1] if found else unknown(f"`{call.name} {words[0]}` is not known")
    if found and found[1] is _RUNS and len(words) > 1:
        return effect.at(resource=words[1])
    return effect


def _npx(call: Call) -> Effect:
    if call.arguments in {("--version",), ("--help",)}:
        return reads("says what it is")
    return changes("fetches a package and runs it")


_PIP = verbs(
    [
        ("list show freeze check search index debug help inspect", _ASKS),
        ("install download wheel", _INSTALLS),
        ("uninstall", changes("removes packages")),
        ("config cache hash", changes("changes settings")),
    ]
)
_APT = verbs(
    [
        (
            (
                "list show search policy depends rdepends madison showpkg showsrc stats pkgnames help moo "
                "changelog showmanual"
            ),
            _ASKS,
        ),
        (
            (
                "update install upgrade dist-upgrade full-upgrade build-dep download source reinstall mark-auto "
                "edit-sources satisfy"
            ),
            _INSTALLS,
        ),
        ("remove autoremove clean autoclean purge", destroys("removes packages and their settings")),
    ]
)
_YUM = verbs(
    [
        (
            (
                "list info search repolist repoquery provides whatprovides check-update deplist history "
                "updateinfo help grouplist module-list"
            ),
            _ASKS,
        ),
        ("install update upgrade reinstall downgrade makecache localinstall distro-sync groupinstall", _INSTALLS),
        ("remove erase autoremove clean swap", destroys("removes packages and their settings")),
    ]
)


def _manager(table: dict[str, Effect]) -> Grammar:
    def rate(call: Call) -> Effect:
        words = [word for word in call.arguments if not word.startswith("-")]
        if not words:
            return reads("says what it is")
        if (
            any(word in {"-s", "--simulate", "--dry-run", "--just-print", "--assumeno"} for word in call.arguments)
            and words[0] != "update"
        ):
            return reads("shows what it would do")
        if any(
            word.startswith(("-o", "--option", "-c", "--config-file", "--target", "--index-url", "-i"))
            for word in call.arguments
        ):
            return changes("its settings come from elsewhere")
        found = verb_of(words, table, longest=1)
        return found[1] if found else unknown(f"`{call.name} {words[0]}` is not known")

    return rate


def _queries(letters: str, why: str) -> Grammar:
    """Rpm and dpkg: the first option says what they do."""

    def rate(call: Call) -> Effect:
        first = next(iter(call.arguments), "--version")
        if first.startswith(tuple(letters.split())) or first in {"--version", "--help"}:
            return reads(why)
        if first in {"-e", "--erase", "-r", "--remove", "-P", "--purge"}:
            return destroys("removes packages and their settings")
        return changes("installs or changes packages")

    return rate


GRAMMARS: dict[str, Grammar] = {
    **each("npm pnpm yarn", _npm),
    **each("npx pnpx bunx uvx pipx", _npx),
    **dict.fromkeys(("pip", "pip3"), _manager(_PIP)),
    **each("apt apt-get apt-cache aptitude", _manager(_APT)),
    **each("yum dnf microdnf", _manager(_YUM)),
    "dpkg": _queries(
        "-l --list -L --listfiles -s --status -S --search -p --print-avail -I --info -c --contents -C --audit "
        "-V --verify --get-selections --print-architecture --compare-versions",
        "asks about packages",
    ),
    "dpkg-query": lambda _: reads("asks about packages"),
    "rpm": _queries("-q --query -V --verify --eval --showrc --querytags", "asks about packages"),
    "brew": _manager(
        verbs(
            [
                ("list ls info search outdated deps leaves config doctor uses desc home", _ASKS),
                ("install upgrade update reinstall link tap services pin", _INSTALLS),
                ("uninstall remove rm cleanup autoremove untap", destroys("removes packages")),
            ]
        )
    ),
    "apk": _manager(
        verbs(
            [
                ("info list search version policy stats", _ASKS),
                ("add update upgrade fix fetch", _INSTALLS),
                ("del", destroys("removes packages")),
            ]
        )
    ),
    "gem": _manager(
        verbs(
            [
                ("list info search outdated environment env which contents dependency", _ASKS),
                ("install update", _INSTALLS),
                ("uninstall cleanup", destroys("removes packages")),
            ]
        )
    ),
    "snap": _manager(
        verbs(
            [
                ("list info find services changes version connections", _ASKS),
                ("install refresh start stop restart enable disable set connect", _INSTALLS),
                ("remove revert", destroys("removes packages")),
            ]
        )
    ),
}
