"""Whom steps act as that nobody is asked about: identities that may only read.

A rating takes friction away; it is no security boundary. So what goes by itself runs as somebody who could not change
anything even if the rating were wrong: a kube context, an AWS profile, a PostgreSQL role, a user of Redis's access
lists. What was approved runs as whoever the settings say otherwise.

A command that names an identity of its own (`kubectl --context admin`, `psql -U postgres`) cannot be given another, so
it does not go by itself where one is set for its tool. The same holds for a tool inside another program's arguments.
"""

from collections.abc import Mapping
from pathlib import PurePath

from stanch.model.record import record

Pipeline = tuple[tuple[str, ...], ...]

KUBE = frozenset({"kubectl", "oc", "helm"})
AWS = frozenset({"aws"})
REDIS = frozenset({"redis-cli"})
POSTGRES = frozenset({"psql", "pg_dump", "pg_isready", "pgbench", "vacuumdb", "reindexdb"})

_OWN: Mapping[frozenset[str], tuple[str, ...]] = {
    KUBE: (
        "--context", "--kube-context", "--kubeconfig", "--user", "--username", "--password", "--token", "--kube-token",
        "--as", "--as-group", "--as-uid", "--kube-as-user", "--kube-as-group", "--server", "-s", "--kube-apiserver",
        "--cluster", "--client-key", "--client-certificate",
    ),
    AWS: ("--profile", "--no-sign-request"),
    REDIS: ("--user", "--pass", "-a", "-u", "--askpass"),
    POSTGRES: ("--username", "--password"),
}  # fmt: skip
_OWN_WORDS: Mapping[frozenset[str], frozenset[str]] = {REDIS: frozenset({"auth", "hello"})}
_PSQL_VALUES = frozenset("cdfFhLopPRTUv")
_PSQL_LONG_VALUES = (
    "--command", "--dbname", "--file", "--field-separator", "--host", "--log-file", "--output", "--port", "--pset",
    "--record-separator", "--table-attr", "--username", "--set", "--variable",
)  # fmt: skip
_URLS = ("postgresql://", "postgres://")


@record
class Identity:
    """The names to act under. None leaves a tool's commands as they are."""

    kube_context: str | None = None
    aws_profile: str | None = None
    postgres_role: str | None = None
    postgres_password: str | None = None
    redis_user: str | None = None
    redis_password: str | None = None

    def cannot_take(self, pipeline: Pipeline) -> str | None:
        """The words by which a command says whom it acts as, so that it cannot be made to act as somebody else."""
        return next((own for stage in pipeline for own in self._own(stage)), None)

    def taken_by(self, pipeline: Pipeline) -> tuple[Pipeline, dict[str, str]]:
        """The pipeline as it runs under this identity, and the variables that it gets for that."""
        variables: dict[str, str] = {}
        stages = []
        for stage in pipeline:
            program, *rest = stage
            name = PurePath(program).name
            if name in KUBE and self.kube_context is not None:
                option = "--kube-context" if name == "helm" else "--context"
                stages.append((program, option, self.kube_context, *rest))
                continue
            if name in REDIS and self.redis_user is not None:
                if self.redis_password is not None:
                    variables["REDISCLI_AUTH"] = self.redis_password
                stages.append((program, "--user", self.redis_user, *rest))
                continue
            if name in AWS and self.aws_profile is not None:
                variables["AWS_PROFILE"] = self.aws_profile
            if name in POSTGRES and self.postgres_role is not None:
                variables["PGUSER"] = self.postgres_role
                if self.postgres_password is not None:
                    variables["PGPASSWORD"] = self.postgres_password
            stages.append(stage)
        return tuple(stages), variables

    def _set_for(self, tools: frozenset[str]) -> bool:
        names = {
            KUBE: self.kube_context,
            AWS: self.aws_profile,
            REDIS: self.redis_user,
            POSTGRES: self.postgres_role,
        }
        return names[tools] is not None

    def _own(self, stage: tuple[str, ...]) -> tuple[str, ...]:
        name = PurePath(stage[0]).name
        found: list[str] = []
        for tools, options in _OWN.items():
            if not self._set_for(tools):
                continue
            if name in tools:
                found += [word for word in stage[1:] if _names(word, options)]
                found += [word for word in stage[1:] if word.lower() in _OWN_WORDS.get(tools, ())]
                if tools is POSTGRES:
                    found += _of_libpq(name, stage[1:])
            else:
                found += [word for word in stage[1:] if PurePath(word).name in tools]
        return tuple(found)


def _names(word: str, options: tuple[str, ...]) -> bool:
    """Whether a word is one of the options, as any way of reading options takes it: abbreviated, or with its value."""
    if not word.startswith("--"):
        return any(len(option) == 2 and word.startswith(option) for option in options)
    written = word.partition("=")[0]
    return len(written) > 3 and any(option.startswith(written) for option in options)


def _of_libpq(name: str, words: tuple[str, ...]) -> list[str]:
    """The words by which a client of PostgreSQL says whom it logs in as, or where that stands."""
    found = [word for word in words if word.startswith(_URLS) or "user=" in word or "service=" in word]
    # Of several letters behind one dash the last may take the next word; a U or W among them names a role or asks.
    found += [word for word in words if word[:1] == "-" and word[:2] != "--" and set(word[1:]) & {"U", "W"}]
    if name != "psql":
        return found
    operands: list[str] = []
    names_database = is_value = False
    for word in words:
        if is_value:
            is_value = False
        elif word.startswith("--"):
            is_value = "=" not in word and any(option.startswith(word) for option in _PSQL_LONG_VALUES)
            names_database |= len(word) > 3 and "--dbname".startswith(word.partition("=")[0])
        elif word.startswith("-") and len(word) > 1:
            taking = next((place for place, letter in enumerate(word[1:], 1) if letter in _PSQL_VALUES), None)
            is_value = taking == len(word) - 1
            names_database |= taking is not None and word[taking] == "d"
        else:
            operands.append(word)
    return found + operands[0 if names_database else 1 :]
