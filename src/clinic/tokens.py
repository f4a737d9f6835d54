"""Bearer tokens: who a request is made for. Their hashes are in the database, for a while also in memory."""

import hashlib
import secrets
import time
from collections import OrderedDict
from datetime import datetime

import psycopg

from clinic.database import Database

KNOWN_FOR_S = 30.0
"""How long a token is taken for good without asking again; a revoked one is refused after that at the latest."""

_MOST = 10_000


class Tokens:
    """Issues tokens and recognises them."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: OrderedDict[str, tuple[int, float]] = OrderedDict()

    async def issue(self, patient_id: int) -> tuple[str, datetime] | None:
        """A token and the end of its validity; None for an unknown patient. The token itself is kept nowhere."""
        token = secrets.token_urlsafe(24)
        try:
            rows = await self._database.fetch(
                "INSERT INTO tokens (hash, patient_id, expires_at) VALUES (%s, %s, now() + interval '1 day')"
                " RETURNING expires_at",
                "tokens",
                (fingerprint(token), patient_id),
            )
        except psycopg.errors.ForeignKeyViolation:
            return None
        return token, rows[0]["expires_at"]

    async def patient(self, hash_: str) -> int | None:
        """Whose token has this hash; None where it is unknown, expired or revoked."""
        patient_id, until = self._known.get(hash_, (0, 0.0))
        if time.monotonic() < until:
            return patient_id
        rows = await self._database.fetch(
            "SELECT patient_id FROM tokens WHERE hash = %s AND expires_at > now() AND revoked_at IS NULL",
            "tokens",
            (hash_,),
        )
        self._known.pop(hash_, None)
        if not rows:
            return None
        self._known[hash_] = (rows[0]["patient_id"], time.monotonic() + KNOWN_FOR_S)
        while len(self._known) > _MOST:
            self._known.popitem(last=False)
        return self._known[hash_][0]


def fingerprint(token: str) -> str:
    """SHA-256 in hexadecimal, as it stands in the table and in the access log."""
    return hashlib.sha256(token.encode()).hexdigest()
