"""kubectl and oc: the Kubernetes and OpenShift command lines.

Verbs that ask the API server for something read; verbs that change objects are mutating; what deletes objects,
overwrites secrets or changes who may do what is destructive. A verb that is not kubectl's own is a plugin, which may
do anything.
"""

import re
from collections.abc import Callable

from stanch.commands.effect import Call, Effect, changes, destroys, reads, unknown
from stanch.commands.options import Options, Parsed, each, options, read
from stanch.model.pattern import Pattern
from stanch.model.risk import Risk, Trait

INERT = (
    "-n", "--namespace", "--context", "-l", "--selector", "--field-selector", "-c", "--container", "--since", "--since-time",
    "--tail", "--timeout", "--request-timeout", "--revision",
)  # fmt: skip

NAMES = ("kubectl", "oc", "kubecolor")

_GLOBAL = options(
    "--disable-compression --insecure-skip-tls-verify --match-server-version --warnings-as-errors -h/--help",
    "--as --as-group --as-uid --as-user-extra --cache-dir --certificate-authority --client-certificate --client-key "
    "--cluster --context --kubeconfig --kuberc -n/--namespace --password --profile --profile-output "
    "--request-timeout -s/--server --tls-server-name --token --user --username -v/--v --vmodule "
    "--log-flush-frequency",
)
_PRINT = options("--allow-missing-template-keys --show-managed-fields", "-o/--output --template")
_SELECT = options("-R/--recursive", "-f/--filename -k/--kustomize -l/--selector --field-selector")
_EVERYWHERE = options("-A/--all-namespaces")


def _grammar(flags: str = "", values: str = "", optional: str = "", *, over: tuple[Options, ...] = ()) -> Options:
    grammar = _GLOBAL
    for part in over:
        grammar |= part
    return grammar | options(flags, values, optional)


