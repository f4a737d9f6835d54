"""Real targets: HTTP servers on free ports that answer, hang, or speak rubbish."""

import socket
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server


@dataclass
class Clinic:
    """An application with OpenTelemetry-named metrics, exposed by prometheus_client."""

    url: str
    registry: CollectorRegistry
    server: Any
    requests: Histogram
    used: Gauge
    logins: Counter

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def clinic() -> Iterator[Clinic]:
    registry = CollectorRegistry()
    requests = Histogram(
        "http_server_request_duration_seconds",
        "Requests.",
        ["http_route", "http_response_status_code"],
        buckets=(0.1, 0.5, 1, 2.5),
        registry=registry,
    )
    used = Gauge("db_client_connection_count", "Connections.", ["state"], registry=registry)
    Gauge("db_client_connection_max", "The most.", registry=registry).set(10)
    logins = Counter("logins", "Nothing of the catalogue.", registry=registry)
    server, thread = start_http_server(0, addr="127.0.0.1", registry=registry)
    made = Clinic(f"http://127.0.0.1:{server.server_port}/metrics", registry, server, requests, used, logins)
    yield made
    made.stop()
    thread.join()


@pytest.fixture
def black_hole() -> Iterator[str]:
    """A server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/metrics"


@dataclass
class Saying:
    """A server whose answer the test chooses."""

    url: str
    body: bytes = b""
    status: int = 200
    token: str | None = None
    content_type: str = "text/plain; version=0.0.4"


@pytest.fixture
def saying() -> Iterator[Saying]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            welcome = said.token is None or self.headers["Authorization"] == f"Bearer {said.token}"
            self.send_response(said.status if welcome else 401)
            self.send_header("Content-Type", said.content_type)
            self.send_header("Content-Length", str(len(said.body)))
            self.end_headers()
            self.wfile.write(said.body)

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - named so by the base class
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    said = Saying(f"http://127.0.0.1:{server.server_port}/metrics")
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield said
    server.shutdown()
    server.server_close()
    thread.join()
