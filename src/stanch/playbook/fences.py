"""What a code fence really holds, whatever its label says, and the commands or statements in it."""

import re
from collections.abc import Iterator
from enum import StrEnum

from stanch.model.pattern import Pattern
from stanch.model.record import record
from stanch.playbook.document import Code
from stanch.playbook.words import wordset


class Content(StrEnum):
    """What a fence holds. Only shell and SQL run."""

    SHELL = "shell"
    SQL = "sql"
    PROMQL = "promql"
    CONFIG = "config"
    OUTPUT = "output"
    TEMPLATE = "template"
    PROSE = "prose"
    CODE = "code"


@record
class Command:
    """One command or statement of a fence. `label` is the comment above it, `expects` an expectation beside it."""

    text: str
    line: int
    column: int
    label: str = ""
    expects: str | None = None


_SHELL = wordset("bash sh shell zsh console terminal shell-session shellsession cmd cli ksh fish")
_SQL = wordset("sql psql postgresql postgres mysql plpgsql pgsql sqlite")
_CONFIG = wordset(
    """
    yaml yml json toml ini hcl terraform xml conf nginx env properties dockerfile docker jsonc json5 cfg
    """
)
_CODE = wordset(
    """
    python py js javascript ts typescript tsx jsx java go golang ruby rb rust c cpp csharp cs php kotlin swift scala
    powershell ps1 groovy lua perl r elixir graphql html css mermaid plantuml dot diff patch logql kql kusto http
    """
)
_PROGRAMS = wordset(
    """
    ab amtool ansible ansible-playbook apachectl argocd artisan awk aws az base64 bash bq bundle cargo case cat cd cdk
    certbot chmod chown composer consul cp createdb crictl crontab ctr curl cut datadog-agent date df dig dmesg docker
    docker-compose doctl dotnet dropdb du echo egrep eksctl env etcdctl export fdisk find fly flyctl flux for free
    gcloud gh git glab go gradle grep gsutil haproxy hcloud head helm heroku hey history hostname htop ibmcloud id if
    ifconfig iostat iotop ip iptables istioctl java jcmd jmap journalctl jq jstack k6 k9s kafka-consumer-groups
    kafka-consumer-groups.sh kafka-topics kafka-topics.sh kill killall kubeadm kubectl last less linode-cli ls lsblk
    lsof make memcached-tool mkdir mongo mongosh mount mv mvn mysql mysqladmin mysqldump nc netlify netstat newrelic
    nginx node nohup nomad npm npx nslookup oc oci openssl packer pg_ctl pg_dump pg_isready pg_restore pgbench
    pgbouncer php ping pip pkill pm2 pnpm podman printf prisma promtool ps psql pulumi pytest python python3
    rabbitmqctl railway rails rake read redis-cli rm route rsync sam sar scp sed sentry-cli serverless service set
    siege sleep sls snyk sort source sqlite3 ss ssh stanch stern strace sudo supabase supervisorctl sysctl systemctl
    tail tcpdump tee telnet terraform test time timeout top touch tr traceroute trivy ufw umount uniq until uptime
    vacuumdb varnishadm vault vercel vmstat watch wc wget while who whoami wrangler wrk w xargs yarn yq
    """
)
"""Programs that a line of a runbook begins with; a line that begins with another word may still be a command."""

_PROMPT = Pattern(
    r"^(?P<prompt>\s*(?:\([\w.-]+\)\s*)?(?:[\w.-]+@[\w.-]+[^$#%>]{0,60}[$#%]|\[[^\]]+\][$#]|[$%]|(?:\w+[=#]>"
    r"|sql>|mysql>|postgres=[#>]|redis>|127\.0\.0\.1:\d+>|PS[^>]*>))\s+)(?P<rest>\S.*)$"
)
_SQL_START = Pattern(
    r"^\s*(?:SELECT|INSERT|UPDATE|DELETE|CREATE|ALTER|DROP|TRUNCATE|WITH|EXPLAIN|VACUUM|ANALYZE|REINDEX|SHOW"
    r"|SET|BEGIN|COMMIT|ROLLBACK|GRANT|REVOKE|KILL|CALL|LOCK|CHECKPOINT)\b",
    re.IGNORECASE,
)
_PROMQL = Pattern(
    r"\b(?:rate|irate|increase|histogram_quantile|sum by|avg_over_time|absent|label_replace)\s*\("
    r"|\bsum\s*\(\s*rate|\{[^{}]*=~?\"|\[\d+[smhd]\]"
)
_TEMPLATE = Pattern(
    r"\[[A-Z][^\]\n]{2,40}\]|\{\{.*?\}\}|^(?:Subject|To|Hi|Dear|Hello|Status|Impact|Incident|Summary)\b.*:?",
    re.MULTILINE,
)
_CONFIG_LINE = Pattern(r"^\s*(?:-\s+)?[\w./-]+:(?:\s|$)|^\s*[\[{]|^\s*\"[\w-]+\"\s*:|^\s*[\w.]+\s*=\s*\S+\s*$")
_ASSIGNMENT = Pattern(r"^\s*(?:export\s+)?[A-Za-z_]\w*=\S*")
_PATH_PROGRAM = Pattern(r"^\s*(?:sudo\s+)?(?:\.{0,2}/|~/)[\w./-]+(?:\s|$)")


