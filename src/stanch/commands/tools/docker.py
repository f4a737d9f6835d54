"""docker, podman, nerdctl, docker-compose and crictl: containers, images and volumes."""

import re

from stanch.commands.effect import Call, Effect, Grammar, changes, destroys, reads, unknown
from stanch.commands.options import Parsed, each, options, read, verbs
from stanch.commands.tables import mentions
from stanch.model.risk import Risk, Trait

_GLOBAL = options(
    "-D/--debug --tls --tlsverify -v/--version --help --remote",
    "--config -c/--context -H/--host -l/--log-level --tlscacert --tlscert --tlskey --url --connection "
    "--namespace -n -a/--address "
    "--identity --root --runroot --storage-driver --cgroup-manager --events-backend --log-opt",
)
_COMPOSE = options(
    "--all-resources --compatibility --dry-run --verbose --version -v --no-ansi",
    "-f/--file -p/--project-name --profile --env-file --project-directory --parallel --ansi --progress "
    "--context -H/--host",
)
_EXEC = options(
    "-d/--detach -i/--interactive -t/--tty -T/--no-TTY --privileged --latest -l -s/--sync",
    "-e/--env --env-file -u/--user -w/--workdir --detach-keys --index -c --timeout",
)
_RUN = options(
    "-d/--detach -i/--interactive -t/--tty -T/--no-TTY --rm --init --privileged --read-only -P/--publish-all "
    "--no-healthcheck "
    "--oom-kill-disable --sig-proxy --disable-content-trust -q/--quiet --build --no-deps --service-ports "
    "--use-aliases --quiet-pull --remove-orphans",
    "-a/--attach -e/--env --env-file -h/--hostname -l/--label -m/--memory -c/--cpu-shares -p/--publish "
    "-u/--user -v/--volume -w/--workdir "
    "--name --network --net --entrypoint --mount --add-host --cap-add --cap-drop --cgroupns --cidfile --cpus "
    "--cpuset-cpus --device --dns --expose "
    "--gpus --group-add --health-cmd --ip --ipc --isolation --link --log-driver --log-opt --mac-address "
    "--memory-swap --pid --pids-limit --platform "
    "--pull --restart --runtime --security-opt --shm-size --stop-signal --stop-timeout --storage-opt --sysctl "
    "--tmpfs --ulimit --userns --uts "
    "--volume-driver --volumes-from --label-file --network-alias --net-alias --annotation --device-cgroup-rule",
)
_LOGS = options(
    "-f/--follow -t/--timestamps --details --no-color --no-log-prefix -p/--previous -l/--latest",
    "-n/--tail --since --until --index",
)
_TWO_WORDS = frozenset(
    "container image volume network system builder buildx context node service stack swarm secret config "
    "plugin manifest trust checkpoint compose pod machine "
    "generate play kube artifact farm scout sbom model".split()
)

