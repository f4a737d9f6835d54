"""Processes, machines and what they run on."""

from stanch.catalogue.action import ActionEntry, Parameter
from stanch.model.risk import Risk

PLATFORM: tuple[ActionEntry, ...] = (
    ActionEntry(
        name="restart_service",
        risk=Risk.MUTATING,
        description="Restarts the instances of a service one after the other.",
        phrases=(
            (
                "restart|reboot|bounce|recycle|cycle service|pod|container|application|app|process|server"
                "|instance|worker|api|node|deployment"
            ),
            "rolling restart",
            "restart",
        ),
    ),
    ActionEntry(
        name="scale_out",
        risk=Risk.MUTATING,
        description="Runs more instances of a service.",
        phrases=(
            (
                "scale out|horizontally|up|infrastructure|resource|service|pod|replica|instance|application"
                "|capacity|deployment|server|worker"
            ),
            "add|increase|provision|launch|spin instance|capacity|server|node|pod|worker",
            "increase replica",
            "autoscale",
        ),
        parameters=(
            Parameter(
                name="instances",
                pattern=r"\bto (?P<value>\d+)\b(?! ?(?:%|percent))",
                description="How many instances.",
            ),
        ),
        undo="Returns to the previous number.",
    ),
    ActionEntry(
        name="drain_node",
        risk=Risk.MUTATING,
        description="Takes an instance out of traffic and lets its requests end.",
        phrases=(
            "drain|cordon|remove node|instance|server|host",
            "take|remove node|instance|server|host out_of|from rotation|load_balancer",
        ),
        undo="Puts it back into traffic.",
    ),
    ActionEntry(
        name="isolate_system",
        risk=Risk.MUTATING,
        description="Cuts a system off from the network, leaving it running for investigation.",
        phrases=(
            (
                "isolate|quarantine|disconnect|segregate|contain affected|compromised|infected|system|server|host"
                "|machine|network|service"
            ),
        ),
        undo="Connects it again.",
    ),
    ActionEntry(
        name="clear_cache",
        risk=Risk.DESTRUCTIVE,
        description="Empties a cache; the load behind it rises until it is warm.",
        phrases=("clear|flush|purge|invalidate|empty|reset cache|redis|cdn",),
    ),
    ActionEntry(
        name="free_disk",
        risk=Risk.DESTRUCTIVE,
        description="Removes what may be removed to make room.",
        phrases=(
            "free|clear|clean|reclaim disk|space|storage",
            "delete|remove|rotate|truncate|prune old|log file|image",
        ),
    ),
    ActionEntry(
        name="dump_heap",
        risk=Risk.MUTATING,
        description="Writes the memory of a process to a file; the process stands still meanwhile.",
        phrases=("take|capture|collect|generate|create|get|save heap|memory|thread dump|snapshot|profile", "heap dump"),
    ),
    ActionEntry(
        name="warm_cache",
        risk=Risk.MUTATING,
        description="Fills a cache before traffic meets it cold.",
        phrases=("warm|preload|prime cache",),
    ),
    ActionEntry(
        name="renew_certificate",
        risk=Risk.MUTATING,
        description="Issues a certificate anew and installs it.",
        phrases=("renew|rotate|replace|reissue certificate|cert|tls|ssl",),
    ),
)