def _first_word(line: str) -> str:
    text = line.strip()
    match = _PROMPT.match(text)
    text = match["rest"] if match else text
    word = text.split(maxsplit=1)[0] if text.split() else ""
    return word.rsplit("/", 1)[-1]


def _is_command(line: str) -> bool:
    return bool(
        (_first_word(line) in _PROGRAMS and not re.match(r"^[A-Za-z]+:\s", line.strip()))
        or _ASSIGNMENT.match(line)
        or _PATH_PROGRAM.match(line)
    )


def content_of(code: Code) -> Content:
    """Content before label: `bash` fences hold SQL, URLs and prose often enough."""
    lines = [line for line in code.lines if line.strip()]
    if not lines:
        return Content.PROSE
    language = code.language
    text = code.text
    prompted = [line for line in lines if _PROMPT.match(line)]
    uncommented = [line for line in lines if not line.lstrip().startswith(("#", "--", "//"))]
    if not uncommented:
        return Content.PROSE
    first = uncommented[0]
    if language in _CODE or language in _CONFIG:
        return Content.CODE if language in _CODE else Content.CONFIG
    if language == "promql":
        return Content.PROMQL
    if _SQL_START.match(first) and not _is_command(first) and (language in _SQL or _looks_sql(text)):
        return Content.SQL
    if prompted:
        return Content.SHELL
    if _PROMQL.search(first) and not _is_command(first):
        return Content.PROMQL
    commands = sum(_is_command(line) for line in uncommented)
    if commands and (language in _SHELL or language == "" or language in {"text", "txt", "plaintext"}):
        starts = _is_command(first)
        if starts or (language in _SHELL and commands * 3 >= len(uncommented)):
            return Content.SHELL
    if language in _SQL:
        return Content.SQL if _looks_sql(text) else Content.OUTPUT
    if language in _SHELL:
        return _of_shell_label(uncommented)
    return _unlabelled(lines, text)


def _looks_sql(text: str) -> bool:
    return bool(
        re.search(
            r";|\bFROM\b|\bTABLE\b|\bINTO\b|\bSET\b|\bSHOW\b|\bINDEX\b|\bVACUUM\b|\bANALYZE\b", text, re.IGNORECASE
        )
    )


def _of_shell_label(lines: list[str]) -> Content:
    """A fence that calls itself shell and begins with no program we know."""
    first = lines[0].strip()
    if re.match(r"^https?://\S+$", first):
        return Content.PROSE
    if re.match(r"^[A-Z][a-z]+(?:\s+[a-z]+){2,}", first):
        return Content.PROSE
    if re.match(r"^[a-z][\w.-]*(?:\s|$)", first) and not first.endswith((":", ".")):
        return Content.SHELL
    return Content.OUTPUT


def _unlabelled(lines: list[str], text: str) -> Content:
    if _TEMPLATE.search(text):
        return Content.TEMPLATE
    configured = sum(bool(_CONFIG_LINE.match(line)) for line in lines)
    if configured * 3 >= len(lines) * 2:
        return Content.CONFIG
    sentences = sum(bool(re.match(r"^\W*[A-Z][a-z]+(?:\s+\w+){2,}", line)) for line in lines)
    return Content.PROSE if sentences * 2 >= len(lines) else Content.OUTPUT


# --- commands ---------------------------------------------------------------------------------------------------

EXPECTED = Pattern(
    r"^(?:#|--|//)\s*(?:expected?(?: output| result)?|should (?:return|show|be|print|see)|output|result"
    r"|returns|=>|must)\b\s*:?\s*(?P<what>.+)$",
    re.IGNORECASE,
)
_COMMENT = Pattern(r"^\s*#(?!!)\s*(?P<text>.*)$")
_HEREDOC = Pattern(r"<<-?\s*(?P<quote>['\"]?)(?P<word>\w+)(?P=quote)")
_OPENERS = Pattern(r"(?:^|[;&|]\s*|\bdo\s+|\bthen\s+|\belse\s+)(?P<word>if|for|while|until|case|select)\b")
_CLOSERS = Pattern(r"(?:^|[;&|]\s*|\s)(?P<word>fi|done|esac)\b")


