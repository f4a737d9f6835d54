"""Deciding which way a run goes and taking a step over, in a real browser."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from browser.conftest import Visit
from integration.web.conftest import Console, served
from integration.web.scene import scene
from stanch.model.run import StepState
from stanch.response import runs

PICTURES = os.environ.get("STANCH_PICTURES")


@pytest.fixture
async def console(tmp_path: Path) -> AsyncIterator[Console]:
    """A console where one of two ways is to be chosen."""
    (tmp_path / "door").write_text("open")
    (tmp_path / "door").chmod(0o644)
    async with scene(tmp_path, quiet_s=60.0, fault_s=20.0, playbook="ways.md") as made, served(made) as running:
        await made.burn()
        yield running


async def picture(page: Page, name: str) -> None:
    """Kept where a folder for pictures is named."""
    if PICTURES:
        await page.screenshot(path=f"{PICTURES}/{name}.png", full_page=True)


async def test_a_way_is_chosen_and_what_would_put_it_back_is_shown(console: Console, visit: Visit, tmp_path: Path):
    page = await visit("/incidents/1")
    await expect(page.get_by_role("heading", name="Which of these?")).to_be_visible()
    await picture(page, "choose")
    await page.get_by_role("button", name="Option A: close the door").click()
    await expect(page.get_by_text("chmod 644 door", exact=True)).to_be_visible()
    await picture(page, "undo")
    await page.get_by_role("button", name="Approve").click()
    await console.scene.until(lambda rows: runs.get(rows, "1.1").steps[0].state is StepState.DONE)
    assert (tmp_path / "door").stat().st_mode & 0o777 == 0o600
    record = await console.scene.store.read(lambda rows: runs.get(rows, "1.1"))
    assert record.steps[1].state is StepState.SKIPPED


async def test_a_step_is_taken_over_by_hand(console: Console, visit: Visit, tmp_path: Path):
    page = await visit("/incidents/1")
    await page.get_by_role("button", name="Option A: close the door").click()
    await page.get_by_role("button", name="Do it by hand").click()
    await expect(page.get_by_text("yours to do").first).to_be_visible()
    await picture(page, "by-hand")
    await page.get_by_label("What you saw").fill("closed it on the host")
    await page.get_by_role("button", name="Done").click()
    await console.scene.until(lambda rows: runs.get(rows, "1.1").steps[0].state is StepState.DONE)
    record = await console.scene.store.read(lambda rows: runs.get(rows, "1.1"))
    assert record.steps[0].output == "closed it on the host"
    assert (tmp_path / "door").stat().st_mode & 0o777 == 0o644
