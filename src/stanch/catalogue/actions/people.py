"""Telling people."""

from stanch.catalogue.action import ActionEntry
from stanch.model.risk import Risk

PEOPLE: tuple[ActionEntry, ...] = (
    ActionEntry(
        name="notify_stakeholders",
        risk=Risk.READ_ONLY,
        description="Sends the playbook's internal template to the roles that must know.",
        phrases=(
            (
                "notify|inform|alert|update|tell|contact|brief|email stakeholder|management|leadership|team"
                "|manager|support|executive|customer_success|cto|legal|business"
            ),
            "communicate|send stakeholder|team|internally|update",
            "internal stakeholder|communication",
        ),
        tells=True,
    ),
    ActionEntry(
        name="notify_users",
        risk=Risk.READ_ONLY,
        description="Sends the playbook's user template to those affected.",
        phrases=(
            "notify|inform|tell|contact|alert|email|message affected|impacted|all user|customer|patient|client|party",
            "notify|inform|tell|contact|email user|customer|patient|client",
        ),
        tells=True,
    ),
    ActionEntry(
        name="update_status_page",
        risk=Risk.READ_ONLY,
        description="Writes the incident's state to the status page.",
        phrases=("update|post|publish|set|open|create|change status page|statuspage",),
        tells=True,
    ),
    ActionEntry(
        name="open_channel",
        risk=Risk.READ_ONLY,
        description="Opens the incident's channel and invites who responds.",
        phrases=(
            "create|open|start|set|spin|join incident|war|slack|team|response|bridge channel|room|call|bridge",
            "create|open|start|join war_room|bridge|channel",
        ),
        tells=True,
    ),
    ActionEntry(
        name="close_channel",
        risk=Risk.READ_ONLY,
        description="Closes the incident's channel once it is over.",
        phrases=("close|archive incident|war|slack channel|room|bridge",),
        tells=True,
    ),
    ActionEntry(
        name="page_on_call",
        risk=Risk.READ_ONLY,
        description="Pages the role that is on call.",
        phrases=("page|call|wake on_call|oncall|engineer|dba|team|commander", "page|alert on_call|oncall"),
        tells=True,
    ),
    ActionEntry(
        name="escalate",
        risk=Risk.READ_ONLY,
        description="Brings in the next role when a clock runs out or help is needed.",
        phrases=("escalate",),
        tells=True,
    ),
    ActionEntry(
        name="classify_severity",
        risk=Risk.READ_ONLY,
        description="Sets the incident's severity by the playbook's criteria.",
        phrases=("classify|assign|determine|set|declare|confirm severity|priority|incident_level", "declare incident"),
    ),
    ActionEntry(
        name="schedule_review",
        risk=Risk.READ_ONLY,
        description="Sets the date of the post-incident review and drafts it from the timeline.",
        phrases=(
            (
                "schedule|hold|conduct|run|arrange|organize|write|complete|prepare|draft post_mortem|postmortem"
                "|retrospective|review|post_incident"
            ),
            "blameless analysis|review|postmortem|post_mortem",
        ),
        tells=True,
    ),
    ActionEntry(
        name="document_timeline",
        risk=Risk.READ_ONLY,
        description="Writes down what happened and when; the timeline does most of it by itself.",
        phrases=(
            "document|record|write|log|keep timeline|incident|finding|everything|action|event|detail|lesson",
            "create|track action item",
        ),
    ),
    ActionEntry(
        name="notify_authority",
        risk=Risk.READ_ONLY,
        description="Reports a data breach to the authority within the time the law gives.",
        phrases=(
            (
                "notify|report|inform|contact authority|regulator|commission|supervisory|law_enforcement"
                "|data_protection|dpo"
            ),
        ),
        tells=True,
    ),
)