_SHOWS = reads("shows containers, images or networks")
_FILLED = verbs(
    [
        ("ps ls list images top port history diff search version info stat inspecti inspectp pods imagefsinfo statsp", _SHOWS),
        (("image-ls image-list image-history volume-ls volume-list volume-inspect network-ls network-list network-inspect container-ls container-list "
         "container-ps container-top container-port container-diff container-stats system-df system-info "
         "context-ls context-list context-show "
         "context-inspect node-ls node-ps service-ls service-ps service-inspect stack-ls stack-ps "
         "stack-services secret-ls secret-inspect config-ls "
         "plugin-ls plugin-inspect manifest-inspect trust-inspect buildx-ls buildx-inspect buildx-du "
         "buildx-version builder-du compose-ps compose-ls compose-images "
         "compose-top compose-port compose-version compose-volumes pod-ps pod-ls pod-inspect pod-top "
         "machine-ls machine-info node-inspect swarm-ca "
         "image-inspect image-exists container-exists volume-exists pod-stats system-connection scout-cves scout-quickview"), _SHOWS),
        ("inspect container-inspect compose-config compose-convert config-inspect", reads("shows settings and environments", Trait.EXPOSES_SECRETS)),
        (("start stop restart pause unpause kill wait attach rename update create run exec cp commit build tag login logout pull push load import "
         "export save"), changes("changes containers or images")),
        (("container-start container-stop container-restart container-pause container-unpause container-kill container-rename container-update "
         "container-create container-cp container-commit container-export container-wait image-build "
         "image-pull image-push image-tag image-load image-import image-save "
         "volume-create network-create network-connect network-disconnect builder-build buildx-build "
         "buildx-bake buildx-use buildx-create context-use context-create "
         "context-update node-update node-promote service-create service-update service-scale "
         "service-rollback stack-deploy secret-create config-create "
         "plugin-enable plugin-install plugin-set swarm-init swarm-join swarm-update compose-up compose-start "
         "compose-stop compose-restart compose-pause compose-unpause "
         "compose-build compose-pull compose-push compose-create compose-scale compose-kill compose-cp "
         "compose-watch compose-down compose-wait compose-attach pod-start pod-stop pod-restart "
         "pod-create machine-start machine-stop machine-init generate-systemd play-kube kube-play kube-down"), changes("changes containers or images")),
        (("rm rmi rmp stopp container-rm container-remove image-rm image-remove volume-rm volume-remove network-rm network-remove context-rm node-rm node-demote service-rm stack-rm secret-rm "
         "config-rm plugin-rm plugin-disable swarm-leave compose-rm pod-rm machine-rm buildx-rm"), destroys("removes containers, images or volumes")),
        ("prune container-prune image-prune volume-prune network-prune system-prune builder-prune buildx-prune pod-prune system-reset",
         destroys("removes everything that nothing uses at the moment", hint="A stopped container's data counts as unused.")),
    ]
)  # fmt: skip


def _docker(call: Call) -> Effect:
    leading = read(call.arguments, _GLOBAL, stop_at_operand=True)
    if not leading.operands:
        return leading.certain(reads("says what it is"))
    verb, rest = leading.operands[0], leading.operands[1:]
    if verb == "compose":
        effect = _compose(call, rest)
    elif verb in _TWO_WORDS and rest:
        effect = _rated(call, f"{verb}-{rest[0]}", rest[1:])
    else:
        effect = _rated(call, verb, rest)
    if leading.has("--config", "--url", "--connection"):
        effect = effect.raised(Risk.MUTATING, "its settings come from elsewhere")
    return leading.certain(effect).at(host=leading.value("--host"), context=leading.value("--context"))


def _docker_compose(call: Call) -> Effect:
    return _compose(call, call.arguments)


def _compose(call: Call, arguments: tuple[str, ...]) -> Effect:
    parsed = read(arguments, _COMPOSE, stop_at_operand=True)
    if not parsed.operands:
        return parsed.certain(reads("says what it is"))
    verb, rest = parsed.operands[0], parsed.operands[1:]
    if parsed.has("--dry-run"):
        return reads("shows what it would do")
    effect = _rated(call, f"compose-{verb}", rest)
    if verb == "down":
        effect = changes("stops and removes the containers of a project").at(resource=" ".join(rest[:2]))
        if any(word in {"-v", "--volumes"} or word.startswith("--rmi") for word in rest):
            effect = destroys("removes a project with its data", hint="Without -v the volumes stay.")
    elif verb in {"up", "start"} and not any(word in {"-d", "--detach", "--wait"} for word in rest) and verb == "up":
        effect = effect.having(Trait.ENDLESS)
    if verb == "up" and any(word in {"-V", "--renew-anon-volumes", "--remove-orphans"} for word in rest):
        effect = effect.raised(Risk.DESTRUCTIVE, "throws away volumes or containers")
    return parsed.certain(effect).at(resource=parsed.value("--project-name"))


