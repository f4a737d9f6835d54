"""curl and wget: asking reads; sending, writing files and other protocols do not."""

import re
from urllib.parse import unquote, urlsplit

from stanch.commands.effect import Call, Effect, Grammar, changes, destroys, reads, unknown
from stanch.commands.options import Options, Parsed, options, read
from stanch.model.pattern import Pattern
from stanch.model.risk import Risk, Trait

INERT = ("-H", "--header", "-m", "--max-time", "--connect-timeout", "-u", "--user", "-A", "--user-agent")

_CURL = options(
    "-0/--http1.0 --http1.1 --http2 --http2-prior-knowledge --http3 --http3-only -1/--tlsv1 --tlsv1.0 "
    "--tlsv1.1 --tlsv1.2 --tlsv1.3 -2 -3 -4/--ipv4 "
    "-6/--ipv6 -a/--append -B/--use-ascii --anyauth --basic --digest --negotiate --ntlm --compressed "
    "--create-dirs --crlf -f/--fail --fail-early "
    "--fail-with-body -g/--globoff -G/--get --haproxy-protocol -i/--include/--show-headers -I/--head "
    "-j/--junk-session-cookies -J/--remote-header-name "
    "-k/--insecure -l/--list-only -L/--location --location-trusted -M/--manual -n/--netrc -N/--no-buffer "
    "--next -O/--remote-name "
    "--remote-name-all -p/--proxytunnel --path-as-is --post301 --post302 --post303 -#/--progress-bar "
    "--no-progress-meter --no-keepalive --no-alpn "
    "--no-sessionid --no-clobber -q/--disable --raw --retry-all-errors --retry-connrefused -R/--remote-time "
    "-s/--silent -S/--show-error --ssl --ssl-reqd "
    "--ssl-no-revoke --styled-output --no-styled-output --suppress-connect-headers --tcp-fastopen "
    "--tcp-nodelay --trace-time --trace-ids --tr-encoding "
    "-v/--verbose -V/--version --xattr -Z/--parallel --parallel-immediate --ftp-pasv --ftp-ssl --disable-epsv "
    "--disable-eprt "
    "--doh-insecure --mail-rcpt-allowfails --metalink --proxy-insecure --netrc-optional --socks5-gssapi-nec "
    "--remove-on-error --skip-existing --cert-status",
    "-A/--user-agent -b/--cookie -c/--cookie-jar -C/--continue-at -d/--data/--data-ascii --data-binary "
    "--data-raw --data-urlencode "
    "-D/--dump-header -e/--referer -E/--cert -F/--form --form-string -H/--header --header-file -K/--config "
    "-m/--max-time -o/--output "
    "--output-dir -P/--ftp-port -Q/--quote -r/--range -t/--telnet-option -T/--upload-file -u/--user "
    "-U/--proxy-user -w/--write-out "
    "-x/--proxy -X/--request -y/--speed-time -Y/--speed-limit -z/--time-cond --abstract-unix-socket "
    "--aws-sigv4 --cacert --capath --cert-type "
    "--ciphers --connect-timeout --connect-to --dns-servers --doh-url --egd-file --engine --etag-compare "
    "--etag-save --expect100-timeout "
    "--happy-eyeballs-timeout-ms --hsts --alt-svc --interface --json --keepalive-time --key --key-type "
    "--libcurl --limit-rate --local-port "
    "--login-options --mail-auth --mail-from --mail-rcpt --max-filesize --max-redirs --netrc-file --noproxy "
    "--oauth2-bearer --parallel-max "
    "--pass --pinnedpubkey --preproxy --proto --proto-default --proto-redir --proxy-header --random-file "
    "--rate --request-target --resolve --retry "
    "--retry-delay --retry-max-time --sasl-authzid --service-name --socks4 --socks4a --socks5 "
    "--socks5-hostname --stderr --tftp-blksize "
    "--tls-max --tls13-ciphers --tlspassword --tlsuser --trace --trace-ascii --trace-config --unix-socket "
    "--url --url-query --variable --crlfile "
    "--delegation --dns-interface --dns-ipv4-addr --expand-url --expand-data --expand-output --hostpubmd5 "
    "--krb --pubkey --vlan-priority --ip-tos --ipfs-gateway --ca-native",
)
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
_SENDS = (
    "--data",
    "--data-binary",
    "--data-raw",
    "--data-urlencode",
    "--form",
    "--form-string",
    "--json",
    "--upload-file",
    "--expand-data",
)
_WRITES = (
    "--output",
    "--cookie-jar",
    "--dump-header",
    "--trace",
    "--trace-ascii",
    "--stderr",
    "--etag-save",
    "--hsts",
    "--alt-svc",
    "--libcurl",
    "--expand-output",
)
_NOWHERE = frozenset({"/dev/null", "-", "/dev/stdout", "/dev/stderr", "%"})
_THROUGH = (
    "--proxy",
    "--preproxy",
    "--socks4",
    "--socks4a",
    "--socks5",
    "--socks5-hostname",
    "--doh-url",
    "--resolve",
    "--connect-to",
    "--dns-servers",
)
_METADATA = Pattern(r"169\.254\.169\.254|metadata\.google\.internal|100\.100\.100\.200|169\.254\.170\.2")
_DESTROYS = Pattern(
    r"_delete_by_query|/shutdown\b|/_flush|/delete|/drop|/purge|/prune|/truncate|/wipe|/destroy|/terminate",
    re.IGNORECASE,
)
_ENDLESS_PATH = Pattern(r"/(?:stream|events|sse|watch|logs/tail)(?:[/?]|\Z)|[?&](?:follow|watch|stream)=(?:true|1)")


