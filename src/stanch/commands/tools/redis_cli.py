"""redis-cli (and valkey-cli, keydb-cli): rated by the Redis command and by the tool's own modes."""

import re
import shlex

from stanch.commands.connection import place
from stanch.commands.effect import Call, Effect, changes, destroys, reads, together, unknown
from stanch.commands.options import each, options, read, words
from stanch.model.pattern import Pattern
from stanch.model.risk import Risk, Trait

INERT = ("-h", "-p", "-a", "-n", "--user", "--pass")

NAMES = ("redis-cli", "valkey-cli", "keydb-cli")

_OPTIONS = options(
    "-c -e -x -X -2 -3 --tls --insecure --no-auth-warning --no-raw --raw --csv --json --quoted-json "
    "--quoted-input --latency "
    "--latency-history --latency-dist --stat --bigkeys --memkeys --hotkeys --scan --pipe --replica --help "
    "--version -v --verbose "
    "--ldb --ldb-sync-mode --askpass --test-hint-file --vset-recall --show-pushes",
    "-h -p -s -a/--pass -u -r -i -n -d -D -t --user --cacert --cacertdir --cert --key --sni --tls-ciphers "
    "--tls-ciphersuites "
    "--rdb --functions-rdb --pattern --quoted-pattern --count --cursor --pipe-timeout --eval "
    "--intrinsic-latency --lru-test "
    "--cluster --memkeys-samples --keystats-samples --show-pushes --top",
)

