"""Variables that change what a command does. What is not known to be harmless is taken to change it."""

from stanch.commands.effect import Effect, changes, reads
from stanch.model.pattern import Pattern

_RUNS_CODE = {
    "PATH": "decides which programs run",
    "LD_PRELOAD": "loads code into every program",
    "LD_LIBRARY_PATH": "decides which code programs load",
    "LD_AUDIT": "loads code into every program",
    "DYLD_INSERT_LIBRARIES": "loads code into every program",
    "BASH_ENV": "names a file that bash runs first",
    "ENV": "names a file that sh runs first",
    "PROMPT_COMMAND": "is run before each prompt",
    "PS4": "is expanded before each traced command",
    "IFS": "changes how bash splits words",
    "SHELLOPTS": "changes how bash reads commands",
    "BASHOPTS": "changes how bash reads commands",
    "SHELL": "decides which program runs commands",
    "PAGER": "is run as a command",
    "GIT_PAGER": "is run as a command",
    "MANPAGER": "is run as a command",
    "PSQL_PAGER": "is run as a command",
    "SYSTEMD_PAGER": "is run as a command",
    "AWS_PAGER": "is run as a command",
    "LESSOPEN": "is run as a command",
    "LESSCLOSE": "is run as a command",
    "EDITOR": "is run as a command",
    "VISUAL": "is run as a command",
    "KUBE_EDITOR": "is run as a command",
    "PSQL_EDITOR": "is run as a command",
    "BROWSER": "is run as a command",
    "KUBECTL_EXTERNAL_DIFF": "is run as a command",
    "GIT_SSH": "is run as a command",
    "GIT_SSH_COMMAND": "is run as a command",
    "GIT_EXTERNAL_DIFF": "is run as a command",
    "GIT_EDITOR": "is run as a command",
    "GIT_ASKPASS": "is run as a command",
    "SSH_ASKPASS": "is run as a command",
    "SUDO_ASKPASS": "is run as a command",
    "KUBECONFIG": "names the cluster and may name a program to run",
    "PSQLRC": "names a file of statements that psql runs first",
    "PGSERVICEFILE": "names another server",
    "PYTHONSTARTUP": "names a file that Python runs first",
    "PYTHONPATH": "decides which code Python loads",
    "PERL5OPT": "changes which code Perl runs",
    "PERL5LIB": "decides which code Perl loads",
    "RUBYOPT": "changes which code Ruby runs",
    "NODE_OPTIONS": "changes which code Node runs",
    "JAVA_TOOL_OPTIONS": "changes which code Java runs",
    "DOCKER_HOST": "decides which machine is acted on",
}

_HARMLESS = frozenset(
    "LANG LANGUAGE LC_ALL LC_COLLATE LC_CTYPE LC_MESSAGES LC_NUMERIC LC_TIME TZ TERM COLUMNS LINES NO_COLOR COLOR "
    "FORCE_COLOR CLICOLOR CLICOLOR_FORCE GREP_COLORS LS_COLORS DEBUG VERBOSE LOG_LEVEL TIMEFORMAT HISTTIMEFORMAT "
    "AWS_PROFILE AWS_REGION AWS_DEFAULT_REGION AWS_DEFAULT_OUTPUT AWS_MAX_ATTEMPTS AWS_RETRY_MODE "
    "PGHOST PGPORT PGDATABASE PGUSER PGPASSWORD PGCONNECT_TIMEOUT PGAPPNAME PGSSLMODE PGTZ PGCLIENTENCODING "
    "MYSQL_PWD MYSQL_HOST MYSQL_TCP_PORT REDISCLI_AUTH TF_IN_AUTOMATION TF_INPUT TF_WORKSPACE TF_LOG "
    "HELM_NAMESPACE HELM_KUBECONTEXT CLOUDSDK_CORE_PROJECT CLOUDSDK_ACTIVE_CONFIG_NAME GH_HOST GH_REPO "
    "ANSIBLE_NOCOLOR ANSIBLE_FORCE_COLOR ANSIBLE_STDOUT_CALLBACK GIT_TERMINAL_PROMPT GIT_OPTIONAL_LOCKS "
    "NODE_ENV DEBIAN_FRONTEND SYSTEMD_COLORS SYSTEMD_LESS PYTHONUNBUFFERED PYTHONIOENCODING".split()
)
_PAGERS = frozenset("PAGER GIT_PAGER MANPAGER PSQL_PAGER SYSTEMD_PAGER AWS_PAGER".split())
_LOCAL = Pattern(r"[a-z][a-z0-9_]*\Z")
_REDIRECTING = Pattern(r"(?:http|https|ftp|all|no|socks|rsync)_proxy\Z")
_CONSTANT = Pattern(r"[A-Z][A-Z0-9_]*\Z")
_SPECIAL = Pattern(
    r"(?:BASH|LD_|DYLD_|GIT_|SSH_|SUDO_|PYTHON|PERL|RUBY|NODE|JAVA|_JAVA|JDK_|KUBE|HELM_|AWS_|AZURE_|ARM_|GOOGLE_|"
    r"CLOUDSDK_|TF_|DOCKER_|COMPOSE_|ANSIBLE_|PG|PSQL|MYSQL|LIBMYSQL|REDIS|CURL_|WGET|SSL_|OPENSSL_|NPM_|npm_|LESS|"
    r"SYSTEMD_|XDG_|GCONV_|LOCPATH|NLSPATH|MALLOC_|GLIBC_|TERMINFO|TERMCAP|INPUTRC|HOSTALIASES|RES_|LOCALDOMAIN|TMP|"
    r"TEMP|HOME|USER|LOGNAME|PWD|OLDPWD|CDPATH|GLOBIGNORE|POSIXLY_CORRECT|HIST|PS[0-9]|OPT|EXEC|FCEDIT|MAIL|GREP_|"
    r"RSYNC_|TAR_|GZIP|XZ_|ZSTD|BZIP|JQ_|AWK|PIP_|UV_|VAGRANT|CONSUL_|VAULT_|NOMAD_|SOPS_)"
)


def runs_code(name: str) -> bool:
    """Whether what a variable holds is run, or decides what is: its value is worth a look."""
    return name in _RUNS_CODE


def assigned(name: str, value: str | None, *, for_command: bool) -> Effect:
    """What setting a variable changes: for the one command behind it, or for all that follow.

    `value` is None where it is only known at run time.
    """
    if name in _HARMLESS:
        return reads(f"{name} changes only how things are shown or what is asked")
    if name in _PAGERS and value in {"", "cat", "/bin/cat", "/usr/bin/cat"}:
        return reads(f"{name} turns paging off")
    if name in _RUNS_CODE:
        return changes(f"{name} {_RUNS_CODE[name]}", hint=f"Run it without {name}, so that what runs is what is shown.")
    if _REDIRECTING.match(name.lower()):
        return changes(f"{name} sends the traffic through another machine")
    is_own = bool(_LOCAL.match(name)) or bool(_CONSTANT.match(name) and not _SPECIAL.match(name))
    if is_own and not for_command:
        return reads(f"{name} is a variable of the script's own")
    return changes(f"what {name} changes is not known")
