"""What a machine says over the network and to whom: ping, dig, ss, ip, nc, tcpdump, iptables and others."""

import re

from stanch.commands.effect import Call, Effect, Grammar, changes, destroys, reads, unknown
from stanch.commands.options import Raises, each, options, read, words
from stanch.commands.tables import always, gives, reader
from stanch.model.pattern import Pattern
from stanch.model.risk import Risk, Trait

_PING = options(
    "-4 -6 -A -a -B -b -C -D -d -f -h -L -n -O -q -R -r -U -v -V",
    "-c -e -F -I -i -l -m -M -N -p -Q -s -S -t -T -W -w",
)


def _ping(call: Call) -> Effect:
    parsed = read(call.arguments, _PING)
    effect = reads("asks whether a machine answers").at(host=parsed.operand(0))
    if parsed.has("-V", "-h"):
        return reads("says what it is")
    if not parsed.has("-c", "-w"):
        effect = effect.having(Trait.ENDLESS).hinting("`-c 4` makes it end.")
    if parsed.has("-f", "-l"):
        effect = effect.having(Trait.HEAVY)
    return parsed.certain(effect)


_SS = options(
    "-0 -4/--ipv4 -6/--ipv6 -a/--all -B/--bpf -b -d/--dccp -e/--extended -E/--events -h/--help -H/--no-header "
    "-i/--info "
    "-K/--kill -l/--listening -m/--memory -M/--mptcp -n/--numeric -o/--options -O/--oneline -p/--processes -P "
    "-r/--resolve "
    "-S/--sctp -s/--summary -t/--tcp -T/--threads -u/--udp -V/--version -w/--raw -x/--unix -z/--contexts -Z --tos "
    "--cgroup --vsock --xdp --tipc --inet-sockopt",
    "-A/--query/--socket -D/--diag -f/--family -F/--filter -N/--net",
)
_NETSTAT = options(
    "-4 -6 -8/--wide -a/--all -A -c/--continuous -C -e/--extend -F -g/--groups -i/--interfaces -l/--listening "
    "-M -n/--numeric "
    "-N -o/--timers -p/--programs -r/--route -s/--statistics -t/--tcp -u/--udp -U -v/--verbose -w/--raw -W "
    "-x/--unix -Z "
    "-L -b -f -m --numeric-hosts --numeric-ports --inet",
    "",
)
_IP = options(
    "-0 -4 -6 -B -M -N/--Numeric -a/--all -br/--brief -c/--color -d/--details -h/--human -iec -j/--json "
    "-o/--oneline -p/--pretty -r/--resolve "
    "-s/--statistics -t/--timestamp -ts -V -echo",
    "-b/--batch -f/--family -l/--loops -n/--netns -rc -rcvbuf",
)
_IP_READS = words("show list ls lst s sh sho get save help")
_IP_OBJECTS = words(
    "address addr a ad link l li route r ro rule ru neighbour neighbor neigh n ne maddress mroute tunnel tun "
    "tunt netns xfrm token vrf addrlabel ntable nexthop stats"
)


def _ip(call: Call) -> Effect:
    arguments = tuple(
        f"--{word[1:]}"
        if re.fullmatch(r"-(?:br|brief|color|json|stats?|details|oneline|all|human|netns|batch|family)", word)
        else word
        for word in call.arguments
    )
    parsed = read(arguments, _IP, stop_at_operand=True)
    parsed_words = [word for word in parsed.operands if not word.startswith("-")]
    if parsed.has("--batch"):
        return changes("runs commands from a file")
    if not parsed_words:
        return reads("says what it is")
    entity, rest = parsed_words[0], parsed_words[1:]
    if entity == "monitor":
        return reads("shows what changes in the network", Trait.ENDLESS)
    if entity == "netns" and rest[:1] == ["exec"]:
        index = parsed.operands.index("exec")
        return call.rater.argv(parsed.operands[index + 2 :]) if len(parsed.operands) > index + 2 else reads()
    if entity not in _IP_OBJECTS:
        return unknown(f"`ip {entity}` is not known")
    if not rest or rest[0] in _IP_READS or rest[0] in {"dev", "table", "up"}:
        return parsed.certain(reads("shows the network's settings"))
    if rest[0] in {"flush", "delete", "del", "d", "f"}:
        return destroys("takes away addresses or routes, and maybe the way to this machine")
    return changes("changes the network's settings")


