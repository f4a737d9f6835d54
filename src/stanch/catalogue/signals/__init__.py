"""The vocabulary of what can be measured: every signal, by name and by the phrases that people write.

One file a family; a file's `SIGNALS` is its part of the catalogue.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from stanch.catalogue.signals import cloud, database, host, http, kubernetes, probe, proxy, queue, redis, runtime
from stanch.model.signal import Signal

FAMILIES: Mapping[str, tuple[Signal, ...]] = MappingProxyType(
    {
        "http": http.SIGNALS,
        "database": database.SIGNALS,
        "redis": redis.SIGNALS,
        "proxy": proxy.SIGNALS,
        "runtime": runtime.SIGNALS,
        "host": host.SIGNALS,
        "kubernetes": kubernetes.SIGNALS,
        "queue": queue.SIGNALS,
        "probe": probe.SIGNALS,
        "cloud": cloud.SIGNALS,
    }
)

SIGNALS: Mapping[str, Signal] = MappingProxyType(
    {signal.name: signal for family in FAMILIES.values() for signal in family}
)

PHRASES: Mapping[str, str] = MappingProxyType(
    {phrase: signal.name for signal in SIGNALS.values() for phrase in signal.phrases}
)


def with_own(own: Iterable[Signal]) -> Mapping[str, Signal]:
    """The catalogue with the signals that a team's playbooks define; theirs go before ours of the same name."""
    return {**SIGNALS, **{signal.name: signal for signal in own}}
