"""gcloud, gsutil and bq: Google Cloud. The verb stands at the end of a path of groups."""

import re

from stanch.commands.effect import Call, Effect, Grammar, changes, destroys, reads, unknown
from stanch.commands.options import options, read, words
from stanch.commands.tables import mentions
from stanch.model.risk import Risk, Trait

_GLOBAL = options(
    "-q/--quiet --no-user-output-enabled --user-output-enabled --log-http --version -h/--help",
    "--account --billing-project --configuration --flags-file --flatten --format "
    "--impersonate-service-account --project --trace-token --verbosity "
    "--access-token-file --region --zone",
)
_GROUPS = words(
    "alpha beta preview access-context-manager accounts active-directory addresses ai ai-platform alloydb "
    "anthos api-gateway app apigee app-profiles "
    "applications artifacts asset assured auth autoscaling backend-buckets backend-services backups "
    "backup-runs billing bigtable bms brands builds bundles buckets "
    "certificate-manager channels clusters composer compute config configurations connect connectors "
    "container data-catalog database-migration databases "
    "dataflow dataplex dataproc datastore deploy deployment-manager deploy-policies disks disk-types dns "
    "dns-keys docker domains entries environments essential-contacts "
    "eventarc events executions external-vpn-gateways filestore firebase firestore firewall-rules fleet flows "
    "folders forwarding-rules functions "
    "groups gke-hub health-checks hub iam iap identity images indexes insights instance-configs "
    "instance-groups instance-templates instances "
    "interconnects ids jobs keyrings keys kms lifecycle local-ssds locations logging logs loggers "
    "machine-images machine-types managed managed-zones membership memberships memcache metastore metrics "
    "migration ml ml-engine models monitoring monitors mutation mutations names net-lb netapp "
    "network-connectivity network-endpoint-groups network-management network-security networks node-groups "
    "node-pools notebooks objects oauth-clients operations org-policies organizations org-security-policies "
    "os-config os-login packages peerings policies policy-bindings policy-tags privateca "
    "products project-info projects publicca pubsub quotas recaptcha recommender record-sets redis refs "
    "regions releases remote-builds repositories reservations resource-manager resource-policies "
    "resource-settings revisions roles rollouts routers routes run runtime-config sandbox scc scheduler "
    "schemas secrets security-policies service-accounts "
    "service-directory service-extensions service-management service-usage services servers sinks snapshots "
    "snapshot-schedules sole-tenancy source source-repos spanner "
    "sql ssl-certificates ssl-policies storage subnets subscriptions support tables tags target-http-proxies "
    "target-https-proxies target-instances target-pools "
    "target-tcp-proxies targets tasks tenants tiers topics tpus transfer transports triggers unmanaged "
    "url-maps users versions views vmware vpn-gateways vpn-tunnels vpc-access web-security-scanner workbench "
    "worker-pools workflows workloads workload-identity-pools workstations zones emulators components queues "
    "domain-mappings bindings hosted settings alerting dashboards uptime snoozes"
)
_READ_VERBS = words(
    "list describe read search tail get-value get-ancestors get-iam-policy get-effective-firewalls get-health "
    "get-status get-serial-port-output get-config "
    "get-server-config get-state get-named-ports list-instances list-errors list-tags list-grantable-roles "
    "list-testable-permissions get-guest-attributes get-ancestors-iam-policy "
    "check-upgrade validate lint query ls cat du hash stat diff preview get-public-key get-value-list "
    "troubleshoot-policy analyze-iam-policy search-all-resources search-all-iam-policies get-history "
    "info version help topic list-usable list-effective-tags list-log-entries get-operation get-keyring wait"
)
_DESTROY_VERBS = words(
    "delete remove destroy purge reset restore restore-backup rm rb remove-iam-policy-binding set-iam-policy "
    "add-iam-policy-binding disable revoke undelete_ "
    "delete-instances recreate-instances delete-access-config detach-disk failover force-unlock "
    "abandon-instances delete-signed-url-key clone-restore "
    "remove-metadata remove-tags reset-windows-password set-password import restore-volume drain flush drop-database"
)
_EXPOSES = {
    ("auth", "print-access-token"): "prints a token",
    ("auth", "print-identity-token"): "prints a token",
    ("versions", "access"): "shows a secret",
    ("config-helper",): "prints a token",
}


