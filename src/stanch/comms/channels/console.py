"""The console: always there, shows the message to whoever looks.

The message's row in the outbox is what the console lists, so it is delivered as soon as it is written.
"""

from stanch.model.message import Delivered, Message
from stanch.model.plan import Contact


class ConsoleChannel:
    """Needs no settings and cannot fail."""

    name = "console"

    def addresses(self, role: str, contacts: tuple[Contact, ...]) -> tuple[str, ...]:
        """The role itself, with or without contacts."""
        del contacts
        return (role,)

    async def deliver(self, message: Message, address: str) -> Delivered:
        del message, address
        return Delivered(detail="shown in the console")

    async def close(self) -> None:
        """Nothing is held."""