def _netcat(call: Call) -> Effect:
    """Nc says what it is told; where that is known, it is rated by the protocol that it speaks."""
    parsed = read(
        call.arguments,
        options(
            "-4 -6 -b -C -D -d -F -h -k -l -n -N -r -S -t -U -u -v -z -Z --ssl --listen --udp -4",
            "-e/--exec -c/--sh-exec -g -G -I -i -m -M -O -o -P -p -q -s -T -V -w -W -X -x --proxy -A -a",
        ),
    )
    host, port = parsed.operand(0), parsed.operand(1)
    if parsed.has("--exec", "--sh-exec"):
        return destroys("gives a program to whoever connects").along(
            call.rater.script(parsed.first("--exec", "--sh-exec") or "")
        )
    if parsed.has("-l", "--listen", "-k"):
        return changes("waits for connections", Trait.ENDLESS)
    if parsed.has("-z"):
        return parsed.certain(reads("asks whether a port is open")).at(host=host)
    if not call.stdin.is_given:
        return changes("opens a connection to type into", Trait.INTERACTIVE).at(host=host)
    return parsed.certain(said(call, call.stdin.text, local=parsed.has("-U"))).at(
        host=f"{host}:{port}" if port else host
    )


_SOCAT_LOCAL = Pattern(r"(?:-|stdio|stdin|stdout|std|fd:\d+)(?:,.*)?\Z", re.IGNORECASE)
_SOCAT_UNIX = Pattern(
    r"(?:unix-connect:|unix-client:|unix:|gopen:|abstract-connect:)?(/[^,]*)(?:,.*)?\Z", re.IGNORECASE
)
_SOCAT_TCP = Pattern(
    r"(?:tcp4?|tcp6|tcp4?-connect|tcp6-connect|openssl|ssl|openssl-connect):([^,]*)(?:,.*)?\Z", re.IGNORECASE
)


def _socat(call: Call) -> Effect:
    parsed = read(
        call.arguments, options("-d -D -g -h -s -u -U -v -V -x -ly -lh -4 -6", "-b -r -R -T -t -L -W -lf -lp")
    )
    if len(parsed.operands) != 2:
        return reads("says what it is") if parsed.has("-V", "-h") else unknown("joins what is not known")
    for address in parsed.operands:
        if re.match(r"(?:exec|system|shell):", address, re.IGNORECASE):
            return destroys("gives a program to a connection").along(call.rater.script(address.partition(":")[2]))
    remote = [address for address in parsed.operands if not _SOCAT_LOCAL.match(address)]
    if len(remote) != 1:
        return changes("joins two streams")
    local, tcp = _SOCAT_UNIX.match(remote[0]), _SOCAT_TCP.match(remote[0])
    if local is None and tcp is None:
        return unknown("opens, creates or listens on what is not known")
    host = (local or tcp).group(1) if (local or tcp) else ""  # type: ignore[union-attr] # one of them matched
    if not call.stdin.is_given:
        return changes("opens a connection to type into", Trait.INTERACTIVE).at(host=host)
    return parsed.certain(said(call, call.stdin.text, local=local is not None)).at(host=host)


_HAPROXY_READS = Pattern(
    r"(?:show\s+(?:info|stat|servers|sess|errors|table|backend|pools|threads|activity|map|acl|cli|events|fd|peers|profiling|resolvers|"
    r"schema|startup-logs|tasks|version|ssl|cache|libs|quic|trace|sni|dev)\b|show\s*$|get\s+(?:weight|map|acl|var)\b|help\b|prompt\b|quit\b)"
)
_HAPROXY_CHANGES = Pattern(
    r"(?:set|enable|disable|clear\s+counters|add|commit|new|prepare|abort|trace|expert-mode|experimental-mode|operator|user|"
    r"mworker|reload|update)\b"
)
_HAPROXY_DESTROYS = Pattern(r"(?:shutdown|clear\s+(?:table|map|acl)|del|dump\s+stats-file)\b")
_FOUR_LETTERS = Pattern(r"(?:ruok|stat|srvr|mntr|conf|cons|dump|envi|isro|wchc|wchp|wchs|crst|dirs|hash|gtmk)\Z")
_MEMCACHED_READS = Pattern(r"(?:stats|version|get|gets|quit|verbosity|mn|me)\b")


