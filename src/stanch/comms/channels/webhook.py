"""An HTTP POST of JSON for each message, signed so that the receiver can tell it from a forgery.

The body is `{"key", "incident", "role", "subject", "body", "urgency", "link", "data"}`. The header `Stanch-Signature`
is `t=<epoch seconds>,v1=<hex>`, where the second part is HMAC-SHA256, with the shared secret, over the time, a dot and
the body's bytes; `Idempotency-Key` repeats `key`, so that a message sent again after a crash is recognised.
"""

import asyncio
import hashlib
import hmac
import json

import httpx
from pydantic import BaseModel, ConfigDict, Field, HttpUrl, SecretStr, TypeAdapter, field_validator

from stanch.model.clock import Clock
from stanch.model.message import Delivered, Message, NotDelivered
from stanch.model.plan import Contact

# RFC 9110 and RFC 6585: the request may be repeated. Every other 4xx says that it is wrong as it is.
_AGAIN_LATER = {408, 425, 429}
_LONGEST_ADVICE_S = 300.0

_URL = TypeAdapter(HttpUrl)


class WebhookSettings(BaseModel):
    """Where to post, and the secret to sign with."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    url: str = Field(description="An http or https address.")
    secret: SecretStr | None = Field(default=None, description="Signs each request; without one, none is signed.")
    timeout_s: float = Field(default=10.0, gt=0, le=60, description="How long one try may take.")

    @field_validator("url")
    @classmethod
    def _must_be_reachable(cls, url: str) -> str:
        # Kept as it was written: parsing would change what a receiver may compare.
        _URL.validate_python(url)
        return url

    @property
    def place(self) -> str:
        """The address without what may be secret in it."""
        parsed = _URL.validate_python(self.url)
        return f"{parsed.scheme}://{parsed.host}"


class WebhookChannel:
    """Posts to one address."""

    name = "webhook"

    def __init__(self, settings: WebhookSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._client = httpx.AsyncClient(
            timeout=httpx.Timeout(settings.timeout_s), follow_redirects=False, trust_env=False
        )

    def addresses(self, role: str, contacts: tuple[Contact, ...]) -> tuple[str, ...]:
        """One for every role: the receiver finds the people."""
        del role, contacts
        return (self._settings.place,)

    async def deliver(self, message: Message, address: str) -> Delivered | NotDelivered:
        body = json.dumps(
            {
                "key": message.key,
                "incident": message.incident_id,
                "role": message.role,
                "subject": message.subject,
                "body": message.body,
                "urgency": message.urgency,
                "link": message.link,
                "data": message.data,
            }
        ).encode()
        headers = {"Content-Type": "application/json", "User-Agent": "stanch", "Idempotency-Key": message.key}
        if self._settings.secret is not None:
            headers["Stanch-Signature"] = signature(
                self._settings.secret.get_secret_value(), body, int(self._clock.now())
            )
        try:
            # The client's own limits are for each read: a receiver that sends a byte now and then would pass them.
            async with (
                asyncio.timeout(self._settings.timeout_s),
                self._client.stream("POST", self._settings.url, content=body, headers=headers) as response,
            ):
                return _judge(response, address)
        except (TimeoutError, httpx.TimeoutException):
            return NotDelivered(because=f"{address} did not answer in {self._settings.timeout_s:g} s", retry=True)
        except httpx.TransportError as error:
            return NotDelivered(because=f"{address} cannot be reached: {error}", retry=True)

    async def close(self) -> None:
        await self._client.aclose()


def signature(secret: str, body: bytes, at: int) -> str:
    """The value of `Stanch-Signature` for a body posted at `at`, in epoch seconds."""
    mac = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256)
    return f"t={at},v1={mac.hexdigest()}"


def _judge(response: httpx.Response, address: str) -> Delivered | NotDelivered:
    status = response.status_code
    if response.is_success:
        return Delivered(detail=f"{address} answered {status}")
    because = f"{address} answered {status} {response.reason_phrase}".rstrip()
    if response.is_redirect:
        return NotDelivered(because=f"{because}: redirects are not followed, name the final address", retry=False)
    advice = response.headers.get("Retry-After", "")
    after_s = min(float(advice), _LONGEST_ADVICE_S) if advice.isascii() and advice.isdigit() else None
    retry = response.is_server_error or status in _AGAIN_LATER
    return NotDelivered(because=because, retry=retry, retry_after_s=after_s if retry else None)
