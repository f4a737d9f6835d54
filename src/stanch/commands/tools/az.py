"""az: Azure's command line. The verb stands at the end of a path of groups."""

from stanch.commands.effect import Call, Effect, Grammar, changes, destroys, reads, unknown
from stanch.commands.options import words
from stanch.commands.tables import mentions
from stanch.model.pattern import Pattern
from stanch.model.risk import Trait

_READ_VERBS = Pattern(
    r"(?:list|show|get|query|check|exists|wait|validate|what-if|tail|status|version|find|preview|view|test-availability|"
    r"download-status)(?:-[\w-]+)?\Z"
)
_DESTROY_VERBS = Pattern(
    r"(?:delete|remove|purge|restore|reset|revoke|deallocate|disable|failover|force|destroy|regenerate|renew|clear|detach|unlink|drain|rotate|"
    r"undelete|evict|reimage|redeploy|reapply|generalize)(?:-[\w-]+)?\Z"
)
_EXPOSES = (
    (Pattern(r"keyvault (?:secret|key|certificate) (?:show|download|backup)"), "shows a secret"),
    (
        Pattern(
            r"keys? (?:list|show|list-keys)\Z|list-keys\Z|list-connection-strings\Z|show-connection-string\Z|keys renew"
        ),
        "shows keys",
    ),
    (Pattern(r"account get-access-token"), "prints a token"),
    (Pattern(r"acr credential show|credential (?:show|list)"), "shows a password"),
    (
        Pattern(
            r"appsettings list|connection-string list|config appsettings|list-publishing-(?:profiles|credentials)|show-credentials"
        ),
        "shows settings that hold secrets",
    ),
    (Pattern(r"storage (?:account|container|blob|share) (?:generate-sas|show-connection-string)"), "makes a key"),
)
_WRITES = words("get-credentials download download-batch get-kubeconfig")
_ACCESS = Pattern(
    r"role assignment|role definition|policy assignment|keyvault set-policy|ad (?:sp|app|user|group)|network-rule|firewall-rule|locks?\b"
)
_GROUPS = Pattern(r"[a-z][a-z0-9-]*\Z")


def _az(call: Call) -> Effect:
    arguments = call.arguments
    path: list[str] = []
    for word in arguments:
        if word.startswith("-"):
            break
        path.append(word)
    if not path:
        return (
            reads("says what it is")
            if set(arguments) <= {"--version", "--help", "-h", "-v"}
            else changes("its first word is an option")
        )
    if "--help" in arguments or "-h" in arguments or path == ["version"]:
        return reads("shows its help")
    if not all(_GROUPS.match(word) for word in path):
        return unknown("its path is not known")
    effect = _path(path, arguments, call)
    if path[:2] == ["sql", "db"]:
        effect = effect.at(
            database=_value(arguments, "--name") or _value(arguments, "-n"),
            host=_value(arguments, "--server") or _value(arguments, "-s"),
        )
    return effect.at(
        context=_value(arguments, "--subscription"), resource=_value(arguments, "--name") or _value(arguments, "-n"),
        cluster=_value(arguments, "--resource-group") or _value(arguments, "-g"),
    )  # fmt: skip


def _path(path: list[str], arguments: tuple[str, ...], call: Call) -> Effect:  # noqa: C901 - a grammar has a branch for each rule
    verb, text = path[-1], " ".join(path)
    if path[0] == "rest":
        method = (_value(arguments, "--method") or _value(arguments, "-m") or "get").lower()
        if method in {"get", "head"}:
            return reads("asks the API")
        return destroys("deletes what the address names") if method == "delete" else changes("sends a request")
    if path[0] in {
        "login",
        "logout",
        "configure",
        "upgrade",
        "extension",
        "interactive",
        "init",
        "feedback",
        "ssh",
        "bastion",
    } and not _READ_VERBS.match(verb):
        return changes("logs in, or changes the tool", Trait.INTERACTIVE)
    if text in {"vm run-command invoke", "vmss run-command invoke"}:
        effect = changes("runs a command on a machine")
        script = _value(arguments, "--scripts")
        return effect.along(call.rater.script(script)) if script else effect
    if text == "aks command invoke":
        script = _value(arguments, "--command") or _value(arguments, "-c")
        return (
            reads("runs a command in a cluster").along(call.rater.script(script))
            if script
            else changes("runs a command in a cluster")
        )
    if verb in {"exec", "shell", "create-remote-connection"}:
        return changes("opens a session", Trait.INTERACTIVE)
    if verb in _WRITES:
        return changes("writes a file")
    for pattern, why in _EXPOSES:
        if pattern.search(text):
            return (
                reads(why, Trait.EXPOSES_SECRETS)
                if _READ_VERBS.match(verb) or "generate-sas" in text or "download" in text
                else destroys("makes new keys, and the old ones stop working")
            )
    if _READ_VERBS.match(verb):
        effect = reads("asks for what there is")
        follows = verb == "tail" or (mentions(arguments, "--follow", "-f") and "logs" in path)
        return effect.having(Trait.ENDLESS) if follows else effect
    if "logs" in path[-1:] or text.endswith(("container logs", "log tail")):
        return reads("shows logs", *((Trait.ENDLESS,) if mentions(arguments, "--follow", "-f") else ()))
    if _DESTROY_VERBS.match(verb) or _ACCESS.search(text):
        return destroys("deletes, restores over, or changes who may do what")
    return unknown(f"{verb} changes something, or is not known")


def _value(arguments: tuple[str, ...], name: str) -> str | None:
    for index, word in enumerate(arguments):
        if word == name and index + 1 < len(arguments):
            return arguments[index + 1]
        if word.startswith(f"{name}=") and name.startswith("--"):
            return word.partition("=")[2]
    return None


GRAMMARS: dict[str, Grammar] = {"az": _az}