_READS = words(
    "append_ bitcount bitpos bitfield_ro cluster_ dbsize dump echo exists expiretime geodist geohash geopos "
    "georadius_ro "
    "georadiusbymember_ro geosearch get getbit getrange hello hexists hget hgetall hkeys hlen hmget "
    "hrandfield hscan hstrlen hvals "
    "info keys lastsave lcs lindex llen lolwut lpos lrange memory_ mget object_ pexpiretime pfcount ping pttl "
    "pubsub_ quit randomkey "
    "role scan scard sdiff select sinter sintercard sismember slowlog_ smembers smismember sort_ro "
    "srandmember sscan strlen substr "
    "sunion time touch ttl type wait waitaof xinfo xlen xpending xrange xread xrevrange zcard zcount zdiff "
    "zinter zintercard zlexcount "
    "zmscore zrandmember zrange zrangebylex zrangebyscore zrank zrevrange zrevrangebylex zrevrangebyscore "
    "zrevrank zscan zscore "
    "zunion readonly readwrite command auth asking multi exec discard watch unwatch hexpiretime hpexpiretime "
    "hpttl httl "
    "ft.search ft.info ft._list ft.explain ft.aggregate json.get json.mget json.type json.strlen json.objkeys "
    "json.objlen json.arrlen "
    "ts.get ts.range ts.info ts.mget bf.exists bf.info"
)
_HEAVY = words("keys smembers hgetall lrange_ sort_ro sunion sinter sdiff")
_DESTROYS = {
    **each(
        "del unlink getdel hdel hgetdel srem spop zrem zpopmin zpopmax zmpop lmpop lpop rpop blpop brpop "
        "bzpopmin bzpopmax blmpop bzmpop ltrim lrem xdel xtrim zremrangebyrank zremrangebyscore "
        "zremrangebylex json.del json.forget json.clear ft.dropindex ft.drop xdelex",
        "deletes what it names",
    ),
    "flushall": "destroys every key of every database",
    "flushdb": "destroys every key of a database",
    "shutdown": "stops the server, and loses what was not saved",
    "migrate": "moves keys away, and deletes them here",
    "restore": "overwrites a key",
    "swapdb": "exchanges two databases under everybody's feet",
    "slaveof": "discards the data here and copies another server's",
    "replicaof": "discards the data here and copies another server's",
    "psync": "takes part in replication",
    "sync": "takes part in replication",
}
_SCOPE = (
    "FLUSHALL destroys every key of every tenant of this server. Delete by pattern instead: "
    "redis-cli --scan --pattern 'prefix:*' | xargs -n 100 redis-cli UNLINK"
)
_MUTATES = words(
    "append bitfield bitop bgrewriteaof bgsave blmove brpoplpush copy decr decrby expire expireat fcall "
    "fcall_ro eval eval_ro evalsha "
    "evalsha_ro failover geoadd georadius georadiusbymember geosearchstore getex getset hexpire hexpireat "
    "hincrby hincrbyfloat hmset "
    "hpersist hpexpire hpexpireat hset hsetex hsetnx incr incrby incrbyfloat linsert lmove lpush lpushx lset "
    "move mset msetnx persist "
    "pexpire pexpireat pfadd pfmerge psetex publish rename renamenx replconf reset restore-asking rpoplpush "
    "rpush rpushx sadd save "
    "sdiffstore set setbit setex setnx setrange sinterstore smove sort spublish sunionstore xack xadd "
    "xautoclaim xclaim xgroup "
    "xreadgroup xsetid zadd zdiffstore zincrby zinterstore zrangestore zunionstore json.set json.merge "
    "json.mset json.arrappend ft.create ft.alter "
    "client config acl cluster script function module debug latency memory object slowlog pubsub monitor "
    "subscribe psubscribe "
    "ssubscribe sentinel failover"
)
_SUBCOMMANDS: dict[str, dict[str, Effect]] = {
    "client": {
        **each("list info getname id help trackinginfo getredir", reads("shows connections")),
        **each("setname setinfo no-evict no-touch reply caching tracking", reads("changes its own connection")),
        "kill": changes("ends connections"),
        "pause": changes("stops every client for a while"),
        "unpause": changes("lets clients go on"),
        "unblock": changes("wakes a client"),
    },
    "config": {
        "get": reads("shows settings"),
        "help": reads("says what there is"),
        "set": changes(
            "changes a setting of the running server", hint="CONFIG GET shows the present value to go back to."
        ),
        "rewrite": changes("writes the settings to their file"),
        "resetstat": changes("resets statistics"),
    },
    "acl": {
        **each("whoami cat help genpass dryrun log", reads("shows who may do what")),
        **each("list getuser users", reads("shows who may do what", Trait.EXPOSES_SECRETS)),
        "deluser": destroys("takes access away from somebody"),
        "setuser": destroys("changes who may do what"),
        "load": destroys("replaces who may do what"),
        "save": changes("writes who may do what to its file"),
    },
    "cluster": {
        **each(
            "info nodes slots shards keyslot countkeysinslot getkeysinslot myid myshardid replicas slaves "
            "count-failure-reports links help slot-stats",
            reads("shows the cluster"),
        ),
        **each("reset flushslots forget delslots delslotsrange", destroys("takes nodes or slots out of the cluster")),
    },
    "script": {
        "exists": reads("asks for a script"),
        "help": reads("says what there is"),
        "flush": destroys("forgets every script"),
        "kill": changes("ends a script"),
        "load": changes("keeps a script"),
        "show": reads("shows a script"),
    },
    "function": {
        **each("list stats help dump", reads("shows functions")),
        **each("flush delete restore", destroys("deletes functions")),
    },
    "module": {
        "list": reads("lists modules"),
        "help": reads("says what there is"),
        **dict.fromkeys(("load", "loadex"), destroys("loads code into the server")),
        "unload": destroys("unloads code, and may lose its keys"),
    },
    "debug": {
        "object": reads("shows a key's encoding"),
        "help": reads("says what there is"),
        "listpack": reads("shows a key's encoding"),
        "sleep": changes("stops the server for a while", Trait.HEAVY),
        "jmap": changes("dumps memory"),
        "stringmatch-len": reads("compares"),
    },
    "latency": {
        **each("latest history doctor graph histogram help", reads("shows what was slow")),
        "reset": changes("resets statistics"),
    },
    "memory": {
        **each("usage stats doctor malloc-stats help", reads("shows what memory is used for")),
        "purge": changes("gives memory back"),
    },
    "object": each("encoding freq idletime refcount help", reads("shows a key's encoding")),
    "slowlog": {**each("get len help", reads("shows slow commands")), "reset": changes("forgets slow commands")},
    "pubsub": each("channels numpat numsub shardchannels shardnumsub help", reads("shows who listens")),
    "sentinel": {
        **each(
            "masters master replicas slaves sentinels get-master-addr-by-name ckquorum info-cache myid help",
            reads("shows what sentinel sees"),
        ),
        "failover": changes("makes a replica the master"),
        **dict.fromkeys(("remove", "reset"), destroys("forgets a master")),
    },
    "command": each("count docs info list getkeys help", reads("describes commands")),
}
_SCRIPT_DESTROYS = Pattern(r"\b(?:flushall|flushdb|del|unlink|shutdown|restore|hdel|srem|zrem|ltrim)\b", re.IGNORECASE)