def said(call: Call, text: str | None, *, local: bool) -> Effect:
    """What is said over a connection: HAProxy's socket, Redis, memcached, ZooKeeper, or a plain HTTP request."""
    if text is None:
        return changes("says to another program what is only known when it runs", Trait.DYNAMIC)
    lines = [line.strip() for part in text.splitlines() for line in part.split(";") if line.strip()]
    if not lines:
        return reads("says nothing")
    if re.match(r"(?:GET|HEAD|OPTIONS) \S+ HTTP/", lines[0]):
        return reads("asks a web server")
    effects = [_line(call, re.sub(r"^@\S+\s+", "", line), local=local) for line in lines]
    first, *rest = effects
    return first.along(*rest)


def _line(call: Call, line: str, *, local: bool) -> Effect:
    if _HAPROXY_READS.match(line):
        return reads("asks HAProxy for its state")
    if _HAPROXY_DESTROYS.match(line):
        return destroys("ends sessions or empties tables of HAProxy")
    if local and _HAPROXY_CHANGES.match(line):
        return changes("changes a running HAProxy", hint="`show servers state` before it shows what to go back to.")
    if line == "kill":
        return destroys("stops a server")
    if _FOUR_LETTERS.match(line) or _MEMCACHED_READS.match(line):
        return changes("resets statistics") if line == "crst" else reads("asks a server for its state")
    if line.lower().startswith(("flush_all", "delete ")):
        return destroys("empties a cache")
    redis = call.rater.argv(("redis-cli", *line.split()))
    if not redis.is_known:
        return unknown("says to another program what is not known")
    return redis


_TCPDUMP = options(
    "-A -b -d -D/--list-interfaces -e -f -h/--help -H -I/--monitor-mode -J -K -l -L -n -N -O -p -q -S -t -u "
    "-U -v -x -X -# "
    "--version --lengths --print",
    "-B/--buffer-size -c --count -C -E -F -G -i/--interface -j -m -M -Q/--direction -r -s/--snapshot-length "
    "-T -V -w -W -y -z -Z --immediate-mode",
)


def _tcpdump(call: Call) -> Effect:
    parsed = read(call.arguments, _TCPDUMP)
    if parsed.has("--version", "--help", "--list-interfaces"):
        return reads("says what it is")
    effect = reads("shows what goes over the network", Trait.EXPOSES_SECRETS)
    if parsed.has("-z"):
        effect = destroys("runs a program on what it captured")
    elif parsed.has("-w"):
        effect = changes("writes what goes over the network into a file", Trait.EXPOSES_SECRETS)
    if not parsed.has("-c", "-r", "--count"):
        effect = effect.having(Trait.ENDLESS).hinting("`-c 100` makes it end.")
    return parsed.certain(effect)


_IPTABLES_READS = words(
    "-L --list -S --list-rules -n --numeric -v --verbose -x --exact --line-numbers -t --table -V --version -w "
    "--wait -C --check -h --help -nvL -nL -vnL -Lnv -Ln -Lv -nvxL -vL -xvnL -4 -6"
)
_IPTABLES_DESTROYS = words("-F --flush -X --delete-chain -D --delete -P --policy -Z --zero")


def _iptables(call: Call) -> Effect:
    if any(word in _IPTABLES_DESTROYS for word in call.arguments):
        return destroys(
            "takes away rules of the firewall, and maybe the way to this machine",
            hint="`iptables-save` keeps what is there.",
        )
    given = [word for word in call.arguments if word.startswith("-")]
    clusters = all(word in _IPTABLES_READS or (re.fullmatch(r"-[nvxLS]+", word) is not None) for word in given)
    if given and clusters:
        return reads("lists the rules of the firewall")
    return changes("changes the rules of the firewall", hint="`iptables-save` keeps what is there.")


_CHANGING = words(
    "add append change chg replace set link new create modify mod edit clone import load up down on off connect disconnect "
    "reapply wifi-connect hotspot rescan register unregister"
)
"""Verbs behind the kind of thing that they change, as in `tc qdisc add`, `nmcli connection down`."""


