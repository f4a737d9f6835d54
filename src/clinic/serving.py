"""The clinic on a port, until it is told to end."""

import json
import logging
import socket
import sys

import uvicorn

from clinic.application import Settings, build
from clinic.unusable import Unusable

_KEEP_ALIVE_S = 75
_GRACE_S = 5


def serve(settings: Settings, host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT; port 0 is any free one. The first line on standard output tells where.

    Raises Unusable.
    """
    listening = _listen(host, port)
    try:
        application = build(settings)
    except OSError as refused:
        listening.close()
        raise Unusable(f"The access log {settings.access_log} cannot be written: {refused.strerror}.") from refused
    where, chosen = listening.getsockname()[:2]
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    started = {"event": "started", "url": f"http://{where}:{chosen}", "release": settings.release.version}
    sys.stdout.write(json.dumps(started) + "\n")
    sys.stdout.flush()
    config = uvicorn.Config(
        application,
        access_log=False,
        log_config=None,
        log_level="warning",
        lifespan="on",
        ws="none",
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=_GRACE_S,
    )
    uvicorn.Server(config).run(sockets=[listening])


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        # With the protocol named, asyncio turns Nagle's algorithm off for what is accepted; else answers take 40 ms.
        listening = socket.socket(family, kind, protocol)
    except OSError as refused:
        raise Unusable(f"{host} cannot be listened on: {refused.strerror}. Choose another host.") from refused
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(address)
    except OSError as refused:
        listening.close()
        raise Unusable(f"{host}:{port} cannot be listened on: {refused.strerror}. Choose another port.") from refused
    return listening
