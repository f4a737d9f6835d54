"""The whole way of a question by mail, as it ships: settings, application, mail server, link, answer, process."""

import asyncio
import email
import email.policy
import re
import socket
from pathlib import Path

import httpx
import pytest
from aiosmtpd.controller import Controller

from stanch.app import build
from stanch.response import runs
from stanch.settings import load
from stanch.web import server

PLAYBOOK = Path(__file__).parents[2] / "cases" / "web" / "release.md"
SETTINGS = """
[server]
port = {port}
data = "data"
[playbooks]
paths = ["release.md"]
[commands]
directory = "work"
[channels.smtp]
host = "127.0.0.1"
port = {smtp}
sender = "stanch@example.org"
[people.ann]
roles = ["On-call engineer"]
[people.bob]
roles = ["Release lead"]
address = "bob@example.org"
[people.carol]
roles = ["Incident commander"]
address = "carol@example.org"
"""


class Mailbox:
    """Keeps the mails that a real SMTP server is handed, by their recipient."""

    def __init__(self) -> None:
        self.mails: dict[str, str] = {}
        self.came = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    async def handle_DATA(self, _server, _session, envelope):  # noqa: N802 - aiosmtpd's name
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        if "Approve?" in mail["Subject"]:
            self.mails[envelope.rcpt_tos[0]] = mail.get_content()
        self._loop.call_soon_threadsafe(self.came.set)
        return "250 OK"

    async def link(self, recipient: str) -> str:
        """The link that was mailed to somebody."""
        async with asyncio.timeout(20):
            while recipient not in self.mails:
                await self.came.wait()
                self.came.clear()
        return re.search(r"http://\S+/approve/\S+", self.mails[recipient])[0]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "work" / "releases" / "v2").mkdir(parents=True)
    (tmp_path / "release.md").write_bytes(PLAYBOOK.read_bytes())
    return tmp_path


async def test_two_people_answer_by_mail_and_the_command_runs(folder: Path):
    mailbox, port, smtp = Mailbox(), free_port(), free_port()
    controller = Controller(mailbox, hostname="127.0.0.1", port=smtp)
    await asyncio.to_thread(controller.start)
    (folder / "stanch.toml").write_text(SETTINGS.format(port=port, smtp=smtp))
    settings = load(folder / "stanch.toml")
    try:
        async with build(settings) as app:
            ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
            serving = asyncio.create_task(
                server.serve(app, "127.0.0.1", port, ready=lambda address, _: ready.set_result(address))
            )
            address = await ready
            token = (settings.server.data / server.TOKEN_FILE).read_text().strip()
            async with httpx.AsyncClient(base_url=address, trust_env=False) as client:
                headers = {"Authorization": f"Bearer {token}"}
                body = {"label": "laptop", "person": "ann"}
                of_ann = (await client.post("/api/tokens", json=body, headers=headers)).json()["token"]
                headers = {"Authorization": f"Bearer {of_ann}"}
                opened = {"title": "Nobody can book", "severity": "P1", "service": "booking"}
                await client.post("/api/incidents", json=opened, headers=headers)
                run = (await client.get("/api/runs", headers=headers)).json()["runs"][0]
                key = run["steps"][0]["key"]
                filled = await client.post(
                    f"/api/runs/{run['id']}/steps/{key}/fill",
                    json={"values": {"release_name": "v2"}},
                    headers=headers,
                )
                assert filled.status_code == 200, filled.text
                for name in ("bob", "carol"):
                    link = await mailbox.link(f"{name}@example.org")
                    assert link.startswith(f"{address}/approve/")
                    assert "rm -r releases/v2" in (await client.get(link)).text
                    answered = await client.post(link, data={"reason": "it breaks booking"})
                    assert f"Approved by {name}" in answered.text
                async with asyncio.timeout(20), app.store.listen("runs", "timeline") as changes:
                    while (await app.store.read(lambda rows: runs.get(rows, run["id"]))).state != "finished":
                        await changes.wait()
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)
    finally:
        await asyncio.to_thread(controller.stop)
    assert list((folder / "work" / "releases").iterdir()) == []