def _rated(call: Call, verb: str, rest: tuple[str, ...]) -> Effect:  # noqa: C901, PLR0912 - a grammar has a branch for each rule
    plain = verb.removeprefix("container-").removeprefix("compose-")
    match plain:
        case "exec":
            return _exec(call, rest)
        case "run":
            return _run(call, rest)
        case "logs" | "service-logs" | "pod-logs":
            parsed = read(rest, _LOGS)
            logs = reads("shows logs").at(resource=parsed.operand(0))
            if parsed.has("--follow"):
                logs = logs.having(Trait.ENDLESS).hinting("Without -f, and with --since 10m, it ends by itself.")
            return parsed.certain(logs)
        case "stats":
            once = any(word in {"--no-stream", "--no-reset"} for word in rest) or call.name == "crictl"
            return reads(
                "shows what containers use",
                *(() if once else (Trait.ENDLESS,)),
                hint="" if once else "--no-stream prints once.",
            )
        case "events" | "system-events":
            ends = mentions(rest, "--until")
            return reads("shows what happens", *(() if ends else (Trait.ENDLESS,)))
        case "ps" | "top" | "images" if "-w" in rest or mentions(rest, "--watch"):
            return _SHOWS.having(Trait.ENDLESS)
        case "secret-inspect":
            return _SHOWS
        case "attach":
            return changes("is joined to a running process", Trait.INTERACTIVE, Trait.ENDLESS)
        case _:
            pass
    effect = _FILLED.get(verb)
    if effect is None:
        return unknown(f"`docker {verb.replace('-', ' ')}` is not known: a plugin may do anything")
    if verb in {"save", "export", "image-save", "container-export"} and not any(
        word.startswith(("-o", "--output")) for word in rest
    ):
        return reads("prints an image or a container's files", Trait.HEAVY)
    if plain in {"config", "convert"} and any(word.startswith(("-o", "--output")) for word in rest):
        return changes("writes a file")
    names = [word for word in rest if not word.startswith("-")]
    return effect.at(resource=" ".join(names[:3]))


def _exec(call: Call, rest: tuple[str, ...]) -> Effect:
    parsed = read(rest, _EXEC, stop_at_operand=True)
    command = parsed.operands[1:]
    effect = changes("opens a shell in a container", Trait.INTERACTIVE)
    if command:
        effect = reads("runs a command in a container").along(call.rater.argv(command, call.stdin).inside("resource"))
    if parsed.has("--tty", "--interactive") and not (call.stdin.is_given and not parsed.has("--tty")):
        effect = effect.having(Trait.INTERACTIVE).hinting("Without -it it can run by itself, if it needs no typing.")
    return parsed.certain(_with_environment(effect, parsed)).at(resource=parsed.operand(0))


def _with_environment(effect: Effect, parsed: Parsed) -> Effect:
    if parsed.has("--env-file") or any(
        re.match(r"(?:LD_|PATH=|BASH_ENV|PAGER|PSQLRC)", value) for value in parsed.all("--env")
    ):
        return effect.raised(Risk.MUTATING, "changes the command's environment")
    return effect


def _run(call: Call, rest: tuple[str, ...]) -> Effect:
    parsed = read(rest, _RUN, stop_at_operand=True)
    effect = changes("starts a container", *((Trait.INTERACTIVE,) if parsed.has("--tty", "--interactive") else ()))
    if parsed.operands[1:]:
        effect = effect.along(call.rater.argv(parsed.operands[1:]).inside("resource"))
    if entry := parsed.value("--entrypoint"):
        effect = effect.along(call.rater.argv((entry, *parsed.operands[1:])).inside("resource"))
    mounts = " ".join((*parsed.all("--volume"), *parsed.all("--mount")))
    if parsed.has("--privileged") or re.search(r"(?:\A|[ =])/(?::|,|\Z| )|docker\.sock|(?:\A|[ =])/etc", mounts):
        effect = effect.raised(Risk.DESTRUCTIVE, "gives a container the run of the whole machine")
    return effect.at(resource=parsed.operand(0))


GRAMMARS: dict[str, Grammar] = {
    **each("docker podman nerdctl crictl finch", _docker),
    **dict.fromkeys(("docker-compose", "podman-compose"), _docker_compose),
    "ctr": lambda call: (
        reads("shows containers")
        if {"ls", "list", "info", "version", "check"} & set(call.arguments)
        and not {"rm", "delete", "kill", "pull"} & set(call.arguments)
        else (
            destroys("removes containers or images")
            if {"rm", "remove", "delete", "prune"} & set(call.arguments)
            else changes("changes containers")
        )
    ),
    "skopeo": lambda call: (
        reads("asks a registry")
        if call.arguments[:1] in {("inspect",), ("list-tags",)}
        else changes("copies or deletes images")
    ),
    "dive": lambda _: reads("looks into an image", Trait.INTERACTIVE),
}
