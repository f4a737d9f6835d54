"""A server as a process of its own, in a directory of its own, and people at its terminals."""

import asyncio
import json
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from waiting import until


class House:
    """`settings` are sections of `stanch.toml` beside those of the server, the playbook and the commands."""

    def __init__(self, directory: Path, playbook: str, settings: str = "") -> None:
        self.directory = directory
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        (directory / "playbook.md").write_text(playbook)
        (directory / "stanch.toml").write_text(
            f'[server]\nport = {self.port}\ndata = "data"\n[playbooks]\npaths = ["playbook.md"]\n'
            f'[commands]\ndirectory = "."\n{settings}'
        )
        self.processes: list[Process] = []

    async def starts(self, *words: str, **options) -> Process:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "stanch", *words, cwd=self.directory, **{"stdout": PIPE, "stderr": PIPE, **options}
        )
        self.processes.append(process)
        return process

    async def serve(self) -> Process:
        server = await self.starts("up", stdout=None, stderr=None)
        async with httpx.AsyncClient(trust_env=False) as client:

            async def answers() -> bool:
                assert server.returncode is None
                try:
                    return (await client.get(f"http://127.0.0.1:{self.port}/api/health")).is_success
                except httpx.TransportError:
                    return False

            await until(answers, within_s=60.0)
        return server

    async def types(self, *words: str) -> tuple[int | None, str]:
        process = await self.starts(*words)
        out, err = await asyncio.wait_for(process.communicate(), 60)
        return process.returncode, out.decode() + err.decode()

    async def run(self) -> dict:
        return json.loads((await self.types("run", "show", "1.1", "--json"))[1])["run"]

    async def end(self) -> None:
        """End every process that is left."""
        for process in self.processes:
            if process.returncode is None:
                process.terminate()
                await process.wait()


@asynccontextmanager
async def house(directory: Path, playbook: str, settings: str = "") -> AsyncIterator[House]:
    made = House(directory, playbook, settings)
    try:
        yield made
    finally:
        await made.end()
