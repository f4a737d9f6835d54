"""Operators' tools whose verbs say what they do: Vault, Consul, etcd, Kafka, RabbitMQ, Argo CD, Prometheus and others."""

from stanch.commands.effect import Call, Effect, Grammar, changes, destroys, reads, unknown
from stanch.commands.options import each, words
from stanch.commands.tables import always, mentions
from stanch.model.risk import Trait

_ASKS = reads("asks for what there is")


def _by_words(tool: str, reading: str, destroying: str, *, exposing: str = "", endless: str = "") -> Grammar:
    """The words before the first option decide: all must be known to read, and none to destroy."""
    reads_on, destroys_on, exposes_on = words(reading), words(destroying), words(exposing)
    endless_on = tuple(endless.split())

    def rate(call: Call) -> Effect:
        operands = [word for word in call.arguments if not word.startswith("-")]
        if not operands:
            return reads("says what it is")
        pair = "-".join(operands[:2])
        if operands[0] in destroys_on or pair in destroys_on:
            return destroys("deletes, or takes something away")
        if operands[0] in reads_on or pair in reads_on:
            effect = _ASKS
            if operands[0] in exposes_on or pair in exposes_on:
                effect = effect.having(Trait.EXPOSES_SECRETS)
            if endless_on and mentions(call.arguments, *endless_on):
                effect = effect.having(Trait.ENDLESS)
            return effect
        return unknown(f"`{tool} {' '.join(operands[:2])}` changes something, or is not known")

    return rate


def _kafka(reading: str, destroying: str = "--delete --delete-offsets --reset-offsets") -> Grammar:
    reads_on, destroys_on = words(reading), words(destroying)

    def rate(call: Call) -> Effect:
        if any(word in destroys_on for word in call.arguments) and "--dry-run" not in call.arguments:
            return destroys("deletes, or moves consumers away from where they were")
        return _ASKS if any(word in reads_on for word in call.arguments) else changes("changes the cluster")

    return rate


def _supervisor(call: Call) -> Effect:
    operands = [word for word in call.arguments if not word.startswith("-")]
    if not operands:
        return changes("opens a session to type into", Trait.INTERACTIVE)
    if operands[0] in {
        "status",
        "pid",
        "version",
        "avail",
        "help",
        "tail",
        "maintail",
        "list",
        "ls",
        "show",
        "describe",
        "logs",
        "monit",
        "info",
        "jlist",
        "prettylist",
        "env",
    }:
        return _ASKS.having(
            *(
                (Trait.ENDLESS,)
                if "-f" in call.arguments or (operands[0] in {"logs", "monit"} and "--nostream" not in call.arguments)
                else ()
            )
        )
    return (
        destroys("removes processes")
        if operands[0] in {"delete", "del", "remove", "kill"}
        else changes("starts, stops or changes processes")
    )


def _etcdctl(call: Call) -> Effect:
    operands = [word for word in call.arguments if not word.startswith("-")]
    pair = " ".join(operands[:2])
    if operands[:1] == ["watch"]:
        command = call.arguments[call.arguments.index("--") + 1 :] if "--" in call.arguments else ()
        effect = reads("watches keys", Trait.ENDLESS)
        return effect.along(changes("runs a command for each change"), call.rater.argv(command)) if command else effect
    if operands[:1] == ["get"]:
        return reads(
            "reads keys",
            *(
                (Trait.HEAVY, Trait.EXPOSES_SECRETS)
                if mentions(call.arguments, "--prefix", "--from-key")
                else (Trait.EXPOSES_SECRETS,)
            ),
        )
    if pair in {
        "endpoint health",
        "endpoint status",
        "endpoint hashkv",
        "member list",
        "alarm list",
        "snapshot status",
        "role list",
        "user list",
        "auth status",
        "lease list",
        "lease timetolive",
    } or operands[:1] in (["version"], ["ls"], []):
        return _ASKS
    if operands[:1] in (["del"], ["rm"], ["compaction"], ["rmdir"]) or pair in {
        "snapshot restore",
        "member remove",
        "role delete",
        "user delete",
        "lease revoke",
        "auth enable",
        "auth disable",
    }:
        return destroys("deletes, restores over, or takes something away")
    return changes("changes the cluster")


