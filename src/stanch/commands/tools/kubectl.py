"""kubectl and oc: the Kubernetes and OpenShift command lines.

Verbs that ask the API server for something read; verbs that change objects are mutating; what deletes objects,
overwrites them or changes who may do what is destructive. Secrets are told by the resource that is named.
"""

import re

from stanch.commands.effect import Call, Effect, changes, destroys, reads
from stanch.commands.options import Options, Parsed, options, read, words
from stanch.model.risk import Risk, Trait

NAMES = ("kubectl", "oc", "kubectl.exe", "k", "kubecolor", "microk8s.kubectl")

_GLOBAL = options(
    "--disable-compression --insecure-skip-tls-verify --match-server-version --warnings-as-errors -h/--help",
    "--as --as-group --as-uid --as-user-extra --cache-dir --certificate-authority --client-certificate --client-key "
    "--cluster --context --kubeconfig --kuberc -n/--namespace --password --profile --profile-output --request-timeout "
    "-s/--server --tls-server-name --token --user --username -v/--v --vmodule --log-flush-frequency",
    "",
)
_OUTPUT = options(
    "--allow-missing-template-keys --show-managed-fields --no-headers --show-kind --show-labels -R/--recursive",
    "-o/--output --template --sort-by -f/--filename -k/--kustomize -l/--selector --field-selector -L/--label-columns "
    "--subresource --chunk-size --raw",
)
_GET = _OUTPUT | options(
    "-A/--all-namespaces -w/--watch --watch-only --output-watch-events --server-print --ignore-not-found --use-openapi-print-columns",
    "",
)
_CHANGE = options(
    "--all --cascade --force --grace-period --ignore-not-found --now --wait -R/--recursive --overwrite --save-config "
    "--server-side --force-conflicts --local --list --record --show-managed-fields --allow-missing-template-keys "
    "--windows-line-endings --prune --openapi-patch -A/--all-namespaces --resource-version-match "
    "--warn-unchanged",
    "-f/--filename -k/--kustomize -l/--selector --field-selector --field-manager -o/--output --template --timeout "
    "--validate --raw --subresource --prune-allowlist --prune-whitelist --applyset --resource-version --current-replicas --replicas "
    "-p/--patch --patch-file --type --image --port --name --from-literal --from-file --from-env-file --min --max "
    "--cpu-percent --requests --limits -c/--containers --to-revision --env -e --labels --annotations --command-name "
    "--restart --serviceaccount --hard --scopes --role --clusterrole --group --verb --resource --resource-name "
    "--non-resource-url --class --rule --default-backend --tcp --external-name --node-port --clusterip --protocol "
    "--target-port --load-balancer-ip --session-affinity --schedule --from --docker-server --docker-username "
    "--docker-password --docker-email --cert --key --min-available --max-unavailable --value --preemption-policy "
    "--description --prefix --keys --duration --audience --bound-object-kind --bound-object-name --bound-object-uid "
    "--revision --grace-period --overrides --override-type --annotation",
    "--dry-run --cascade --append-hash",
)


def _without_values(grammar: Options) -> Options:
    """`--grace-period=0` and `--grace-period 0` are both seen in the wild; values win over flags of the same name."""
    return Options(
        flags={name: canonical for name, canonical in grammar.flags.items() if name not in grammar.values},
        values=grammar.values,
        optional=grammar.optional,
    )


