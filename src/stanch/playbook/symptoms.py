"""What people call a failure, and the signals that show it: "Performance degradation" is seen in the response time.

Scenarios are named by what users notice, rules by what is measured. A scenario whose title names no signal is reached
through these; they arm nothing.
"""

from collections.abc import Iterator

from stanch.playbook.phrases import Phrases

_TABLE: tuple[tuple[Phrases, tuple[str, ...]], ...] = (
    (
        Phrases(
            r"performance (?:degradation|problems?|issues?|regression)",
            r"slow(?:ness|down| responses?| requests?| api| app)?",
            r"degraded performance|latency (?:issues?|problems?|spikes?)|(?:is|are) slow|sluggish",
        ),
        ("http.response_time",),
    ),
    (
        Phrases(
            r"(?:complete |full |total |partial |service |site |system |api |app(?:lication)? )*(?:outages?|downtime)",
            r"(?:site|service|system|api|app(?:lication)?|website|everything) (?:is )?(?:down|unavailable|unreachable)",
            r"service interruption",
        ),
        ("http.error_rate", "probe.success", "target.up"),
    ),
    (
        Phrases(
            r"(?:bad|failed|broken|faulty) (?:deploy(?:ment)?s?|releases?|rollouts?)|production (?:bugs?|defects?)",
            r"(?:deployment|release) (?:failures?|issues?|problems?)|(?:500|5xx|server|application|internal) errors?",
            r"elevated errors?|error spikes?|spikes? (?:in|of) errors",
        ),
        ("http.error_rate",),
    ),
    (
        Phrases(
            r"(?:slow|bad|expensive) quer(?:y|ies)",
            r"(?:database|db|postgres\w*|mysql|query) (?:performance|slowness|crisis)",
            r"database overload|overloaded database|(?:database|db) (?:is )?(?:slow|overloaded)",
        ),
        ("db.response_time", "db.slow_query", "db.server.cpu.utilization"),
    ),
    (
        Phrases(
            r"connection (?:pool )?(?:exhaustion|leaks?|issues?|problems?)|(?:too many|out of|no) connections",
            r"(?:database|db|postgres\w*) connection (?:issues?|problems?|failures?|errors?)|pool (?:is )?exhausted",
        ),
        ("db.pool.utilization", "db.pool.pending", "db.connections"),
    ),
    (
        Phrases(
            r"(?:database|db|postgres\w*|mysql) (?:is )?(?:down|outages?|unavailable|unreachable|failures?)",
            r"primary (?:is )?down",
        ),
        ("db.up", "db.error_rate"),
    ),
    (
        Phrases(
            r"replication (?:issues?|problems?|failures?|broken)|(?:data )?synchroni[sz]ation (?:issues?|problems?)"
        ),
        ("db.replica_lag",),
    ),
    (
        Phrases(r"(?:redis|cache|caching) (?:issues?|problems?|failures?|outages?|(?:is )?down)"),
        ("redis.up", "cache.hit_ratio"),
    ),
    (
        Phrases(r"(?:content delivery|cdn|edge) (?:issues?|problems?|failures?|outages?|(?:is )?down)"),
        ("cdn.error_rate", "cdn.cache_hit_ratio"),
    ),
    (
        Phrases(
            r"(?:queue|worker|job|message|consumer) (?:backlogs?|backups?|pile-?ups?|issues?|problems?)",
            r"stuck (?:jobs|workers)|backlogs?",
        ),
        ("messaging.queue.length", "messaging.consumer.lag", "messaging.queue.age"),
    ),
    (
        Phrases(
            r"memory leaks?|out of memory|oom(?:s|kill(?:ed|s)?)?|memory (?:pressure|exhaustion|issues?|problems?)"
        ),
        ("system.memory.utilization", "runtime.heap.utilization", "k8s.container.memory.utilization"),
    ),
    (
        Phrases(r"cpu (?:saturation|exhaustion|spikes?|pegged|issues?)|high (?:cpu|load)"),
        ("system.cpu.utilization", "system.cpu.load"),
    ),
    (
        Phrases(r"(?:disk|volume|filesystem) (?:is )?(?:full|filling(?: up)?)|out of disk(?: space)?|no space left"),
        ("system.disk.utilization", "system.disk.free"),
    ),
    (
        Phrases(
            r"(?:authentication|auth|login|sign-?in) (?:failures?|issues?|problems?|outages?)|brute[- ]force",
            r"credential stuffing|account takeovers?",
        ),
        ("http.auth_failure_rate",),
    ),
    (
        Phrases(
            r"(?:security|data) breach(?:es)?|unauthori[sz]ed access|data (?:leak|exposure)s?|intrusions?",
            r"compromised?",
        ),
        ("http.auth_failure_rate", "http.client_error_rate"),
    ),
    (
        Phrases(r"traffic (?:spikes?|surges?|floods?)|d?dos(?: attacks?)?|overload(?:ed)?|thundering herd"),
        ("http.request_rate", "http.active_requests"),
    ),
    (
        Phrases(r"crash ?loop\w*|pods? (?:keep |are )?(?:crash|restart)\w*"),
        ("k8s.pod.crash_looping", "k8s.container.restarts"),
    ),
    (
        Phrases(
            r"(?:third[- ]party|upstream|downstream|dependency|provider)"
            r" (?:outages?|failures?|issues?|errors?|(?:is )?down)"
        ),
        ("http.client.error_rate", "http.client.response_time"),
    ),
    (Phrases(r"(?:cascading|cascade) failures?|timeouts?"), ("http.timeout_rate", "http.client.error_rate")),
    (
        Phrases(r"(?:certificates?|tls|ssl) (?:expir\w+|issues?|problems?|errors?)"),
        ("tls.certificate.remaining", "probe.success"),
    ),
    (Phrases(r"dns (?:issues?|problems?|failures?|outages?)"), ("probe.dns_time", "probe.success")),
    (Phrases(r"dead ?locks?|lock (?:contention|waits?)|blocked quer(?:y|ies)"), ("db.lock_waits", "db.deadlocks")),
)


def signals_of_symptom(text: str) -> Iterator[str]:
    """The signals that would show what a title complains of."""
    for phrases, signals in _TABLE:
        if phrases.inside(text):
            yield from signals