def rate(call: Call) -> Effect:
    parsed = read(call.arguments, _OPTIONS, stop_at_operand=True)
    effect = together(_modes(call, parsed.operands, dict(parsed.given)))
    database = parsed.value("-n")
    if parsed.has("-r") and parsed.value("-r") == "-1":
        effect = effect.having(Trait.ENDLESS)
    uri = parsed.value("-u") or ""
    pointed = place(uri) if uri else {}
    host = parsed.value("-h") or parsed.value("-s") or pointed.get("host")
    return parsed.certain(effect).at(host=host, database=database or pointed.get("database"))


def _modes(call: Call, command: tuple[str, ...], given: dict[str, str]) -> list[Effect]:  # noqa: C901, PLR0912 - a grammar has a branch for each rule
    effects: list[Effect] = []
    if {"--help", "--version", "-v"} & given.keys():
        return [reads("says what it is")]
    if {"--latency", "--latency-dist", "--latency-history", "--stat"} & given.keys():
        effects.append(reads("measures the server", Trait.ENDLESS))
    if {"--bigkeys", "--memkeys", "--hotkeys"} & given.keys():
        effects.append(reads("looks at every key, a few at a time", Trait.HEAVY, hint="-i 0.1 makes it gentler."))
    if "--scan" in given:
        effects.append(reads("lists keys, a few at a time"))
    if "--intrinsic-latency" in given:
        effects.append(reads("measures this machine", Trait.HEAVY))
    if {"--rdb", "--functions-rdb"} & given.keys():
        effects.append(changes("writes the whole data set into a file", Trait.HEAVY))
    if "--replica" in given:
        effects.append(
            reads("shows every write, as a replica sees it", Trait.ENDLESS, Trait.HEAVY, Trait.EXPOSES_SECRETS)
        )
    if "--lru-test" in given:
        effects.append(destroys("fills the server with keys of its own", Trait.HEAVY))
    if "--eval" in given or {"--ldb", "--ldb-sync-mode"} & given.keys():
        effects.append(changes("runs a script from a file that nobody has rated"))
    if "--cluster" in given:
        effects.append(_cluster(given["--cluster"]))
        return effects
    if "--pipe" in given:
        effects.append(destroys("runs commands that nobody can see beforehand", Trait.DYNAMIC))
    if command:
        effects.append(command_effect(command))
        if {"-x", "-X"} & given.keys():
            effects.append(changes("takes a value from its input"))
    elif not effects:
        effects.append(_from_input(call))
    return effects


def _cluster(verb: str) -> Effect:
    if verb in {"check", "info", "help"}:
        return reads("shows the cluster")
    if verb in {"call", "del-node", "fix", "reshard", "import", "create"}:
        return destroys("changes every node of the cluster, or where its keys are")
    return changes("changes the cluster")


def _from_input(call: Call) -> Effect:
    if not call.stdin.is_given:
        return changes("opens a session to type into", Trait.INTERACTIVE)
    if call.stdin.text is None:
        return destroys("runs commands that nobody can see beforehand", Trait.DYNAMIC)
    effects = []
    for line in call.stdin.text.splitlines():
        try:
            command = tuple(shlex.split(line))
        except ValueError:
            return changes("its commands cannot be read", Trait.UNREADABLE)
        if command:
            effects.append(command_effect(command))
    return together(effects)


