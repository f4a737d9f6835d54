"""What runs on a machine and what it uses: ps, top, free, vmstat, lsof, kill and others."""

import re

from stanch.commands.effect import Call, Effect, Grammar, changes, destroys, reads, unknown
from stanch.commands.options import Raises, each, options, read
from stanch.commands.tables import always, gives, reader, unless
from stanch.commands.wrappers import shell_from
from stanch.model.pattern import Pattern
from stanch.model.risk import Risk, Trait

_INTERVAL = Pattern(r"\d+(?:\.\d+)?")


def _sampler(why: str, *, writes: tuple[str, ...] = ()) -> Grammar:
    """`vmstat 1` goes on for ever, `vmstat 1 5` ends after five."""

    def rate(call: Call) -> Effect:
        effect = reads(why)
        if any(word.startswith(writes) for word in call.arguments) and writes:
            return changes("writes a file")
        # Intervals and counts come last; a number behind an option is that option's.
        trailing = 0
        for word in reversed(call.arguments):
            if not _INTERVAL.fullmatch(word):
                break
            trailing += 1
        if trailing == 1:
            return effect.having(Trait.ENDLESS).hinting("A count behind the interval makes it end: `1 5`.")
        return effect

    return rate


_TOP = options(
    "-b/--batch-mode -c -H -i -S -E -1 -h/--help -v/-V/--version -O -A -e --batch -l",
    "-d/--delay -n/--iterations -o/--sort-override -p/--pid -u/-U/--filter-user -w/--width -s",
)


def _top(call: Call) -> Effect:
    parsed = read(call.arguments, _TOP)
    if parsed.has("--help", "--version", "-l"):
        return reads("shows what is running")
    effect = reads("shows what is running")
    if not parsed.has("--batch-mode"):
        return effect.having(Trait.INTERACTIVE, Trait.ENDLESS).hinting("`top -b -n 1` prints once.")
    if not parsed.has("--iterations"):
        effect = effect.having(Trait.ENDLESS).hinting("`-n 1` makes it end.")
    return parsed.certain(effect)


def _free(call: Call) -> Effect:
    grammar = options(
        "-b/--bytes -k/--kibi -m/--mebi -g/--gibi -h/--human -l/--lohi -L/--line -t/--total -v/--committed "
        "-w/--wide --si "
        "--mega --giga --kilo --tera --tebi --peta --pebi --help -V/--version",
        "-s/--seconds -c/--count",
    )
    parsed = read(call.arguments, grammar)
    effect = reads("shows how much memory is used")
    if parsed.has("--seconds") and not parsed.has("--count"):
        effect = effect.having(Trait.ENDLESS)
    return parsed.certain(effect)


def _kill(call: Call) -> Effect:
    words = call.arguments
    if not words or words[0] in {"-l", "-L", "--list", "--help", "--version", "-V"}:
        return reads("lists signals")
    if words[0] in {"-0", "-s0"} or words[:2] == ("-s", "0") or words[:2] == ("-n", "0"):
        return reads("asks whether a process is there")
    targets = [word for word in words[1:] if word != "--"] if words[0].startswith("-") else list(words)
    if words[0] in {"-s", "-n", "--signal"}:
        targets = [word for word in words[2:] if word != "--"]
    if any(word in {"-1", "1", "0"} for word in targets):
        return destroys("ends every process that it can")
    return changes("sends a signal to a process", hint="-TERM lets it clean up; -KILL does not.")


def _kill_by_name(call: Call) -> Effect:
    if any(word in {"-0", "-l", "--list", "-V", "--version", "--help"} for word in call.arguments[:1]):
        return reads("asks whether a process is there")
    return changes("sends a signal to every process of that name", hint="`pgrep -a` with the same words shows which.")


_LSOF = options(
    "-? -a -b -C -E -h -H -l -n -N -O -P -Q -R -t -U -V -v -w -X -x",
    "-A -c -d -D -e -f -F -g -i -k -K -L -m -M -o -p -s -S -T -u -z -Z",
    "-r +r",
)

_DMESG = options(
    "-C/--clear -c/--read-clear -D/--console-off -E/--console-on -d/--show-delta -e/--reltime -H/--human -k/--kernel "
    "-P/--nopager -p/--force-prefix -r/--raw -S/--syslog -T/--ctime -t/--notime -u/--userspace -w/--follow "
    "-W/--follow-new -x/--decode -h/--help -V/--version -J/--json",
    "-f/--facility -F/--file -l/--level -n/--console-level -s/--buffer-size --since --until --time-format",
    "-L/--color",
)