_EXEC = options("-i/--stdin -t/--tty -q/--quiet", "-c/--container -f/--filename --pod-running-timeout")
_LOGS = options(
    "-f/--follow -p/--previous --all-containers --all-pods --ignore-errors --insecure-skip-tls-verify-backend "
    "--prefix --timestamps",
    "-c/--container -l/--selector --limit-bytes --max-log-requests --pod-running-timeout --since --since-time --tail",
)
_TOP = options(
    "-A/--all-namespaces --containers --no-headers --sum --show-capacity --show-swap --use-protocol-buffers",
    "-l/--selector --field-selector --sort-by",
)
_DESCRIBE = options(
    "-A/--all-namespaces -R/--recursive --show-events", "-l/--selector -f/--filename -k/--kustomize --chunk-size"
)
_WAIT = options(
    "-A/--all-namespaces --all --local -R/--recursive --allow-missing-template-keys --show-managed-fields",
    "--for --timeout -l/--selector --field-selector -f/--filename -o/--output --template",
)
_EVENTS = options(
    "-A/--all-namespaces -w/--watch --no-headers --allow-missing-template-keys --show-managed-fields",
    "--for --types -o/--output --template --chunk-size",
)
_ROLLOUT = options(
    "-w/--watch -R/--recursive --allow-missing-template-keys --show-managed-fields",
    "-f/--filename -k/--kustomize -l/--selector -o/--output --template --revision --timeout --to-revision --field-manager",
    "--dry-run",
)
_EXPLAIN = options("-R/--recursive", "--api-version -o/--output")
_API = options(
    "--cached --namespaced --no-headers --show-kind", "--api-group --categories -o/--output --sort-by --verbs"
)
_AUTH = options(
    "-A/--all-namespaces --list --no-headers -q/--quiet --show-managed-fields --allow-missing-template-keys",
    "--subresource -o/--output --template -f/--filename",
)
_CONFIG = options("--flatten --merge --minify --raw --no-headers --current", "-o/--output --template")
_CLUSTER_INFO = options("-A/--all-namespaces", "-o/--output --output-directory --namespaces --pod-running-timeout")
_RUN = _CHANGE | options(
    "-i/--stdin -t/--tty --rm --attach --expose --privileged --quiet -q --leave-stdin-open --command --pod-running-timeout",
    "--image-pull-policy --pod-running-timeout",
)
_DEBUG = options(
    "-i/--stdin -t/--tty --attach --share-processes --same-node --replace --arguments-only --quiet -q --keep-annotations --keep-labels --keep-init-containers --keep-liveness --keep-readiness --keep-startup",
    "--image --image-pull-policy -c/--container --copy-to --env --profile --custom --set-image --target -f/--filename",
)
_DIFF = options(
    "--force-conflicts --prune --server-side --show-managed-fields -R/--recursive --show-secrets",
    "-f/--filename -k/--kustomize -l/--selector --concurrency --field-manager --prune-allowlist",
)
_DRAIN = options(
    "--delete-emptydir-data --delete-local-data --disable-eviction --force --ignore-daemonsets --ignore-errors",
    "--chunk-size --grace-period --pod-selector -l/--selector --skip-wait-for-delete-timeout --timeout",
    "--dry-run",
)
_CP = options("--no-preserve", "-c/--container --retries")
_FORWARD = options("", "--address --pod-running-timeout")
_PROXY = options(
    "--disable-filter --keepalive",
    "--accept-hosts --accept-paths --address --api-prefix -p/--port --reject-methods --reject-paths -u/--unix-socket -w/--www -P/--www-prefix --append-server-path",
)

_SECRETS = re.compile(r"secrets?(?:\.v1)?(?:$|/|\.)|sealedsecrets?$|externalsecrets?$")
_ACCESS = re.compile(
    r"(?:cluster)?role(?:binding)?s?(?:$|/|\.)|serviceaccounts?(?:$|/|\.)|sa(?:$|/)|networkpolic(?:y|ies)|netpol|"
    r"(?:validating|mutating)webhookconfigurations?|customresourcedefinitions?|crds?(?:$|/)|"
    r"certificatesigningrequests?|csr(?:$|/)"
)
_SHOWS_VALUES = re.compile(r"yaml|json|jsonpath|go-template|custom-columns|template")
_REPLACES_CREDENTIALS = ("--kubeconfig", "--server", "--kuberc")

_MUTATING = {
    "annotate": "changes annotations",
    "apply": "applies a manifest",
    "autoscale": "creates an autoscaler",
    "cordon": "keeps new pods off a node",
    "create": "creates an object",
    "expose": "creates a service",
    "label": "changes labels",
    "patch": "changes an object",
    "scale": "changes the number of replicas",
    "set": "changes an object's settings",
    "taint": "changes where pods may run",
    "uncordon": "lets pods onto a node again",
    "certificate": "decides about a certificate request",
    "tag": "moves an image tag",
    "new-app": "creates an application",
    "new-project": "creates a project",
    "start-build": "starts a build",
    "import-image": "imports an image",
    "rollback": "goes back to an earlier deployment",
}
_HELP = words("help version options completion api-resources api-versions explain cluster-info whoami status")
_PLUGINS_READ = words("list")