_GET = _grammar(
    "-w/--watch --watch-only --output-watch-events --server-print --ignore-not-found --no-headers --show-kind "
    "--show-labels --use-openapi-print-columns",
    "--sort-by -L/--label-columns --subresource --chunk-size --raw",
    over=(_PRINT, _SELECT, _EVERYWHERE),
)
_DESCRIBE = _grammar("--show-events", "--chunk-size", over=(_SELECT, _EVERYWHERE))
_LOGS = _grammar(
    "-f/--follow -p/--previous --all-containers --all-pods --ignore-errors --insecure-skip-tls-verify-backend "
    "--prefix --timestamps",
    "-c/--container -l/--selector --limit-bytes --max-log-requests --pod-running-timeout --since --since-time --tail",
)
_TOP = _grammar(
    "--containers --no-headers --sum --show-capacity --show-swap --use-protocol-buffers",
    "-l/--selector --field-selector --sort-by",
    over=(_EVERYWHERE,),
)
_EVENTS = _grammar("-w/--watch --no-headers", "--for --types --chunk-size", over=(_PRINT, _EVERYWHERE))
_WAIT = _grammar("--all --local", "--for --timeout", over=(_PRINT, _SELECT, _EVERYWHERE))
_EXPLAIN = _grammar("-R/--recursive", "--api-version -o/--output")
_ABOUT = _grammar(
    "--cached --namespaced --no-headers --client --short --show-console --show-server -t/--show-token --show-context "
    "--suggest -q",
    "--api-group --categories -o/--output --sort-by --verbs",
)
_CLUSTER_INFO = _grammar("", "--output-directory --namespaces --pod-running-timeout -o/--output", over=(_EVERYWHERE,))
_AUTH = _grammar(
    "--list --no-headers -q/--quiet --remove-extra-permissions --remove-extra-subjects",
    "--subresource",
    "--dry-run",
    over=(_PRINT, _SELECT, _EVERYWHERE),
)
_CONFIG = _grammar(
    "--flatten --merge --minify --raw --no-headers --current --embed-certs --set-raw-bytes",
    "--auth-provider --exec-command --exec-arg --exec-env --exec-api-version --proxy-url",
    over=(_PRINT,),
)
_ROLLOUT = _grammar(
    "-w/--watch",
    "--revision --timeout --to-revision --field-manager",
    "--dry-run",
    over=(_PRINT, _SELECT),
)
_EXEC = _grammar("-i/--stdin -t/--tty -q/--quiet", "-c/--container -f/--filename --pod-running-timeout")
_FORWARD = _grammar("", "--address --pod-running-timeout")
_PROXY = _grammar(
    "--disable-filter",
    "--accept-hosts --accept-paths --address --api-prefix -p/--port --reject-methods --reject-paths -u/--unix-socket "
    "-w/--www -P/--www-prefix --append-server-path --keepalive",
)
_CP = _grammar("--no-preserve", "-c/--container --retries")
_DIFF = _grammar(
    "--force-conflicts --prune --server-side --show-secrets",
    "--concurrency --field-manager --prune-allowlist",
    over=(_PRINT, _SELECT),
)
_KUSTOMIZE = _grammar(
    "--enable-helm --as-current-user --enable-alpha-plugins --network",
    "-o/--output -e/--env --helm-command --helm-api-versions --helm-kube-version --load-restrictor --reorder --mount",
)
_CHANGE = _grammar(
    "--all --force --ignore-not-found -i/--interactive --now --wait --overwrite --save-config --server-side "
    "--force-conflicts --local --list --record --windows-line-endings --prune --openapi-patch --append-hash --resolve",
    "--grace-period --field-manager --timeout --validate --raw --subresource --prune-allowlist --prune-whitelist "
    "--applyset --resource-version --current-replicas --replicas -p/--patch --patch-file --type --image --port --name "
    "--from-literal --from-file --from-env-file --min --max --cpu-percent --cpu --memory --requests --limits "
    "-c/--containers --to-revision -e/--env --labels --annotations --annotation --restart --serviceaccount "
    "--hard --scopes --role "
    "--clusterrole --group --verb --resource --resource-name --non-resource-url --class --rule --default-backend "
    "--tcp --external-name --node-port --clusterip --protocol --target-port --load-balancer-ip --external-ip "
    "--session-affinity "
    "--schedule --from --docker-server --docker-username --docker-password --docker-email --cert --key "
    "--min-available --max-unavailable --value --preemption-policy --global-default --description --prefix "
    "--keys --duration --audience "
    "--bound-object-kind --bound-object-name --bound-object-uid --override-type --overrides --resource-version-match "
    "--preconditions",
    "--dry-run --cascade",
    over=(_PRINT, _SELECT, _EVERYWHERE),
)
_RUN = _CHANGE | options(
    "-i/--stdin -t/--tty --rm --attach --expose --privileged -q/--quiet --leave-stdin-open --command",
    "--image-pull-policy --pod-running-timeout",
)
_DEBUG = _grammar(
    "-i/--stdin -t/--tty --attach --share-processes --same-node --replace --arguments-only -q/--quiet "
    "--keep-annotations --keep-labels --keep-init-containers --keep-liveness --keep-readiness --keep-startup",
    "--image --image-pull-policy -c/--container --copy-to --env --custom --set-image --target -f/--filename",
)
_DRAIN = _grammar(
    "--delete-emptydir-data --delete-local-data --disable-eviction --force --ignore-daemonsets --ignore-errors",
    "--chunk-size --grace-period --pod-selector -l/--selector --skip-wait-for-delete-timeout --timeout",
    "--dry-run",
)
_PLUGIN = _grammar("--name-only")

_SECRETS = Pattern(r"secrets?(?:\.v1\.?)?(?:$|/)|sealedsecrets?(?:$|[./])|externalsecrets?(?:$|[./])")
_ACCESS = Pattern(
    r"(?:cluster)?role(?:binding)?s?(?:$|[/.])|serviceaccounts?(?:$|[/.])|sa(?:$|/)|networkpolic(?:y|ies)|netpol|"
    r"(?:validating|mutating)webhookconfigurations?|customresourcedefinitions?|crds?(?:$|/)|"
    r"certificatesigningrequests?|csr(?:$|/)"
)
_SHOWS_VALUES = Pattern(r"yaml|json|jsonpath|go-template|custom-columns|template|kyaml")

_PLACES = ("context", "cluster", "namespace", "resource")
"""What these say of a command in a container is about what is seen from there."""

_Rule = Callable[[Call, Parsed, tuple[str, ...]], Effect]