def commands_of(code: Code) -> tuple[Command, ...]:
    """The commands of a shell fence: prompts and pasted output left out, continuations, heredocs and loops whole."""
    prompted = any(_PROMPT.match(line) for line in code.lines)
    out: list[Command] = []
    label = ""
    held: list[str] = []
    begun = 0
    column = 1
    for index, raw in enumerate(code.lines):
        line = raw.rstrip()
        if held:
            held.append(re.sub(r"^>\s", "", line) if prompted else line)
            if _complete(held):
                out.append(_command(held, code.first + begun, column, label))
                held = []
            continue
        stripped = line.strip()
        if not stripped:
            label = ""
            continue
        if (expected := EXPECTED.match(stripped)) and out:
            out[-1] = Command(
                text=out[-1].text,
                line=out[-1].line,
                column=out[-1].column,
                label=out[-1].label,
                expects=expected["what"].strip(),
            )
            continue
        match = _PROMPT.match(line)
        if (comment := _COMMENT.match(line)) and not match:
            label = comment["text"].strip()
            continue
        if prompted and not match:
            continue
        text = match["rest"] if match else stripped
        begun = index
        column = (code.column if index == 0 else 0) or (len(line) - len(line.lstrip()) + 1)
        held = [text]
        if _complete(held):
            out.append(_command(held, code.first + begun, column, label))
            held = []
    if held:
        out.append(_command(held, code.first + begun, column, label))
    return tuple(out)


def _command(held: list[str], line: int, column: int, label: str) -> Command:
    text = "\n".join(held).rstrip()
    trailing = re.search(r"\s#\s*(?:expected?:?|should (?:be|return|show))\s*(?P<what>.+)$", text, re.IGNORECASE)
    expects = trailing["what"].strip() if trailing else None
    return Command(
        text=text[: trailing.start()].rstrip() if trailing else text,
        line=line,
        column=column,
        label=label,
        expects=expects,
    )


def _complete(lines: list[str]) -> bool:
    """Whether these lines are a whole command: no continuation, open quote, heredoc, bracket or loop."""
    last = lines[-1].rstrip()
    text = "\n".join(lines)
    heredoc = _HEREDOC.search(text)
    if heredoc:
        return len(lines) > 1 and last.strip() == heredoc["word"]
    if last.endswith("\\") or re.search(r"(?:\|\|?|&&)\s*$", last):
        return False
    if _open_quote(text):
        return False
    opened = len(_OPENERS.findall(_bare(text)))
    closed = len(_CLOSERS.findall(_bare(text)))
    return closed >= opened


def _bare(text: str) -> str:
    """A command without its quoted parts."""
    return re.sub(r"'[^']*'|\"(?:\\.|[^\"\\])*\"", " ", text).replace("\n", " ; ")


def _open_quote(text: str) -> bool:
    quote = ""
    escaped = False
    for character in text:
        if escaped:
            escaped = False
        elif character == "\\" and quote != "'":
            escaped = True
        elif quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
    return bool(quote)


def statements_of(code: Code) -> tuple[Command, ...]:
    """The statements of a SQL fence, each with the comment above it."""
    return tuple(_statements(code))


def _statements(code: Code) -> Iterator[Command]:
    held: list[str] = []
    label = ""
    begun = 0
    for index, raw in enumerate(code.lines):
        stripped = raw.strip()
        if not held:
            if not stripped:
                label = ""
                continue
            if stripped.startswith("--"):
                label = stripped.lstrip("- ").strip()
                continue
            begun = index
        held.append(re.sub(r"^(?:\w+[=#]?[#>]|mysql>|sql>)\s+", "", raw.rstrip()) if index == begun else raw.rstrip())
        text = "\n".join(held)
        if re.search(r";\s*(?:--.*)?$", text) and not _open_quote(re.sub(r"--.*", "", text)):
            yield _statement(held, code, begun, label)
            held = []
    if any(line.strip() for line in held):
        yield _statement(held, code, begun, label)


def _statement(held: list[str], code: Code, begun: int, label: str) -> Command:
    indent = len(code.lines[begun]) - len(code.lines[begun].lstrip())
    return Command(text="\n".join(held).strip(), line=code.first + begun, column=code.column + indent, label=label)
