"""What the drift check may ask, when, and as whom."""

import ipaddress
import re
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, field_validator

_TIME = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d")


class DriftSettings(BaseModel):
    """Whether what the playbooks name is still there: asked by `stanch check --live`, and nightly by the server."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    at: str | None = Field(
        default=None, description="When the server asks every day, `HH:MM` in UTC; without it, it does not."
    )
    owner: str | None = Field(
        default=None, description="The role that is told of what is gone; the first role on call without it."
    )
    hosts: list[str] = Field(
        default=[],
        description="Hosts of the playbooks that may be looked up and connected to, such as `*.example.com`; "
        "none without it.",
    )
    private: list[str] = Field(
        default=[],
        description="Private networks in which a host may be connected to, such as `10.20.0.0/16`; none without it.",
    )
    kubeconfig: Path | None = Field(default=None, description="The kubeconfig of an identity that may only read.")
    kube_context: str | None = Field(
        default=None, description="The context of it that commands which name none are asked about in."
    )
    prometheus: str | None = Field(
        default=None, description="A Prometheus that is asked for series which no scrape target exposes."
    )
    timeout_s: float = Field(default=5.0, gt=0, le=60, description="The longest that one question may take.")
    total_s: float = Field(default=120.0, gt=0, le=3600, description="The longest that a whole check may take.")
    at_once: int = Field(default=6, ge=1, le=32, description="How many questions are asked at the same time.")

    @field_validator("at")
    @classmethod
    def _is_time(cls, text: str | None) -> str | None:
        if text is not None and not _TIME.fullmatch(text):
            raise ValueError("must be a time of day such as 03:30")
        return text

    @field_validator("private")
    @classmethod
    def _are_networks(cls, texts: list[str]) -> list[str]:
        for text in texts:
            ipaddress.ip_network(text)
        return texts

    @field_validator("prometheus")
    @classmethod
    def _is_address(cls, url: str | None) -> str | None:
        if url is not None and not re.match(r"https?://[^/]", url):
            raise ValueError("must be an http:// or https:// address")
        return url
