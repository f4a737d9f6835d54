"""helm: the release's revision is read before it changes, and rolled back to. The dry run is the tool's own."""

import json

from stanch.commands.companion import NONE, Argv, Companions, Proof, Settled, Undo, inserted, one, scoped, without
from stanch.commands.options import Parsed, options, read

NAMES = ("helm", "helm3")

_OPTIONS = options(
    "--debug -i/--install --atomic --wait --wait-for-jobs --cleanup-on-fail --create-namespace --devel --no-hooks "
    "--reset-values --reuse-values --reset-then-reuse-values --skip-crds --dependency-update --verify --hide-notes "
    "--render-subchart-notes --disable-openapi-validation --keep-history",
    "-n/--namespace --kube-context --kubeconfig --kube-apiserver -f/--values --set --set-file --set-json --set-literal "
    "--set-string --version --repo --timeout --history-max --description --labels -o/--output",
    "--dry-run",
)
_SCOPE = frozenset({"--namespace", "--kube-context", "--kubeconfig", "--kube-apiserver"})
_DRY = {
    "upgrade": "--dry-run=server",
    "install": "--dry-run=server",
    "rollback": "--dry-run",
    "uninstall": "--dry-run",
    "delete": "--dry-run",
}


def companions(argv: Argv) -> Companions:
    parsed = read(argv[1:], _OPTIONS)
    verb, release = parsed.operand(0), parsed.operand(1)
    if verb not in _DRY or not release or _is_dry(parsed):
        return NONE
    dry_run = one(inserted(without(argv, {"--dry-run": False}), _DRY[verb]))
    if verb not in {"upgrade", "rollback"}:
        why = (
            "Putting an installation back means `helm uninstall`, which deletes what it made: that is a person's to do."
            if verb == "install"
            else "What is uninstalled is gone; it would have to be installed anew."
        )
        return Companions(dry_run=dry_run, no_undo=why)
    if parsed.unknown:
        return Companions(dry_run=dry_run)
    tool = (argv[0], *scoped(parsed.given, _SCOPE))
    # The history shows revisions alone; `status -o json` would show the values, and secrets with them.
    look = one((*tool, "history", release, "--max", "1", "-o", "json"))
    return Companions(
        before=look,
        proof=Proof(look=look, judge=_judge),
        settled=Settled(
            look=one((*tool, "status", release)),
            judge=lambda printed: any(line.split() == ["STATUS:", "deployed"] for line in printed.splitlines()),
        ),
        undo=Undo(
            restores=False,
            shown=f"helm rollback {release} to the revision that it has now",
            of=lambda before: (
                one((*tool, "rollback", release, str(revision))) if (revision := _last(before)[0]) else None
            ),
        ),
        dry_run=dry_run,
    )


def _is_dry(parsed: Parsed) -> bool:
    return parsed.has("--dry-run") and parsed.value("--dry-run") not in {"none", "false"}


def _judge(before: str | None, now: str) -> bool | None:
    earlier, present = _last(before or "")[0], _last(now)
    if earlier is None or present[0] is None:
        return None
    if present[0] == earlier:
        return False
    return True if present[1] == "deployed" else None


def _last(printed: str) -> tuple[int | None, str]:
    """The latest revision in a history, and its status."""
    try:
        entries = json.loads(printed)
        latest = entries[-1]
        return int(latest["revision"]), str(latest["status"])
    except (ValueError, LookupError, TypeError):
        return None, ""