def command_effect(command: tuple[str, ...]) -> Effect:  # noqa: C901, PLR0912 - a grammar has a branch for each rule
    """What one Redis command does, by its name and, where there is one, its sub-command."""
    name = command[0].lower()
    if name.isdigit() and len(command) > 1:
        # `5 PING` repeats a command.
        return command_effect(command[1:])
    second = command[1].lower() if len(command) > 1 else ""
    upper = [word.upper() for word in command[1:]]
    if name in _SUBCOMMANDS:
        return _with_subcommand(name, second, command)
    match name:
        case "monitor":
            return reads(
                "shows every command of every client, and slows the server down",
                Trait.ENDLESS,
                Trait.HEAVY,
                Trait.EXPOSES_SECRETS,
                hint="SLOWLOG GET shows what was slow without slowing anything down.",
            )
        case "subscribe" | "psubscribe" | "ssubscribe":
            return reads("waits for messages", Trait.ENDLESS)
        case "keys":
            return reads(
                "looks at every key and stops the server meanwhile",
                Trait.HEAVY,
                hint="redis-cli --scan --pattern lists the same, a few at a time.",
            )
        case "flushall" | "flushdb":
            return destroys(_DESTROYS[name], hint=_SCOPE)
        case "slaveof" | "replicaof" if upper == ["NO", "ONE"]:
            return changes("makes a replica a master of its own")
        case "eval" | "evalsha" | "fcall" | "eval_ro" | "evalsha_ro" | "fcall_ro":
            return _script(name, command)
        case "sort":
            return changes("keeps a sorted copy") if "STORE" in upper else reads("sorts", Trait.HEAVY)
        case "georadius" | "georadiusbymember":
            return changes("keeps what it found") if {"STORE", "STOREDIST"} & set(upper) else reads("looks for places")
        case "save":
            return changes("stops the server until it has saved", Trait.HEAVY, hint="BGSAVE saves beside the work.")
        case "exec":
            return changes("runs what was queued")
        case _ if name in _DESTROYS:
            return destroys(_DESTROYS[name])
        case _ if name in _READS:
            effect = reads("reads keys")
            if name in _HEAVY or (name == "lrange" and upper[-1:] == ["-1"]):
                return effect.having(Trait.HEAVY)
            return effect.having(Trait.ENDLESS) if name == "xread" and "BLOCK" in upper else effect
        case _ if name in _MUTATES:
            return changes("changes keys or the server")
        case _:
            return unknown(f"what {command[0]} does is not known")


def _with_subcommand(name: str, second: str, command: tuple[str, ...]) -> Effect:
    if not second:
        return reads("describes commands") if name == "command" else changes(f"{name} needs a further word")
    if name == "debug" and second not in _SUBCOMMANDS["debug"]:
        return destroys("pokes into the running server")
    effect = _SUBCOMMANDS[name].get(second, unknown(f"what {name} {second} does is not known"))
    settings = " ".join(command[2:]).lower()
    if name == "acl" and second == "log" and settings == "reset":
        return changes("empties the log of refusals")
    if name == "config" and second == "get" and re.search(r"pass|auth|\*|requirepass|key", settings):
        return effect.having(Trait.EXPOSES_SECRETS)
    if (
        name == "config"
        and second == "set"
        and re.search(
            r"\b(?:dir|dbfilename|requirepass|masterauth|rename-command|save|appendonly|maxmemory-policy|protected-mode|bind|slave-read-only|replica-read-only|enable-)",
            settings,
        )
    ):
        return destroys("changes a setting that can lose data or lock people out", hint=effect.hint)
    return effect


def _script(name: str, command: tuple[str, ...]) -> Effect:
    text = command[1] if len(command) > 1 else ""
    if name == "eval" and _SCRIPT_DESTROYS.search(text):
        return destroys("runs a script that deletes keys")
    if name.endswith("_ro"):
        return reads("runs a script that cannot write", Trait.HEAVY)
    effect = changes("runs a script on the server", Trait.HEAVY)
    return effect.raised(Risk.MUTATING, effect.why)
