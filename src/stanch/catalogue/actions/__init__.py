"""The actions a playbook can ask for, one file a family. A team adds its own in a table of its playbook."""

from stanch.catalogue.action import ActionEntry
from stanch.catalogue.actions.access import ACCESS
from stanch.catalogue.actions.database import DATABASE
from stanch.catalogue.actions.observe import OBSERVE
from stanch.catalogue.actions.people import PEOPLE
from stanch.catalogue.actions.platform import PLATFORM
from stanch.catalogue.actions.release import RELEASE
from stanch.catalogue.actions.traffic import TRAFFIC

ACTIONS: tuple[ActionEntry, ...] = (*OBSERVE, *TRAFFIC, *DATABASE, *RELEASE, *PLATFORM, *ACCESS, *PEOPLE)
"""Every action, by family; names are unique."""