def rate(call: Call) -> Effect:
    """Find the verb behind the global options, then rate it by its own grammar."""
    leading = read(call.arguments, _GLOBAL, stop_at_operand=True)
    if not leading.operands:
        return _as_whom(leading.certain(reads("shows its help")), leading)
    verb, rest = leading.operands[0], leading.operands[1:]
    parsed, effect = _verb(call, verb, rest)
    parsed = parsed.joined(leading)
    if parsed.has("--help"):
        return reads("shows its help")
    effect = _as_whom(parsed.certain(effect), parsed)
    return effect.at(
        context=parsed.value("--context"), cluster=parsed.value("--cluster"), namespace=parsed.value("--namespace"),
        host=parsed.value("--server"),
    )  # fmt: skip


def _verb(call: Call, verb: str, rest: tuple[str, ...]) -> tuple[Parsed, Effect]:
    if verb == "adm" and rest:
        return _administered(call, rest)
    if verb in {"exec", "rsh"}:
        return _exec(call, rest)
    grammar, rule = _VERBS.get(verb, (_GLOBAL, _plugin(verb)))
    # What stands behind `--` is a command for a container.
    parsed = read(_before_dashes(rest), grammar)
    return parsed, rule(call, parsed, rest)


_MAY = reads("says what is allowed")


def _as_whom(effect: Effect, parsed: Parsed) -> Effect:
    if parsed.has("--server"):
        effect = effect.raised(Risk.MUTATING, "sends its credentials to a server that is named by hand")
    if parsed.has("--kubeconfig", "--kuberc"):
        effect = effect.raised(Risk.MUTATING, "its settings come from a file that may name programs to run")
    impersonates = parsed.has("--as", "--as-group", "--as-uid") and effect.why != _MAY.why
    if impersonates or parsed.has("--token", "--user", "--client-key", "--password"):
        effect = effect.raised(Risk.MUTATING, "acts as somebody else")
    if parsed.has("--profile", "--cache-dir"):
        effect = effect.raised(Risk.MUTATING, "writes files of its own")
    return effect


def _plugin(verb: str) -> _Rule:
    return lambda *_: unknown(f"`kubectl {verb}` is no verb of its own: a plugin may do anything")


def _simply(effect: Effect) -> _Rule:
    return lambda _call, parsed, _rest: effect.at(resource=_resource(parsed.operands))


def _get(_call: Call, parsed: Parsed, _rest: tuple[str, ...]) -> Effect:
    effect = reads("lists objects")
    if parsed.has("--watch", "--watch-only"):
        effect = reads("watches objects", Trait.ENDLESS, hint="Without -w it ends by itself.")
    path = parsed.value("--raw")
    kinds = path if path is not None else " ".join(parsed.operands)
    shows = path is not None or parsed.has("--template") or bool(_SHOWS_VALUES.match(parsed.value("--output") or ""))
    if shows and _names_secrets(kinds):
        effect = effect.having(Trait.EXPOSES_SECRETS).hinting(
            "`kubectl describe secret` shows names and sizes without the values."
        )
    elif shows and parsed.has("--filename", "--kustomize"):
        effect = effect.having(Trait.EXPOSES_SECRETS)
    return effect.at(resource=path or _resource(parsed.operands))


def _names_secrets(kinds: str) -> bool:
    return any(_SECRETS.match(kind) or "/secrets" in kind for kind in re.split(r"[,\s]", kinds.lower()))


def _logs(_call: Call, parsed: Parsed, _rest: tuple[str, ...]) -> Effect:
    effect = reads("shows logs")
    if parsed.has("--follow"):
        effect = reads("follows logs", Trait.ENDLESS, hint="Without -f, and with --since=10m, it ends by itself.")
    return effect.at(resource=_resource(parsed.operands))


def _events(_call: Call, parsed: Parsed, _rest: tuple[str, ...]) -> Effect:
    return reads("watches events", Trait.ENDLESS) if parsed.has("--watch") else reads("lists events")


def _about(_call: Call, parsed: Parsed, _rest: tuple[str, ...]) -> Effect:
    effect = reads("says what there is")
    return effect.having(Trait.EXPOSES_SECRETS) if parsed.has("--show-token") else effect


def _cluster_info(_call: Call, parsed: Parsed, _rest: tuple[str, ...]) -> Effect:
    if parsed.value("--output-directory") not in {None, "-"}:
        return changes("writes the cluster's state into files")
    return reads("shows where the cluster is")


def _auth(_call: Call, parsed: Parsed, _rest: tuple[str, ...]) -> Effect:
    match parsed.operand(0):
        case "can-i" | "whoami" | "":
            return _MAY
        case "reconcile":
            return _unless_dry(destroys("changes who may do what"), parsed)
        case verb:
            return unknown(f"`auth {verb}` is not known")