def rate(call: Call) -> Effect:
    """Find the verb behind the global options, then rate it by its own grammar."""
    leading = read(call.arguments, _GLOBAL, stop_at_operand=True)
    if not leading.operands:
        return leading.certain(reads("shows its help")) if not _foreign(leading) else _foreign_effect(leading)
    verb, *rest = leading.operands
    before = call.arguments[: len(call.arguments) - len(leading.operands)]
    effect, parsed = _verb(call, verb, (*before, *rest))
    given = Parsed(operands=parsed.operands, given=parsed.given, unknown=(*leading.unknown, *parsed.unknown))
    if given.has("--help"):
        return reads("shows its help")
    effect = given.certain(effect)
    if _foreign(given):
        effect = effect.along(_foreign_effect(given))
    if given.has("--as", "--as-group", "--as-uid", "--token", "--user", "--client-key", "--password"):
        effect = effect.raised(Risk.MUTATING, "acts as somebody else")
    return effect.at(
        context=given.value("--context"), cluster=given.value("--cluster"), namespace=given.value("--namespace"),
        host=given.value("--server"),
    )  # fmt: skip


def _foreign(parsed: Parsed) -> bool:
    return parsed.has(*_REPLACES_CREDENTIALS)


def _foreign_effect(parsed: Parsed) -> Effect:
    if parsed.has("--server"):
        return changes("sends its credentials to a server that is named by hand")
    return changes("its settings come from a file that may name programs to run")