def _curl(call: Call) -> Effect:
    parsed = read(call.arguments, _CURL)
    if call.arguments in {("-V",), ("-M",), ("--manual",), ("-h",), ("--help", "all")}:
        return reads("says what it is")
    urls = (*parsed.operands, *parsed.all("--url"), *parsed.all("--expand-url"))
    effect = _method(parsed, urls)
    for url in urls:
        effect = effect.along(_url(url))
    if parsed.has("--config", "--variable", "--engine"):
        effect = effect.raised(Risk.MUTATING, "its settings come from a file that nobody has rated")
    if parsed.has("--remote-name", "--remote-name-all", "--remote-header-name") or any(
        value not in _NOWHERE for name in _WRITES for value in parsed.all(name)
    ):
        effect = effect.raised(
            Risk.MUTATING,
            "writes a file",
        )
    if "output{" in (parsed.value("--write-out") or ""):
        effect = effect.raised(Risk.MUTATING, "writes a file")
    if parsed.has("--quote"):
        effect = effect.along(destroys("sends commands to a file server"))
    if any(_is_elsewhere(value) for name in _THROUGH for value in parsed.all(name)):
        effect = effect.raised(Risk.MUTATING, "goes through another machine")
    if any(value.endswith("docker.sock") for value in parsed.all("--unix-socket")):
        effect = effect.having(Trait.EXPOSES_SECRETS)
    if any(value.startswith("@") for value in (*parsed.all("--header"), *parsed.all("--cookie"))):
        effect = effect.raised(Risk.MUTATING, "sends a file")
    if parsed.has("--location-trusted"):
        effect = effect.raised(Risk.MUTATING, "hands its password to whoever it is sent on to")
    host = next((host for url in urls if (host := _host(url))), "")
    return parsed.certain(effect).at(host=host)


def _is_elsewhere(value: str) -> bool:
    return not re.search(r"(?:\A|[/@:+])(?:localhost|127\.\d+\.\d+\.\d+|\[?::1\]?|)(?::\d+)*/?\Z", value)