def _gcloud(call: Call) -> Effect:
    leading = read(call.arguments, _GLOBAL, stop_at_operand=True)
    if not leading.operands:
        return leading.certain(reads("says what it is"))
    # Only the path and the verb stand before the verb's own options.
    path: list[str] = []
    for word in leading.operands:
        if word.startswith("-"):
            break
        path.append(word)
    if "--help" in leading.operands or path[:1] == ["help"]:
        return reads("shows its help")
    position = next((index for index, word in enumerate(path) if word not in _GROUPS), None)
    effect = _path(path, position, leading.operands, call)
    if mentions(call.arguments, "--impersonate-service-account", "--access-token-file", "--flags-file"):
        effect = effect.raised(Risk.MUTATING, "acts as somebody else, or takes options from a file")
    project = next(
        (call.arguments[i + 1] for i, w in enumerate(call.arguments[:-1]) if w == "--project"), None
    ) or next((w.partition("=")[2] for w in call.arguments if w.startswith("--project=")), None)
    return leading.certain(effect).at(
        context=project, resource="/".join(path[(position or 0) + 1 : (position or 0) + 2])
    )


def _path(path: list[str], position: int | None, operands: tuple[str, ...], call: Call) -> Effect:
    if position is None:
        return (
            reads("shows its help") if len(path) < len(operands) or len(path) == 1 else unknown("its verb is not known")
        )
    verb, group = path[position], path[position - 1] if position else ""
    if (group, verb) in _EXPOSES or (verb,) in _EXPOSES:
        return reads(_EXPOSES.get((group, verb)) or _EXPOSES[(verb,)], Trait.EXPOSES_SECRETS)
    if group == "config" and verb in {"set", "unset"}:
        return changes("changes which project the next commands act on", hint="Name it each time with --project.")
    if verb == "get-credentials":
        return changes("writes credentials of a cluster into a file")
    if verb in {"ssh", "connect", "connect-to-serial-port", "start-iap-tunnel", "sftp", "scp"}:
        return _session(verb, operands, call)
    if verb in _DESTROY_VERBS:
        return destroys("deletes, restores over, or changes who may do what")
    if verb in _READ_VERBS:
        effect = reads("asks for what there is")
        if verb == "tail":
            effect = effect.having(Trait.ENDLESS)
        if group == "auth" or (group == "config" and verb == "list"):
            return effect
        return effect
    return unknown(f"{verb} changes something, or is not known")


def _session(verb: str, operands: tuple[str, ...], call: Call) -> Effect:
    command = next((operands[i + 1] for i, word in enumerate(operands[:-1]) if word == "--command"), None) or next(
        (word.partition("=")[2] for word in operands if word.startswith("--command=")), None
    )
    if verb == "ssh" and command:
        return reads("runs a command on a machine").along(call.rater.script(command))
    if verb == "ssh" and "--" in operands and operands[operands.index("--") + 1 :]:
        return changes("runs a command on a machine").along(
            call.rater.script(" ".join(operands[operands.index("--") + 1 :]))
        )
    if verb == "scp":
        return changes("copies files, and overwrites those of the same name")
    return changes("opens a session or a tunnel", Trait.INTERACTIVE)


_GSUTIL_READS = words("ls cat du stat hash version help")


def _gsutil(call: Call) -> Effect:
    words_ = [word for word in call.arguments if not word.startswith("-")]
    verb = words_[0] if words_ else "help"
    before = call.arguments[: call.arguments.index(verb)] if verb in call.arguments else ()
    if any(word.startswith(("-o", "-i", "-u")) for word in before):
        return changes("its settings come from the command line")
    if verb in _GSUTIL_READS:
        return reads("shows objects")
    if verb in {
        "acl",
        "iam",
        "lifecycle",
        "versioning",
        "defacl",
        "cors",
        "logging",
        "label",
        "ubla",
        "retention",
    } and words_[1:2] == ["get"]:
        return reads("shows settings")
    if verb in {"rm", "rb", "mv"} or (
        verb == "rsync" and any(re.fullmatch(r"-[a-zA-Z]*d[a-zA-Z]*", word) for word in call.arguments)
    ):
        return destroys("deletes objects")
    if verb in {"acl", "iam", "defacl", "lifecycle", "versioning", "retention"}:
        return destroys("changes who may read objects, or what is deleted by itself")
    return changes("copies objects, and overwrites those of the same name")


def _bq(call: Call) -> Effect:
    words_ = [word for word in call.arguments if not word.startswith("-")]
    verb = words_[0] if words_ else "help"
    if verb in {"ls", "show", "head", "version", "help", "info"}:
        return reads("shows tables")
    if verb == "query":
        if mentions(call.arguments, "--destination_table", "--replace", "--append_table"):
            return changes("writes a table")
        text = " ".join(words_[1:])
        return call.rater.sql(text, "bigquery") if text else changes("runs a query from its input")
    if verb in {"rm", "cancel", "truncate", "undelete"}:
        return destroys("deletes tables")
    return changes("changes tables")


GRAMMARS: dict[str, Grammar] = {"gcloud": _gcloud, "gsutil": _gsutil, "bq": _bq}
