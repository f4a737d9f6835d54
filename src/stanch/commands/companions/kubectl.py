"""kubectl and oc: replicas, images, revisions and cordons are read before they change, and put back from that.

A rollout is followed with `kubectl rollout status`. The dry run is the server's, never the client's: only the server
knows quotas, admission and what is there.
"""

import re
from collections.abc import Callable

from stanch.commands.companion import (
    NONE,
    Argv,
    Companions,
    Proof,
    Settled,
    Undo,
    differs,
    equals,
    inserted,
    one,
    scoped,
    without,
)
from stanch.commands.options import Parsed, options, read
from stanch.model.pattern import Pattern

NAMES = ("kubectl", "oc")

FOLLOWED_S = 120
"""How long a rollout is waited for, in seconds."""

_OPTIONS = options(
    "--all --record --insecure-skip-tls-verify --local --list --overwrite --match-server-version",
    "-n/--namespace --context --cluster --kubeconfig -s/--server --user --token --as --as-group --request-timeout "
    "--replicas --current-replicas --resource-version --to-revision --timeout -l/--selector -f/--filename "
    "-k/--kustomize -o/--output --field-manager",
    "--dry-run",
)
_SCOPE = frozenset(
    {"--namespace", "--context", "--cluster", "--kubeconfig", "--server", "--user", "--as", "--as-group"}
)
_SEVERAL = ("--all", "--selector", "--filename", "--kustomize", "--local", "--list")
_ROLLS = Pattern(r"^(?:deploy(?:ment)?s?|sts|statefulsets?|ds|daemonsets?)(?:\.apps)?/", re.IGNORECASE)
_DEPLOYMENT = Pattern(r"^deploy(?:ment)?s?(?:\.apps)?/", re.IGNORECASE)
_REVISION = r"{.metadata.annotations.deployment\.kubernetes\.io/revision}"
_RESTARTED = r"{.spec.template.metadata.annotations.kubectl\.kubernetes\.io/restartedAt}"
_IMAGES = '{range .spec.template.spec.containers[*]}{.name}={.image}{"\\n"}{end}'
_DRY = frozenset(
    "annotate apply autoscale cordon create delete drain expose label patch replace run scale set taint "
    "uncordon".split()
)


def companions(argv: Argv) -> Companions:
    parsed = read(argv[1:], _OPTIONS)
    verb = parsed.operand(0)
    if parsed.has("--dry-run") and parsed.value("--dry-run") != "none":
        return NONE
    dry_run = None
    if verb in _DRY or parsed.operands[:2] == ("rollout", "undo"):
        dry_run = one(inserted(without(argv, {"--dry-run": False}), "--dry-run=server"))
    if parsed.unknown or parsed.has(*_SEVERAL) or parsed.after:
        return Companions(dry_run=dry_run)
    tool = (argv[0], *scoped(parsed.given, _SCOPE))
    found = _of(tool, verb, parsed)
    return Companions(
        before=found.before,
        proof=found.proof,
        settled=found.settled,
        undo=found.undo,
        no_undo=found.no_undo,
        dry_run=dry_run,
    )


def _of(tool: Argv, verb: str, parsed: Parsed) -> Companions:
    match verb:
        case "scale":
            return _scale(tool, _resource(parsed.operands[1:]), parsed.value("--replicas") or "")
        case "rollout":
            return _rollout(tool, parsed.operand(1), _resource(parsed.operands[2:]))
        case "set" if parsed.operand(1) == "image":
            return _set_image(tool, parsed.operands[2:])
        case "cordon" | "uncordon" if len(parsed.operands) == 2:
            return _cordon(tool, parsed.operand(1), cordons=verb == "cordon")
        case _:
            return NONE


def _resource(operands: Argv) -> str | None:
    """`kind/name` of the one object that is named; None for none or several."""
    match operands:
        case (both,) if both.count("/") == 1:
            return both
        case (kind, name) if "/" not in kind + name and "," not in kind:
            return f"{kind}/{name}"
        case _:
            return None


def _get(tool: Argv, resource: str, path: str) -> tuple[Argv]:
    return ((*tool, "get", resource, "-o", f"jsonpath={path}"),)