def _method(parsed: Parsed, urls: tuple[str, ...]) -> Effect:
    methods = [value.upper() for value in parsed.all("--request")]
    for method in methods:
        if method == "DELETE":
            return destroys("deletes what the address names")
        if method not in _SAFE_METHODS:
            effect = changes(f"sends a {method} request")
            return (
                effect.along(destroys("deletes what it finds"))
                if any(_DESTROYS.search(url) for url in urls)
                else effect
            )
    sends = [name for name in _SENDS if parsed.has(name)]
    if sends and parsed.has("--get") and not {"--form", "--form-string", "--json", "--upload-file"} & set(sends):
        if any("@" in value.partition("=")[0] or "=@" in value for name in sends for value in parsed.all(name)):
            return changes("sends a file")
        return reads("asks a web server")
    if sends:
        body = " ".join(value for name in sends for value in parsed.all(name))
        if any(_DESTROYS.search(url) for url in urls) or re.search(
            r"FLUSHALL|\bDROP\s|\bTRUNCATE\s", body, re.IGNORECASE
        ):
            return destroys("sends a request that deletes")
        return changes("sends data")
    return reads("asks a web server")


def _url(url: str) -> Effect:
    scheme = url.partition("://")[0].lower() if "://" in url else "http"
    effect = reads("asks a web server")
    if scheme == "file":
        return reads("reads a file", Trait.EXPOSES_SECRETS)
    if scheme in {
        "gopher",
        "dict",
        "telnet",
        "tftp",
        "smtp",
        "smtps",
        "mqtt",
        "imap",
        "imaps",
        "pop3",
        "pop3s",
        "rtsp",
        "rtmp",
        "ws",
        "wss",
        "ldap",
        "ldaps",
    }:
        effect = changes(f"speaks {scheme}, and can say anything in it")
        if re.search(r"FLUSHALL|FLUSHDB|\bDEL\b|SHUTDOWN|flush_all|DROP|DELETE", unquote(url), re.IGNORECASE):
            effect = destroys(f"speaks {scheme}, and what it says deletes")
    elif scheme not in {"http", "https", "ftp", "ftps", "sftp", "scp", "ipfs"}:
        effect = unknown(f"what {scheme} is, is not known")
    if _METADATA.search(url):
        effect = effect.having(Trait.EXPOSES_SECRETS)
    if _ENDLESS_PATH.search(url):
        effect = effect.having(Trait.ENDLESS).hinting("--max-time 30 makes it end.")
    return effect


def _host(url: str) -> str:
    try:
        return urlsplit(url if "://" in url else f"http://{url}").hostname or ""
    except ValueError:
        return ""


_WGET = options(
    "-4 -6 -b/--background -c/--continue -d/--debug -E/--adjust-extension -F/--force-html -h/--help "
    "-H/--span-hosts -k/--convert-links "
    "-K/--backup-converted -L/--relative -m/--mirror -N/--timestamping -nc/--no-clobber -nd/--no-directories "
    "-nH/--no-host-directories -np/--no-parent "
    "-nv/--no-verbose -p/--page-requisites -q/--quiet -r/--recursive -S/--server-response -v/--verbose "
    "-V/--version -x/--force-directories "
    "--content-disposition --delete-after --ignore-length --no-cache --no-check-certificate --no-cookies "
    "--no-dns-cache --no-proxy --no-netrc "
    "--show-progress --spider --trust-server-names --save-headers --keep-session-cookies --https-only "
    "--content-on-error --no-hsts --inet4-only --auth-no-challenge",
    "-a/--append-output -A/--accept -B/--base -D/--domains -e/--execute -i/--input-file "
    "-I/--include-directories -l/--level -o/--output-file "
    "-O/--output-document -P/--directory-prefix -Q/--quota -R/--reject -t/--tries -T/--timeout "
    "-U/--user-agent -w/--wait -X/--exclude-directories "
    "--body-data --body-file --ca-certificate --certificate --config --header --http-password --http-user "
    "--limit-rate --load-cookies "
    "--max-redirect --method --password --post-data --post-file --private-key --referer --save-cookies --user "
    "--dns-timeout --connect-timeout "
    "--read-timeout --waitretry --use-askpass --secure-protocol --hsts-file --progress --local-encoding "
    "--bind-address --warc-file --report-speed --retry-on-http-error",
)