def _verb(call: Call, verb: str, arguments: tuple[str, ...]) -> tuple[Effect, Parsed]:
    match verb:
        case "get":
            parsed = read(arguments, _GLOBAL | _GET)
            return _get(parsed), parsed
        case "describe":
            parsed = read(arguments, _GLOBAL | _DESCRIBE)
            return reads("describes objects").at(resource=_resource(parsed.operands)), parsed
        case "logs" | "log":
            parsed = read(arguments, _GLOBAL | _LOGS)
            return _logs(parsed), parsed
        case "top" | "adm" if arguments[:1] == ("top",) or verb == "top":
            parsed = read(arguments, _GLOBAL | _TOP)
            return reads("shows what is used").at(resource=_resource(parsed.operands)), parsed
        case "events":
            parsed = read(arguments, _GLOBAL | _EVENTS)
            return (reads("watches events", Trait.ENDLESS) if parsed.has("--watch") else reads("lists events")), parsed
        case "wait":
            parsed = read(arguments, _GLOBAL | _WAIT)
            return reads("waits for a condition").at(resource=_resource(parsed.operands)), parsed
        case "explain":
            parsed = read(arguments, _GLOBAL | _EXPLAIN)
            return reads("explains a kind of object"), parsed
        case "api-resources" | "api-versions" | "version" | "options" | "help" | "whoami" | "status":
            parsed = read(
                arguments,
                _GLOBAL
                | _API
                | options("--client --short --show-console --show-server -t/--show-token --show-context --suggest", ""),
            )
            effect = reads("says what there is")
            return (effect.having(Trait.EXPOSES_SECRETS) if parsed.has("--show-token") else effect), parsed
        case "completion":
            return reads("prints shell functions"), read(arguments, _GLOBAL)
        case "cluster-info":
            parsed = read(arguments, _GLOBAL | _CLUSTER_INFO)
            if parsed.has("--output-directory") and parsed.value("--output-directory") != "-":
                return changes("writes the cluster's state into files"), parsed
            return reads("shows where the cluster is"), parsed
        case "auth":
            return _auth(arguments)
        case "config":
            return _config(arguments)
        case "rollout":
            return _rollout(arguments)
        case "exec" | "rsh":
            return _exec(call, arguments)
        case "attach":
            parsed = read(arguments, _GLOBAL | _EXEC)
            effect = (
                changes("is joined to a running process", Trait.INTERACTIVE, Trait.ENDLESS)
                if parsed.has("--stdin")
                else reads("shows a process's output", Trait.ENDLESS)
            )
            return effect.at(resource=_resource(parsed.operands)), parsed
        case "port-forward":
            parsed = read(arguments, _GLOBAL | _FORWARD)
            return changes("opens a way into the cluster", Trait.ENDLESS).at(
                resource=_resource(parsed.operands)
            ), parsed
        case "proxy":
            return changes("opens the API to this machine", Trait.ENDLESS), read(arguments, _GLOBAL | _PROXY)
        case "cp" | "rsync":
            return changes("copies files, and overwrites what is there"), read(arguments, _GLOBAL | _CP)
        case "edit":
            parsed = read(arguments, _GLOBAL | _without_values(_CHANGE))
            return _secret_change(changes("edits an object by hand", Trait.INTERACTIVE), parsed), parsed
        case "diff":
            parsed = read(arguments, _GLOBAL | _DIFF)
            effect = reads("shows what would change")
            return (effect.having(Trait.EXPOSES_SECRETS) if parsed.has("--show-secrets") else effect), parsed
        case "kustomize":
            parsed = read(
                arguments,
                _GLOBAL
                | options(
                    "--enable-helm --as-current-user --enable-alpha-plugins --mount --network",
                    "-o/--output --env -e --helm-command --load-restrictor --reorder",
                ),
            )
            if parsed.has("--output", "--enable-helm", "--enable-alpha-plugins", "--helm-command", "--mount"):
                return changes("writes files or runs plugins"), parsed
            return reads("prints a manifest"), parsed
        case "delete":
            parsed = read(arguments, _GLOBAL | _without_values(_CHANGE))
            effect = destroys(
                "deletes objects",
                hint="Scale to zero or cordon first; `kubectl get` the same selection to see what it would hit.",
            ).at(resource=_resource(parsed.operands))
            return _unless_dry(effect, parsed), parsed
        case "replace":
            parsed = read(arguments, _GLOBAL | _without_values(_CHANGE))
            effect = changes("replaces an object")
            if parsed.has("--force") or parsed.has("--cascade"):
                effect = destroys("deletes an object and creates it anew")
            return _unless_dry(_secret_change(effect, parsed), parsed), parsed
        case "drain":
            return _drain(arguments)
        case "run":
            parsed = read(_before_dashes(arguments), _GLOBAL | _without_values(_RUN))
            traits = {Trait.INTERACTIVE} if parsed.has("--stdin", "--tty") else set()
            effect = changes("starts a pod", *traits).along(*_inside(call, arguments, strict=False))
            return _unless_dry(effect, parsed), parsed
        case "debug":
            parsed = read(_before_dashes(arguments), _GLOBAL | _DEBUG)
            return changes("adds a container to a pod or node", Trait.INTERACTIVE).along(
                *_inside(call, arguments, strict=False)
            ), parsed
        case "plugin":
            parsed = read(arguments, _GLOBAL | options("--name-only"))
            return (reads("lists plugins") if parsed.operand(0) in _PLUGINS_READ else changes("runs a plugin")), parsed
        case "create" if arguments[:1] == ("token",):
            parsed = read(arguments, _GLOBAL | _without_values(_CHANGE))
            return changes("makes a token", Trait.EXPOSES_SECRETS), parsed
        case _ if verb in _MUTATING:
            parsed = read(_before_dashes(arguments), _GLOBAL | _without_values(_CHANGE))
            return _mutating(verb, parsed), parsed
        case "project" | "projects":
            return (
                reads("lists projects") if verb == "projects" or not arguments else changes("switches the project")
            ), read(arguments, _GLOBAL | options("-q --short"))
        case _:
            return changes(f"`kubectl {verb}` is no verb of its own: a plugin may do anything"), read(
                arguments, _GLOBAL
            )


def _get(parsed: Parsed) -> Effect:
    resource = _resource(parsed.operands)
    effect = (
        reads("watches objects", Trait.ENDLESS) if parsed.has("--watch", "--watch-only") else reads("lists objects")
    )
    kinds = ",".join(parsed.operands) if not parsed.has("--raw") else parsed.value("--raw") or ""
    shows = bool(_SHOWS_VALUES.match(parsed.value("--output") or "")) or parsed.has("--raw", "--template")
    if shows and (_names_secrets(kinds) or parsed.has("--filename", "--kustomize")):
        effect = effect.having(Trait.EXPOSES_SECRETS)
        if _names_secrets(kinds):
            effect = effect.hinting("`kubectl describe secret` shows names and sizes without the values.")
    return effect.at(resource=resource)


