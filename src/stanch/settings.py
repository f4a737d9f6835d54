"""Where things are: `stanch.toml`, the environment, and files for secrets. What to do is in the playbooks.

A setting is looked for in the environment (`STANCH_SERVER__PORT=8421`), then in the file. Relative paths are relative
to the file. `<name>_file` gives `<name>` by a file's content. All faults are told at once.
"""

import os
import re
import tomllib
import types
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Union, get_args, get_origin
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator

from stanch.comms.channels.smtp import SmtpSettings
from stanch.comms.channels.webhook import WebhookSettings
from stanch.connectors.guard import GuardSettings
from stanch.connectors.postgres import PostgresSettings
from stanch.drift.settings import DriftSettings
from stanch.model.problem import Level, Problem, Source, Unusable
from stanch.response.redaction import says_secret
from stanch.signals.sources.scrape import ScrapeSettings

STORE_FILE = "stanch.db"
"""The name of the embedded store in the data directory."""

_PREFIX = "STANCH_"
_NOT_SETTINGS = {"STANCH_CONFIG", "STANCH_URL", "STANCH_TOKEN"}


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class ServerSettings(_Section):
    """The server itself."""

    host: str = Field(default="127.0.0.1", description="The address it listens on.")
    port: int = Field(default=8420, ge=0, le=65535, description="The port it listens on.")
    public_url: str | None = Field(default=None, description="How people reach it, for links in messages.")
    data: Path = Field(default=Path(".stanch"), description="Its data directory: database, reviews, token, lock.")
    database: str | None = Field(
        default=None, description="`postgresql://...` for several replicas; the default is SQLite in `data`."
    )
    lease_s: float = Field(
        default=15.0,
        ge=5,
        le=300,
        description="With several replicas, the same on all: how long one is not heard of before another takes over.",
    )
    link_key: SecretStr | None = Field(
        default=None,
        description="Signs the links in messages, where several replicas send them: 32 characters or more. "
        "Without it each has a key of its own in `data`.",
        min_length=32,
    )
    log_format: str = Field(
        default="text", pattern="^(text|json)$", description="`text` for people, `json` for machines."
    )

    @property
    def url(self) -> str:
        """Where the command line finds it."""
        host = "127.0.0.1" if self.host in {"0.0.0.0", "::"} else self.host  # noqa: S104 - recognised, not bound
        return self.public_url or f"http://{host}:{self.port}"

    @property
    def store_url(self) -> str:
        """The store's address."""
        return self.database or f"sqlite:///{self.data / STORE_FILE}"


class PlaybookSettings(_Section):
    """The documents to read."""

    paths: list[Path] = Field(min_length=1, description="Markdown files, and directories of them.")
    service: str = Field(default="", description="The service that their thresholds are about, where they do not say.")
    default_severity: str | None = Field(
        default=None,
        description="For a rule whose playbook ties no severity to it; without it the middle one is taken.",
    )


class ResponseSettings(_Section):
    """How a response behaves."""

    clean_s: float = Field(
        default=300.0,
        gt=0,
        description="How long all signals must be clean to resolve, where the playbook does not say.",
    )
    reopen_s: float = Field(
        default=600.0, ge=0, description="Fires it again within this time of being resolved, the incident reopens."
    )
    retention_days: float = Field(default=15.0, gt=0, description="How long measured samples are kept.")


class ReadingSettings(_Section):
    """Whom commands act as that nobody is asked about: identities that may only read."""

    kube_context: str | None = Field(default=None, description="The context of `kubectl`, `oc` and `helm`.")
    aws_profile: str | None = Field(default=None, description="The profile of `aws`.")
    postgres_role: str | None = Field(default=None, description="The role of `psql` and its kin.")
    postgres_password: SecretStr | None = Field(default=None, description="That role's password.")
    redis_user: str | None = Field(default=None, description="The user of `redis-cli`, from Redis's access lists.")
    redis_password: SecretStr | None = Field(default=None, description="That user's password.")


