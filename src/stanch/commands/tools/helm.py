"""helm: releases of a Kubernetes cluster. Rolling back, upgrading and installing can be undone; uninstalling cannot."""

from stanch.commands.effect import Call, Effect, changes, destroys, reads, unknown
from stanch.commands.options import Parsed, options, read
from stanch.model.risk import Risk, Trait

INERT = ("-n", "--namespace", "--kube-context", "--revision", "--max")

NAMES = ("helm", "helm3")

_OPTIONS = options(
    "--debug --kube-insecure-skip-tls-verify -h/--help -a/--all -A/--all-namespaces -d/--date -r/--reverse "
    "-q/--short --deployed --failed --pending "
    "--superseded --uninstalled --uninstalling --no-headers --atomic --cleanup-on-fail --create-namespace "
    "--dependency-update "
    "--devel --disable-openapi-validation --enable-dns --force --hide-notes --hide-secret "
    "--insecure-skip-tls-verify -i/--install "
    "--no-hooks --pass-credentials --plain-http --render-subchart-notes --reset-then-reuse-values "
    "--reset-values --reuse-values "
    "--skip-crds --skip-schema-validation --take-ownership --verify --wait --wait-for-jobs --recreate-pods "
    "--client --is-upgrade "
    "--release-name --include-crds --no-repo-update --strict --with-subcharts --quiet --regexp --versions -l "
    "--fail-on-no-result "
    "--list-repo-url --replace --generate-name -g --keep-history --ignore-not-found --logs --show-desc "
    "--show-resources "
    "--untar --prov --skip-refresh --three-way-merge --no-color --suppress-secrets --show-secrets "
    "--allow-unreleased --normalize-manifests "
    "--detailed-exitcode --no-update --force-update --sign --server --show-only-diff",
    "--burst-limit --kube-apiserver --kube-as-group --kube-as-user --kube-ca-file --kube-context "
    "--kube-tls-server-name --kube-token "
    "--kubeconfig -n/--namespace --qps --registry-config --repository-cache --repository-config -o/--output "
    "--time-format "
    "-f/--values --set --set-file --set-json --set-literal --set-string --version --repo --username "
    "--password --ca-file --cert-file "
    "--key-file --keyring --timeout --history-max --description --labels --post-renderer --post-renderer-args "
    "--name-template "
    "-m/--max --offset --filter --selector --revision --template --kube-version --api-versions --output-dir "
    "-s/--show-only "
    "-d/--destination --untardir --max-col-width --context -C --cascade --app-version --starter "
    "--passphrase-file --key --suppress --color",
    "--dry-run --validate --deletion-propagation",
)
_EXPOSES = frozenset({"values", "all", "manifest", "hooks"})
_READS = {
    "list": "lists releases",
    "ls": "lists releases",
    "status": "shows a release",
    "history": "lists earlier revisions",
    "hist": "lists earlier revisions",
    "get": "shows a release",
    "show": "shows a chart",
    "inspect": "shows a chart",
    "search": "looks for charts",
    "version": "says what it is",
    "env": "shows its settings",
    "lint": "checks a chart",
    "verify": "checks a chart's signature",
    "help": "shows its help",
    "completion": "prints shell functions",
    "diff": "shows what would change",
}
_MUTATING = {
    "install": "installs a release",
    "upgrade": "changes a release",
    "rollback": "goes back to an earlier revision",
    "pull": "writes a chart into a file",
    "fetch": "writes a chart into a file",
    "package": "writes a chart into a file",
    "push": "publishes a chart",
    "create": "writes a new chart",
    "plugin": "installs or runs plugins",
    "registry": "logs in or out",
    "test": "runs a release's test pods",
    "mapkubeapis": "rewrites a release's record",
}


def rate(call: Call) -> Effect:
    leading = read(call.arguments, _OPTIONS, stop_at_operand=True)
    if not leading.operands:
        return leading.certain(reads("shows its help"))
    parsed = read(call.arguments, _OPTIONS)
    verb, rest = parsed.operands[0], parsed.operands[1:]
    if parsed.has("--help"):
        return reads("shows its help")
    effect = parsed.certain(_verb(verb, rest, parsed))
    if parsed.has("--post-renderer"):
        effect = effect.along(
            changes("runs a program on the manifests").along(
                call.rater.argv((parsed.value("--post-renderer") or "cat",))
            )
        )
    if parsed.has("--kubeconfig", "--kube-apiserver", "--registry-config", "--repository-config", "--repository-cache"):
        effect = effect.raised(Risk.MUTATING, "its settings come from a file or a server that is named by hand")
    if parsed.has("--kube-as-user", "--kube-as-group", "--kube-token"):
        effect = effect.raised(Risk.MUTATING, "acts as somebody else")
    release = (
        f"release/{rest[0]}"
        if rest
        and verb in {"status", "history", "hist", "install", "upgrade", "rollback", "uninstall", "delete", "test"}
        else ""
    )
    if verb == "get" and len(rest) > 1:
        release = f"release/{rest[1]}"
    return effect.at(context=parsed.value("--kube-context"), namespace=parsed.value("--namespace"), resource=release)


def _verb(verb: str, rest: tuple[str, ...], parsed: Parsed) -> Effect:
    first = rest[0] if rest else ""
    match verb:
        case "get":
            effect = reads("shows a release")
            return effect.having(Trait.EXPOSES_SECRETS) if first in _EXPOSES else effect
        case "template":
            if parsed.has("--output-dir"):
                return changes("writes manifests into files")
            return reads("prints manifests", Trait.EXPOSES_SECRETS)
        case "repo" | "plugin" | "dependency" | "dep" if first in {"list", "ls"}:
            return reads("lists what is set up")
        case "repo" | "dependency" | "dep":
            return changes("changes which charts there are on this machine")
        case "uninstall" | "delete" | "del" | "un":
            effect = destroys(
                "deletes a release and every object of it", hint="--keep-history lets `helm rollback` bring it back."
            )
        case _ if verb in _READS:
            return reads(_READS[verb])
        case "upgrade" | "rollback" | "install" if parsed.has("--force", "--recreate-pods", "--replace"):
            effect = destroys(
                "deletes objects and creates them anew", hint="Without --force only what differs is changed."
            )
        case _ if verb in _MUTATING:
            effect = changes(_MUTATING[verb])
        case _:
            return unknown(f"`helm {verb}` is no verb of its own: a plugin may do anything")
    if verb in {"upgrade", "rollback", "install", "uninstall", "delete"} and _is_dry(parsed):
        return reads("shows what would change", Trait.EXPOSES_SECRETS)
    if verb == "rollback":
        return effect.hinting("`helm history` shows the revisions; without a number it goes back by one.")
    return effect


def _is_dry(parsed: Parsed) -> bool:
    """`--dry-run` alone, `=client` and `=server` change nothing; `=none` and `=false` are no dry runs."""
    return parsed.value("--dry-run") in {"", "client", "server", "true"} if parsed.has("--dry-run") else False
