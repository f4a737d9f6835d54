"""The server: the console and the API on one port, from the first start to a clean end."""

import asyncio
import errno
import getpass
import ipaddress
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog
import uvicorn
from litestar import Litestar
from litestar.datastructures import State
from litestar.exceptions import HTTPException
from sqlalchemy import Connection

from stanch.model.problem import StanchError, Unusable
from stanch.web import afterwards, answering, api, auth, errors, following, gate, marks, pages, rendering
from stanch.web.auth import Role
from stanch.web.gallery import Gallery
from stanch.web.live import Streams
from stanch.web.served import Served
from stanch.web.throttle import Throttle
from stanch.web.trying import Trials

log = structlog.get_logger("stanch.web")

TOKEN_FILE = "token"  # noqa: S105 - the file's name in the data directory
_LARGEST_BODY = 256 * 1024
_GRACE_S = 3


def create(app: Served) -> Litestar:
    """The ASGI application: pages and API of a running Stanch."""
    return Litestar(
        route_handlers=[
            *api.handlers,
            *following.handlers,
            *marks.handlers,
            *afterwards.handlers,
            *pages.handlers,
            *answering.handlers,
        ],
        guards=[gate.admit],
        before_request=gate.check_form,
        before_send=[gate.add_headers],
        exception_handlers={
            StanchError: errors.on_stanch_error,
            HTTPException: errors.on_http_exception,
            Exception: errors.on_exception,
        },
        state=State(
            {
                "served": app,
                "address": None,
                "streams": Streams(app),
                "gallery": Gallery(app),
                "trials": Trials(app),
                "throttle": Throttle(app.clock),
            }
        ),
        openapi_config=None,
        logging_config=None,
        request_max_body_size=_LARGEST_BODY,
        debug=False,
    )


async def serve(app: Served, host: str, port: int, *, ready: Callable[[str, str | None], None] | None = None) -> None:
    """Serve until SIGINT, SIGTERM or cancellation; requests under way are finished, streams are told to end.

    Once it listens, `ready` is called with the address and, where nobody has ever logged in, a one-time link;
    without `ready` they are printed. Raises Unusable where the port cannot be had.
    """
    asgi = create(app)
    streams: Streams = asgi.state.streams
    with _listening(host, port) as listener:
        address = _address(app, host, listener.getsockname()[1])
        asgi.state.address = address
        link = await introduce(app, address)
        config = uvicorn.Config(
            asgi,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            ws="none",
            timeout_graceful_shutdown=_GRACE_S,
        )
        server = _Server(config, lambda: (ready or _tell)(address, link))

        def stop() -> None:
            streams.close()
            server.should_exit = True

        loop = asyncio.get_running_loop()
        with _signals(loop, stop):
            serving = asyncio.create_task(server.serve(sockets=[listener]))
            preparing = asyncio.create_task(asyncio.to_thread(rendering.prepare))
            try:
                await asyncio.shield(serving)
            except asyncio.CancelledError:
                stop()
                await serving
                raise
            finally:
                await asgi.state.trials.close()
                await preparing


async def introduce(app: Served, address: str) -> str | None:
    """Leave this machine's command line a token in the data directory; a link for the first login, if it is due.

    The person of both is the one who runs the server: one human is one name, on the terminal and in the browser.
    """
    name = _operator()
    path = app.settings.server.data / TOKEN_FILE
    # Several replicas may share a machine, and must not take each other's tokens away.
    label = f"command line on {socket.gethostname()}, {path.parent.resolve()}"
    held = await asyncio.to_thread(_read, path)

    def prepare(connection: Connection) -> tuple[str | None, str | None]:
        now = app.clock.now()
        for declared, each in app.settings.people.items():
            auth.declare_person(connection, declared, Role(each.access), now)
        found = auth.token_caller(connection, held, now) if held else None
        secret = None
        if found is None or found[0].role is not Role.ADMINISTRATOR:
            auth.add_person(connection, name, Role.ADMINISTRATOR, now)
            for token in auth.tokens(connection):
                if token.label == label:
                    auth.revoke_token(connection, token.digest, now)
            secret = auth.write_token(connection, name, label, Role.ADMINISTRATOR, now)
        person = name if found is None else found[0].person
        return secret, auth.write_link(connection, person, now) if auth.nobody_has_logged_in(connection) else None

    secret, link = await app.store.write(prepare)
    if secret is not None:
        await asyncio.to_thread(_write, path, secret)
    return None if link is None else f"{address}/login/{link}"


class _Server(uvicorn.Server):
    """Says when it listens, and leaves the signals to `serve`."""

    def __init__(self, config: uvicorn.Config, started: Callable[[], object]) -> None:
        super().__init__(config)
        self._started = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._started()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(2048)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        raise _not_to_be_had(host, port, error) from error
    try:
        yield listener
    finally:
        listener.close()


def _not_to_be_had(host: str, port: int, error: OSError) -> Unusable:
    match error.errno:
        case errno.EADDRINUSE:
            return Unusable(
                f"Port {port} on {host} is in use, so the console cannot be served there.",
                hint="End what listens there, or choose another port: `server.port` or `--port`.",
            )
        case errno.EACCES:
            return Unusable(
                f"Port {port} needs rights that this process does not have.", hint="Choose a port over 1023."
            )
        case _:
            return Unusable(
                f"{host}:{port} cannot be listened on: {error.strerror or error}.", hint="Set `server.host` and `port`."
            )


@contextmanager
def _signals(loop: asyncio.AbstractEventLoop, stop: Callable[[], None]) -> Iterator[None]:
    """SIGINT and SIGTERM end the serving; only a main thread can hear them."""
    heard: list[signal.Signals] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(number, stop)
        except (RuntimeError, ValueError):
            break
        heard.append(number)
    try:
        yield
    finally:
        for number in heard:
            loop.remove_signal_handler(number)


def _address(app: Served, host: str, port: int) -> str:
    if app.settings.server.public_url is not None:
        return app.settings.server.public_url.rstrip("/")
    try:
        named = "127.0.0.1" if ipaddress.ip_address(host).is_unspecified else host
    except ValueError:
        named = host
    return f"http://[{named}]:{port}" if ":" in named else f"http://{named}:{port}"


def _operator() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "operator"


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise Unusable(f"{path} cannot be read: {error}", hint="It holds the command line's token.") from error


def _write(path: Path, secret: str) -> None:
    """Readable by its owner alone, and never half there."""
    fresh = path.with_suffix(".new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh.unlink(missing_ok=True)
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(f"{secret}\n")
        fresh.replace(path)
    except OSError as error:
        raise Unusable(f"{path} cannot be written: {error}", hint="It is to hold the command line's token.") from error


def _tell(address: str, link: str | None) -> None:
    sys.stdout.write(f"Stanch is at {address}\n")
    if link is not None:
        minutes = round(auth.LINK_LIFETIME_S / 60)
        sys.stdout.write(f"Log in with this link, once, within {minutes} minutes: {link}\n")
    sys.stdout.flush()
