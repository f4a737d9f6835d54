"""What the web needs of the application: the part of `stanch.app.App` that it reads and acts through."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol, cast

from litestar.connection import ASGIConnection

from stanch.comms.links import Links
from stanch.incidents.lifecycle import Hooks
from stanch.model.clock import Clock
from stanch.model.incident import Incident
from stanch.model.plan import Plan
from stanch.model.problem import Problem
from stanch.response.approvers import Approvers
from stanch.response.native import TryNatively
from stanch.response.principals import Principals
from stanch.response.runs import Alarm
from stanch.response.ways import Means
from stanch.settings import Settings
from stanch.signals.watcher import Watcher
from stanch.store.engine import Store


class Loop(Protocol):
    """A task that runs as long as the server: how often it failed, and the last time why."""

    @property
    def name(self) -> str: ...

    @property
    def failures(self) -> int: ...

    @property
    def because(self) -> str: ...


class Served(Protocol):
    """The running application."""

    @property
    def store(self) -> Store: ...

    @property
    def clock(self) -> Clock: ...

    @property
    def settings(self) -> Settings: ...

    @property
    def plan(self) -> Plan: ...

    @property
    def watcher(self) -> Watcher: ...

    def plan_of(self, incident: Incident) -> Plan:
        """The plan that an incident started with."""
        ...

    @property
    def problems(self) -> Sequence[Problem]:
        """What is wrong with the plan as it is watched."""
        ...

    @property
    def loops(self) -> Sequence[Loop]: ...

    @property
    def approvers(self) -> Approvers:
        """Whose yes a step takes."""
        ...

    @property
    def links(self) -> Links:
        """The links in messages."""
        ...

    @property
    def alarm(self) -> Alarm:
        """Whom a break-glass calls."""
        ...

    @property
    def means(self) -> Means:
        """How steps are carried out here."""
        ...

    @property
    def principals(self) -> Principals:
        """As whom steps act here."""
        ...

    @property
    def try_natively(self) -> TryNatively:
        """Has a tool try a step itself."""
        ...

    @property
    def hooks(self) -> Hooks:
        """What else happens when an incident opens, reopens or gets worse."""
        ...


if TYPE_CHECKING:
    from stanch.app import App

    def _is_served(app: App) -> Served:
        """What ships is what is asked for; the type checker holds it."""
        return app


def served_by(connection: ASGIConnection[Any, Any, Any, Any]) -> Served:
    """The application behind a request."""
    return cast("Served", connection.app.state.served)
