"""A real `stanch up` in a process of its own, killed and started again on the same store, and people at its API."""

import asyncio
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx

from stanch.web import auth

START_S = 120.0
TESTS = Path(__file__).parents[1]


class NotServing(Exception):
    """It ended, or did not begin to serve. The argument is what it said."""


class Person:
    """Somebody who is logged in. Every method is one request; it raises HTTPStatusError where it is refused."""

    def __init__(self, name: str, client: httpx.AsyncClient) -> None:
        self.name = name
        self.client = client

    async def get(self, path: str) -> dict[str, Any]:
        answer = await self.client.get(path)
        answer.raise_for_status()
        return answer.json()

    async def post(self, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        answer = await self.client.post(path, json=body or {})
        if answer.is_error:
            raise httpx.HTTPStatusError(answer.text, request=answer.request, response=answer)
        return answer.json()

    async def run(self, run_id: str) -> dict[str, Any]:
        return (await self.get(f"/api/runs/{run_id}"))["run"]

    async def step(self, run_id: str, key: str) -> dict[str, Any]:
        return next(each for each in (await self.run(run_id))["steps"] if each["key"] == key)

    async def to(self, verb: str, step: dict[str, Any], **body: Any) -> None:
        """`approve`, `complete`, `skip` or `fill` a step."""
        await self.post(f"/api/runs/{step['run_id']}/steps/{step['key']}/{verb}", body)

    async def approve(self, step: dict[str, Any], reason: str = "seen") -> None:
        """Say yes to exactly what this step shows."""
        await self.to("approve", step, digest=step["digest"], reason=reason)


class Server:
    """One installation: its settings, its store, and at most one process. `ahead_s` is how far its clock is ahead."""

    def __init__(self, config: Path) -> None:
        self.config = config
        self.data = config.with_name("data")
        self.ahead_s = 0.0
        self.lives = 0
        self.address = ""
        self._process: subprocess.Popen[bytes] | None = None
        self._people: dict[str, dict[str, str]] = {}

    @property
    def log(self) -> Path:
        return self.config.with_name(f"life-{self.lives}.log")

    async def start(self) -> None:
        """Start it and wait until it serves. Raises NotServing."""
        self.lives += 1
        command = [sys.executable, "-P", "-m", "cluster.ahead", str(self.ahead_s), "up", "--config", self.config]
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: ASYNC220 - a process that outlives this test's event loop is killed by its id
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.config.parent,
                env=self._environment,
            )
        end = asyncio.get_running_loop().time() + START_S
        while asyncio.get_running_loop().time() < end:
            said = self.log.read_text(errors="replace")
            if found := re.search(r"Stanch is at (\S+)", said):
                self.address = found[1]
                return
            if self._process.poll() is not None:
                raise NotServing(said)
            await asyncio.sleep(0.05)
        raise NotServing(self.log.read_text(errors="replace"))

    def kill(self) -> None:
        """SIGKILL to the server alone: what it had started lives on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        assert self._process.wait() == -signal.SIGKILL

    def end(self) -> None:
        """Have it gone, however it is."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait(60)

    def stop(self) -> None:
        """End it as an administrator does."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait(60)

    @contextlib.asynccontextmanager
    async def person(self, name: str = "") -> AsyncIterator[Person]:
        """Somebody at the API: a responder of that name, logged in by a link; without a name, the administrator."""
        if not name:
            token = (self.data / "token").read_text().strip()
            headers = {"Authorization": f"Bearer {token}"}
            async with self._client(headers) as client:
                yield Person("administrator", client)
            return
        if name not in self._people:
            self._people[name] = await self._log_in(name)
        async with self._client({**self._people[name]}) as client:
            yield Person(name, client)

    async def _log_in(self, name: str) -> dict[str, str]:
        async with self.person() as administrator:
            link = await administrator.post("/api/login-links", {"person": name, "role": "responder"})
        async with self._client({}) as client:
            answer = await client.post(link["url"])
            assert answer.status_code == 303, answer.text
            (cookie,) = client.cookies.jar
            return {"Cookie": f"{cookie.name}={cookie.value}", "X-Form-Token": auth.form_token(cookie.value)}

    def _client(self, headers: dict[str, str]) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=self.address, headers=headers, trust_env=False, timeout=60)

    def command(self, *arguments: str) -> Any:
        """What `stanch ... --json` says about this installation. Raises CalledProcessError."""
        command = [sys.executable, "-P", "-m", "stanch.main", *arguments, "--config", self.config, "--json"]
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120, env=self._environment)
        return json.loads(done.stdout)

    @property
    def _environment(self) -> dict[str, str]:
        path = os.pathsep.join([str(TESTS), str(TESTS.parent / "src")])
        return {"PATH": os.environ["PATH"], "HOME": str(self.config.parent), "PYTHONPATH": path}