def _verbs(why: str, reads_on: str, *, does: str, destroys_on: str = "") -> Grammar:
    reading, destroying = words(reads_on), words(destroys_on)

    def rate(call: Call) -> Effect:
        given = [word for word in call.arguments if not word.startswith("-")]
        if any(word in destroying for word in given):
            return destroys(does)
        if any(word in _CHANGING for word in given[1:]):
            return changes(does)
        if not given or given[0] in reading or (len(given) > 1 and given[1] in reading and given[0] in reading):
            return reads(why)
        return changes(does)

    return rate


def _operands_change(why: str, count: int, does: str) -> Grammar:
    def rate(call: Call) -> Effect:
        given = [word for word in call.arguments if not word.startswith("-")]
        return changes(does) if len(given) > count else reads(why)

    return rate


def _openssl(call: Call) -> Effect:
    arguments = call.arguments
    verb = arguments[0] if arguments else ""
    if verb in {"version", "list", "ciphers", "help", "errstr", "speed"}:
        return reads("says what it can do")
    if any(
        word
        in {
            "-out",
            "-keyout",
            "-writerand",
            "-sess_out",
            "-keylogfile",
            "-engine",
            "-provider",
            "-config",
            "-CAcreateserial",
        }
        for word in arguments
    ):
        return changes("writes a file or loads code")
    if verb in {"s_client", "s_time"}:
        effect = reads("connects to a server and shows its certificate")
        if verb == "s_client" and not call.stdin.is_given:
            effect = effect.having(Trait.INTERACTIVE).hinting("`</dev/null` makes it end once connected.")
        elif call.stdin.text is None:
            effect = changes("says to a server what is only known when it runs")
        elif call.stdin.text:
            effect = said(call, call.stdin.text, local=False)
        host = arguments[arguments.index("-connect") + 1] if "-connect" in arguments[:-1] else ""
        return effect.at(host=host)
    if verb in {
        "x509",
        "verify",
        "req",
        "crl",
        "asn1parse",
        "dgst",
        "ocsp",
        "sha256",
        "md5",
        "base64",
        "rand",
        "prime",
        "enc",
        "dhparam",
        "ecparam",
        "pkcs7",
        "sess_id",
    }:
        return reads("shows a certificate or computes a sum")
    if verb in {"rsa", "ec", "pkey", "pkcs12", "pkcs8", "genrsa", "genpkey"}:
        return reads("shows a key", Trait.EXPOSES_SECRETS)
    return unknown(f"`openssl {verb}` is not known")


_RESOLVES = _verbs(
    "asks how names are resolved",
    "status query statistics service openpgp tlsa dns domain",
    does="changes how names are resolved",
)


def _transfers(call: Call) -> Effect:
    effect = unknown("copies files, and overwrites those of the same name")
    if call.name == "scp" or not call.stdin.text:
        return effect
    # The commands of sftp and lftp are called like those of the shell: rm, mv, rmdir.
    return effect.along(call.rater.script(call.stdin.text))


def _rclone(call: Call) -> Effect:
    words = [word for word in call.arguments if not word.startswith("-")]
    if "--dry-run" in call.arguments or "-n" in call.arguments:
        return reads("shows what it would do")
    if words[:1] and words[0] in _RCLONE_READS:
        return reads("lists files")
    if words[:1] and words[0] in _RCLONE_DELETES:
        return destroys(
            "deletes files, or those at its target that its source does not have", hint="--dry-run shows which."
        )
    return changes("copies files, and overwrites those of the same name")


_RCLONE_READS = frozenset(
    "about cat check cryptcheck hashsum ls lsd lsf lsjson lsl md5sum sha1sum size tree version".split()
)
_RCLONE_DELETES = frozenset("cleanup dedupe delete deletefile move moveto purge rmdir rmdirs sync bisync".split())


def _pinging(call: Call) -> Effect:
    effect = _ping(call)
    return effect.along(changes("floods a machine", Trait.HEAVY)) if gives(call.arguments, "-f -l") else effect


