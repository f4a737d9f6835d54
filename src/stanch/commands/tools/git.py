"""git: looking at history reads; whatever changes it, a remote, or files does not. `-c` and aliases can run programs."""

import re
from itertools import pairwise

from stanch.commands.effect import Call, Effect, changes, destroys, reads, unknown
from stanch.commands.options import options, read, words
from stanch.commands.tables import mentions
from stanch.model.pattern import Pattern
from stanch.model.risk import Risk, Trait

NAMES = ("git",)

_GLOBAL = options(
    "-v/--version -h/--help -p/--paginate -P/--no-pager --no-replace-objects --no-lazy-fetch "
    "--no-optional-locks --no-advice --bare --html-path --man-path "
    "--info-path --literal-pathspecs --glob-pathspecs --noglob-pathspecs --icase-pathspecs",
    "-C -c --git-dir --work-tree --namespace --super-prefix --config-env --attr-source",
    "--exec-path --list-cmds",
)
_HARMLESS_SETTING = Pattern(
    r"(?:color\.|log\.|core\.quotepath|core\.abbrev|diff\.(?:renames|algorithm|context|noprefix)|advice\.|status\.|safe\.directory|user\.(?:name|email)|column\.|i18n\.|grep\.)",
    re.IGNORECASE,
)
_READS = words(
    "status log show diff blame annotate shortlog describe rev-parse rev-list ls-files ls-tree cat-file grep "
    "whatchanged name-rev merge-base "
    "cherry diff-tree diff-files diff-index for-each-ref show-ref show-branch count-objects fsck var version "
    "help check-ignore check-attr check-mailmap "
    "range-diff ls-remote verify-commit verify-tag merge-tree get-tar-commit-id column stripspace patch-id "
    "check-ref-format request-pull "
    "interpret-trailers difftool_ fmt-merge-msg"
)
_MUTATES = words(
    "add am apply archive bisect bundle cherry-pick citool clone commit commit-tree config fetch format-patch "
    "gc gui hash-object init "
    "maintenance merge mktag mktree mv notes pack-objects pack-refs pull push read-tree rebase remote repack "
    "replace rerere reset restore revert "
    "rm sparse-checkout stash submodule subtree switch symbolic-ref tag unpack-objects update-index "
    "update-ref write-tree worktree branch checkout clean "
    "send-email svn lfs filter-branch filter-repo prune reflog credential daemon web--browse instaweb "
    "difftool mergetool fast-import fast-export cvsimport"
)


def rate(call: Call) -> Effect:
    leading = read(call.arguments, _GLOBAL, stop_at_operand=True)
    if not leading.operands:
        return leading.certain(reads("says what it is"))
    verb, rest = leading.operands[0], leading.operands[1:]
    effect = _verb(call, verb, rest)
    settings = list(leading.all("-c"))
    if verb == "clone":
        settings += [after for before, after in pairwise(rest) if before in {"-c", "--config"}]
        settings += [word.partition("=")[2] for word in rest if word.startswith("--config=")]
    if verb == "config":
        settings += [f"{name}={value}" for name, value in pairwise(rest) if "." in name]
    for setting in settings:
        if not _HARMLESS_SETTING.match(setting):
            effect = effect.raised(Risk.MUTATING, f"the setting {setting.partition('=')[0]} may run a program")
        if program := re.match(
            r"(?:alias\.[\w-]+|core\.(?:pager|editor|sshcommand|fsmonitor)|diff\.external|\w+\.\w*cmd)=!?(.*)",
            setting,
            re.IGNORECASE | re.DOTALL,
        ):
            effect = effect.along(call.rater.script(program.group(1)))
    if leading.has("--config-env", "--exec-path") and leading.first("--config-env", "--exec-path"):
        effect = effect.raised(Risk.MUTATING, "its settings or programs come from elsewhere")
    return leading.certain(effect)