_CRONTAB = options("-e -i -l -r", "-u -x")


def _crontab(call: Call) -> Effect:
    parsed = read(call.arguments, _CRONTAB)
    if parsed.has("-r"):
        return destroys("deletes every scheduled command of a user", hint="`crontab -l > crontab.old` keeps them.")
    if parsed.has("-e"):
        return changes("edits scheduled commands", Trait.INTERACTIVE)
    if parsed.has("-l"):
        return parsed.certain(reads("lists scheduled commands"))
    return destroys("replaces every scheduled command of a user")


def _sysctl(call: Call) -> Effect:
    parsed = read(
        call.arguments,
        options(
            "-a/-A/-X/--all -b/--binary -e/--ignore -n/--values -N/--names -q/--quiet -w/--write --system "
            "--dry-run -h/--help -V/--version",
            "-r/--pattern",
            "-p/-f/--load --deprecated",
        ),
    )
    if parsed.has("--write", "--load", "--system") or any("=" in word for word in parsed.operands):
        return changes("changes a setting of the kernel", hint="Note the present value first: sysctl NAME.")
    return parsed.certain(reads("shows settings of the kernel"))


def _only_listing(why: str, *, verbs: tuple[str, ...] = (), does: Effect) -> Grammar:
    """Reads where there are no operands, or the first is one of `verbs`; else `does`."""

    def rate(call: Call) -> Effect:
        words = [word for word in call.arguments if not word.startswith("-")]
        if not words or words[0] in verbs or call.arguments[:1] in {("--help",), ("--version",)}:
            return reads(why)
        return does

    return rate


def _mount(call: Call) -> Effect:
    if (
        all(word in {"-l", "-v", "--help", "--version", "-t", "-V"} for word in call.arguments[:1])
        and len(call.arguments) <= 2
    ):
        return reads("shows what is mounted")
    return changes("mounts a file system")


def _disk_tool(call: Call) -> Effect:
    if call.name == "parted":
        words = [word for word in call.arguments if not word.startswith("-")]
        only_shown = {
            "print",
            "unit",
            "align-check",
            "help",
            "version",
            "s",
            "B",
            "MiB",
            "GiB",
            "free",
            "all",
            "devices",
        }
        if set(words[1:]) <= only_shown and words[1:]:
            return reads("shows how disks are divided")
        if not words and gives(call.arguments, "-l --list"):
            return reads("shows how disks are divided")
        return destroys("changes how disks are divided")
    if call.arguments and call.arguments[0] in {
        "-l",
        "--list",
        "-s",
        "--getsz",
        "-x",
        "--help",
        "--version",
        "-d",
        "--dump",
        "-J",
        "--json",
        "-V",
    }:
        return reads("shows how disks are divided")
    return destroys("changes how disks are divided")


_DESTROYS_DISK = always(destroys("overwrites a disk"))
_ENDS_MACHINE = always(
    destroys("stops the machine", hint="Drain it first, and make sure that somebody can start it again.")
)


def _scheduled(call: Call) -> Effect:
    effect = changes("schedules a command")
    if gives(call.arguments, "-l -q -V") and not call.stdin.is_given:
        return reads("lists scheduled commands") if gives(call.arguments, "-l") else effect
    if gives(call.arguments, "-r -d"):
        return destroys("deletes a scheduled command")
    return effect.along(shell_from(call)) if call.stdin.is_given else effect


