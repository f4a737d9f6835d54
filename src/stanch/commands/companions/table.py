"""Which file speaks of which program, and the looks of it that are safe to run."""

from dataclasses import replace
from functools import lru_cache
from shlex import join
from types import MappingProxyType

from stanch.commands.companion import NONE, Companions, Pipeline, Tool
from stanch.commands.companions import (
    ansible,
    apt,
    aws,
    coreutils,
    docker,
    git,
    haproxy,
    helm,
    kubectl,
    psql,
    redis_cli,
    rsync,
    systemctl,
    terraform,
)
from stanch.commands.rating import rate
from stanch.model.risk import Rating, Risk

TOOLS: tuple[Tool, ...] = (
    ansible,
    apt,
    aws,
    coreutils,
    docker,
    git,
    helm,
    kubectl,
    psql,
    redis_cli,
    rsync,
    systemctl,
    terraform,
)
_BY_NAME = MappingProxyType({name: tool for tool in TOOLS for name in tool.NAMES})


@lru_cache(maxsize=4096)
def companions_of(pipeline: Pipeline) -> Companions:
    """What goes along with a rated pipeline. Looks and dry runs that are not rated read-only are left out.

    A pipeline of several stages has none, but for a command that is piped to HAProxy's socket.
    """
    match pipeline:
        case (argv,) if argv:
            tool = _BY_NAME.get(argv[0].rsplit("/", 1)[-1])
            found = NONE if tool is None else tool.companions(argv)
        case (_, _):
            found = haproxy.companions(pipeline)
        case _:
            found = NONE
    return _harmless(found)


def written(pipeline: Pipeline) -> str:
    """A pipeline as a person would type it."""
    return " | ".join(join(stage) for stage in pipeline)


def rated(pipeline: Pipeline) -> Rating:
    """The rating of a companion, as strict as that of any other command."""
    return rate(written(pipeline))


def _harmless(found: Companions) -> Companions:
    if found is NONE:
        return found
    before = found.before if _reads(found.before) else None
    proof = found.proof if found.proof is not None and _reads(found.proof.look) else None
    settled = found.settled if found.settled is not None and _reads(found.settled.look) else None
    dry_run = found.dry_run if _reads(found.dry_run) else None
    return replace(found, before=before, proof=proof, settled=settled, dry_run=dry_run)


def _reads(pipeline: Pipeline | None) -> bool:
    """Whether it only reads, and is read as it is meant: the same words, without a shell."""
    if pipeline is None:
        return False
    rating = rated(pipeline)
    return rating.risk is Risk.READ_ONLY and rating.pipeline == pipeline
