"""Targets that serve `/metrics`: what a target is, and one scrape of it.

A scrape is bounded in time and in size; what goes wrong with it is a problem, never an exception.
"""

import asyncio
from urllib.parse import urlsplit, urlunsplit

import httpx
from pydantic import BaseModel, ConfigDict, Field, field_validator

from stanch.model.problem import Level, Problem, Source
from stanch.model.record import record
from stanch.signals.exposition import Labels

_ACCEPT = "text/plain;version=0.0.4;q=1,application/openmetrics-text;version=1.0.0;q=0.5,*/*;q=0.1"
_CHUNK = 65_536


class ScrapeSettings(BaseModel):
    """One target that serves `/metrics` in Prometheus text or OpenMetrics."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    url: str = Field(description="Where the metrics are, such as `http://127.0.0.1:9100/metrics`.")
    interval_s: float = Field(default=5.0, ge=0.1, le=120, description="Seconds from one scrape to the next.")
    timeout_s: float = Field(default=10.0, gt=0, le=300, description="After this many seconds a scrape has failed.")
    token: str | None = Field(default=None, repr=False, description="A bearer token that the target asks for.")
    labels: dict[str, str] = Field(default={}, description="Labels that every series of the target gets.")
    max_bytes: int = Field(default=67_108_864, ge=1, description="A longer answer is refused.")
    max_samples: int = Field(default=200_000, ge=1, description="An answer with more samples is refused.")

    @field_validator("url")
    @classmethod
    def _is_address(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("must be an http:// or https:// address")
        return url


@record
class Target:
    """A target by its name. `labels` are what each of its series gets: `job` (the name) and `instance`, as usual."""

    name: str
    settings: ScrapeSettings

    @property
    def address(self) -> str:
        """Where it is, for people: the address without the password that it may hold."""
        parts = urlsplit(self.settings.url)
        return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))

    @property
    def labels(self) -> Labels:
        own = {"job": self.name, "instance": urlsplit(self.settings.url).netloc.rpartition("@")[2]}
        return tuple(sorted((own | self.settings.labels).items()))


@record
class Answer:
    """What a target answered."""

    text: str
    open_metrics: bool


async def fetch(client: httpx.AsyncClient, target: Target) -> Answer | Problem:
    """Get the target's text, within its time and size."""
    settings = target.settings
    headers = {"Accept": _ACCEPT, "X-Prometheus-Scrape-Timeout-Seconds": f"{settings.timeout_s:g}"}
    if settings.token is not None:
        headers["Authorization"] = f"Bearer {settings.token}"
    body = bytearray()
    try:
        async with (
            asyncio.timeout(settings.timeout_s),
            client.stream("GET", settings.url, headers=headers) as response,
        ):
            if response.status_code != httpx.codes.OK:
                return failed(target, f"it answered with status {response.status_code}")
            async for chunk in response.aiter_bytes(_CHUNK):
                body += chunk
                if len(body) > settings.max_bytes:
                    return failed(target, f"the answer is longer than {settings.max_bytes:,} bytes")
        text = body.decode("utf-8")
    except TimeoutError:
        return failed(target, f"no full answer within {settings.timeout_s:g} s")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return failed(target, str(error) or type(error).__name__)
    except UnicodeDecodeError:
        return failed(target, "the answer is not UTF-8")
    kind = response.headers.get("content-type", "")
    return Answer(text=text, open_metrics=kind.startswith("application/openmetrics-text"))


def failed(target: Target, why: str) -> Problem:
    """A scrape that gave nothing, and why."""
    return Problem(
        code="scrape-failed",
        level=Level.WARNING,
        message=f"{target.name} was not scraped: {why}.",
        hint=f"Its signals are without data until {target.address} answers.",
        source=Source(path=target.address, line=1),
    )