def _config(_call: Call, parsed: Parsed, _rest: tuple[str, ...]) -> Effect:
    match parsed.operand(0):
        case "view" | "get-contexts" | "get-clusters" | "get-users" | "current-context" | "":
            effect = reads("shows which clusters are set up")
            return effect.having(Trait.EXPOSES_SECRETS) if parsed.has("--raw") else effect
        case "delete-cluster" | "delete-context" | "delete-user" | "unset":
            return destroys(
                "removes a cluster, context or user from the settings", hint="`kubectl config view --raw` keeps them."
            )
        case _:
            return changes("changes which cluster the next commands act on", hint="Name it each time with --context.")


def _rollout(_call: Call, parsed: Parsed, _rest: tuple[str, ...]) -> Effect:
    resource = _resource(parsed.operands[1:])
    match parsed.operand(0):
        case "status":
            return reads("waits for a rollout").at(resource=resource)
        case "history" | "":
            return reads("lists earlier revisions").at(resource=resource)
        case "undo":
            effect = changes("goes back to an earlier revision", hint="`rollout history` shows where it goes back to.")
        case "restart":
            effect = changes("replaces pods one by one")
        case "pause" | "resume" | "latest" | "cancel" | "retry":
            effect = changes("stops or goes on with a rollout")
        case verb:
            effect = unknown(f"`rollout {verb}` is not known")
    return _unless_dry(effect.at(resource=resource), parsed)


def _attach(_call: Call, parsed: Parsed, _rest: tuple[str, ...]) -> Effect:
    resource = _resource(parsed.operands)
    if parsed.has("--stdin", "--tty"):
        return changes("types into a running process", Trait.INTERACTIVE, Trait.ENDLESS).at(resource=resource)
    return reads("shows a process's output", Trait.ENDLESS).at(resource=resource)


def _kustomize(_call: Call, parsed: Parsed, _rest: tuple[str, ...]) -> Effect:
    if parsed.has("--output", "--enable-helm", "--enable-alpha-plugins", "--helm-command", "--mount", "--network"):
        return changes("writes files or runs plugins")
    return reads("prints a manifest")


def _diff(_call: Call, parsed: Parsed, _rest: tuple[str, ...]) -> Effect:
    effect = reads("shows what would change")
    return effect.having(Trait.EXPOSES_SECRETS) if parsed.has("--show-secrets") else effect


def _delete(_call: Call, parsed: Parsed, _rest: tuple[str, ...]) -> Effect:
    effect = destroys("deletes objects", hint="`kubectl get` with the same words shows what it would hit.")
    return _unless_dry(effect.at(resource=_resource(parsed.operands)), parsed)


def _replace(_call: Call, parsed: Parsed, _rest: tuple[str, ...]) -> Effect:
    effect = changes("replaces objects")
    if parsed.has("--force", "--cascade", "--grace-period"):
        effect = destroys("deletes objects and creates them anew")
    return _unless_dry(_guarded(effect, parsed), parsed)


def _drain(_call: Call, parsed: Parsed, _rest: tuple[str, ...]) -> Effect:
    effect = changes("moves all pods off a node")
    if parsed.has("--force", "--delete-emptydir-data", "--delete-local-data", "--disable-eviction"):
        effect = destroys(
            "moves pods off a node and loses what nothing keeps or recreates",
            hint="Without --force and --delete-emptydir-data it stops where something would be lost.",
        )
    node = parsed.operand(0)
    return _unless_dry(effect.at(resource=f"node/{node}" if node else ""), parsed)


def _run(call: Call, parsed: Parsed, rest: tuple[str, ...]) -> Effect:
    effect = changes("starts a pod", *((Trait.INTERACTIVE,) if parsed.has("--stdin", "--tty") else ()))
    return _unless_dry(effect.along(*_inside(call, rest)).at(resource=f"pod/{parsed.operand(0)}"), parsed)


def _debug(call: Call, parsed: Parsed, rest: tuple[str, ...]) -> Effect:
    effect = changes("adds a container to a pod or node", *((Trait.INTERACTIVE,) if parsed.has("-i", "-t") else ()))
    return effect.along(*_inside(call, rest)).at(resource=_resource(parsed.operands))