GRAMMARS: dict[str, Grammar] = {
    **each("ping ping6", _pinging),
    "ss": reader(
        "shows connections",
        _SS,
        raises={"--kill": Raises(risk=Risk.DESTRUCTIVE, why="ends connections")},
        writes="--diag",
        endless="--events",
    ),
    "netstat": reader("shows connections", _NETSTAT, endless="--continuous"),
    "ip": _ip,
    "bridge": _verbs(
        "shows bridges", "link fdb vlan show mdb list", does="changes bridges", destroys_on="del delete flush"
    ),
    "tc": _verbs(
        "shows queues",
        "qdisc class filter show list ls -s",
        does="changes how traffic is shaped",
        destroys_on="del delete",
    ),
    "ethtool": reader(
        "shows a network card",
        options(
            "-i/--driver -S/--statistics -k/--show-features -g/--show-ring -a/--show-pause -l/--show-channels "
            "-c/--show-coalesce -m/--module-info -T/--show-time-stamping -n -x -P --show-fec --phy-statistics "
            "-h --version"
        ),
    ),
    "ifconfig": _operands_change("shows network interfaces", 1, "changes a network interface"),
    "route": _operands_change("shows routes", 0, "changes routes"),
    "arp": reader(
        "shows neighbours",
        options("-a -e -n -v -D -A", "-H -t -i"),
        raises={"-D": Raises(risk=Risk.MUTATING, why="changes neighbours")},
    ),
    "nmcli": _verbs(
        "shows network settings",
        "general gen device dev connection con networking radio show status",
        does="changes network settings",
        destroys_on="delete",
    ),
    "resolvectl": lambda call: (
        changes("changes how names are resolved")
        if call.arguments[:1] in {("dns",), ("domain",)} and len(call.arguments) > 2
        else _RESOLVES(call)
    ),
    **each("traceroute traceroute6 tracepath tcptraceroute", always(reads("shows the way to a machine"))),
    "mtr": reader(
        "shows the way to a machine",
        options(
            "-4 -6 -b/--show-ips -C/--csv -e/--mpls -j/--json -l/--raw -n/--no-dns -p/--split -r/--report "
            "-t/--curses -T/--tcp -u/--udp -w/--report-wide -x/--xml -z/--aslookup -v/--version -h/--help",
            "-a/--address -B/--bitpattern -c/--report-cycles -f/--first-ttl -F/--filename -G/--gracetime "
            "-i/--interval -I/--interface -m/--max-ttl -M/--mark -o/--order -P/--port -Q/--tos -s/--psize "
            "-U/--max-unknown -y/--ipinfo -Z/--timeout",
        ),
        endless="--curses",
    ),
    **each("dig host drill kdig delv dog whois getent rdap", always(reads("asks for names"))),
    "nslookup": lambda call: reads("asks for names") if call.arguments else reads("asks for names", Trait.INTERACTIVE),
    **each("nc ncat netcat nc.openbsd nc.traditional", _netcat),
    "socat": _socat,
    "telnet": lambda call: changes("opens a connection to type into", Trait.INTERACTIVE).at(
        host=call.argv[1] if len(call.argv) > 1 else ""
    ),
    "tcpdump": _tcpdump,
    "tshark": lambda call: (
        _tcpdump(call).raised(Risk.MUTATING, "what its options write is not known")
        if any(w in {"-w", "-X", "-b", "-P"} for w in call.arguments)
        else reads(
            "shows what goes over the network",
            Trait.EXPOSES_SECRETS,
            *(() if any(w.startswith(("-c", "-r", "-a")) for w in call.arguments) else (Trait.ENDLESS,)),
        )
    ),
    "iptables": _iptables,
    "ip6tables": _iptables,
    "iptables-save": lambda call: (
        changes("writes a file")
        if any(w.startswith(("-f", "--file", "-M")) for w in call.arguments)
        else reads("lists the rules of the firewall")
    ),
    "ip6tables-save": lambda call: (
        changes("writes a file")
        if any(w.startswith(("-f", "--file", "-M")) for w in call.arguments)
        else reads("lists the rules of the firewall")
    ),
    **dict.fromkeys(("iptables-restore", "ip6tables-restore"), always(destroys("replaces the rules of the firewall"))),
    "nft": _verbs(
        "lists the rules of the firewall",
        "list describe monitor",
        does="changes the rules of the firewall",
        destroys_on="flush delete destroy reset",
    ),
    "ufw": _verbs(
        "shows the firewall's state",
        "status version show app list",
        does="changes the firewall",
        destroys_on="reset delete disable",
    ),
    "firewall-cmd": lambda call: (
        destroys("cuts every connection, or forgets rules")
        if any(re.match(r"--(?:panic-on|complete-reload|remove-|delete-|reset-|load-)", w) for w in call.arguments)
        else reads("shows the firewall's state")
        if all(
            w.startswith(
                ("--list", "--get", "--state", "--query", "--info", "--zone", "--permanent", "--version", "--help")
            )
            for w in call.arguments
        )
        else changes("changes the firewall")
    ),
    "conntrack": reader(
        "shows connections",
        options(
            "-L/--dump -C/--count -S/--stats -G/--get -E/--event -D/--delete -F/--flush -I/--create -U/--update",
            "-p/--proto -s/--src -d/--dst -o/--output -f/--family --dport --sport --state --orig-port-dst "
            "--orig-port-src",
        ),
        endless="--event",
        raises={
            "--delete": Raises(risk=Risk.DESTRUCTIVE, why="forgets connections"),
            "--flush": Raises(risk=Risk.DESTRUCTIVE, why="forgets connections"),
            "--create": Raises(risk=Risk.MUTATING, why="makes connections up"),
            "--update": Raises(risk=Risk.MUTATING, why="changes connections"),
        },
    ),
    "ipvsadm": lambda call: (
        destroys("removes virtual servers")
        if gives(call.arguments, "-C -D -d --clear --delete-service --delete-server")
        else reads("shows virtual servers")
        if gives(call.arguments, "-L -l -S --list --save") or not call.arguments
        else changes("changes virtual servers")
    ),
    "chronyc": _verbs(
        "shows how well the clock keeps time",
        "tracking sources sourcestats activity clients ntpdata serverstats rtcdata selectdata",
        does="changes how the clock is kept",
    ),
    "ntpq": lambda call: (
        reads("shows how well the clock keeps time")
        if not any(":config" in word or "config-from-file" in word or "saveconfig" in word for word in call.arguments)
        else changes("changes how the clock is kept")
    ),
    "openssl": _openssl,
    "iperf3": always(changes("fills the network to measure it", Trait.HEAVY)),
    "iperf": always(changes("fills the network to measure it", Trait.HEAVY)),
    **each(
        "ab wrk hey vegeta k6 siege locust oha",
        always(changes("puts load on a server", Trait.HEAVY)),
    ),
    "nmap": always(changes("knocks at every port of a machine", Trait.HEAVY)),
    **each(
        "scp sftp ftp lftp",
        _transfers,
    ),
    "rclone": _rclone,
}


