"""What people really did is told beside each step and by the API; the patch is a file, refused where it cannot fit."""

import shutil
import subprocess
from pathlib import Path

import pytest

from integration.web.conftest import Console, burning, console  # noqa: F401 - fixtures
from integration.web.scene import PLAYBOOK
from stanch.incidents import lifecycle
from stanch.model.plan import Step
from stanch.playbook.compile import compile_playbooks


async def test_statistics_and_patch_of_an_incident(
    burning: Console,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    document = tmp_path / "playbooks" / "booking.md"
    document.parent.mkdir()
    shutil.copy(PLAYBOOK, document)
    monkeypatch.chdir(tmp_path)
    scene = burning.scene
    note = "$ redis-cli info memory"
    await scene.store.write(lambda rows: lifecycle.note(rows, "1", text=note, by="ann", now=scene.clock.now()))

    async with burning.api() as api:
        steps = (await api.get("/api/steps")).json()["steps"]
        answer = await api.get("/api/reviews/1/patch")
        missing = await api.get("/api/reviews/77/patch")
    looked = next(step for step in steps if step["text"] == "See what the connections are doing")
    assert (looked["times"], looked["done"], looked["incidents"]) == (1, 1, ["1"])
    assert missing.status_code == 404
    (patch,) = answer.json()["patches"]
    assert "ann ran `redis-cli info memory`" in patch["proposed"][0]

    async with burning.browser() as browser:
        page = (await browser.get("/playbooks/1")).text
        file = await browser.get("/reviews/1/patch")
        assert "1 run: 1 done" in page
        assert file.headers["content-disposition"] == 'attachment; filename="incident-1.diff"'
        assert file.text == patch["diff"]
        if shutil.which("patch") is not None:
            done = subprocess.run(  # noqa: ASYNC221 - a program that ends at once
                ["patch", "-p1", "--batch", "--fuzz=0"], input=file.text, text=True, capture_output=True, check=False
            )
            assert done.returncode == 0, done.stdout
            after = compile_playbooks([("booking.md", document.read_bytes())]).of(Step)
            assert "redis-cli info memory" in [step.command for step in after]
        document.write_text(document.read_text() + "\nOne more line.\n")
        refused = await browser.get("/api/reviews/1/patch")
    assert refused.status_code == 409
    assert "has changed since incident 1" in refused.json()["error"]["message"]