def _verb(call: Call, verb: str, rest: tuple[str, ...]) -> Effect:  # noqa: C901, PLR0912 - a grammar has a branch for each rule
    operands = [word for word in rest if not word.startswith("-")]
    flags = {word.partition("=")[0] for word in rest if word.startswith("-")}
    if verb in _READS:
        return _reading(verb, rest, flags)
    if rest in {("--help",), ("-h",)} and verb in _MUTATES:
        return reads("shows its help")
    match verb:
        case "branch" | "tag":
            return _names(verb, operands, rest, flags)
        case "remote":
            if not operands or operands[0] in {"show", "get-url"}:
                return reads("lists remotes")
            return (
                destroys("forgets a remote") if operands[0] in {"remove", "rm", "prune"} else changes("changes remotes")
            )
        case "stash":
            return _stash(operands, rest)
        case "config":
            return _config(rest, operands, flags)
        case "reflog":
            return (
                destroys("forgets what could be got back")
                if operands[:1] in (["expire"], ["delete"])
                else reads("shows where one was")
            )
        case "worktree" | "submodule" | "notes" | "bisect" | "lfs" | "sparse-checkout" | "bundle" | "maintenance" if (
            operands[:1]
            and operands[0]
            in {"list", "status", "show", "log", "view", "ls-files", "verify", "list-heads", "summary", "env"}
        ):
            return reads("shows what there is")
        case "submodule" if "foreach" in operands:
            return changes("runs a command in each submodule").along(
                call.rater.script(" ".join(rest[rest.index("foreach") + 1 :]))
            )
        case "symbolic-ref":
            return (
                reads("shows where a name points")
                if len(operands) == 1 and not flags & {"-d", "--delete"}
                else changes("changes where a name points")
            )
        case "push":
            return _push(rest, flags)
        case "reset":
            return (
                destroys("throws away what was not committed", hint="`git stash` keeps it.")
                if flags & {"--hard", "--merge", "--keep"}
                else changes("moves a branch")
            )
        case "clean":
            dry = any(re.fullmatch(r"-[a-zA-Z]*n[a-zA-Z]*|--dry-run", word) for word in rest)
            return (
                reads("shows what it would delete")
                if dry
                else destroys("deletes files that git does not know", hint="`git clean -n` shows which.")
            )
        case "checkout" | "restore" | "switch":
            return _checkout(verb, operands, rest, flags)
        case "rm":
            return (
                destroys("deletes files")
                if flags & {"-f", "--force", "-rf", "-fr"}
                else changes("deletes files, which a commit still has")
            )
        case "filter-branch" | "filter-repo" | "prune" | "replace":
            return destroys("rewrites history, or forgets what could be got back")
        case "gc" | "repack":
            return (
                destroys("forgets what could be got back")
                if mentions(rest, "--prune", "--aggressive")
                else changes("packs what there is")
            )
        case "update-ref" if flags & {"-d", "--stdin"}:
            return destroys("forgets where a branch was")
        case "rebase" if flags & {"-x", "--exec"}:
            return destroys("rewrites history and runs commands")
        case "archive":
            writes = flags & {"-o", "--output", "--exec", "--remote"}
            return (
                changes("writes a file, or runs a program elsewhere") if writes else reads("prints files of a commit")
            )
        case "commit" | "tag" | "merge" | "rebase" if (
            not flags & {"-m", "--message", "-am", "-F", "--no-edit", "-C", "--continue", "--abort", "--skip"}
            and verb == "commit"
        ):
            return changes("makes a commit", Trait.INTERACTIVE)
        case "credential":
            return changes("hands out passwords", Trait.EXPOSES_SECRETS)
        case "daemon" | "instaweb":
            return changes("opens the repository to others", Trait.ENDLESS)
        case _ if verb in _MUTATES:
            return changes("changes the repository, a remote or files")
        case _:
            return unknown(f"`git {verb}` is no verb of its own: an alias may do anything")


def _reading(verb: str, rest: tuple[str, ...], flags: set[str]) -> Effect:
    if flags & {
        "--output",
        "--ext-diff",
        "--open-files-in-pager",
        "--upload-pack",
        "--exec",
        "--textconv",
        "--filters",
        "--lost-found",
    } or any(re.match(r"-O", word) and verb == "grep" for word in rest):
        return changes("writes a file or runs a program")
    if verb == "ls-remote" and any("ext::" in word or word.startswith("-u") for word in rest):
        return changes("runs a program to connect")
    if verb == "show" and any(re.search(r"\.env\b|secret|password", word) for word in rest):
        return reads("looks at history", Trait.EXPOSES_SECRETS)
    return reads("looks at history")


