"""An HTTPS server of the tests on a free loopback port: what the control plane asks of a node and of an extension."""

import contextlib
import ssl
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """A client that went away in the middle of an answer (`logs -f` that was ended) is no fault."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    answer: Callable[[BaseHTTPRequestHandler], None]

    def do_GET(self):
        type(self).answer(self)

    def do_POST(self):
        type(self).answer(self)

    def log_message(self, *args):
        """The audit log of the API server says what was asked."""


def respond(request: BaseHTTPRequestHandler, body: bytes, *, status: int = 200, kind: str = "application/json") -> None:
    request.send_response(status)
    request.send_header("Content-Type", kind)
    request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    request.wfile.write(body)


@contextlib.contextmanager
def https(certificate: Path, key: Path, answer: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[int]:
    """Serve; `answer` is called with each request, in a thread of its own. Gives the port."""
    handler = type("Handler", (_Handler,), {"answer": staticmethod(answer)})
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = _Server(("127.0.0.1", 0), handler)
    # The handshake is the business of the thread that answers: a client that is slow at it must hold up no other.
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
