"""Mail, by SMTP: encrypted where the server offers it, always where a password is sent.

The Message-ID comes from the message's key, so mail that is sent again after a crash is recognised as the same.
"""

import asyncio
import contextlib
import hashlib
import re
import smtplib
import ssl
import threading
from collections.abc import Callable
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from enum import StrEnum
from functools import partial
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from stanch.model.message import Delivered, Message, NotDelivered
from stanch.model.plan import Contact

# One line with one @: the standard library's parser fails in several ways on what is not.
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+")


class Security(StrEnum):
    """How the connection is protected."""

    OFFERED = "offered"  # STARTTLS where the server offers it
    STARTTLS = "starttls"  # STARTTLS or nothing is sent
    TLS = "tls"  # from the first byte (port 465)


class SmtpSettings(BaseModel):
    """The mail server."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    host: str = Field(min_length=1, description="The mail server.")
    port: int = Field(default=587, ge=1, le=65535, description="Its port.")
    sender: str = Field(description="The address that mail comes from.")
    username: str | None = Field(default=None, description="Who logs in; without one nobody does.")
    password: SecretStr | None = Field(default=None, description="The password to `username`.")
    security: Security = Field(
        default=Security.OFFERED, strict=False, description="`offered`, `starttls` or `tls`; see the guide."
    )
    ca_file: Path | None = Field(default=None, description="Certificates to trust instead of the system's.")
    timeout_s: float = Field(default=15.0, gt=0, le=60, description="How long one step of a try may take.")


class SmtpChannel:
    """Sends through one mail server, a connection a message."""

    name = "smtp"

    def __init__(self, settings: SmtpSettings) -> None:
        self._settings = settings

    def addresses(self, role: str, contacts: tuple[Contact, ...]) -> tuple[str, ...]:
        """The contacts' mail addresses; placeholders are none."""
        del role
        return tuple(contact.address for contact in contacts if "@" in contact.address and not contact.placeholder)

    async def deliver(self, message: Message, address: str) -> Delivered | NotDelivered:
        if not _ADDRESS.fullmatch(address):
            return NotDelivered(because=f"{address!r} is no mail address", retry=False)
        try:
            mail = self._compose(message, address)
        except (ValueError, MessageError) as error:
            return NotDelivered(because=f"{address!r} is no mail address: {error}", retry=False)
        return await _in_thread(partial(self._send, mail, address))

    async def close(self) -> None:
        """Nothing is held between messages."""

    def _compose(self, message: Message, address: str) -> EmailMessage:
        sender = Address(addr_spec=self._settings.sender)
        mail = EmailMessage()
        mail["From"] = Address(display_name="Stanch", addr_spec=self._settings.sender)
        mail["To"] = Address(addr_spec=address)
        # A header is one line, whatever an alert's title holds.
        mail["Subject"] = " ".join(message.subject.split())
        mail["Message-ID"] = f"<{hashlib.sha256(message.key.encode()).hexdigest()[:40]}@{sender.domain}>"
        mail["Auto-Submitted"] = "auto-generated"
        if message.urgency == "page":
            mail["Importance"] = "high"
        mail.set_content(f"{message.body}\n\n{message.link}\n" if message.link else f"{message.body}\n")
        return mail

    def _send(self, mail: EmailMessage, address: str) -> Delivered | NotDelivered:
        settings = self._settings
        server = f"{settings.host}:{settings.port}"
        try:
            context = ssl.create_default_context(cafile=settings.ca_file)
            with self._connect(context) as connection:
                return self._hand_over(connection, context, mail, address)
        except smtplib.SMTPAuthenticationError as error:
            return NotDelivered(because=f"{server} refused the user or the password ({error.smtp_code})", retry=False)
        except smtplib.SMTPRecipientsRefused as error:
            code, _ = next(iter(error.recipients.values()))
            return NotDelivered(because=f"{server} refused {address} ({code})", retry=_is_temporary(code))
        except smtplib.SMTPResponseException as error:
            said = _text(error.smtp_error)
            return NotDelivered(because=f"{server}: {error.smtp_code} {said}", retry=_is_temporary(error.smtp_code))
        except smtplib.SMTPNotSupportedError as error:
            return NotDelivered(because=f"{server}: {error}", retry=False)
        except smtplib.SMTPException as error:
            if isinstance(error.__context__, TimeoutError):
                return self._timed_out(server)
            return NotDelivered(because=f"{server}: {error}", retry=True)
        except ssl.SSLCertVerificationError as error:
            because = f"{server} has a certificate that is not trusted: {error.verify_message}"
            return NotDelivered(because=because, retry=False)
        except TimeoutError:
            return self._timed_out(server)
        except OSError as error:
            return NotDelivered(because=f"{server} cannot be reached: {error.strerror or error}", retry=True)

    def _timed_out(self, server: str) -> NotDelivered:
        return NotDelivered(because=f"{server} did not answer in {self._settings.timeout_s:g} s", retry=True)

    def _connect(self, context: ssl.SSLContext) -> smtplib.SMTP:
        settings = self._settings
        if settings.security is Security.TLS:
            return smtplib.SMTP_SSL(settings.host, settings.port, timeout=settings.timeout_s, context=context)
        return smtplib.SMTP(settings.host, settings.port, timeout=settings.timeout_s)

    def _hand_over(
        self, connection: smtplib.SMTP, context: ssl.SSLContext, mail: EmailMessage, address: str
    ) -> Delivered | NotDelivered:
        settings = self._settings
        connection.ehlo()
        encrypted = settings.security is Security.TLS
        if not encrypted and connection.has_extn("starttls"):
            connection.starttls(context=context)
            connection.ehlo()
            encrypted = True
        if settings.security is Security.STARTTLS and not encrypted:
            because = f"{settings.host} offers no STARTTLS, which the settings require"
            return NotDelivered(because=because, retry=False)
        if settings.username is not None:
            if not encrypted:
                because = f"{settings.host} offers no encryption, and a password is not sent in the clear"
                return NotDelivered(because=because, retry=False)
            connection.login(settings.username, settings.password.get_secret_value() if settings.password else "")
        connection.send_message(mail)
        return Delivered(detail=f"{settings.host} took it for {address}")


def _is_temporary(code: int) -> bool:
    """RFC 5321: 4yz may succeed later, 5yz never will."""
    return 400 <= code < 500


def _text(said: bytes | str) -> str:
    return said.decode("utf-8", "replace") if isinstance(said, bytes) else said


async def _in_thread(send: Callable[[], Delivered | NotDelivered]) -> Delivered | NotDelivered:
    """Run `send` in a thread that the end of the process does not wait for, however long a mail server hangs."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Delivered | NotDelivered] = loop.create_future()

    def settle(outcome: Delivered | NotDelivered | None, error: BaseException | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        elif outcome is not None:
            future.set_result(outcome)

    def run() -> None:
        outcome, error = None, None
        try:
            outcome = send()
        except BaseException as fault:  # noqa: BLE001 - it is raised where it is awaited
            error = fault
        with contextlib.suppress(RuntimeError):  # the loop was closed: nobody waits any more
            loop.call_soon_threadsafe(settle, outcome, error)

    threading.Thread(target=run, name="stanch-smtp", daemon=True).start()
    return await future
