"""systemctl and its kin (service, hostnamectl, timedatectl, loginctl, systemd-analyze): units of a Linux machine."""

from stanch.commands.effect import Call, Effect, Grammar, changes, destroys, reads, unknown
from stanch.commands.options import options, read, verbs
from stanch.commands.tables import verb_of
from stanch.model.risk import Trait

_OPTIONS = options(
    "-a/--all -l/--full -q/--quiet -r/--recursive -T/--show-transaction -f/--force --user --system --no-pager "
    "--no-legend "
    "--no-block --no-wall --no-ask-password --no-reload --now --runtime --failed --reverse --after --before --dry-run "
    "--value --plain --wait --with-dependencies --show-types --global --check-inhibitors -i --read-only "
    "--mkdir --marked "
    "-h/--help --version --stdin",
    "-H/--host -M/--machine -n/--lines -o/--output -p/-P/--property -s/--signal -t/--type --state --job-mode "
    "--kill-who "
    "--kill-whom --root --image --preset-mode --message --what --check-inhibitors --timestamp --legend "
    "--boot-loader-entry "
    "--boot-loader-menu --firmware-setup --drop-in",
)

_READS = reads("shows units")
_VERBS = verbs(
    [
        (("status show cat help list-units list-unit-files list-sockets list-timers list-paths list-automounts list-jobs "
         "list-machines list-dependencies is-active is-enabled is-failed is-system-running get-default whoami"), _READS),
        ("show-environment", _READS.having(Trait.EXPOSES_SECRETS)),
        ("start", changes("starts a unit")),
        ("stop", changes("stops a unit")),
        ("restart try-restart reload-or-restart try-reload-or-restart condrestart condreload force-reload",
         changes("restarts a unit")),
        ("reload", changes("makes a unit read its settings anew")),
        ("enable reenable preset preset-all add-wants add-requires link", changes("starts a unit with the machine")),
        ("disable", changes("does not start a unit with the machine any more")),
        ("mask unmask", changes("keeps a unit from starting, or lets it again")),
        ("kill", changes("sends a signal to a unit's processes")),
        (("daemon-reload daemon-reexec reset-failed set-property set-default set-environment unset-environment "
         "import-environment cancel freeze thaw bind mount-image service-log-level service-log-target log-level "
         "log-target"), changes("changes the service manager")),
        ("edit", changes("edits a unit", Trait.INTERACTIVE)),
        ("clean revert", destroys("deletes what a unit keeps, or its changes")),
        ("isolate rescue emergency default", destroys("stops every unit that is not named",
         hint="It may take away the way to this machine.")),
        ("reboot poweroff halt kexec soft-reboot exit switch-root suspend hibernate hybrid-sleep suspend-then-hibernate",
         destroys("stops the machine", hint="Drain it first, and make sure that somebody can start it again.")),
    ]
)  # fmt: skip


def _systemctl(call: Call) -> Effect:
    parsed = read(call.arguments, _OPTIONS)
    host = parsed.first("--host", "--machine")
    if not parsed.operands:
        return parsed.certain(_READS).at(host=host)
    verb, units = parsed.operands[0], parsed.operands[1:]
    effect = _VERBS.get(verb, unknown(f"`systemctl {verb}` is not known"))
    if parsed.has("--dry-run"):
        effect = reads("shows what it would do") if verb in {"reboot", "halt", "poweroff", "kexec"} else effect
    return parsed.certain(effect).at(host=host, resource=" ".join(units[:3]))


def _service(call: Call) -> Effect:
    words = [word for word in call.arguments if word != "--status-all"]
    if not words:
        return reads("shows services")
    verb = words[1] if len(words) > 1 else "status"
    effect = reads("shows a service") if verb == "status" else changes(f"tells a service to {verb}")
    return effect.at(resource=words[0])


def _control(reading: str) -> Grammar:
    table = verbs([(reading, reads("shows settings"))])

    def rate(call: Call) -> Effect:
        words = [word for word in call.arguments if not word.startswith("-")]
        if not words or (words and verb_of(words, table) is not None and words[0] != "hostname"):
            return reads("shows settings")
        return changes("changes settings of the machine")

    return rate


GRAMMARS: dict[str, Grammar] = {
    "systemctl": _systemctl,
    "service": _service,
    "invoke-rc.d": _service,
    "rc-service": _service,
    "hostnamectl": _control("status"),
    "timedatectl": _control("status show list-timezones show-timesync timesync-status"),
    "localectl": _control("status list-locales list-keymaps"),
    "loginctl": _control("list-sessions list-users list-seats session-status user-status show-session show-user"),
    "systemd-analyze": _control(
        "time blame critical-chain dot unit-paths cat-config calendar timespan timestamp security verify "
        "condition dump plot"
    ),
    "systemd-cgls": lambda _: reads("shows control groups"),
    "systemd-cgtop": lambda call: reads(
        "shows what control groups use",
        *(
            ()
            if any(w.startswith("-n") or w == "--iterations" for w in call.arguments)
            else (Trait.ENDLESS, Trait.INTERACTIVE)
        ),
    ),
    "systemd-detect-virt": lambda _: reads("says what it runs on"),
    "systemd-run": lambda call: changes("runs a command as a unit").along(
        call.rater.argv(
            tuple(
                read(
                    call.arguments,
                    options(
                        "--user --system --scope --pty -t --wait --collect -G -P --pipe -q --quiet -r -d -S",
                        "--unit -u -p --property --uid --gid --slice -E --setenv --on-calendar --on-active -H "
                        "-M --description --nice --working-directory",
                    ),
                    stop_at_operand=True,
                ).operands
                or ("true",)
            )
        )
    ),
}
