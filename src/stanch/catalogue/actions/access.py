"""Who may come in."""

from stanch.catalogue.action import ActionEntry
from stanch.model.risk import Risk

ACCESS: tuple[ActionEntry, ...] = (
    ActionEntry(
        name="revoke_tokens",
        risk=Risk.DESTRUCTIVE,
        description="Makes tokens or sessions worthless; their holders log in again.",
        phrases=(
            "revoke|invalidate|expire|void|cancel token|session|credential|access|jwt",
            "force logout|log_out|re_login|relogin",
            "log_out|logout all user",
        ),
    ),
    ActionEntry(
        name="reset_passwords",
        risk=Risk.DESTRUCTIVE,
        description="Makes accounts choose a new password.",
        phrases=("reset|force|require|change password|passphrase", "password reset|change"),
    ),
    ActionEntry(
        name="rotate_credentials",
        risk=Risk.DESTRUCTIVE,
        description="Replaces keys and secrets; whoever holds the old ones is shut out.",
        phrases=("rotate|replace|change|regenerate|cycle credential|key|secret|password|token|certificate",),
    ),
    ActionEntry(
        name="disable_account",
        risk=Risk.MUTATING,
        description="Locks an account.",
        phrases=("disable|lock|suspend|deactivate|freeze account|user",),
        undo="Unlocks it.",
    ),
    ActionEntry(
        name="restrict_access",
        risk=Risk.MUTATING,
        description="Narrows who may reach a system while the incident lasts.",
        phrases=("restrict|limit|lock|tighten access|permission|privilege",),
        undo="Restores the previous permissions.",
    ),
)
