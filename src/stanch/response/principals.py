"""As whom a step acts, in words for people: part of what they approve, and of what is recorded.

Three things decide it, the first that speaks: the command's own words (`--context admin`, `psql -U postgres`), the
identity that may only read, for what goes by itself (see `identities`), and else what `[commands.environment]` gives
to commands (`KUBECONFIG`, `AWS_PROFILE`, `PGUSER`). A tool that knows no identities of its own acts as the user of
the operating system that the server runs as.

No secret is among the words: of a password or a token it is said that it is given, never what it is.
"""

import getpass
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import field
from pathlib import Path, PurePath
from typing import assert_never
from urllib.parse import urlsplit

from stanch.model.record import record
from stanch.model.run import StepRecord
from stanch.response.identities import AWS, KUBE, POSTGRES, REDIS, Identity, Pipeline
from stanch.response.slots import shown, template_of
from stanch.response.transitions import OWN_CONNECTIONS
from stanch.response.ways import ByHand, FillIn, Way

_CURRENT = re.compile(r"^current-context:[ \t]*[\"']?([^\s\"'#]+)", re.MULTILINE)
_LARGEST_BYTES = 1_000_000

_KUBE_OPTIONS = (
    "--kubeconfig", "--context", "--kube-context", "--user", "--as", "--as-group", "--kube-as-user", "--kube-as-group",
    "--cluster", "--server", "-s", "--kube-apiserver",
)  # fmt: skip
_KUBE_SECRETS = ("--token", "--kube-token", "--password", "--client-key")
_PROGRAMS_BEFORE = frozenset({"timeout", "nice", "env", "time", "nohup", "stdbuf", "ionice", "xargs", "sudo", "doas"})