def _followed(tool: Argv, resource: str) -> Settled | None:
    if not _ROLLS.match(resource):
        return None
    return Settled(look=one((*tool, "rollout", "status", resource, f"--timeout={FOLLOWED_S}s")))


def _scale(tool: Argv, resource: str | None, replicas: str) -> Companions:
    if resource is None or not replicas.isdigit():
        return NONE
    look = _get(tool, resource, "{.spec.replicas}")
    return Companions(
        before=look,
        proof=Proof(look=look, judge=equals(replicas)),
        settled=_followed(tool, resource),
        undo=Undo(
            shown=f"scale {resource} back to the number of replicas that it had",
            of=lambda before: (
                one((*tool, "scale", resource, f"--replicas={before}"))
                if before.isdigit() and before != replicas
                else None
            ),
        ),
    )


def _rollout(tool: Argv, verb: str, resource: str | None) -> Companions:
    if resource is None:
        return NONE
    match verb:
        case "restart":
            look = _get(tool, resource, _RESTARTED)
            return Companions(
                before=look,
                proof=Proof(look=look, judge=differs),
                settled=_followed(tool, resource),
                no_undo="A restart leaves the same version running: there is nothing to put back.",
            )
        case "undo" if _DEPLOYMENT.match(resource):
            look = _get(tool, resource, _REVISION)
            return Companions(
                before=look,
                proof=Proof(look=look, judge=differs),
                settled=_followed(tool, resource),
                undo=Undo(
                    restores=False,
                    shown=f"roll {resource} out again at the revision that it had",
                    of=lambda before: (
                        one((*tool, "rollout", "undo", resource, f"--to-revision={before}"))
                        if before.isdigit()
                        else None
                    ),
                ),
            )
        case "undo":
            return Companions(
                settled=_followed(tool, resource),
                no_undo=f"`kubectl rollout history {resource}` shows the revision to go back to.",
            )
        case "pause" | "resume":
            paused = verb == "pause"
            look = _get(tool, resource, "{.spec.paused}")
            return Companions(
                before=look,
                proof=Proof(look=look, judge=_flag(wanted=paused)),
                undo=Undo(
                    shown=f"{'resume' if paused else 'pause'} the rollout of {resource}",
                    of=lambda before: (
                        one((*tool, "rollout", "resume" if paused else "pause", resource))
                        if (before == "true") != paused
                        else None
                    ),
                ),
            )
        case _:
            return NONE


def _set_image(tool: Argv, operands: Argv) -> Companions:
    resource = _resource(tuple(word for word in operands if "=" not in word))
    wanted = dict(word.split("=", 1) for word in operands if "=" in word)
    if resource is None or not wanted or "*" in wanted:
        return NONE
    look = _get(tool, resource, _IMAGES)

    def judge(before: str | None, now: str) -> bool | None:
        if not _has(now):
            return False
        return None if before is not None and _has(before) else True

    def _has(printed: str) -> bool:
        images = _images(printed)
        return all(images.get(container) == image for container, image in wanted.items())

    def back(before: str) -> tuple[Argv] | None:
        images = _images(before)
        if not wanted.keys() <= images.keys() or _has(before):
            return None
        return ((*tool, "set", "image", resource, *(f"{name}={images[name]}" for name in wanted)),)

    return Companions(
        before=look,
        proof=Proof(look=look, judge=judge),
        settled=_followed(tool, resource),
        undo=Undo(shown=f"give {resource} the image that it had", of=back),
    )


def _images(printed: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in printed.splitlines() if "=" in line)


def _cordon(tool: Argv, node: str, *, cordons: bool) -> Companions:
    look = _get(tool, f"node/{node}", "{.spec.unschedulable}")
    back = "uncordon" if cordons else "cordon"
    return Companions(
        before=look,
        proof=Proof(look=look, judge=_flag(wanted=cordons)),
        undo=Undo(
            shown=f"{back} {node}",
            of=lambda before: one((*tool, back, node)) if (before == "true") != cordons else None,
        ),
    )


def _flag(*, wanted: bool) -> Callable[[str | None, str], bool | None]:
    """A judge by a field that is printed as `true`, or not at all."""

    def judge(before: str | None, now: str) -> bool | None:
        if (now == "true") != wanted:
            return False
        return None if before is not None and (before == "true") == wanted else True

    return judge
