"""Hosts of commands and links: whether their names resolve and, where a port is named, whether something listens.

Asked: only hosts that `drift.hosts` allows, and no address in a private network that `drift.private` does not name: a
playbook must not be a way to look around inside. The connection goes to the very address that was checked, and is
closed without a word. Something that does not answer in time is not asked, never gone.
"""

import asyncio
import fnmatch
import ipaddress
import re
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

from stanch.drift.outside import Outside
from stanch.drift.reading import is_open, stages
from stanch.drift.settings import DriftSettings
from stanch.model.drift import Named, Verdict, exists, gone, unasked
from stanch.model.plan import Plan, Step

KINDS = ("host",)

_PORTS = {"http": 80, "https": 443, "redis": 6379, "postgres": 5432, "postgresql": 5432, "amqp": 5672, "mongodb": 27017}
_NAME = re.compile(r"(?=.{1,253}$)[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9_-]+)*\.?")
_NOBODY = {socket.EAI_NONAME}


def names(plan: Plan) -> Iterator[Named]:
    for step, argv in stages(plan):
        for word in argv[1:]:
            yield from _of_word(word, step)
    for step in plan.of(Step):
        host = step.rating.target.get("host", "") if step.rating is not None else ""
        if host and _NAME.fullmatch(host) and not is_open(host, step) and not _in_words(host, step):
            yield Named(kind="host", name=host.lower(), source=step.source)


def _in_words(host: str, step: Step) -> bool:
    pipeline = (step.rating.pipeline or ()) if step.rating is not None else ()
    return any(f"//{host}" in word for argv in pipeline for word in argv)


def _of_word(word: str, step: Step) -> Iterator[Named]:
    if "://" not in word:
        return
    try:
        parts = urlsplit(word)
        port = parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        return
    host = parts.hostname or ""
    if host and not is_open(parts.netloc, step):
        where = () if port is None else (("port", str(port)),)
        yield Named(kind="host", name=host, where=where, source=step.source)


async def ask(named: Named, outside: Outside) -> Verdict:
    refused = allowed(named.name, outside.settings)
    if refused is not None:
        return refused
    port = named.at("port")
    addresses = await resolved(named.name, None if port is None else int(port))
    if isinstance(addresses, Verdict):
        return addresses
    if port is None:
        return exists(f"it is {addresses[0]}")
    hidden = [address for address in addresses if not may_connect(address, outside.settings)]
    if hidden:
        return unasked(f"it is {hidden[0]}, in a private network that drift.private does not name")
    refusals = []
    for address in addresses:
        try:
            _, writer = await asyncio.open_connection(address, int(port))
        except ConnectionRefusedError:
            refusals.append(address)
        except OSError as error:
            return unasked(f"{address} was not reached: {error.strerror or error}")
        else:
            writer.close()
            return exists(f"{address} listens on port {port}")
    return gone(f"nothing listens on port {port} of {', '.join(refusals)}")


def allowed(host: str, settings: DriftSettings) -> Verdict | None:
    """None where a host may be looked up."""
    if any(fnmatch.fnmatchcase(host.lower(), pattern.lower()) for pattern in settings.hosts):
        return None
    return unasked("drift.hosts does not allow it")


def may_connect(address: str, settings: DriftSettings) -> bool:
    """Whether an address is public, or in a private network that the settings name."""
    parsed = ipaddress.ip_address(address.partition("%")[0])
    plain = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped else parsed
    if plain.is_global and not plain.is_multicast:
        return True
    return any(plain in ipaddress.ip_network(network) for network in settings.private)


async def resolved(host: str, port: int | None) -> list[str] | Verdict:
    """Its addresses; gone only where the name service has said that there is no such name."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        if error.errno in _NOBODY:
            return gone(f"the name service knows no {host}")
        return unasked(f"the name service did not answer: {error.strerror}")
    except UnicodeError:
        return gone("no host can have that name")
    return list(dict.fromkeys(str(each[4][0]) for each in found))
