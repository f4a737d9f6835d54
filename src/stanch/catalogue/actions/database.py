"""Acts on the database."""

from stanch.catalogue.action import PATH, ActionEntry, Parameter
from stanch.model.risk import Risk

DATABASE: tuple[ActionEntry, ...] = (
    ActionEntry(
        name="create_index",
        risk=Risk.MUTATING,
        description="Builds the index that the diagnosis proposes, concurrently, and asserts that it is valid.",
        phrases=(
            "build|create|add|apply missing|composite|proposed|recommended|suggested|covering|required|necessary index",
            "build|create|add index|indexes|indices",
            "apply index recommendation",
        ),
        parameters=(
            Parameter(
                name="columns",
                pattern=r"\bindex(?:es)? on \W?(?P<value>\w+(?:\W{1,3}(?:and )?\W?\w*[_`]\w*)+)",
                description="The columns, in order.",
            ),
            Parameter(
                name="cap_path",
                pattern=r"(?P<value>/[\w{}-][\w/{}.*-]*)\W+(?:\w+\W+){0,4}?(?:capped|limited|held|throttled)\b",
                description="The path whose load is capped while the index builds.",
            ),
            Parameter(
                name="cap_limit",
                pattern=(
                    r"(?:capped|limited|held|throttled) (?:at|to) (?P<value>\d+) (?:concurrent|simultaneous"
                    r"|parallel)"
                ),
                description="How many requests of that path run at once while the index builds.",
            ),
        ),
        undo="Drops the index, concurrently.",
    ),
    ActionEntry(
        name="optimize_query",
        risk=Risk.MUTATING,
        description="Takes up what the diagnosis proposes for the statements that cost most.",
        phrases=(
            "optimize|optimise|tune|improve|rewrite|fix query|queries|sql",
            "optimize|optimise|tune slow|database|db query",
            "limit|restrict|reduce query column",
            "select only|required|needed column",
        ),
    ),
    ActionEntry(
        name="cancel_query",
        risk=Risk.MUTATING,
        description="Cancels a statement; its session goes on.",
        phrases=(
            (
                "cancel|stop|abort|kill long_running|running|slow|blocking|runaway|stuck|expensive|offending"
                " query|statement|transaction"
            ),
            "cancel|kill|abort query|queries|statement",
        ),
        parameters=(Parameter(name="pid", pattern=r"\bpid (?P<value>\d+)\b", description="The backend."),),
    ),
    ActionEntry(
        name="end_session",
        risk=Risk.MUTATING,
        description="Ends sessions that hold connections or locks without working.",
        phrases=(
            "terminate|kill|end|close|drop idle|blocking|stuck|stale|hanging connection|session|transaction|backend",
            "terminate|kill connection|session|backend",
        ),
    ),
    ActionEntry(
        name="resize_pool",
        risk=Risk.MUTATING,
        description="Changes how many database connections the application may hold.",
        phrases=(
            "scale|increase|raise|enlarge|resize|expand|adjust|reduce|grow|tune|bump connection pool",
            "scale|increase|raise|enlarge|resize|expand|adjust|reduce|grow|tune|bump pool size|limit",
            "increase|raise|adjust max_connections|max_connection|connection_limit",
        ),
        parameters=(
            Parameter(name="size", pattern=r"\bto (?P<value>\d+)\b(?! ?(?:%|percent))", description="Connections."),
        ),
        undo="Sets the previous size.",
    ),
    ActionEntry(
        name="add_replica",
        risk=Risk.MUTATING,
        description="Brings up a read replica, or sends reads to one.",
        phrases=(
            "set|add|introduce|create|provision|spin|launch|deploy read replica",
            "add|introduce|create|provision replica",
            "route|send|move|redirect|offload read replica|secondary",
        ),
        undo="Sends reads to the primary again.",
    ),
    ActionEntry(
        name="failover_database",
        risk=Risk.DESTRUCTIVE,
        description="Promotes a standby to primary; what was not replicated is lost.",
        phrases=(
            (
                "failover|fail_over|promote|switch database|db|primary|standby|replica|rds|postgres|postgresql"
                "|mysql|master"
            ),
            "promote|switch standby|replica|secondary",
        ),
    ),
    ActionEntry(
        name="restore_backup",
        risk=Risk.DESTRUCTIVE,
        description="Puts a backup or snapshot in place of what is there.",
        phrases=(
            "restore backup|snapshot|dump",
            "restore|recover|roll_back|rollback|revert database|data|db state",
            "restore|recover database|db|data",
            "point_in_time recovery|restore",
        ),
    ),
    ActionEntry(
        name="analyze_table",
        risk=Risk.MUTATING,
        description="Renews the planner's statistics of a table.",
        phrases=("run|refresh|update|renew analyze|statistics|stats", "vacuum analyze"),
    ),
    ActionEntry(
        name="vacuum_table",
        risk=Risk.MUTATING,
        description="Reclaims dead rows of a table.",
        phrases=("run|start|schedule|force vacuum", "vacuum table|database|full"),
    ),
    ActionEntry(
        name="archive_rows",
        risk=Risk.DESTRUCTIVE,
        description="Moves old rows out of a table.",
        phrases=(
            (
                "archive|archiving|purge|delete|clean|remove old|historical|stale|expired record|row|data|entry"
                "|appointment"
            ),
        ),
    ),
    ActionEntry(
        name="pause_sync",
        risk=Risk.MUTATING,
        description="Stops replication or synchronisation jobs until they are resumed.",
        phrases=("pause|stop|halt|suspend|disable sync|synchronization|synchronisation|replication|import|etl",),
        undo="Resumes them.",
    ),
    ActionEntry(
        name="resume_sync",
        risk=Risk.MUTATING,
        description="Starts replication or synchronisation jobs again, slowly first.",
        phrases=(
            "resume|restore|restart|re_enable|reenable sync|synchronization|synchronisation|replication|import|etl",
        ),
        undo="Pauses them.",
    ),
    ActionEntry(
        name="enforce_pagination",
        risk=Risk.MUTATING,
        description="Caps how many rows a list request may return.",
        phrases=("add|implement|enforce|introduce pagination|paging", "paginate"),
        parameters=(PATH,),
        undo="Takes the cap off.",
    ),
)