def _names_secrets(kinds: str) -> bool:
    return any(
        _SECRETS.match(kind) or "/secrets" in kind or kind == "all" for kind in re.split(r"[,\s]", kinds.lower())
    )


def _logs(parsed: Parsed) -> Effect:
    effect = reads("shows logs")
    if parsed.has("--follow"):
        effect = reads("follows logs", Trait.ENDLESS, hint="Without -f, and with --since=10m, it ends by itself.")
    return effect.at(resource=parsed.operand(0))


def _auth(arguments: tuple[str, ...]) -> tuple[Effect, Parsed]:
    parsed = read(
        arguments, _GLOBAL | _AUTH | options("--remove-extra-permissions --remove-extra-subjects", "", "--dry-run")
    )
    if parsed.operand(0) in {"can-i", "whoami"}:
        return reads("says what is allowed"), parsed
    if parsed.operand(0) == "reconcile":
        return _unless_dry(destroys("changes who may do what"), parsed), parsed
    return changes("is no way to ask about access that is known"), parsed


def _config(arguments: tuple[str, ...]) -> tuple[Effect, Parsed]:
    parsed = read(
        arguments,
        _GLOBAL
        | _CONFIG
        | options(
            "--embed-certs --insecure-skip-tls-verify",
            "--auth-provider --exec-command --exec-arg --exec-env --exec-api-version --proxy-url --set-raw-bytes",
        ),
    )
    verb = parsed.operand(0)
    if verb in {"view", "get-contexts", "get-clusters", "get-users", "current-context", ""}:
        effect = reads("shows which clusters are set up")
        return (effect.having(Trait.EXPOSES_SECRETS) if parsed.has("--raw", "--flatten") else effect), parsed
    if verb in {"delete-cluster", "delete-context", "delete-user", "unset"}:
        return changes("removes a cluster, context or user from the settings"), parsed
    return changes("changes which cluster the next commands act on", hint="Name it each time with --context."), parsed


def _rollout(arguments: tuple[str, ...]) -> tuple[Effect, Parsed]:
    parsed = read(arguments, _GLOBAL | _ROLLOUT)
    verb, resource = parsed.operand(0), _resource(parsed.operands[1:])
    match verb:
        case "status":
            return reads("waits for a rollout").at(resource=resource), parsed
        case "history":
            return reads("lists earlier revisions").at(resource=resource), parsed
        case "undo":
            effect = changes("goes back to an earlier revision")
        case "restart":
            effect = changes("replaces pods one by one")
        case "pause" | "resume":
            effect = changes("stops or goes on with a rollout")
        case _:
            return changes(f"`rollout {verb}` is not known"), parsed
    return _unless_dry(effect.at(resource=resource), parsed), parsed


def _before_dashes(arguments: tuple[str, ...]) -> tuple[str, ...]:
    return arguments[: arguments.index("--")] if "--" in arguments else arguments


def _inside(call: Call, arguments: tuple[str, ...], *, strict: bool) -> tuple[Effect, ...]:
    if "--" not in arguments:
        return ()
    command = arguments[arguments.index("--") + 1 :]
    if not command:
        return ()
    effect = call.rater.argv(command, call.stdin)
    return (effect,) if strict or effect.risk is Risk.DESTRUCTIVE else ()


def _exec(call: Call, arguments: tuple[str, ...]) -> tuple[Effect, Parsed]:
    if "--" in arguments:
        parsed = read(_before_dashes(arguments), _GLOBAL | _EXEC)
        command = arguments[arguments.index("--") + 1 :]
    else:
        # The old form: everything behind the pod is the command.
        parsed = read(arguments, _GLOBAL | _EXEC, stop_at_operand=True)
        command = parsed.operands[1:]
        late = read(command, _GLOBAL | _EXEC, stop_at_operand=True)
        if late.given and not late.unknown:
            parsed = Parsed(operands=parsed.operands, given=(*parsed.given, *late.given), unknown=parsed.unknown)
            command = late.operands
    resource = parsed.operand(0)
    if command:
        effect = reads("runs a command in a container").along(call.rater.argv(tuple(command), call.stdin))
    else:
        effect = changes("opens a shell in a container", Trait.INTERACTIVE)
    if parsed.has("--tty") or (parsed.has("--stdin") and not call.stdin.is_given):
        effect = effect.having(Trait.INTERACTIVE)
        effect = effect.hinting("Leave out -it where the command needs no typing, so that it can run by itself.")
    return effect.at(resource=resource), parsed