def current_context(path: Path) -> str | None:
    """The context that a kubeconfig names as its current one; None where it names none or cannot be read."""
    try:
        if path.stat().st_size > _LARGEST_BYTES:
            return None
        match = _CURRENT.search(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return None
    return None if match is None else match[1]


def reads_a_file(step: StepRecord) -> bool:
    """Whether a file is read to say as whom a step acts: a kubeconfig, for a command that names one of its tools."""
    return step.command is not None and any(tool in step.command for tool in KUBE)


def system_user() -> str:
    """The user of the operating system that this process runs as."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "an unnamed user"


@record
class Principals:
    """What decides as whom steps act here.

    `environment` is what the settings give to commands, `home` their home directory, `database` whom the read-only
    connection logs in as. `context_of` reads the current context of a kubeconfig.
    """

    reading: Identity = field(default_factory=Identity)
    environment: Mapping[str, str] = field(default_factory=dict)
    home: Path = Path()
    user: str = "the server's own user"
    database: str = "the read-only connection of the settings"
    context_of: Callable[[Path], str | None] = current_context

    def whom(self, step: StepRecord, way: Way | ByHand | FillIn, *, by_itself: bool) -> str | None:
        """As whom a step acts that is carried out that way; None for what people do, and for a look at a signal."""
        step = shown(step)
        match way:
            case Way.ARGV:
                return None if step.pipeline is None else self.of(step.pipeline, by_itself=by_itself)
            case Way.SHELL:
                return self.of_shell(step.command or "")
            case Way.QUERY:
                return self.database
            case Way.ACTION:
                return OWN_CONNECTIONS
            case Way.MESSAGE:
                return "Stanch, by its channels"
            case FillIn(by_hand=None) if step.command is None:
                return OWN_CONNECTIONS
            case FillIn(by_hand=None):
                pipeline = template_of(step).pipeline
                return self.database if pipeline is None else self.of(pipeline, by_itself=by_itself)
            case Way.WATCH | ByHand() | FillIn():
                return None
            case _:
                assert_never(way)

    def of(self, pipeline: Pipeline, *, by_itself: bool) -> str:
        """Whom a command acts as: each of its programs' once, `kube context shop-admin, AWS profile ops`."""
        return ", ".join(dict.fromkeys(self._of_stage(stage, by_itself=by_itself) for stage in pipeline))

    def of_shell(self, command: str) -> str:
        """Whom a command acts as that only a shell can run: by the tools that it names, as far as that can be seen."""
        words = re.findall(r"[A-Za-z0-9_./-]+", command)
        tools = [word for word in words if any(PurePath(word).name in each for each in (KUBE, AWS, REDIS, POSTGRES))]
        seen = [self._of_stage((tool,), by_itself=False) for tool in dict.fromkeys(tools)]
        return ", ".join(dict.fromkeys([*seen, f"user {self.user} of this machine"]))

    def _of_stage(self, stage: tuple[str, ...], *, by_itself: bool) -> str:
        tool, words = _tool_of(stage)
        if tool in KUBE:
            return self._kube(words, by_itself=by_itself)
        if tool in AWS:
            return self._aws(words, by_itself=by_itself)
        if tool in REDIS:
            return self._redis(words, by_itself=by_itself)
        if tool in POSTGRES:
            return self._postgres(words, by_itself=by_itself)
        return f"user {self.user} of this machine"

    def _kube(self, words: tuple[str, ...], *, by_itself: bool) -> str:
        own = dict(_given(words, _KUBE_OPTIONS))
        named = own.pop("--context", None) or own.pop("--kube-context", None)
        files = [own.pop("--kubeconfig")] if "--kubeconfig" in own else []
        beside = [f"{option} {value}".rstrip() for option, value in own.items()]
        beside += [f"a secret given by {option}" for option, _ in _given(words, _KUBE_SECRETS)]
        if self.reading.kube_context is not None and by_itself and not (named or files or beside):
            return f"kube context {self.reading.kube_context}, which may only read"
        files = files or [each for each in self.environment.get("KUBECONFIG", "").split(":") if each]
        paths = [Path(each) for each in files] or [Path(".kube/config")]
        known = ((path, self.context_of(self.home / path)) for path in paths)
        path, context = next(((path, found) for path, found in known if found is not None), (paths[0], None))
        context = named or context
        whom = f"kube context {context} of {path}" if context else f"the current kube context of {path}"
        return f"{whom} with {' and '.join(beside)}" if beside else whom

    def _aws(self, words: tuple[str, ...], *, by_itself: bool) -> str:
        own = next((value for _, value in _given(words, ("--profile",))), None)
        if own is not None:
            return f"AWS profile {own}"
        if by_itself and self.reading.aws_profile is not None:
            return f"AWS profile {self.reading.aws_profile}, which may only read"
        if (key := self.environment.get("AWS_ACCESS_KEY_ID")) is not None:
            return f"AWS key ending in {key[-4:]}"
        for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE"):
            if name in self.environment:
                return f"AWS profile {self.environment[name]}"
        return "the default AWS profile"

    def _redis(self, words: tuple[str, ...], *, by_itself: bool) -> str:
        own = next((value for _, value in _given(words, ("--user",))), None)
        own = own or next((urlsplit(value).username for _, value in _given(words, ("-u",))), None)
        if own is not None:
            return f"Redis user {own}"
        if by_itself and self.reading.redis_user is not None:
            return f"Redis user {self.reading.redis_user}, which may only read"
        return "Redis user default" + (", with a password" if "REDISCLI_AUTH" in self.environment else "")

    def _postgres(self, words: tuple[str, ...], *, by_itself: bool) -> str:
        own = next((value for _, value in _given(words, ("-U", "--username"))), None) or _of_address(words)
        if own is not None:
            return f"PostgreSQL role {own}"
        if by_itself and self.reading.postgres_role is not None:
            return f"PostgreSQL role {self.reading.postgres_role}, which may only read"
        if (cannot := Identity(postgres_role="-").cannot_take((("psql", *words),))) is not None:
            return f"{_without_secret(cannot)}"
        return f"PostgreSQL role {self.environment.get('PGUSER', self.user)}"


def _tool_of(stage: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """The program that acts, behind others that only start it, and its words."""
    for place, word in enumerate(stage):
        name = PurePath(word).name
        if any(name in tools for tools in (KUBE, AWS, REDIS, POSTGRES)):
            return name, stage[place + 1 :]
        if place == 0 and name not in _PROGRAMS_BEFORE:
            break
    return PurePath(stage[0]).name, stage[1:]


def _given(words: tuple[str, ...], options: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Each of the options that stands there, in the order of `options`, with its value."""
    for option in options:
        for place, word in enumerate(words):
            if word == option:
                yield option, words[place + 1] if place + 1 < len(words) else ""
            elif option.startswith("--") and word.startswith(f"{option}="):
                yield option, word.partition("=")[2]
            elif not option.startswith("--") and word.startswith(option) and len(word) > len(option):
                yield option, word[len(option) :]


def _of_address(words: tuple[str, ...]) -> str | None:
    """The role that a PostgreSQL address, as a URL or as `user=...`, logs in as."""
    for word in words:
        if word.startswith(("postgresql://", "postgres://")) and (user := urlsplit(word).username):
            return user
        if (match := re.search(r"(?:^|\s)user=(\S+)", word)) is not None:
            return match[1]
    return None


def _without_secret(word: str) -> str:
    return "an address" if "://" in word or "=" in word else word