GRAMMARS: dict[str, Grammar] = {
    **each(
        "pstree pgrep pidof pmap prlimit lscpu lsmem lsblk lspci lsusb lsmod lsns lsipc lslocks "
        "lslogins findmnt blkid numastat ipcs slabtop nvidia-smi sensors dmidecode modinfo ldd nm "
        "objdump readelf size getfattr fuser lsinitramfs biolatency acpi",
        always(reads("shows what is there")),
    ),
    "ps": lambda call: (
        reads("shows what is running, and its environment", Trait.EXPOSES_SECRETS)
        if any(re.fullmatch(r"[a-df-zA-Z]*e[a-zA-Z]*", word) for word in call.arguments[:1])
        else reads("shows what is there")
    ),
    "prlimit": _only_listing("shows limits", does=unknown("changes limits of a process")),
    "slabtop": reader("shows kernel memory", options("-o/--once", "-d/--delay -s/--sort"), endless=""),
    "fuser": reader(
        "shows who uses a file",
        options(
            "-a/--all -c -f -i/--interactive -I/--inode -k/--kill -l/--list-signals -m/--mount "
            "-M/--ismountpoint -s/--silent -u/--user -v/--verbose -w/--writeonly -4/--ipv4 -6/--ipv6",
            "-n/--namespace -N",
        ),
        raises={"--kill": Raises(risk=Risk.MUTATING, why="ends every process that uses a file")},
    ),
    "nvidia-smi": reader(
        "shows graphics cards",
        options(
            "-L/--list-gpus -q/--query", "-i/--id -d/--display --format", "--query-gpu --query-compute-apps --format"
        ),
    ),
    "top": _top,
    **each(
        "htop atop btop glances nmon iotop iftop nethogs powertop",
        always(reads("shows what is running", Trait.INTERACTIVE, Trait.ENDLESS, hint="`top -b -n 1` prints once.")),
    ),
    "free": _free,
    "vmstat": _sampler("shows memory and processors", writes=()),
    "iostat": _sampler("shows disks", writes=("-o ",)),
    "mpstat": _sampler("shows processors"),
    "pidstat": _sampler("shows processes", writes=("-e",)),
    "sar": _sampler("shows recorded figures", writes=("-o",)),
    "dstat": always(reads("shows what is used", Trait.ENDLESS)),
    "lsof": reader("shows open files", _LSOF, endless="-r +r"),
    "dmesg": reader(
        "shows messages of the kernel",
        _DMESG,
        endless="--follow --follow-new",
        raises={
            "--clear": Raises(risk=Risk.DESTRUCTIVE, why="empties the kernel's messages"),
            "--read-clear": Raises(risk=Risk.DESTRUCTIVE, why="empties the kernel's messages"),
            "--console-off": Raises(risk=Risk.MUTATING, why="changes where messages go"),
            "--console-on": Raises(risk=Risk.MUTATING, why="changes where messages go"),
            "--console-level": Raises(risk=Risk.MUTATING, why="changes where messages go"),
        },
    ),
    "kill": _kill,
    **each("pkill killall skill killall5 xkill", _kill_by_name),
    "renice": always(changes("changes how a process is scheduled")),
    "crontab": _crontab,
    **each("at batch", _scheduled),
    "atq": always(reads("lists scheduled commands")),
    "atrm": always(destroys("deletes a scheduled command")),
    "sysctl": _sysctl,
    "swapon": _only_listing("shows swap space", does=changes("adds swap space")),
    "swapoff": always(changes("takes swap space away")),
    "mount": _mount,
    "umount": always(changes("unmounts a file system")),
    "modprobe": always(changes("loads a kernel module")),
    "insmod": always(changes("loads a kernel module")),
    "rmmod": always(changes("unloads a kernel module")),
    **each("reboot halt poweroff shutdown init telinit kexec", _ENDS_MACHINE),
    **each("fdisk sfdisk gdisk sgdisk parted cfdisk", _disk_tool),
    **each(
        "mkfs mkfs.ext2 mkfs.ext3 mkfs.ext4 mkfs.xfs mkfs.btrfs mkfs.vfat mke2fs mkswap wipefs blkdiscard "
        "badblocks debugfs hdparm cryptsetup",
        _DESTROYS_DISK,
    ),
    **each(
        "pvs vgs lvs pvdisplay vgdisplay lvdisplay pvscan vgscan lvscan dumpe2fs xfs_info",
        always(reads("shows volumes")),
    ),
    **each("pvremove vgremove lvremove lvreduce", _DESTROYS_DISK),
    **each(
        "pvcreate vgcreate lvcreate lvextend vgextend resize2fs xfs_growfs tune2fs fsck e2fsck",
        always(changes("changes volumes")),
    ),
    **each(
        "useradd adduser groupadd usermod groupmod gpasswd newgrp",
        unless(
            changes("changes who may log in"),
            "-L --lock -e --expiredate -d --delete -r --remove-password -R --restrict -M --members -G --groups",
            destroys("takes access away from somebody"),
        ),
    ),
    **each(
        "userdel deluser groupdel delgroup passwd chpasswd visudo",
        always(destroys("changes who may log in, and may lock somebody out")),
    ),
    "chage": lambda call: (
        reads("shows until when somebody may log in")
        if call.arguments[:1] in {("-l",), ("--list",)}
        else destroys("changes who may log in, and may lock somebody out")
    ),
    "ulimit": always(reads("shows or sets limits of its own shell")),
}