class CommandSettings(_Section):
    """What commands of the playbooks run with. The environment is built from nothing but this."""

    directory: Path = Field(default=Path(), description="Their working directory.")
    path: list[Path] = Field(
        default=[Path("/usr/local/bin"), Path("/usr/bin"), Path("/bin")], description="Where programs are looked for."
    )
    environment: dict[str, str] = Field(default={}, description="Further variables, such as `KUBECONFIG`.")
    database: str | None = Field(
        default=None,
        description="The `[postgres.NAME]` whose read-only connection runs SQL blocks; the only one if there is one.",
    )
    reading: ReadingSettings = ReadingSettings()


class ChannelSettings(_Section):
    """How people are reached; the console is always one of them."""

    webhook: WebhookSettings | None = Field(default=None, description="An HTTP POST for each message.")
    smtp: SmtpSettings | None = Field(default=None, description="Mail.")


class PersonSettings(_Section):
    """A person who may log in (`stanch login NAME`), and whom the playbook's roles mean."""

    access: str = Field(
        default="responder",
        pattern="^(viewer|responder|administrator)$",
        description="What they may do here: `viewer`, `responder` or `administrator`.",
    )
    roles: list[str] = Field(default=[], description="The playbook's roles that they hold: whose approvals count.")
    address: str | None = Field(
        default=None, description="Their own mail address, for questions with a link to answer by."
    )


class Settings(_Section):
    """Everything in `stanch.toml`."""

    server: ServerSettings = ServerSettings()
    playbooks: PlaybookSettings
    response: ResponseSettings = ResponseSettings()
    commands: CommandSettings = CommandSettings()
    scrape: dict[str, ScrapeSettings] = Field(default={}, description="A target that serves `/metrics`.")
    postgres: dict[str, PostgresSettings] = Field(default={}, description="A PostgreSQL that diagnosis may read.")
    guard: dict[str, GuardSettings] = Field(default={}, description="An application that runs behind `stanch.guard`.")
    channels: ChannelSettings = ChannelSettings()
    drift: DriftSettings = DriftSettings()
    people: dict[str, PersonSettings] = Field(default={}, description="A person, by the name they log in with.")

    @property
    def roles_of_people(self) -> dict[str, tuple[str, ...]]:
        """The playbook's roles that each person holds who may do more than look."""
        return {name: tuple(each.roles) for name, each in self.people.items() if each.access != "viewer"}

    @property
    def addresses_of_people(self) -> dict[str, str]:
        """The own address of each person who has one and may do more than look."""
        people = self.people.items()
        return {name: each.address for name, each in people if each.address is not None and each.access != "viewer"}

    @field_validator("people")
    @classmethod
    def _each_has_their_own_address(cls, people: dict[str, PersonSettings]) -> dict[str, PersonSettings]:
        # Who reads another's mail could say yes for both, and two people would be one.
        by_address: dict[str, str] = {}
        for name, each in people.items():
            if each.address is not None:
                other = by_address.setdefault(each.address.casefold(), name)
                if other != name:
                    raise ValueError(f"{other} and {name} have the same address; each needs one of their own")
        return people


def load(path: Path, environment: Mapping[str, str] | None = None) -> Settings:
    """Read `path` and the environment. Raises Unusable with every fault."""
    environment = os.environ if environment is None else environment
    try:
        text = path.read_text(encoding="utf-8")
        raw = tomllib.loads(text)
    except FileNotFoundError as error:
        raise Unusable(
            f"There is no {path}.",
            hint="Name the settings file with --config, or see docs/settings.md for the few lines that one needs.",
        ) from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise Unusable(f"{path} cannot be read: {error}", hint="Nothing was started.") from error
    _overlay(raw, environment)
    preparation = _Preparation(path)
    prepared = preparation.section(raw, Settings)
    problems = preparation.problems
    try:
        settings = Settings.model_validate(prepared)
    except ValidationError as error:
        problems += [_problem(path, text, detail) for detail in error.errors()]
    else:
        if not problems:
            return settings
    count = "One setting is" if len(problems) == 1 else f"{len(problems)} settings are"
    raise Unusable(f"{count} wrong in {path}.", hint="docs/settings.md lists them all.", problems=tuple(problems))


