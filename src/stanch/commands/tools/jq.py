"""jq, yq and other tools that pick values out of documents."""

import re

from stanch.commands.effect import Call, Effect, Grammar, changes, destroys, reads
from stanch.commands.options import each
from stanch.commands.tables import always
from stanch.model.risk import Risk, Trait


def _jq(call: Call) -> Effect:
    effect = reads("picks values out of JSON")
    if any(
        re.search(r"\$ENV\b|(?<![\w.$])env\b|\$__prog_args", word)
        for word in call.arguments
        if not word.startswith("--")
    ):
        return effect.having(Trait.EXPOSES_SECRETS)
    return effect


def _yq(call: Call) -> Effect:
    effect = _jq(call)
    for word in call.arguments:
        if word in {"--inplace", "--in-place", "--split-exp", "--split-exp-file"} or re.fullmatch(
            r"-[a-zA-Z]*[iswy]?i[a-zA-Z]*|-s|--(?:inplace|in-place)=.*", word
        ):
            effect = effect.raised(Risk.MUTATING, "changes files in place")
        if re.search(r"\bsystem\s*\(", word):
            effect = destroys("runs commands")
    return effect


def _rg(call: Call) -> Effect:
    if any(word.partition("=")[0] in {"--pre", "--hostname-bin", "--pager"} for word in call.arguments):
        return changes("runs a program on what it reads")
    return reads("looks for text")


GRAMMARS: dict[str, Grammar] = {
    **each("jq gojq jaq", _jq),
    **each("yq dasel sponge", _yq),
    "sponge": always(changes("writes a file")),
    **each("rg ag ack", _rg),
    **each(
        "gron xmllint xpath htmlq pup mlr csvcut csvlook csvgrep csvstat yamllint jsonlint lnav_",
        lambda call: (
            changes("writes a file")
            if any(
                word.partition("=")[0] in {"--output", "-o", "-I", "-i", "--in-place", "tee", "split"}
                for word in call.arguments
            )
            else reads("picks values out of documents")
        ),
    ),
}
