"""The console and the API on a real port, over a running application."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from integration.web.scene import Scene, scene
from stanch.web import auth, gate, server
from stanch.web.auth import Role


@dataclass
class Console:
    """A server over a scene. `link` is the first login's; `token` the one it left in the data directory."""

    scene: Scene
    address: str
    link: str | None
    token: str

    def api(self, token: str | None = None) -> httpx.AsyncClient:
        """A client of the API, with the local token unless another is given; `""` is none."""
        secret = self.token if token is None else token
        headers = {"Authorization": f"Bearer {secret}"} if secret else {}
        return httpx.AsyncClient(base_url=self.address, headers=headers, trust_env=False)

    async def token_of(self, role: Role, person: str = "") -> str:
        """A token of a person with that role."""
        name, now = person or f"a {role.value}", self.scene.clock.now()

        def write(rows):
            auth.add_person(rows, name, role, now)
            return auth.write_token(rows, name, "test", role, now)

        return await self.scene.store.write(write)

    @asynccontextmanager
    async def browser(self, role: Role = Role.ADMINISTRATOR, person: str = "") -> AsyncIterator[httpx.AsyncClient]:
        """A client with a session; its `form_token` header is not set."""
        name, now = person or f"a {role.value}", self.scene.clock.now()

        def write(rows):
            auth.add_person(rows, name, role, now)
            return auth.use_link(rows, auth.write_link(rows, name, now), now)

        secret = await self.scene.store.write(write)
        cookies = {gate.session_cookie(self.scene): secret}
        async with httpx.AsyncClient(base_url=self.address, cookies=cookies, trust_env=False) as client:
            client.form_token = auth.form_token(secret)
            yield client


@asynccontextmanager
async def served(made: Scene) -> AsyncIterator[Console]:
    """Serve the scene on a free port."""
    ready: asyncio.Future[tuple[str, str | None]] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(
        server.serve(made, "127.0.0.1", 0, ready=lambda address, link: ready.set_result((address, link)))
    )
    await asyncio.wait({serving, ready}, return_when=asyncio.FIRST_COMPLETED)
    if serving.done():
        serving.result()
    address, link = ready.result()
    token = (made.settings.server.data / server.TOKEN_FILE).read_text().strip()
    try:
        yield Console(scene=made, address=address, link=link, token=token)
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


@pytest.fixture
async def console(tmp_path: Path) -> AsyncIterator[Console]:
    """A console where nothing burns."""
    async with scene(tmp_path, quiet_s=60.0, fault_s=20.0) as made, served(made) as running:
        yield running


@pytest.fixture
async def burning(console: Console) -> Console:
    """A console with incident 1, which waits for a yes to the index."""
    await console.scene.burn()
    return console
