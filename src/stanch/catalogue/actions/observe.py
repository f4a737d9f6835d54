"""Looking before acting: nothing here changes production."""

from stanch.catalogue.action import ActionEntry, Parameter
from stanch.model.risk import Risk

OBSERVE: tuple[ActionEntry, ...] = (
    ActionEntry(
        name="diagnose",
        risk=Risk.READ_ONLY,
        description="Looks for the cause in the live database and the signals; gives findings with their evidence.",
        phrases=(
            "diagnose",
            "find|identify|determine|establish|investigate|look cause",
            "root cause analysis",
            "analyze|investigate root cause",
        ),
    ),
    ActionEntry(
        name="verify_recovery",
        risk=Risk.READ_ONLY,
        description="Watches the incident's signals until they have stayed within bounds long enough.",
        phrases=(
            "watch|monitor|observe signal|metric until|stay|remain",
            "watch|wait until signal|metric|it|everything clean|normal|green|healthy",
            "verify|confirm|ensure|check recovery|recovered",
            "verify|confirm|ensure service|system|application|functionality|performance restored|stable|normal|healthy",
            "verify|confirm|check restoration",
            "verify|confirm|check system|service|platform stability|health",
            "verify|confirm fix|resolution|mitigation",
        ),
    ),
    ActionEntry(
        name="review_deploys",
        risk=Risk.READ_ONLY,
        description="Lists the releases and configuration changes shortly before the incident.",
        phrases=(
            "review|check|inspect|look|list|correlate recent deploy|deployment|release|change",
            "review|check|inspect|look|list deploy|deployment|release history|change|log",
            "review|check configuration|config change",
            "review|check|inspect application|code change",
            "what changed",
        ),
    ),
    ActionEntry(
        name="check_health",
        risk=Risk.READ_ONLY,
        description="Asks every instance and dependency whether it is up and ready.",
        phrases=(
            "check|verify|assess|inspect|monitor|confirm health",
            "check|verify|inspect system|service|server|cluster|pod|application|database|replica status",
            "check|verify service|server|system|instance running|up|available",
            "identify|determine affected service|system|component",
        ),
    ),
    ActionEntry(
        name="check_metrics",
        risk=Risk.READ_ONLY,
        description="Shows the signals of the incident beside their limits.",
        phrases=(
            "check|review|look|inspect|analyze|monitor|open dashboard|grafana|metric",
            "monitor|check|review|track resource usage|utilization|consumption",
            "check|monitor cpu|memory|disk|load|io",
            "check server|database resource",
            "gather initial information",
        ),
    ),
    ActionEntry(
        name="check_logs",
        risk=Risk.READ_ONLY,
        description="Reads the newest log lines of the affected service, errors first.",
        phrases=(
            (
                "check|review|analyze|inspect|search|tail|look|examine|monitor|collect error|application|server"
                "|service log"
            ),
            "check|review|analyze|inspect|search|tail|examine|monitor|collect|gather log",
        ),
    ),
    ActionEntry(
        name="check_slow_queries",
        risk=Risk.READ_ONLY,
        description="Ranks statements by the database time they take.",
        phrases=(
            "check|review|analyze|inspect|identify|find|look slow|problematic|expensive|inefficient|long_running query",
            "check|review|analyze|inspect slow query log",
            "examine|check|review|inspect|analyze query|execution plan",
        ),
    ),
    ActionEntry(
        name="check_locks",
        risk=Risk.READ_ONLY,
        description="Shows who blocks whom in the database.",
        phrases=(
            "check|look|find|inspect|identify|review|list lock|deadlock|blocking",
            "check|look|find|inspect|identify|list blocking|blocked transaction|query|session",
        ),
    ),
    ActionEntry(
        name="check_connections",
        risk=Risk.READ_ONLY,
        description="Counts the database's connections by state, and what waits in the pool.",
        phrases=(
            "check|monitor|inspect|review|count|verify|look connection pool",
            "check|monitor|inspect|review|count|verify active|database|open|db connection",
            "monitor|check pool exhaustion|usage|utilization",
        ),
    ),
    ActionEntry(
        name="check_replication",
        risk=Risk.READ_ONLY,
        description="Measures how far replicas are behind.",
        phrases=("check|monitor|measure|verify|inspect replication|replica lag|status|delay",),
    ),
    ActionEntry(
        name="check_traffic",
        risk=Risk.READ_ONLY,
        description="Shows requests by path, client and status against what is usual.",
        phrases=(
            "analyze|check|review|inspect|monitor api|endpoint|traffic|request usage|pattern|volume|spike|rate",
            "check|look|analyze traffic|request",
            "identify|find top client|talker|ip|source|endpoint",
        ),
    ),
    ActionEntry(
        name="check_dependencies",
        risk=Risk.READ_ONLY,
        description="Asks the services this one calls whether they are well.",
        phrases=(
            (
                "check|verify|review third_party|external|upstream|downstream|vendor|provider|dependency status"
                "|health|api|service"
            ),
            "check|verify|review dependency|upstream|downstream|vendor",
        ),
    ),
    ActionEntry(
        name="assess_impact",
        risk=Risk.READ_ONLY,
        description="Counts the users, requests and paths that are affected.",
        phrases=(
            "estimate|assess|determine|evaluate|quantify|measure|calculate user|customer|business|potential impact",
            "estimate|assess|determine|evaluate|quantify impact|scope|severity|blast",
            "how many user|customer affected",
        ),
    ),
    ActionEntry(
        name="audit_access",
        risk=Risk.READ_ONLY,
        description="Reports from the access logs who saw which records.",
        phrases=(
            "audit|review|analyze|check|inspect|examine access log",
            "audit access",
            "assess|determine|evaluate|estimate scope|extent exposure|breach|compromise",
            "verify|check|confirm no data compromise|leak|loss|breach",
            "identify|determine|find data|record accessed|exposed|compromised|leaked",
        ),
    ),
    ActionEntry(
        name="verify_integrity",
        risk=Risk.READ_ONLY,
        description="Compares counts, checksums and constraints to show that data is whole.",
        phrases=(
            "verify|validate|check|confirm|test data|content|database|backup integrity|consistency",
            "validate|verify|check consistency|integrity|checksum",
        ),
    ),
    ActionEntry(
        name="preserve_evidence",
        risk=Risk.READ_ONLY,
        description="Keeps logs, dumps and timestamps of the incident where nothing deletes them.",
        phrases=(
            "preserve|gather|collect|capture|secure|save evidence|forensic",
            "gather|collect technical evidence",
            "take|capture|save snapshot forensic|evidence",
        ),
        parameters=(
            Parameter(name="from", pattern=r"\bfrom (?P<value>[\w./-]+)", description="Where the evidence is."),
        ),
    ),
)