def _wget_words(arguments: tuple[str, ...]) -> tuple[str, ...]:
    """`-nv`, `-nc` and their like are one option each, and `-qO-` is `-q -O -`."""
    return tuple(word for argument in arguments for word in ([_SHORT[argument]] if argument in _SHORT else [argument]))


_SHORT = {
    "-nv": "--no-verbose",
    "-nc": "--no-clobber",
    "-nd": "--no-directories",
    "-nH": "--no-host-directories",
    "-np": "--no-parent",
}


def _wget(call: Call) -> Effect:
    parsed = read(_wget_words(call.arguments), _WGET)
    if len(call.arguments) == 1 and parsed.has("--version", "--help"):
        return reads("says what it is")
    method = (parsed.value("--method") or "GET").upper()
    if method == "DELETE":
        return destroys("deletes what the address names")
    if method not in _SAFE_METHODS or parsed.has("--post-data", "--post-file", "--body-data", "--body-file"):
        effect = changes("sends data")
    elif parsed.has("--spider") or parsed.value("--output-document") in _NOWHERE:
        effect = reads("asks a web server")
    else:
        effect = changes("writes a file", hint="`-O -` prints it instead.")
    if parsed.has("--execute", "--config", "--use-askpass", "--input-file"):
        effect = effect.raised(Risk.MUTATING, "its settings come from elsewhere")
    if parsed.has(
        "--save-cookies", "--background", "--append-output", "--warc-file", "--hsts-file", "--recursive", "--mirror"
    ) or parsed.value("--output-file") not in {None, *_NOWHERE}:
        effect = effect.raised(Risk.MUTATING, "writes a file")
    for url in parsed.operands:
        effect = effect.along(_url(url))
    return parsed.certain(effect).at(host=_host(parsed.operand(0)) if parsed.operands else "")


def _httpie(call: Call) -> Effect:
    """`http GET host/path name==value`: a method, an address, and what is sent."""
    grammar: Options = options(
        "-j/--json -f/--form --multipart -v/--verbose -h/--headers -b/--body -m/--meta -S/--stream "
        "--check-status --ignore-stdin --follow -F "
        "--offline -q/--quiet --all --debug --version --help --http-version --print-body -I -d/--download",
        "-p/--print -o/--output -a/--auth -A/--auth-type --timeout --verify --cert --cert-key --proxy "
        "--session --session-read-only --pretty -s/--style --max-redirects --raw --boundary",
    )
    parsed = read(call.arguments, grammar)
    if parsed.has("--offline"):
        return reads("says what it is")
    operands = list(parsed.operands)
    method = (
        operands.pop(0).upper() if operands and re.fullmatch(r"[A-Za-z]+", operands[0]) and len(operands) > 1 else ""
    )
    sends = (
        any(re.match(r"[^=:@]+(?::?=|@)[^=]", item) for item in operands[1:])
        or parsed.has("--raw")
        or (call.stdin.is_given and not parsed.has("--ignore-stdin"))
    )
    if method == "DELETE":
        return destroys("deletes what the address names")
    effect = (
        changes("sends data")
        if (method and method not in _SAFE_METHODS) or (not method and sends)
        else reads("asks a web server")
    )
    if parsed.has("--output", "--session", "--download"):
        effect = effect.raised(Risk.MUTATING, "writes a file")
    if parsed.has("--proxy"):
        effect = effect.raised(Risk.MUTATING, "goes through another machine")
    return parsed.certain(effect).at(host=_host(operands[0]) if operands else "")


GRAMMARS: dict[str, Grammar] = {"curl": _curl, "wget": _wget, "http": _httpie, "https": _httpie, "xh": _httpie}