def _create(_call: Call, parsed: Parsed, _rest: tuple[str, ...]) -> Effect:
    kind = parsed.operand(0)
    effect = changes("creates an object").at(resource=_resource(parsed.operands))
    if kind == "token":
        effect = changes("makes a token", Trait.EXPOSES_SECRETS)
    elif kind in {"rolebinding", "clusterrolebinding", "role", "clusterrole"}:
        effect = destroys("changes who may do what")
    return _unless_dry(effect, parsed)


def _apply(_call: Call, parsed: Parsed, _rest: tuple[str, ...]) -> Effect:
    if parsed.operand(0) == "view-last-applied":
        return reads(
            "shows what was applied last",
            *((Trait.EXPOSES_SECRETS,) if _names_secrets(" ".join(parsed.operands)) else ()),
        )
    effect = changes("applies a manifest", hint="`kubectl diff` with the same words shows what would change.")
    if parsed.has("--prune"):
        effect = destroys("deletes every object that the manifest does not name")
    elif parsed.has("--force"):
        effect = destroys("deletes objects and creates them anew where they cannot be changed")
    return _unless_dry(effect, parsed)


def _changing(why: str, *, skip: int = 0) -> _Rule:
    """A verb that changes the objects named, `skip` operands further on."""

    def rule(_call: Call, parsed: Parsed, _rest: tuple[str, ...]) -> Effect:
        if parsed.has("--list"):
            return reads("lists what is set")
        effect = changes(why).at(resource=_resource(parsed.operands[skip:]))
        return _unless_dry(_guarded(effect, parsed), parsed)

    return rule


def _scale(_call: Call, parsed: Parsed, _rest: tuple[str, ...]) -> Effect:
    effect = changes("changes the number of replicas").at(resource=_resource(parsed.operands))
    if parsed.value("--replicas") == "0":
        effect = effect.hinting("Zero replicas takes the service down; note the present number to go back to it.")
    return _unless_dry(effect, parsed)


def _taint(_call: Call, parsed: Parsed, _rest: tuple[str, ...]) -> Effect:
    effect = changes("changes where pods may run")
    if any("NoExecute" in operand and not operand.endswith("-") for operand in parsed.operands):
        effect = destroys("drives running pods off a node at once")
    return _unless_dry(effect.at(resource=_resource(parsed.operands[:2])), parsed)


def _certificate(_call: Call, parsed: Parsed, _rest: tuple[str, ...]) -> Effect:
    if parsed.operand(0) == "approve":
        return destroys("gives somebody access")
    return changes("refuses somebody access")


def _plugins(_call: Call, parsed: Parsed, _rest: tuple[str, ...]) -> Effect:
    return reads("lists plugins") if parsed.operand(0) in {"list", ""} else changes("runs a plugin")


def _administered(call: Call, rest: tuple[str, ...]) -> tuple[Parsed, Effect]:
    """`oc adm VERB`: the verbs of kubectl for nodes, and some of its own."""
    if rest[0] in {"policy", "groups", "prune", "certificate", "new-project"}:
        return read(rest, _GLOBAL), destroys("changes who may do what, or deletes what is old")
    return _verb(call, rest[0], rest[1:])


def _before_dashes(arguments: tuple[str, ...]) -> tuple[str, ...]:
    return arguments[: arguments.index("--")] if "--" in arguments else arguments


def _inside(call: Call, arguments: tuple[str, ...]) -> tuple[Effect, ...]:
    """The command for a container of its own: what it destroys there counts."""
    command = arguments[arguments.index("--") + 1 :] if "--" in arguments else ()
    return (call.rater.argv(command, call.stdin).inside(*_PLACES),) if command else ()


def _exec(call: Call, rest: tuple[str, ...]) -> tuple[Parsed, Effect]:
    if "--" in rest:
        parsed = read(_before_dashes(rest), _EXEC)
        command = rest[rest.index("--") + 1 :]
    else:
        # The old form: everything behind the pod is the command, but for options of exec that come first.
        leading = read(rest, _EXEC, stop_at_operand=True)
        behind = read(leading.operands[1:], _EXEC, stop_at_operand=True)
        parsed = behind.joined(leading) if not behind.unknown else leading
        command = behind.operands if not behind.unknown else leading.operands[1:]
        parsed = read(leading.operands[:1], _EXEC).joined(parsed)
    effect = changes("opens a shell in a container", Trait.INTERACTIVE)
    if command:
        effect = reads("runs a command in a container").along(
            call.rater.argv(tuple(command), call.stdin).inside(*_PLACES)
        )
    if parsed.has("--tty") or (parsed.has("--stdin") and not call.stdin.is_given):
        effect = effect.having(Trait.INTERACTIVE).hinting("Without -it it can run by itself, if it needs no typing.")
    return parsed, effect.at(resource=parsed.operand(0))


