"""mongosh and MongoDB's tools. What is evaluated is JavaScript: only chains of methods that read are taken as such."""

import re

from stanch.commands.connection import place
from stanch.commands.effect import Call, Effect, Grammar, changes, destroys, reads, unknown
from stanch.commands.options import options, read, words
from stanch.commands.tables import always
from stanch.model.pattern import Pattern
from stanch.model.risk import Trait

_OPTIONS = options(
    "--norc --nodb --quiet --shell --tls --ssl --tlsAllowInvalidCertificates --tlsAllowInvalidHostnames "
    "--json --version --verbose --help",
    "--eval --host --port -u/--username -p/--password --authenticationDatabase --authenticationMechanism "
    "-f/--file --apiVersion "
    "--tlsCAFile --tlsCertificateKeyFile --db",
)
_READS = words(
    "db rs sh find findone count countdocuments estimateddocumentcount distinct aggregate explain stats "
    "getindexes getindexkeys datasize "
    "storagesize totalindexsize totalsize validate_ latencystats isCapped serverstatus currentop status conf "
    "config hello ismaster "
    "printreplicationinfo printsecondaryreplicationinfo printslavereplicationinfo getcollectionnames "
    "getcollectioninfos getcollection getsiblingdb getname "
    "getmongo getdbnames getdbs version buildinfo hostinfo servercmdlineopts serverbuildinfo adminread limit "
    "sort skip pretty toarray itcount size project projection hint "
    "maxtimems batchsize foreach_ map_ hasnext next readpref comment collation allowdiskuse print printjson "
    "json stringify tojson "
    "isodate objectid numberlong numberint date now new printshardingstatus getshardmap getshardversion "
    "getshardistribution getsharddistribution "
    "getprofilinglevel getprofilingstatus getlogcomponents getuser_ getlastError getreplicationinfo "
    "getparameter keys values length "
    "getbalancerstate isbalancerrunning math floor round object getfreemonitoringstatus listcommands help top "
    "returnkey showrecordid min max"
)
_DESTROYS = Pattern(
    r"\b(?:drop\w*|delete\w*|remove\w*|findoneanddelete|findandmodify|renamecollection|shutdown\w*|compact|flushRouterConfig|revoke\w*|"
    r"changeuserpassword|updateuser)\b",
    re.IGNORECASE,
)
_STAGES_WRITE = Pattern(r"\$(?:out|merge|function|where|accumulator)\b")
_COMMANDS_READ = Pattern(
    r"(?:db\.)?(?:adminCommand|runCommand)\s*\(\s*(?:\{\s*)?[\"']?(?:ping|serverStatus|dbStats|collStats|listDatabases|listCollections|listIndexes|"
    r"buildInfo|hello|isMaster|replSetGetStatus|replSetGetConfig|connPoolStats|currentOp|getCmdLineOpts|getParameter|hostInfo|top|connectionStatus|"
    r"getLog|features|whatsmyuri|count|find|distinct|shardConnPoolStats|balancerStatus|listShards|usersInfo|rolesInfo)\b"
)


def _mongosh(call: Call) -> Effect:
    parsed = read(call.arguments, _OPTIONS)
    if len(call.arguments) == 1 and parsed.has("--version", "--help"):
        return reads("says what it is")
    scripts = [word for word in parsed.operands if word.endswith((".js", ".mongodb", ".mjs"))]
    database = next((word for word in parsed.operands if word not in scripts), None)
    effects: list[Effect] = []
    if scripts or parsed.has("--file"):
        effects.append(changes("runs a script that nobody has rated"))
    effects.extend(_javascript(text) for text in parsed.all("--eval"))
    if parsed.has("--shell") or not effects:
        if call.stdin.text is not None:
            effects.append(_javascript(call.stdin.text))
        elif call.stdin.is_given:
            effects.append(destroys("runs statements that nobody can see beforehand", Trait.DYNAMIC))
        else:
            effects.append(changes("opens a session to type into", Trait.INTERACTIVE))
    first, *rest = effects
    return parsed.certain(first.along(*rest)).at(
        **{"host": parsed.value("--host"), **place(database or parsed.value("--db") or "")}
    )


def _javascript(text: str) -> Effect:
    bare = re.sub(r"'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"", "''", text)
    if _DESTROYS.search(bare) or re.search(r"\[\s*['\"](?:drop|delete|remove)", text):
        return destroys("deletes or overwrites what is in the database")
    if re.match(
        r"\s*show\s+(?:dbs|databases|collections|tables|users|roles|profile|logs?)\s*;?\s*\Z", text
    ) or re.match(r"\s*use\s+\w+\s*;?\s*\Z", text):
        return reads("shows what there is")
    if _STAGES_WRITE.search(text):
        return changes("writes what it finds, or runs code on the server")
    if _COMMANDS_READ.search(text) and not re.search(
        r"[=;].*(?:adminCommand|runCommand)|(?:adminCommand|runCommand).*(?:adminCommand|runCommand)", text, re.DOTALL
    ):
        return reads("asks the server about itself")
    called = [name.lower() for name in re.findall(r"([A-Za-z_$][\w$]*)\s*\(", bare)]
    if re.search(r"\[\s*''\s*\]\s*\(|`|=>|\bfunction\b|\beval\b|\brequire\b|\bload\b|(?<![=!<>])=(?!=)|\+\+|--", bare):
        return changes("runs code that cannot be read with certainty")
    others = [name for name in called if name not in _READS]
    if others:
        return unknown(f"calls {others[0]}, which is not known to only read")
    effect = reads("reads documents")
    if re.search(r"\bfind\(\s*(?:\{\s*\})?\s*\)(?!\s*\.\s*(?:limit|count))", bare):
        effect = effect.having(Trait.HEAVY).hinting("`.limit(20)` keeps it short.")
    return effect


_DUMPS = always(changes("writes a whole database into files", Trait.HEAVY, Trait.EXPOSES_SECRETS))

GRAMMARS: dict[str, Grammar] = {
    "mongosh": _mongosh,
    "mongo": _mongosh,
    "mongodump": _DUMPS,
    "mongoexport": _DUMPS,
    "mongorestore": always(
        destroys("restores over a database", hint="Without --drop, and into another database, nothing is lost.")
    ),
    "mongoimport": lambda call: (
        destroys("overwrites documents")
        if any(word in {"--drop", "--mode"} or word.startswith("--mode=") for word in call.arguments)
        else changes("adds documents")
    ),
    "mongostat": lambda call: reads(
        "shows what a server does",
        *(
            ()
            if any(word in {"-n", "--rowcount"} or word.startswith(("-n", "--rowcount=")) for word in call.arguments)
            else (Trait.ENDLESS,)
        ),
    ),
    "mongotop": always(reads("shows what a server does", Trait.ENDLESS)),
}