def secrets_of(settings: Settings) -> dict[str, str]:
    """Every secret value that the settings hold, by the setting's name; of an address its password.

    Of variables of commands those whose names say that they are secret.
    """
    return dict(_secrets(settings, ""))


def plain_values(settings: Settings) -> tuple[str, ...]:
    """Every text of the settings that is no secret, addresses without their passwords: names that stand anywhere."""
    secret = set(secrets_of(settings).values())
    found = []
    for value in _texts(settings):
        parts = urlsplit(value) if "://" in value else None
        plain = value if parts is None else " ".join((parts.username or "", parts.hostname or "", parts.path))
        found += [plain] if plain not in secret else []
    return tuple(found)


def _secrets(value: Any, name: str, *, is_secret: bool = False) -> Iterator[tuple[str, str]]:
    match value:
        case BaseModel():
            for field, about in type(value).model_fields.items():
                inner = f"{name}.{field}" if name else field
                yield from _secrets(getattr(value, field), inner, is_secret=not about.repr)
        case dict():
            for key, item in value.items():
                variable = name == "commands.environment" and says_secret(key)
                yield from _secrets(item, f"{name}.{key}", is_secret=is_secret or variable)
        case SecretStr() | str():
            text = value.get_secret_value() if isinstance(value, SecretStr) else value
            if "://" in text:
                password = urlsplit(text).password
                if password:
                    yield name, unquote(password)
            elif text and (is_secret or isinstance(value, SecretStr)):
                yield name, text
        case _:
            pass


def _texts(value: Any) -> Iterator[str]:
    match value:
        case BaseModel():
            for field in type(value).model_fields:
                yield from _texts(getattr(value, field))
        case dict():
            for key, item in value.items():
                yield str(key)
                yield from _texts(item)
        case list() | tuple():
            for item in value:
                yield from _texts(item)
        case SecretStr():
            if "://" in value.get_secret_value():
                yield value.get_secret_value()
        case str() | Path():
            yield str(value)
        case _:
            pass


def _overlay(raw: dict[str, Any], environment: Mapping[str, str]) -> None:
    """Put `STANCH_SECTION__NAME` variables over what the file says; a value is read as TOML where it is that."""
    for variable, text in sorted(environment.items()):
        if not variable.startswith(_PREFIX) or "__" not in variable or variable in _NOT_SETTINGS:
            continue
        *sections, name = variable.removeprefix(_PREFIX).lower().split("__")
        place = raw
        for section in sections:
            inner = place.setdefault(section, {})
            if not isinstance(inner, dict):
                break
            place = inner
        place[name] = _toml_value(text)


def _toml_value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


class _Preparation:
    """Resolves paths and `_file` secrets, section by section, before the strict validation."""

    def __init__(self, path: Path) -> None:
        self._file = str(path)
        self._base = path.resolve().parent
        self.problems: list[Problem] = []

    def section(self, raw: Any, model: type[BaseModel], prefix: str = "") -> Any:
        if not isinstance(raw, dict):
            return raw
        prepared: dict[str, Any] = {}
        for name, value in raw.items():
            field = model.model_fields.get(name)
            plain = name.removesuffix("_file")
            if field is None and plain != name and plain in model.model_fields:
                prepared[plain] = self._content(self._base / str(value), f"{prefix}{name}")
            else:
                annotation = None if field is None else field.annotation
                prepared[name] = self._value(value, annotation, f"{prefix}{name}.")
        return prepared

    def _content(self, path: Path, setting: str) -> str:
        try:
            return path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            self.problems.append(_fault(self._file, f"{setting}: {path} cannot be read: {error}"))
            return ""

    def _value(self, value: Any, annotation: Any, prefix: str) -> Any:
        origin, arguments = get_origin(annotation), get_args(annotation)
        if origin in (Union, types.UnionType):
            inner = [argument for argument in arguments if argument is not type(None)]
            return self._value(value, inner[0], prefix) if len(inner) == 1 else value
        if annotation is Path and isinstance(value, str):
            return self._base / Path(value).expanduser()
        if origin is list and isinstance(value, list):
            return [self._value(item, arguments[0], prefix) for item in value]
        if origin is dict and isinstance(value, dict):
            return {key: self._value(item, arguments[1], f"{prefix}{key}.") for key, item in value.items()}
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            return self.section(value, annotation, prefix)
        return value


