"""Whom steps act as that nobody is asked about: identities that may only read.

A rating takes friction away; it is no security boundary. So what goes by itself runs as somebody who could not change
anything even if the rating were wrong: a kube context, an AWS profile, a PostgreSQL role, a user of Redis's access
lists. What was approved runs as whoever the settings say otherwise.

A command that names an identity of its own (`kubectl --context admin`, `psql -U postgres`) cannot be given another, so
it does not go by itself where one is set for its tool. The same holds for a tool inside another program's arguments.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath

Pipeline = tuple[tuple[str, ...], ...]

_KUBE = frozenset({"kubectl", "oc", "helm"})
_AWS = frozenset({"aws"})
_REDIS = frozenset({"redis-cli"})
_POSTGRES = frozenset({"psql", "pg_dump", "pg_isready", "pgbench", "vacuumdb", "reindexdb"})

_OWN: Mapping[frozenset[str], tuple[str, ...]] = {
    _KUBE: ("--context", "--kube-context", "--kubeconfig", "--user", "--token", "--as", "--server", "--cluster"),
    _AWS: ("--profile", "--no-sign-request"),
    _REDIS: ("--user", "--pass", "-a", "-u", "--askpass"),
    _POSTGRES: ("-U", "--username", "-W", "--password"),
}
_URLS = ("postgresql://", "postgres://")


@dataclass(frozen=True, slots=True, kw_only=True)
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
            if name in _KUBE and self.kube_context is not None:
                option = "--kube-context" if name == "helm" else "--context"
                stages.append((program, option, self.kube_context, *rest))
                continue
            if name in _REDIS and self.redis_user is not None:
                if self.redis_password is not None:
                    variables["REDISCLI_AUTH"] = self.redis_password
                stages.append((program, "--user", self.redis_user, *rest))
                continue
            if name in _AWS and self.aws_profile is not None:
                variables["AWS_PROFILE"] = self.aws_profile
            if name in _POSTGRES and self.postgres_role is not None:
                variables["PGUSER"] = self.postgres_role
                if self.postgres_password is not None:
                    variables["PGPASSWORD"] = self.postgres_password
            stages.append(stage)
        return tuple(stages), variables

    def _set_for(self, tools: frozenset[str]) -> bool:
        names = {
            _KUBE: self.kube_context,
            _AWS: self.aws_profile,
            _REDIS: self.redis_user,
            _POSTGRES: self.postgres_role,
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
                if tools is _POSTGRES:
                    found += [word for word in stage[1:] if word.startswith(_URLS) or "user=" in word]
            else:
                found += [word for word in stage[1:] if PurePath(word).name in tools]
        return tuple(found)


def _names(word: str, options: tuple[str, ...]) -> bool:
    """Whether a word is one of the options: alone, with its value after `=`, or a short one with it attached."""
    return any(
        word == option
        or word.startswith(f"{option}=")
        or (len(option) == 2 and word.startswith(option) and not word.startswith("--"))
        for option in options
    )