def _drain(arguments: tuple[str, ...]) -> tuple[Effect, Parsed]:
    parsed = read(arguments, _GLOBAL | _without_values(_DRAIN))
    effect = changes("moves all pods off a node")
    if parsed.has("--force", "--delete-emptydir-data", "--delete-local-data", "--disable-eviction"):
        effect = destroys(
            "moves pods off a node and loses what nothing keeps or recreates",
            hint="Without --force and --delete-emptydir-data it stops where something would be lost.",
        )
    return _unless_dry(effect.at(resource=f"node/{parsed.operand(0)}" if parsed.operands else ""), parsed), parsed


def _mutating(verb: str, parsed: Parsed) -> Effect:
    effect = changes(_MUTATING[verb]).at(resource=_resource(_objects(verb, parsed.operands)))
    if verb == "apply" and parsed.operand(0) == "view-last-applied":
        return reads(
            "shows what was applied last",
            *({Trait.EXPOSES_SECRETS} if _names_secrets(" ".join(parsed.operands)) else ()),
        )
    if verb in {"set", "label", "annotate"} and parsed.has("--list"):
        return reads("lists what is set")
    if verb == "apply" and parsed.has("--prune"):
        effect = destroys("deletes every object that the manifest does not name")
    if verb == "apply" and parsed.has("--force"):
        effect = destroys("deletes an object and creates it anew where it cannot be changed")
    if verb == "scale" and parsed.value("--replicas") == "0":
        effect = effect.hinting("Zero replicas takes the service down; note the present number to go back to it.")
    if verb == "taint" and any("NoExecute" in operand for operand in parsed.operands):
        effect = destroys("drives running pods off a node at once")
    if verb == "certificate" and parsed.operand(0) == "approve":
        effect = destroys("gives somebody access")
    return _unless_dry(_secret_change(effect, parsed), parsed)


def _secret_change(effect: Effect, parsed: Parsed) -> Effect:
    """Secrets and access rules: what is overwritten cannot be got back, and a wrong value locks people out."""
    kinds = [kind.lower() for operand in parsed.operands for kind in operand.split(",")]
    if any(_SECRETS.match(kind) for kind in kinds) and "create" not in effect.why:
        return effect.raised(Risk.DESTRUCTIVE, "overwrites a secret, whose old value is kept nowhere").hinting(
            "Keep the present value first: kubectl get secret NAME -o yaml, to a file that only you can read."
        )
    if any(_ACCESS.match(kind) for kind in kinds):
        return effect.raised(Risk.DESTRUCTIVE, "changes who may do what")
    return effect


def _objects(verb: str, operands: tuple[str, ...]) -> tuple[str, ...]:
    return operands[1:] if verb == "set" else operands


def _unless_dry(effect: Effect, parsed: Parsed) -> Effect:
    """`--dry-run=none` is no dry run, and neither is a bare one of a verb that has none."""
    if parsed.value("--dry-run") in {"client", "server"}:
        return reads("shows what would change", hint=effect.hint and "").at(resource=effect.target.get("resource"))
    if parsed.has("--dry-run") and parsed.value("--dry-run") == "":
        return effect.hinting("A bare --dry-run is refused by newer versions; write --dry-run=server.")
    return effect


def _resource(operands: tuple[str, ...]) -> str:
    """`deployment api` and `deployment/api` as `deployment/api`; several names are kept as written."""
    if not operands:
        return ""
    if len(operands) == 1 or "/" in operands[0]:
        return operands[0]
    return f"{operands[0]}/{operands[1]}" if len(operands) == 2 else " ".join(operands[:6])
