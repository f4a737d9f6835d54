"""Talks to a running server: where it is and the token come from options, the environment, or its data directory."""

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer

from stanch.model.problem import NotFound, Refused, StanchError, Unusable

DEFAULT_CONFIG = Path("stanch.toml")
Config = Annotated[Path, typer.Option("--config", "-c", envvar="STANCH_CONFIG", help="The settings file.")]
Url = Annotated[str | None, typer.Option(envvar="STANCH_URL", help="The server, if not the settings file's.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
TOKEN_FILE = "token"  # noqa: S105 - the file's name in the data directory


SILENCE_S = 45.0
"""A stream that says nothing for this long is dead: the server says that it is there every 15 seconds."""


@dataclass(frozen=True, slots=True)
class Message:
    """One server-sent event."""

    id: str
    data: Any


class Away(Unusable):
    """The server does not answer now; it may do so later."""


class Client:
    """A blocking client of the JSON API; raises what the server refuses as the same errors."""

    def __init__(self, url: str, token: str, *, timeout_s: float = 30.0) -> None:
        self.url = url
        self._http = httpx.Client(
            base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=timeout_s, trust_env=False
        )

    @classmethod
    def of(cls, config: Path, url: str | None) -> "Client":
        """The client of the server that `config` describes; Unusable if there is no token to be had."""
        from stanch.settings import load  # noqa: PLC0415 - only what a command needs is imported

        token = os.environ.get("STANCH_TOKEN")
        if url is None or token is None:
            settings = load(config)
            url = url or settings.server.url
            token = token or read_token(settings.server.data)
        return cls(url, token)

    def get(self, path: str, **parameters: Any) -> Any:
        """GET a document."""
        return self._call("GET", path, params={k: v for k, v in parameters.items() if v is not None})

    def post(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """POST a document and return the answer."""
        return self._call("POST", path, json=body or {})

    @contextmanager
    def stream(self, path: str, after: str) -> Iterator[Iterator[Message]]:
        """The server-sent events of `path`, from after the message with the id `after` on, or from the first.

        The iterator ends when the server ends the stream. Raises what the server refuses, and Away when it is gone.
        """
        headers = {"Accept": "text/event-stream", **({"Last-Event-ID": after} if after else {})}
        quiet = httpx.Timeout(self._http.timeout.connect, read=SILENCE_S)
        try:
            with self._http.stream("GET", path, headers=headers, timeout=quiet) as response:
                if not response.is_success:
                    response.read()
                    raise _as_error(response)
                yield _messages(response.iter_bytes())
        except httpx.HTTPError as error:
            raise Away(
                f"No Stanch answers at {self.url}.", hint="Start it with `stanch up`, or name it with --url."
            ) from error

    def delete(self, path: str) -> Any:
        """DELETE what is there and return the answer."""
        return self._call("DELETE", path)

    def _call(self, method: str, path: str, **options: Any) -> Any:
        try:
            response = self._http.request(method, path, **options)
        except httpx.ConnectError as error:
            raise Unusable(
                f"No Stanch answers at {self.url}.", hint="Start it with `stanch up`, or name it with --url."
            ) from error
        except httpx.HTTPError as error:
            raise Unusable(
                f"{self.url} did not answer as it should: {type(error).__name__}: {error}",
                hint="Nothing was changed that the timeline does not show. Look at it, then try again.",
            ) from error
        if response.is_success:
            return response.json() if response.content else None
        raise _as_error(response)


def _messages(chunks: Iterable[bytes]) -> Iterator[Message]:
    """Messages as a server of ours writes them: `id` and one line of JSON. One that is cut off is none."""
    rest = b""
    for chunk in chunks:
        # Lines end with LF alone: what Python and others take for line ends may stand within the JSON.
        *whole, rest = (rest + chunk).split(b"\n\n")
        for block in whole:
            fields = dict(line.split(b": ", 1) for line in block.split(b"\n") if b": " in line[1:])
            if b"data" in fields:
                yield Message(id=fields.get(b"id", b"").decode(), data=json.loads(fields[b"data"]))


def _as_error(response: httpx.Response) -> StanchError:
    try:
        error = response.json()["error"]
        message, hint, code = str(error["message"]), str(error.get("hint") or ""), str(error["code"])
    except (ValueError, KeyError, TypeError):
        message, hint, code = f"The server answered {response.status_code}.", "", ""
    kinds: dict[int, type[StanchError]] = {404: NotFound, 409: Refused, 403: Refused, 502: Away, 503: Away, 504: Away}
    raised = kinds.get(response.status_code, Unusable)(message, hint=hint)
    if code:
        raised.code = code
    return raised


def read_token(data: Path) -> str:
    """The token that the server left for this machine's own use; only its owner can read it."""
    path = data / TOKEN_FILE
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise Unusable(
            f"There is no token in {path}.",
            hint="Start the server there once with `stanch up`, or set STANCH_URL and STANCH_TOKEN.",
        ) from error
