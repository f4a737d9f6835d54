"""What the web needs of the application: the part of `stanch.app.App` that it reads and acts through."""

from typing import Any, Protocol, cast

from litestar.connection import ASGIConnection

from stanch.incidents.lifecycle import Hooks
from stanch.model.clock import Clock
from stanch.model.plan import Plan
from stanch.settings import Settings
from stanch.signals.watcher import Watcher
from stanch.store.engine import Store


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

    @property
    def hooks(self) -> Hooks:
        """What else happens when an incident opens, reopens or gets worse."""
        ...


def served_by(connection: ASGIConnection[Any, Any, Any, Any]) -> Served:
    """The application behind a request."""
    return cast("Served", connection.app.state.served)