_RSYNC_DELETES = Pattern(r"--del(?:ete(?:-\w+)?)?\Z|--remove-source-files\Z|--existing\Z")


def _rsync(call: Call) -> Effect:
    if any(word in {"-e", "--rsh"} or word.startswith(("--rsh=", "--rsync-path")) for word in call.arguments):
        shell = next((word.partition("=")[2] for word in call.arguments if word.startswith("--rsh=")), "")
        index = next((i for i, word in enumerate(call.arguments) if word in {"-e", "--rsh"}), None)
        if index is not None:
            shell = "".join(call.arguments[index + 1 : index + 2])
        if not re.fullmatch(r"ssh(?: (?:-p \d+|-i \S+|-q|-4|-6|-C|-l \S+))*", shell):
            return destroys("runs a program of its own to connect").along(call.rater.script(shell))
    dry = any(word == "--dry-run" or re.fullmatch(r"-[A-Za-df-z]*n[A-Za-z]*", word) for word in call.arguments)
    listing = len([word for word in call.arguments if not word.startswith("-")]) == 1
    if dry or listing:
        return reads("shows what it would copy")
    if any(_RSYNC_DELETES.match(word) for word in call.arguments):
        return destroys(
            "deletes at its target what its source does not have", hint="`rsync -n` shows what it would do."
        )
    return changes("copies files, and overwrites those of the same name", hint="`rsync -n` shows what it would do.")


GRAMMARS["rsync"] = _rsync
