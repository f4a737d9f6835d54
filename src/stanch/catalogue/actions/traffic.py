"""Shaping what reaches the application: every one is a control with a time to live and an undo."""

from stanch.catalogue.action import DURATION, PATH, ActionEntry, Parameter
from stanch.model.risk import Risk

TRAFFIC: tuple[ActionEntry, ...] = (
    ActionEntry(
        name="limit_concurrency",
        risk=Risk.MUTATING,
        description="Lets only so many requests of a path run at once; the others wait briefly or are refused.",
        phrases=(
            "cap|limit|restrict|reduce|lower concurrency",
            "cap|limit|restrict concurrent|simultaneous|parallel request|call|connection|query",
            "cap|limit request concurrently|at_once|at_a_time",
            "capped|limited concurrent|simultaneous|parallel request",
        ),
        parameters=(
            PATH,
            Parameter(
                name="limit",
                pattern=r"\b(?:at|to) (?P<value>\d+)\b(?! ?(?:%|percent))",
                description="How many run at once.",
            ),
            DURATION,
        ),
        undo="Takes the cap off.",
    ),
    ActionEntry(
        name="limit_rate",
        risk=Risk.MUTATING,
        description="Refuses requests above a rate for a path or a source, with 429.",
        phrases=(
            "rate_limit",
            "rate limiting|limiter|limit",
            "throttle",
            "limit request rate",
            "block|limit|rate excessive request",
        ),
        parameters=(
            PATH,
            Parameter(
                name="limit",
                pattern=r"(?P<value>\d[\d,]* ?(?:requests?|req|calls?)? ?(?:per|a|/) ?(?:second|minute|s|min|m)\b)",
                description="How many in how long.",
            ),
            DURATION,
        ),
        undo="Takes the limit off.",
    ),
    ActionEntry(
        name="shed_load",
        risk=Risk.MUTATING,
        description="Refuses the least important requests with 503 until the service keeps up.",
        phrases=(
            "shed load|traffic|request",
            "drop|reject|refuse low_priority|non_critical|noncritical|background traffic|request|job",
            "load shedding",
        ),
        undo="Lets everything through again.",
    ),
    ActionEntry(
        name="prioritize_traffic",
        risk=Risk.MUTATING,
        description="Queues requests so that critical ones go first.",
        phrases=("prioritize|prioritise critical|essential|important user|operation|traffic|request|path",),
        undo="Treats all requests alike again.",
    ),
    ActionEntry(
        name="open_breaker",
        risk=Risk.MUTATING,
        description="Fails fast on calls that keep failing, and tries again after a while.",
        phrases=(
            "implement|enable|open|trip|activate|add|use|engage|deploy|turn circuit breaker",
            "circuit breaker",
            "fail fast",
        ),
        parameters=(PATH,),
        undo="Closes the breaker.",
    ),
    ActionEntry(
        name="maintenance_mode",
        risk=Risk.MUTATING,
        description="Answers everything that is not critical with a maintenance page.",
        phrases=(
            "maintenance mode|page",
            "put|switch|redirect|enter|enable|activate maintenance",
        ),
        undo="Serves everything again.",
    ),
    ActionEntry(
        name="degrade_feature",
        risk=Risk.MUTATING,
        description="Serves a reduced version of what is affected: stale, partial or without extras.",
        phrases=(
            "graceful|gracefully degradation|degrade",
            "degrade feature|service|functionality",
            "activate|enable|use|switch fallback|degraded mode|mechanism|response",
        ),
        undo="Serves the full version again.",
    ),
    ActionEntry(
        name="disable_endpoint",
        risk=Risk.MUTATING,
        description="Answers one path with 503 and the incident's number.",
        phrases=(
            "disable|turn_off|block|close|shut affected|vulnerable|problematic endpoint|route|api",
            "disable|turn_off|block|close|shut endpoint|route",
        ),
        parameters=(PATH,),
        undo="Opens the path again.",
    ),
    ActionEntry(
        name="block_source",
        risk=Risk.MUTATING,
        description="Refuses an address, a network or a subject.",
        phrases=(
            "block|ban|deny|blacklist|blocklist ip|address|source|network|range|client|attacker|traffic",
            (
                "block|stop|deny suspicious|malicious|abusive|attacking login|traffic|request|attempt|ip|user"
                "|activity|address"
            ),
            "block attacker",
        ),
        parameters=(
            Parameter(
                name="source",
                pattern=r"(?P<value>\b\d{1,3}(?:\.\d{1,3}){3}(?:/\d{1,2})?\b)",
                description="An IPv4 address or network.",
            ),
            DURATION,
        ),
        undo="Lets the source in again.",
    ),
    ActionEntry(
        name="cache_route",
        risk=Risk.MUTATING,
        description="Answers a path from a short-lived cache.",
        phrases=(
            "enable|implement|add|turn|use|introduce|activate|increase caching|cache",
            "temporarily cache",
            "cache response|result|frequently|hot",
        ),
        parameters=(PATH, DURATION),
        undo="Asks the application every time again.",
    ),
    ActionEntry(
        name="switch_origin",
        risk=Risk.MUTATING,
        description="Sends traffic to another origin, region or network.",
        phrases=(
            (
                "switch|failover|fail_over|reroute|redirect|route|move backup|secondary|standby|alternate"
                "|alternative cdn|origin|region|provider|site|server"
            ),
            "switch|reroute|redirect traffic backup|secondary|standby|healthy|another",
            "switch cdn|origin|dns",
            "failover|fail_over region|datacenter|site",
        ),
        parameters=(Parameter(name="to", pattern=r"\bto (?P<value>[\w.-]+(?: [\w.-]+)?)", description="Where to."),),
        undo="Sends traffic back to the primary origin.",
    ),
    ActionEntry(
        name="restore_origin",
        risk=Risk.MUTATING,
        description="Sends traffic back to where it belongs.",
        phrases=(
            (
                "restore|return|switch_back|fail_back|failback primary|original|main origin|cdn|region|site"
                "|delivery|system|traffic"
            ),
            "restore|return traffic primary|normal",
        ),
        undo="Sends traffic to the backup again.",
    ),
    ActionEntry(
        name="set_timeout",
        risk=Risk.MUTATING,
        description="Changes how long a call may take before it is given up.",
        phrases=(
            "increase|raise|extend|reduce|lower|decrease|shorten|set|adjust|change|tune timeout",
            "adjust|tighten time_out|deadline",
        ),
        parameters=(
            PATH,
            Parameter(
                name="seconds",
                pattern=r"\bto (?P<value>\d+(?:\.\d+)? ?(?:milliseconds?|ms|seconds?|sec|s))\b",
                description="The new limit.",
            ),
        ),
        undo="Sets the previous limit.",
    ),
)