GRAMMARS: dict[str, Grammar] = {
    "vault": _by_words(
        "vault",
        "status version list read kv-get kv-list kv-metadata-get policy-list policy-read auth-list "
        "secrets-list token-lookup audit-list operator-members "
        "operator-raft-list-peers lease-lookup path-help print-token token-capabilities namespace-list "
        "plugin-list version-history",
        "delete kv-delete kv-destroy kv-metadata-delete policy-delete auth-disable secrets-disable "
        "token-revoke lease-revoke operator-seal operator-rekey operator-raft audit-disable "
        "operator-generate-root",
        exposing="read kv-get print-token token-lookup",
    ),
    "consul": _by_words(
        "consul",
        "members info version catalog kv-get operator-raft-list-peers acl-token-list acl-policy-list "
        "intention-list rtt validate config-read config-list monitor catalog-services catalog-nodes",
        "kv-delete leave force-leave acl-token-delete acl-policy-delete intention-delete snapshot-restore "
        "config-delete",
        exposing="kv-get",
        endless="",
    ),
    "nomad": _by_words(
        "nomad",
        "status version node-status job-status job-inspect job-history job-plan plan alloc-status alloc-logs "
        "logs server-members deployment-status eval-status ui validate job-validate monitor namespace-list "
        "operator-raft",
        "stop job-stop system-gc namespace-delete volume-delete job-purge",
        endless="-f --follow",
    ),
    "etcdctl": _etcdctl,
    **dict.fromkeys(("kafka-topics", "kafka-topics.sh"), _kafka("--list --describe")),
    **dict.fromkeys(("kafka-consumer-groups", "kafka-consumer-groups.sh"), _kafka("--list --describe")),
    **each(
        "kafka-configs kafka-configs.sh kafka-acls kafka-acls.sh",
        _kafka("--list --describe", "--remove --delete --delete-config"),
    ),
    **each(
        "kafka-console-consumer kafka-console-consumer.sh kcat kafkacat",
        lambda call: (
            changes("sends messages")
            if "-P" in call.arguments
            else (
                reads(
                    "shows messages",
                    *(
                        ()
                        if mentions(call.arguments, "--max-messages", "-e", "-L", "-c", "--timeout-ms")
                        else (Trait.ENDLESS,)
                    ),
                )
                if not mentions(call.arguments, "--group", "-G", "--consumer-property")
                else changes("takes messages in the name of a group", Trait.ENDLESS)
            )
        ),
    ),
    **dict.fromkeys(
        ("kafka-console-producer", "kafka-console-producer.sh"), always(changes("sends messages", Trait.INTERACTIVE))
    ),
    **each(
        "kafka-broker-api-versions kafka-broker-api-versions.sh kafka-log-dirs kafka-log-dirs.sh kafka-get-offsets.sh",
        always(_ASKS),
    ),
    "rabbitmqctl": _by_words(
        "rabbitmqctl",
        "status cluster_status list_queues list_exchanges list_bindings list_connections list_channels "
        "list_consumers list_users list_vhosts list_permissions "
        "list_user_permissions list_policies list_parameters node_health_check ping report environment "
        "version list_topic_permissions authenticate_user help list_unresponsive_queues "
        "list_global_parameters",
        "purge_queue delete_queue delete_user delete_vhost reset force_reset stop stop_app "
        "forget_cluster_node clear_permissions clear_policy clear_password shutdown change_password "
        "close_all_connections force_boot",
    ),
    "rabbitmq-diagnostics": _by_words(
        "rabbitmq-diagnostics",
        "status ping check_running check_local_alarms check_port_connectivity memory_breakdown alarms "
        "listeners server_version cluster_status check_alarms log_location runtime_thread_stats os_env "
        "observer",
        "",
    ),
    "rabbitmqadmin": _by_words("rabbitmqadmin", "list show", "delete purge import"),
    "argocd": _by_words(
        "argocd",
        "version context app-list app-get app-history app-diff app-logs app-resources app-manifests app-wait "
        "cluster-list cluster-get proj-list proj-get repo-list repo-get account-list account-get-user-info "
        "appset-list appset-get",
        "app-delete cluster-rm proj-delete repo-rm app-terminate-op app-delete-resource account-update-password",
        endless="-f --follow",
    ),
    "flux": _by_words(
        "flux",
        "get version check logs tree events stats trace diff",
        "uninstall delete",
        endless="-f --follow -w --watch",
    ),
    "istioctl": _by_words(
        "istioctl",
        "version proxy-status ps proxy-config pc analyze describe bug-report_ x-describe validate "
        "verify-install experimental-describe",
        "uninstall remove-from-mesh",
    ),
    "linkerd": _by_words(
        "linkerd",
        "version check viz-stat viz-top viz-tap viz-edges viz-routes diagnostics multicluster-gateways",
        "uninstall uninject",
    ),
    "cilium": _by_words(
        "cilium",
        "status version endpoint-list service-list bpf-lb connectivity_ node-list policy-get identity-list config-view",
        "uninstall endpoint-delete",
    ),
    "stern": lambda call: reads("follows logs", *(() if mentions(call.arguments, "--no-follow") else (Trait.ENDLESS,))),
    "kubetail": always(reads("follows logs", Trait.ENDLESS)),
    "k9s": always(changes("opens a session in which anything can be done", Trait.INTERACTIVE)),
    **dict.fromkeys(
        ("kubectx", "kubens"),
        lambda call: (
            reads("lists contexts or namespaces")
            if not call.arguments or call.arguments[0] in {"-c", "--current", "-h", "--help", "-V"}
            else changes("changes which cluster the next commands act on", hint="Name it each time with --context.")
        ),
    ),
    "kubeval": always(reads("checks manifests")),
    "kubeconform": always(reads("checks manifests")),
    "kustomize": _by_words("kustomize", "build version cfg", ""),
    "eksctl": _by_words("eksctl", "get version info", "delete drain", exposing=""),
    "kops": _by_words("kops", "get validate version", "delete"),
    "velero": _by_words(
        "velero",
        "get describe version backup-get backup-describe backup-logs restore-get restore-describe "
        "restore-logs schedule-get schedule-describe",
        "delete backup-delete restore-create uninstall schedule-delete restore-delete",
    ),
    "promtool": _by_words("promtool", "check query test promql debug_", ""),
    "amtool": _by_words(
        "amtool",
        "alert alert-query silence-query check-config config config-show config-routes cluster cluster-show",
        "silence-expire",
    ),
    "logcli": _by_words("logcli", "query labels series instant-query stats volume", "", endless="--tail"),
    "influx": _by_words("influx", "ping version bucket-list org-list query", "delete bucket-delete org-delete restore"),
    **each("supervisorctl pm2 circusctl monit", _supervisor),
    "celery": lambda call: (
        _ASKS
        if {"inspect", "status", "report", "events"} & set(call.arguments)
        and not {"control", "purge"} & set(call.arguments)
        else (destroys("deletes waiting tasks") if "purge" in call.arguments else changes("starts or controls workers"))
    ),
    "airflow": _by_words(
        "airflow",
        "version info dags-list dags-state tasks-list tasks-state config-get-value providers-list pools-list "
        "connections-list variables-get variables-list db-check jobs-check dags-list-runs",
        "db-reset dags-delete tasks-clear connections-delete variables-delete pools-delete db-clean",
    ),
    "heroku": _by_words(
        "heroku",
        "ps logs apps info releases status addons pg:info pg:ps pg:diagnose config whoami regions domains certs",
        "apps:destroy pg:reset addons:destroy pg:kill pg:killall",
        exposing="config",
        endless="-t --tail",
    ),
    **each("doctl linode-cli hcloud scw oci ibmcloud aliyun exo", _by_words("cloud tool", "", "")),
    "fly": _by_words(
        "fly",
        "status logs apps-list releases version checks-list info ips-list volumes-list",
        "apps-destroy destroy volumes-destroy machine-destroy machine-remove",
    ),
    **dict.fromkeys(
        ("zpool", "zfs"),
        _by_words(
            "zfs",
            "list status get history iostat version events",
            "destroy rollback remove offline labelclear receive recv inherit",
        ),
    ),
    "mdadm": lambda call: (
        reads("shows arrays")
        if call.arguments[:1] in {("--detail",), ("-D",), ("--examine",), ("-E",), ("--query",), ("-Q",)}
        else destroys("changes arrays of disks")
    ),
    "smartctl": lambda call: (
        changes("tests or changes a disk")
        if mentions(call.arguments, "-t", "--test", "-s", "--smart", "-X", "-o", "-S", "--set")
        else reads("shows a disk's health")
    ),
    "curator": always(destroys("deletes old indexes")),
    "elasticdump": always(changes("copies indexes")),
    "trivy": _by_words("trivy", "image fs filesystem config repo version k8s sbom rootfs vm", "clean"),
    "etcdutl": _by_words("etcdutl", "version snapshot-status", "snapshot-restore backup defrag"),
    "varnishadm": _by_words(
        "varnishadm",
        "status ping banner backend.list ban.list vcl.list vcl.show param.show panic.show storage.list pid",
        "stop panic.clear vcl.discard",
    ),
    "varnishstat": lambda call: reads(
        "shows figures", *(() if mentions(call.arguments, "-1", "-x", "-j") else (Trait.INTERACTIVE, Trait.ENDLESS))
    ),
    "varnishlog": lambda call: (
        changes("writes a file", Trait.ENDLESS)
        if mentions(call.arguments, "-w", "-D")
        else reads("shows requests", *(() if mentions(call.arguments, "-d") else (Trait.ENDLESS,)))
    ),
    "memcached-tool": lambda call: (
        changes("changes the cache") if {"dump", "settings_", "move"} & set(call.arguments) else reads("shows figures")
    ),
}
