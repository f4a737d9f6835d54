"""Every table. Times are epoch seconds (UTC), durations seconds, JSON is canonical text, names are the model's.

`migrations/` builds the same schema step by step; a test holds that the two agree on SQLite and on PostgreSQL.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
)

from stanch.store.document import Document

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite numbers rows by itself only where the key is spelled INTEGER.
RowNumber = BigInteger().with_variant(Integer, "sqlite")

# --- identity and coordination -----------------------------------------------------------------------------------

# The last number given out under each name; see `numbering.py`.
counter = Table(
    "counter",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", BigInteger, nullable=False),
)

# A right that one replica holds for a while. `epoch` grows at each change of holder: it is the fencing token.
lease = Table(
    "lease",
    metadata,
    Column("name", Text, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("until", Double, nullable=False),
)

# Something that must be heard from every `interval_s`.
heartbeat = Table(
    "heartbeat",
    metadata,
    Column("name", Text, primary_key=True),
    Column("at", Double, nullable=False),
    Column("interval_s", Double, nullable=False),
    Column("data", Document, nullable=False),
)

# --- what was understood -----------------------------------------------------------------------------------------

# Playbooks as they were read: [{"path": ..., "text": ...}], so that a pinned plan can be compiled again.
plan = Table(
    "plan",
    metadata,
    Column("hash", Text, primary_key=True),
    Column("pinned_at", Double, nullable=False),
    Column("documents", Document, nullable=False),
)

# Where each rule stood, so that persistence goes on across a restart.
rule_state = Table(
    "rule_state",
    metadata,
    Column("rule_id", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("since", Double, nullable=False),
    Column("at", Double, nullable=False),
    Column("value", Double),
    Column("data", Document, nullable=False),
)

# --- what was measured -------------------------------------------------------------------------------------------

series = Table(
    "series",
    metadata,
    Column("id", RowNumber, primary_key=True),
    Column("metric", Text, nullable=False),
    Column("labels", Document, nullable=False),
    UniqueConstraint("metric", "labels"),
)

# `value` is NULL where the exporter said NaN, which SQLite cannot hold.
sample = Table(
    "sample",
    metadata,
    Column("series_id", RowNumber, ForeignKey("series.id"), nullable=False),
    Column("at", Double, nullable=False),
    Column("value", Double),
    PrimaryKeyConstraint("series_id", "at"),
    Index(None, "at"),
    sqlite_with_rowid=False,
)

# A change of the outside world: a deploy, a migration, a flag.
mark = Table(
    "mark",
    metadata,
    Column("id", RowNumber, primary_key=True),
    Column("at", Double, nullable=False, index=True),
    Column("service", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("version", Text),
    Column("previous", Text),
    Column("data", Document, nullable=False),
)

# --- incidents ---------------------------------------------------------------------------------------------------

# The fold of an incident's events, kept in the transaction of each event. `number` orders, `id` is its text;
# `head` is the digest of the last event, so a chain that was cut short is found.
incident = Table(
    "incident",
    metadata,
    Column("id", Text, primary_key=True),
    Column("number", BigInteger, nullable=False, unique=True),
    Column("title", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("service", Text, nullable=False),
    Column("opened_at", Double, nullable=False),
    Column("plan_hash", Text, nullable=False),
    Column("source", Document),
    Column("rules", Document, nullable=False),
    Column("firing", Document, nullable=False),
    Column("acknowledged_at", Double),
    Column("acknowledged_by", Text),
    Column("assignee", Text),
    Column("mitigated_at", Double),
    Column("resolved_at", Double),
    Column("reopened", Integer, nullable=False),
    Column("recovering_since", Double),
    Column("clocks", Document, nullable=False),
    Column("findings", Document, nullable=False),
    Column("runs", Document, nullable=False),
    Column("review_path", Text),
    Column("last", Document, nullable=False),
    Column("seq", Integer, nullable=False),
    Column("head", Text, nullable=False),
    Index(None, "service", "status"),
    Index(None, "status"),
)

# When the clocks of incidents run out: what the incident's own `clocks` say, where it can be looked up by time.
incident_clock = Table(
    "incident_clock",
    metadata,
    Column("incident_id", Text, ForeignKey("incident.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("due_at", Double),
    Column("state", Text, nullable=False),
    PrimaryKeyConstraint("incident_id", "name"),
    Index(None, "state", "due_at"),
)

# The timeline: append-only, hash-chained per incident. `position` orders the events of all incidents by commit.
event = Table(
    "event",
    metadata,
    Column("incident_id", Text, ForeignKey("incident.id"), nullable=False),
    Column("seq", Integer, nullable=False),
    Column("position", BigInteger, nullable=False, unique=True),
    Column("at", Double, nullable=False),
    Column("kind", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("data", Document, nullable=False),
    Column("previous", Text, nullable=False),
    Column("digest", Text, nullable=False),
    PrimaryKeyConstraint("incident_id", "seq"),
)

# Everything that fired, once each; `id` is the firing's own, so a replay changes nothing.
alert = Table(
    "alert",
    metadata,
    Column("id", Text, primary_key=True),
    Column("incident_id", Text, ForeignKey("incident.id"), nullable=False, index=True),
    Column("rule_id", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("signal", Text),
    Column("value", Double),
    Column("at", Double, nullable=False),
    Column("service", Text, nullable=False),
    Column("labels", Document, nullable=False),
    Column("cleared_at", Double),
)

# --- runs --------------------------------------------------------------------------------------------------------

run = Table(
    "run",
    metadata,
    Column("id", Text, primary_key=True),
    Column("incident_id", Text, ForeignKey("incident.id"), nullable=False, index=True),
    Column("plan_hash", Text, nullable=False),
    Column("procedure", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("because", Text, nullable=False),
    Column("state", Text, nullable=False, index=True),
    Column("epoch", BigInteger, nullable=False),
    Column("holder", Text),
    Column("held_until", Double),
    Column("wake_at", Double),
    Column("stop_by", Text),
    Column("stop_because", Text),
    Column("stop_undo", Boolean, nullable=False),
    Column("started_at", Double, nullable=False),
    Column("ended_at", Double),
    Column("outcome", Text),
    Index(None, "wake_at"),
)

step = Table(
    "step",
    metadata,
    Column("run_id", Text, ForeignKey("run.id"), nullable=False),
    Column("key", Text, nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("type", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("risk", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("command", Text),
    Column("language", Text),
    Column("pipeline", Document),
    Column("target", Document, nullable=False),
    Column("traits", Document, nullable=False),
    Column("action", Text),
    Column("parameters", Document, nullable=False),
    Column("owner", Text),
    Column("phase", Text),
    Column("parallel", Text),
    Column("condition", Text),
    Column("expects", Text),
    Column("slots", Document, nullable=False),
    Column("filled", Document, nullable=False),
    Column("timebox_s", Double),
    Column("not_before", Double),
    Column("due_s", Double),
    Column("due_at", Double),
    Column("statement", Text),
    Column("acts_as", Text),
    Column("undo", Text),
    Column("title", Text),
    Column("why", Text),
    Column("facts", Document, nullable=False),
    Column("digest", Text),
    Column("asked", Integer, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("started_at", Double),
    Column("ended_at", Double),
    Column("output", Text),
    Column("exit_status", Integer),
    Column("because", Text),
    Column("progress", Document, nullable=False),
    Column("source", Document),
    PrimaryKeyConstraint("run_id", "key"),
    UniqueConstraint("run_id", "ordinal"),
    Index(None, "state", "due_at"),
)

approval = Table(
    "approval",
    metadata,
    Column("run_id", Text, nullable=False),
    Column("step_key", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("at", Double, nullable=False),
    Column("reason", Text, nullable=False),
    Column("alone", Boolean, nullable=False),
    PrimaryKeyConstraint("run_id", "step_key", "digest", "by"),
    ForeignKeyConstraint(["run_id", "step_key"], ["step.run_id", "step.key"]),
)

control = Table(
    "control",
    metadata,
    Column("id", Text, primary_key=True),
    Column("incident_id", Text, ForeignKey("incident.id"), nullable=False, index=True),
    Column("run_id", Text, ForeignKey("run.id")),
    Column("action", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("applied_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False),
    Column("plane", Text, nullable=False),
    Column("parameters", Document, nullable=False),
    Column("undone_at", Double),
    Column("because", Text),
    Index(None, "state", "expires_at"),
)

# --- what was said -----------------------------------------------------------------------------------------------

# One row a message, address and channel. `key` is its idempotency: written once, sent once. `attempt` counts tries
# that were begun, so a row found `claimed` after a crash says that the outcome of its last try is not known.
outbox = Table(
    "outbox",
    metadata,
    Column("id", RowNumber, primary_key=True),
    Column("key", Text, nullable=False, unique=True),
    Column("incident_id", Text, ForeignKey("incident.id"), index=True),
    Column("role", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("urgency", Text, nullable=False),
    Column("link", Text),
    Column("data", Document, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("resent", Integer, nullable=False),
    Column("due_at", Double, nullable=False),
    Column("holder", Text),
    Column("held_until", Double),
    Column("because", Text),
    Column("detail", Text),
    Column("written_at", Double, nullable=False),
    Column("ended_at", Double),
    Index(None, "state", "due_at"),
)

# --- what was learned --------------------------------------------------------------------------------------------

review = Table(
    "review",
    metadata,
    Column("incident_id", Text, ForeignKey("incident.id"), primary_key=True),
    Column("path", Text, nullable=False),
    Column("drafted_at", Double, nullable=False),
    Column("markdown", Text, nullable=False),
    Column("html", Text, nullable=False),
    Column("data", Document, nullable=False),
)

# What the playbooks name outside of themselves, as last asked for. `presence` is the last answer, `known` the last one
# that was certain, `since` when that became so.
drift = Table(
    "drift",
    metadata,
    Column("path", Text, nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("place", Document, nullable=False),
    Column("line", Integer, nullable=False),
    Column("text", Text, nullable=False),
    Column("presence", Text, nullable=False),
    Column("because", Text, nullable=False),
    Column("known", Text),
    Column("since", Double),
    Column("asked_at", Double, nullable=False),
    PrimaryKeyConstraint("path", "ordinal"),
)

# When each playbook was last checked against what is outside, and what came of it.
drift_check = Table(
    "drift_check",
    metadata,
    Column("path", Text, primary_key=True),
    Column("asked_at", Double, nullable=False),
    Column("exists", Integer, nullable=False),
    Column("gone", Integer, nullable=False),
    Column("unasked", Integer, nullable=False),
)

# --- people ------------------------------------------------------------------------------------------------------

# `role` is what the person may do (viewer, responder, administrator); `password` an argon2 hash.
person = Table(
    "person",
    metadata,
    Column("name", Text, primary_key=True),
    Column("role", Text, nullable=False),
    Column("email", Text),
    Column("password", Text),
    Column("created_at", Double, nullable=False),
    Column("disabled_at", Double),
)

# Of sessions, tokens and links only the SHA-256 of the secret is kept. A token acts as its person, with a role that
# is that person's or less.
login_session = Table(
    "login_session",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("person", Text, ForeignKey("person.name"), nullable=False, index=True),
    Column("created_at", Double, nullable=False),
    Column("seen_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False),
    Column("ended_at", Double),
)

api_token = Table(
    "api_token",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("person", Text, ForeignKey("person.name"), nullable=False, index=True),
    Column("label", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("seen_at", Double),
    Column("expires_at", Double),
    Column("revoked_at", Double),
)

one_time_link = Table(
    "one_time_link",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("person", Text, ForeignKey("person.name"), nullable=False),
    Column("purpose", Text, nullable=False),
    Column("data", Document, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False),
    Column("used_at", Double),
)