def _names(verb: str, operands: list[str], rest: tuple[str, ...], flags: set[str]) -> Effect:
    if flags & {"-d", "-D", "--delete", "-dr", "-rd"}:
        return destroys(f"deletes a {verb}")
    if flags & {"-f", "--force", "-M", "-C"}:
        return destroys(f"moves a {verb} away from where it was")
    lists = flags & {
        "-l",
        "--list",
        "-a",
        "--all",
        "-r",
        "--remotes",
        "-v",
        "-vv",
        "--contains",
        "--no-contains",
        "--merged",
        "--no-merged",
        "--points-at",
        "--show-current",
        "-n",
        "--sort",
        "--format",
        "-av",
        "-avv",
        "-va",
        "-rv",
    }
    changing = flags & {
        "-m",
        "--move",
        "-c",
        "--copy",
        "-u",
        "--set-upstream-to",
        "--unset-upstream",
        "--edit-description",
        "-s",
        "--sign",
        "--annotate",
        "-F",
        "--file",
        "--track",
        "-t",
    }
    if changing and not (
        verb == "branch"
        and lists
        and not flags
        & {"-m", "--move", "-c", "--copy", "-u", "--set-upstream-to", "--unset-upstream", "--edit-description"}
    ):
        return changes(f"makes or changes a {verb}")
    if lists or not operands:
        return reads(f"lists {verb}s")
    del rest
    return changes(f"makes a {verb}")


def _stash(operands: list[str], rest: tuple[str, ...]) -> Effect:
    first = operands[0] if operands else "push"
    if first in {"list", "show"}:
        return reads("lists what was put aside")
    if first in {"drop", "clear"}:
        return destroys("throws away what was put aside")
    del rest
    return changes("puts changes aside, or takes them back")


def _config(rest: tuple[str, ...], operands: list[str], flags: set[str]) -> Effect:
    if flags & {
        "-l",
        "--list",
        "--get",
        "--get-all",
        "--get-regexp",
        "--get-urlmatch",
        "--get-color",
        "--get-colorbool",
    } or operands[:1] in (["list"], ["get"]):
        return reads("shows settings")
    scope = {
        "--global",
        "--local",
        "--system",
        "--worktree",
        "--show-origin",
        "--show-scope",
        "-z",
        "--null",
        "--name-only",
        "--type",
        "--bool",
        "--int",
        "--path",
    }
    if (
        len(operands) == 1
        and flags <= scope
        and operands[0] not in {"set", "unset", "edit", "rename-section", "remove-section"}
    ):
        return reads("shows a setting")
    del rest
    return changes("changes a setting, which may run a program later")


def _push(rest: tuple[str, ...], flags: set[str]) -> Effect:
    if flags & {"-n", "--dry-run"}:
        return reads("shows what it would send")
    forced = flags & {
        "-f",
        "--force",
        "--force-with-lease",
        "--force-if-includes",
        "-d",
        "--delete",
        "--mirror",
        "--prune",
    }
    clusters = any(re.fullmatch(r"-[a-zA-Z]*[fd][a-zA-Z]*", word) for word in rest)
    if forced or clusters or any(word.startswith(("+", ":")) for word in rest):
        return destroys(
            "overwrites or deletes what others have",
            hint="Without --force it is refused where something would be lost.",
        )
    if flags & {"--receive-pack", "--exec"}:
        return changes("runs a program elsewhere")
    return changes("sends commits to others")


def _checkout(verb: str, operands: list[str], rest: tuple[str, ...], flags: set[str]) -> Effect:
    forced = flags & {"-f", "--force", "--discard-changes", "--ours", "--theirs"}
    paths = (
        verb == "checkout"
        and ("--" in rest or "." in operands or len(operands) > 1)
        and not flags & {"-b", "-B", "--orphan"}
    )
    only_index = verb == "restore" and "--staged" in flags and not flags & {"--worktree", "-W"}
    if forced or paths or (verb == "restore" and not only_index):
        return destroys("throws away what was not committed", hint="`git stash` keeps it.")
    return changes("changes the files that are checked out")
