"""terraform, tofu and their kin: plans read; applying may destroy what the plan says, or what nobody looked at."""

from stanch.commands.effect import Call, Effect, Grammar, changes, destroys, reads, unknown
from stanch.commands.options import each, verbs
from stanch.commands.tables import mentions, verb_of
from stanch.model.risk import Trait

_VERBS = verbs(
    [
        ("providers-lock providers-mirror", changes("writes files about what is declared")),
        ("version providers graph metadata modules", reads("shows what is declared")),
        ("show state-list state-show", reads("shows the state", Trait.EXPOSES_SECRETS)),
        ("state-pull", reads("prints the state", Trait.EXPOSES_SECRETS)),
        ("output", reads("shows results", Trait.EXPOSES_SECRETS)),
        ("validate", reads("checks what is declared")),
        ("workspace-list workspace-show", reads("lists workspaces")),
        ("state-rm state-push state-mv state-replace-provider force-unlock workspace-delete", destroys("changes what Terraform believes there is, or breaks a lock")),
        ("destroy", destroys("destroys everything that is declared")),
        ("init get import taint untaint refresh test login logout workspace-new workspace-select workspace env", changes("changes the state, or fetches code")),
        ("console", reads("opens a session to compute in", Trait.INTERACTIVE, Trait.EXPOSES_SECRETS)),
    ]
)  # fmt: skip


def _terraform(call: Call) -> Effect:
    words = [word for word in call.arguments if not word.startswith("-")]
    text = call.arguments
    if not words:
        return reads("says what it is")
    if "-help" in text or "--help" in text:
        return reads("shows its help")
    verb = words[0]
    if (verb in {"state", "workspace"} and len(words) > 1) or words[:2] in (
        ["providers", "lock"],
        ["providers", "mirror"],
    ):
        verb = f"{verb}-{words[1]}"
    match verb:
        case "plan":
            if mentions(text, "-out", "--out", "-generate-config-out", "--generate-config-out"):
                return changes("writes a plan into a file")
            return reads("shows what would change", Trait.EXPOSES_SECRETS)
        case "fmt":
            return (
                reads("checks how files are laid out")
                if mentions(text, "-check", "--check", "-diff") and mentions(text, "-check", "--check")
                else changes("lays files out anew")
            )
        case "apply":
            return _apply(words, text)
        case _ if verb in _VERBS:
            return _VERBS[verb]
        case _:
            return unknown(f"`terraform {verb}` is not known")


def _apply(words: list[str], text: tuple[str, ...]) -> Effect:
    if mentions(text, "-destroy", "--destroy"):
        return destroys("destroys everything that is declared")
    if len(words) > 1:
        return changes(f"does what the plan {words[1]} says")
    if mentions(text, "-auto-approve", "--auto-approve"):
        return destroys(
            "does whatever it finds to do, unseen", hint="`terraform plan -out FILE`, read it, then apply that file."
        )
    return changes("asks, then does what it finds to do", Trait.INTERACTIVE)


_PULUMI = verbs(
    [
        (
            "preview stack-ls stack-output stack-history stack-graph config-get version whoami about logs plugin-ls",
            reads("shows what there is", Trait.EXPOSES_SECRETS),
        ),
        ("destroy stack-rm state-delete cancel", destroys("destroys what is declared, or its state")),
        (
            "up update refresh import config-set stack-select stack-init new login logout install",
            changes("changes what is declared or its state"),
        ),
    ]
)


def _pulumi(call: Call) -> Effect:
    words = [word for word in call.arguments if not word.startswith("-")]
    found = verb_of(["-".join(words[:2])], _PULUMI) or verb_of(words[:1], _PULUMI)
    return found[1] if found else (unknown(f"`pulumi {words[0]}` is not known") if words else reads("says what it is"))


GRAMMARS: dict[str, Grammar] = {
    **each("terraform tofu opentofu", _terraform),
    "terragrunt": lambda call: _terraform(call).along(changes("its settings may run commands before and after")),
    "pulumi": _pulumi,
}
