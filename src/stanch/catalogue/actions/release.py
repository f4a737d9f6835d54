"""Releases, features and configuration."""

from stanch.catalogue.action import ActionEntry, Parameter
from stanch.model.risk import Risk

_VERSION = Parameter(
    name="version",
    pattern=r"\b(?:to|version|release|tag) (?P<value>v?\d+\.\d+(?:\.\d+)?[\w.-]*)",
    description="The release to go to.",
)

RELEASE: tuple[ActionEntry, ...] = (
    ActionEntry(
        name="rollback_release",
        risk=Risk.MUTATING,
        description="Returns to the last release that was well, and checks that every instance runs it.",
        phrases=(
            (
                "rollback|roll_back|rolling_back|rolled_back|revert|undo deploy|deployment|release|version|change"
                "|build|commit|code"
            ),
            "revert|return|go_back last|previous|known|prior stable|good|working|version|release",
            "rollback|roll_back|rolling_back|rolled_back",
            "redeploy|deploy|install previous|last|known|stable version|release|build|good",
        ),
        parameters=(_VERSION,),
        undo="Deploys the newer release again.",
    ),
    ActionEntry(
        name="deploy_fix",
        risk=Risk.MUTATING,
        description="Releases the change that removes the cause.",
        phrases=(
            "deploy|release|ship|apply|implement|push|roll_out fix|hotfix|patch",
            "hotfix",
        ),
        parameters=(_VERSION,),
        undo="Rolls the change back.",
    ),
    ActionEntry(
        name="freeze_deploys",
        risk=Risk.MUTATING,
        description="Holds every deployment until the incident is over.",
        phrases=(
            "stop|halt|pause|freeze|block|cancel|suspend deploy|deployment|release|rollout|pipeline",
            "code|change|deployment|release freeze",
        ),
        undo="Lets deployments go on.",
    ),
    ActionEntry(
        name="disable_feature",
        risk=Risk.MUTATING,
        description="Turns a feature off by its flag.",
        phrases=(
            "disable|turn_off|switch_off|deactivate|toggle_off|kill feature|functionality",
            "disable|turn_off|switch_off|deactivate|toggle_off|flip feature flag|toggle",
            "activate|use|toggle|flip feature flag",
            "feature off",
        ),
        undo="Turns the feature on.",
    ),
    ActionEntry(
        name="enable_feature",
        risk=Risk.MUTATING,
        description="Turns a feature on by its flag.",
        phrases=("enable|turn_on|re_enable|reenable|switch_on|reactivate feature",),
        undo="Turns the feature off.",
    ),
    ActionEntry(
        name="restore_configuration",
        risk=Risk.MUTATING,
        description="Puts back the configuration from before the incident.",
        phrases=("restore|revert|rollback|roll_back|undo config|configuration|setting",),
        undo="Puts the newer configuration back.",
    ),
)
