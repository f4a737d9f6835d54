"""Signed links by which one person answers one question from a message, without a login and for nothing else.

A link holds the run, the step, the digest of what would be done, the person and until when it is good. It is signed
with HMAC-SHA256 only when the message leaves: what is stored, and what the console shows, is the unsigned link, which
opens nothing. Each link is a row, so it is used once.
"""

import base64
import binascii
import hashlib
import hmac
import os
import secrets
from dataclasses import replace
from pathlib import Path

import msgspec
from sqlalchemy import Connection, insert, select, update

from stanch.model.message import Message
from stanch.model.problem import Refused, Unusable
from stanch.model.record import record
from stanch.store.tables import one_time_link, person

PATH = "/approve/"
KEY_FILE = "link.key"
_PURPOSE = "approve"
_SIGNED = "sign"
_KEY_BYTES = 32


@record
class Question:
    """What a link asks, of whom, and until when (epoch seconds)."""

    run: str
    step: str
    digest: str
    person: str
    expires_at: float


class BadLink(Refused):
    """A link that opens nothing, and why in one sentence."""

    code = "link"
    status = 410


def key_of(data: Path) -> bytes:
    """The key in the data directory, made at the first start; only its owner can read it. Raises Unusable."""
    path = data / KEY_FILE
    try:
        data.mkdir(parents=True, exist_ok=True)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            key = path.read_bytes()
        else:
            key = secrets.token_bytes(_KEY_BYTES)
            with os.fdopen(descriptor, "wb") as file:
                file.write(key)
                file.flush()
                os.fsync(file.fileno())
    except OSError as error:
        raise Unusable(f"{path} cannot be had: {error}", hint="It holds the key that signs links.") from error
    if len(key) < _KEY_BYTES:
        raise Unusable(f"{path} is damaged: it holds {len(key)} bytes.", hint="Delete it; links that were sent end.")
    return key


class Links:
    """Makes and reads the links of one installation. `address` is where people reach the console."""

    def __init__(self, key: bytes, address: str) -> None:
        self._key = key
        self._address = address.rstrip("/")

    def issue(self, connection: Connection, question: Question, now: float) -> tuple[str, dict[str, str]] | None:
        """The unsigned link of a question and what the message must carry along; None for whom nobody knows.

        It is written down, so that it can be used once.
        """
        known = select(person.c.name).where(person.c.name == question.person, person.c.disabled_at.is_(None))
        if connection.execute(known).first() is None:
            return None
        payload = _encode(msgspec.json.encode(question))
        connection.execute(
            insert(one_time_link).values(
                digest=_row(payload),
                person=question.person,
                purpose=_PURPOSE,
                data={"run": question.run, "step": question.step, "digest": question.digest},
                created_at=now,
                expires_at=question.expires_at,
            )
        )
        return f"{self._address}{PATH}{payload}", {_SIGNED: _PURPOSE}

    def seal(self, message: Message) -> Message:
        """The message as it leaves: with its link signed, where it has one to sign."""
        if message.link is None or message.data.get(_SIGNED) != _PURPOSE:
            return message
        payload = message.link.rpartition("/")[2]
        data = {key: value for key, value in message.data.items() if key != _SIGNED}
        return replace(message, link=f"{message.link}.{self._signature(payload)}", data=data)

    def read(self, connection: Connection, token: str, now: float) -> Question:
        """The question of a signed link that is still good; it is not used up. Raises BadLink."""
        payload, _, signature = token.partition(".")
        if not hmac.compare_digest(self._signature(payload).encode(), signature.encode()):
            raise BadLink(
                "This link is not one of ours, or was changed on its way.",
                hint="Nothing was approved. Use the console.",
            )
        question = msgspec.json.decode(_decode(payload), type=Question)
        row = connection.execute(select(one_time_link.c.used_at).where(one_time_link.c.digest == _row(payload))).first()
        if row is None:
            raise BadLink("This link is not one of ours.", hint="Nothing was approved. Use the console.")
        if row.used_at is not None:
            raise BadLink("This link has been used already.", hint="Nothing more was approved by it.")
        if question.expires_at <= now:
            raise BadLink("This link has expired.", hint="Nothing was approved. Use the console.")
        return question

    def use(self, connection: Connection, token: str, now: float) -> Question:
        """The question of a link, used up by this. Raises BadLink."""
        question = self.read(connection, token, now)
        unused = (one_time_link.c.digest == _row(token.partition(".")[0])) & one_time_link.c.used_at.is_(None)
        if connection.execute(update(one_time_link).where(unused).values(used_at=now)).rowcount != 1:
            raise BadLink("This link has been used already.", hint="Nothing more was approved by it.")
        return question

    def _signature(self, payload: str) -> str:
        return _encode(hmac.digest(self._key, f"stanch {_PURPOSE}\0{payload}".encode(), "sha256"))


def _row(payload: str) -> str:
    return hashlib.sha256(payload.encode()).hexdigest()


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (ValueError, binascii.Error) as error:
        raise BadLink("This link is not one of ours.", hint="Nothing was approved. Use the console.") from error
