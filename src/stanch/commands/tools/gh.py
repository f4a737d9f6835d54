"""gh and glab: GitHub's and GitLab's command lines."""

import re

from stanch.commands.effect import Call, Effect, changes, destroys, reads, unknown
from stanch.commands.options import words
from stanch.commands.tables import mentions
from stanch.model.risk import Trait

NAMES = ("gh", "glab", "hub")

_GROUPS = words(
    "pr issue run workflow repo release gist label project ruleset secret variable cache org ssh-key gpg-key codespace search auth config "
    "extension alias api status browse attestation copilot preview agent-task mr ci pipeline snippet schedule token incident deploy-key milestone job"
)
_READ_VERBS = words(
    "list view status diff checks ls show watch get verify search prs issues repos commits code trace lint items field-list item-list"
)
_DESTROY_VERBS = words("delete remove archive purge delete-asset item-delete field-delete unlink revoke")


def rate(call: Call) -> Effect:
    arguments = call.arguments
    operands = [word for word in arguments if not word.startswith("-")]
    if not operands:
        return reads("says what it is")
    if arguments[-1] in {"--help", "-h"}:
        return reads("shows its help")
    group, verb = operands[0], operands[1] if len(operands) > 1 else ""
    if arguments[0] != group:
        return changes("its first word is an option, and what follows may be its value")
    repository = next((arguments[i + 1] for i, word in enumerate(arguments[:-1]) if word in {"-R", "--repo"}), None)
    return _rated(arguments, group, verb).at(
        resource=repository or (operands[2] if group == "repo" and len(operands) > 2 else None)
    )


def _rated(arguments: tuple[str, ...], group: str, verb: str) -> Effect:  # noqa: C901, PLR0912 - a grammar has a branch for each rule
    match group:
        case "version" | "help" | "completion" | "status":
            return reads("says what there is")
        case "api":
            return _api(arguments)
        case "auth" if verb == "status":
            shows = any(word in {"-t", "--show-token"} for word in arguments)
            return reads("says who one is", *((Trait.EXPOSES_SECRETS,) if shows else ()))
        case "auth" if verb == "token":
            return reads("prints a token", Trait.EXPOSES_SECRETS)
        case "search":
            return reads("looks for things")
        case "extension" | "alias" | "config" if verb in {"list", "get", "search"}:
            return reads("lists settings")
        case _ if group not in _GROUPS:
            return unknown(f"`gh {group}` is no verb of its own: an extension or alias may do anything")
        case "browse":
            return reads("opens a browser", Trait.INTERACTIVE)
        case _:
            pass
    if verb in _DESTROY_VERBS:
        return destroys(f"deletes a {group}, or puts it out of use")
    if verb in _READ_VERBS:
        if mentions(arguments, "--web", "-w") and verb != "watch":
            return reads("opens a browser", Trait.INTERACTIVE)
        if verb == "watch":
            return reads("waits until it has run")
        return reads(f"shows a {group}")
    if group == "pr" and verb == "merge" and any(word in {"--admin", "-d", "--delete-branch"} for word in arguments):
        return destroys("merges past the rules, or deletes the branch")
    return changes(f"changes a {group}, or writes files")


def _api(arguments: tuple[str, ...]) -> Effect:
    method = ""
    for index, word in enumerate(arguments):
        if word in {"-X", "--method"} and index + 1 < len(arguments):
            method = arguments[index + 1].upper()
        elif word.startswith("-X") and len(word) > 2:
            method = word[2:].lstrip("=").upper()
        elif word.startswith("--method="):
            method = word.partition("=")[2].upper()
    sends = any(word.startswith(("-f", "-F", "--field", "--raw-field", "--input")) for word in arguments)
    if method == "DELETE":
        return destroys("deletes what the address names")
    if any(word == "graphql" for word in arguments) and not method:
        text = " ".join(arguments)
        return (
            changes("changes something by GraphQL")
            if re.search(r"\bmutation\b", text) or "--input" in text or "@" in text
            else reads("asks by GraphQL")
        )
    if method in {"GET", "HEAD"} or (not method and not sends):
        return reads("asks the API")
    return changes(f"sends a {method or 'POST'} request")
