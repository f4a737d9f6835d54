"""A procedure before it runs, in a real browser: the picture, the steps, the tools' own dry runs, and its start."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from browser.conftest import Visit
from integration.web.conftest import Console, served
from integration.web.scene import scene
from stanch.model.run import StepRecord, StepState
from stanch.response import runs

PICTURES = os.environ.get("STANCH_PICTURES")


@pytest.fixture
async def console(tmp_path: Path) -> AsyncIterator[Console]:
    """A console with a procedure that branches, and a second one."""
    (tmp_path / "door").write_text("open")
    (tmp_path / "door").chmod(0o644)
    async with scene(tmp_path, quiet_s=60.0, fault_s=20.0, playbook="outage.md") as made, served(made) as running:
        yield running


async def picture(page: Page, name: str) -> None:
    """Kept where a folder for pictures is named."""
    if PICTURES:
        await page.screenshot(path=f"{PICTURES}/{name}.png", full_page=True)
        await page.screenshot(path=f"{PICTURES}/{name}-top.png")


@pytest.mark.parametrize(("scheme", "width"), [("light", 1400), ("dark", 1400), ("light", 390)])
async def test_a_procedure_is_seen_before_it_runs(console: Console, visit: Visit, scheme: str, width: int):
    page = await visit("/procedures/booking-is-down", color_scheme=scheme, viewport={"width": width, "height": 900})
    await expect(page.get_by_role("heading", name="Booking is down")).to_be_visible()
    await picture(page, f"procedure-{scheme}-{width}")
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
    steps = page.get_by_role("region", name="How it goes").get_by_role("link")
    signs = await page.locator(".flow .at:not(.at-question, .at-end)").count()
    assert await steps.count() == signs > 10
    await steps.filter(has_text="redis-cli FLUSHALL").click()
    await expect(page.locator("li:target")).to_contain_text("2 different people")


async def test_the_tools_are_asked_and_what_they_say_appears(console: Console, visit: Visit):
    page = await visit("/procedures/booking-is-down")
    await page.get_by_role("button", name="Ask the tools").click()
    await expect(page.get_by_role("heading", name="of 3 would work")).to_be_visible(timeout=20_000)
    await expect(page.locator("#step-2")).to_contain_text("Would work. It was planned.")
    await expect(page.get_by_role("button", name="Ask the tools again")).to_be_visible()
    await picture(page, "procedure-tried")


async def test_a_second_procedure_is_looked_at_and_begun(console: Console, visit: Visit):
    await console.scene.burn()
    page = await visit("/incidents/1")
    await picture(page, "room")
    await page.get_by_role("link", name="Coming back").click()
    await expect(page.get_by_role("heading", name="Start it in incident 1")).to_be_visible()
    await picture(page, "procedure-incident")
    await page.get_by_label("Why, if there is something to say").fill("the provider is back")
    await page.get_by_role("button", name="Start", exact=True).click()
    await expect(page.get_by_role("heading", name="Run: Coming back")).to_be_visible()
    record = await console.scene.store.read(lambda rows: runs.get(rows, "1.2"))
    assert record.because == "rita: the provider is back"
    await page.locator("#run-1\\.2").get_by_role("link", name="dry run of it").click()
    await expect(page.get_by_text("Run 1.2 of it goes on")).to_be_visible()
    await picture(page, "procedure-run")


async def test_a_playbook_leads_to_the_dry_run_of_each_procedure(console: Console, visit: Visit):
    page = await visit("/playbooks/1")
    await picture(page, "playbook")
    await page.get_by_role("link", name="Coming back").click()
    await expect(page.get_by_role("heading", name="Coming back", level=1)).to_be_visible()


async def test_a_command_for_hands_is_copied_by_keyboard_and_what_was_seen_is_pasted(console: Console, visit: Visit):
    await console.scene.burn()
    page = await visit("/incidents/1")
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=console.address)
    shell = "kubectl -n booking exec -it deploy/booking-api -- python manage.py shell"
    await console.scene.store.write(lambda rows: _skip_to(rows, shell, console.scene.clock.now()))
    await expect(page.get_by_role("heading", name="Nothing waits for you until")).to_be_visible()
    await picture(page, "later")
    async with asyncio.timeout(60):
        while (await console.scene.store.read(lambda rows: _by_command(rows, shell))).state is not StepState.PROPOSED:
            await console.scene.advance(300)
    heading = page.locator("#next").get_by_role("heading", name="kubectl -n booking exec")
    await expect(heading).to_be_visible()
    await page.get_by_role("button", name="Copy the command").focus()
    await page.keyboard.press("Enter")
    await expect(page.locator("#said")).to_have_text("Copied.")
    assert await page.evaluate("navigator.clipboard.readText()") == shell
    await picture(page, "hand-over")
    seen = page.get_by_label("What you saw; paste what the terminal showed")
    await seen.focus()
    await page.keyboard.press("Control+V")
    await page.get_by_role("button", name="Done").click()

    await console.scene.until(lambda rows: _by_command(rows, shell).state is StepState.DONE)
    assert (await console.scene.store.read(lambda rows: _by_command(rows, shell))).output == shell


async def test_without_a_script_the_command_is_there_to_be_selected(console: Console, visit: Visit):
    page = await visit("/procedures/booking-is-down", java_script_enabled=False)
    step = page.get_by_role("listitem").filter(has=page.get_by_role("heading", name="exec -it"))
    await expect(step.locator(".command code")).to_be_visible()
    await expect(step.locator(".copy")).to_be_hidden()


def _by_command(rows, wanted: str) -> StepRecord:
    return next(step for step in runs.get(rows, "1.1").steps if step.command == wanted)


def _skip_to(rows, wanted: str, now: float) -> None:
    """Every step before the one with that command is left out."""
    for step in runs.get(rows, "1.1").steps:
        if step.command == wanted:
            return
        if not step.state.is_over:
            runs.skip(rows, "1.1", step.key, by="rita", reason="not now", now=now)