def _guarded(effect: Effect, parsed: Parsed) -> Effect:
    """Secrets and access rules: what is overwritten cannot be got back, and a wrong value locks people out."""
    kinds = [kind for operand in parsed.operands for kind in operand.lower().split(",")]
    if any(_SECRETS.match(kind) for kind in kinds):
        return effect.raised(Risk.DESTRUCTIVE, "overwrites a secret, whose old value is kept nowhere").hinting(
            "Keep the present value first: kubectl get secret NAME -o yaml, into a file that only you can read."
        )
    if any(_ACCESS.match(kind) for kind in kinds):
        return effect.raised(Risk.DESTRUCTIVE, "changes who may do what")
    return effect


def _unless_dry(effect: Effect, parsed: Parsed) -> Effect:
    """`--dry-run=client` and `=server` change nothing; `=none` does, and a bare one is refused by newer versions."""
    if parsed.value("--dry-run") in {"client", "server"}:
        return reads("shows what would change").at(resource=effect.target.get("resource"))
    return effect


def _resource(operands: tuple[str, ...]) -> str:
    """`deployment api` and `deployment/api` as `deployment/api`; several names are kept as written."""
    if len(operands) == 2 and "/" not in operands[0]:
        return f"{operands[0]}/{operands[1]}"
    return " ".join(operands[:6])


_VERBS: dict[str, tuple[Options, _Rule]] = {
    "get": (_GET, _get),
    "describe": (_DESCRIBE, _simply(reads("describes objects"))),
    "logs": (_LOGS, _logs),
    "top": (_TOP, _simply(reads("shows what is used"))),
    "events": (_EVENTS, _events),
    "wait": (_WAIT, _simply(reads("waits for a condition"))),
    "explain": (_EXPLAIN, _simply(reads("explains a kind of object"))),
    **each("api-resources api-versions version options help whoami status projects completion", (_ABOUT, _about)),
    "cluster-info": (_CLUSTER_INFO, _cluster_info),
    "auth": (_AUTH, _auth),
    "config": (_CONFIG, _config),
    "rollout": (_ROLLOUT, _rollout),
    "attach": (_EXEC, _attach),
    "port-forward": (_FORWARD, _simply(changes("opens a way into the cluster", Trait.ENDLESS))),
    "proxy": (_PROXY, _simply(changes("opens the API to this machine", Trait.ENDLESS))),
    "cp": (_CP, _simply(changes("copies files, and overwrites those of the same name"))),
    "rsync": (_CP, _simply(changes("copies files, and overwrites those of the same name"))),
    "edit": (
        _CHANGE,
        lambda call, parsed, rest: _changing("edits an object by hand")(call, parsed, rest).having(Trait.INTERACTIVE),
    ),
    "diff": (_DIFF, _diff),
    "kustomize": (_KUSTOMIZE, _kustomize),
    "delete": (_CHANGE, _delete),
    "replace": (_CHANGE, _replace),
    "drain": (_DRAIN, _drain),
    "run": (_RUN, _run),
    "debug": (_DEBUG, _debug),
    "create": (_CHANGE, _create),
    "apply": (_CHANGE, _apply),
    "patch": (_CHANGE, _changing("changes an object")),
    "scale": (_CHANGE, _scale),
    "autoscale": (_CHANGE, _changing("creates an autoscaler")),
    "expose": (_CHANGE, _changing("creates a service")),
    "set": (_CHANGE, _changing("changes an object's settings", skip=1)),
    "label": (_CHANGE, _changing("changes labels")),
    "annotate": (_CHANGE, _changing("changes annotations")),
    "taint": (_CHANGE, _taint),
    "cordon": (_DRAIN, _simply(changes("keeps new pods off a node"))),
    "uncordon": (_DRAIN, _simply(changes("lets pods onto a node again"))),
    "certificate": (_CHANGE, _certificate),
    "plugin": (_PLUGIN, _plugins),
}