_KINDS = {
    "model_type": "is a table: write [{where}], and its settings below",
    "dict_type": "is a table: write [{where}.NAME], and its settings below",
    "list_type": "is a list: write {name} = [...]",
    "string_type": "is a text: write it in quotes",
    "int_type": "is a whole number: write it without quotes",
    "float_type": "is a number: write it without quotes",
    "bool_type": "is true or false, without quotes",
}


def _problem(path: Path, text: str, detail: Mapping[str, Any]) -> Problem:
    """A fault as a tired person reads it: the setting, what is wrong, what to write, and the line to write it on."""
    parts = [str(part) for part in detail["loc"]]
    where = ".".join(parts)
    model = _model_at(parts[:-1])
    names = model.model_fields if model else {}
    if detail["type"] == "extra_forbidden":
        near = get_close_matches(parts[-1], names, n=1)
        said = f"there is no such setting{f'. Is {near[0]} meant?' if near else ''}"
    elif detail["type"] == "missing":
        table = _model_of(names[parts[-1]].annotation) if parts[-1] in names else None
        needed = [name for name, field in table.model_fields.items() if field.is_required()] if table else []
        said = f"is missing: a table, [{where}], with {' and '.join(needed)}" if needed else "is missing"
    elif detail["type"] in _KINDS:
        said = _KINDS[detail["type"]].format(where=where, name=parts[-1])
    else:
        said = f"{detail['msg'][0].lower()}{detail['msg'][1:]}"
    return _fault(str(path), f"{where}: {said}", _line_of(text, parts))


def _model_at(parts: Sequence[str]) -> type[BaseModel] | None:
    """The section that stands at a place of the settings; the names of a table of sections are passed over."""
    model: type[BaseModel] | None = Settings
    for part in parts:
        if model is not None and part in model.model_fields:
            model = _model_of(model.model_fields[part].annotation)
    return model


def _model_of(annotation: Any) -> type[BaseModel] | None:
    """The section in an annotation: itself, one that may be None, or those of a list or a table."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((model for inner in get_args(annotation) if (model := _model_of(inner))), None)


def _line_of(text: str, parts: Sequence[str]) -> int:
    """The line where a setting stands, else that of the nearest table around it, else the first."""
    best, line = 0, 1
    table: list[str] = []
    for number, written in enumerate(text.splitlines(), 1):
        if header := _TABLE.match(written):
            table = _keys(header["keys"])
            place = table
        elif pair := _PAIR.match(written):
            place = [*table, *_keys(pair["keys"])]
        else:
            continue
        shared = min(len(place), len(parts))
        if shared > best and place[:shared] == list(parts[:shared]):
            best, line = shared, number
    return line


_TABLE = re.compile(r"\s*\[\[?(?P<keys>[^\]]+)\]")
_PAIR = re.compile(r"\s*(?P<keys>[\w.\"'-]+)\s*=")


def _keys(text: str) -> list[str]:
    """`a."b-c"` -> [a, b-c]; a key with a dot in its quotes is none that the settings have."""
    return [key.strip().strip("\"'") for key in text.split(".")]


def _fault(file: str, message: str, line: int = 1) -> Problem:
    return Problem(code="setting", level=Level.ERROR, message=message, source=Source(path=file, line=line))
