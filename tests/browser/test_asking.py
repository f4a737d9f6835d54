"""Filling in a command, answering a link and breaking the glass, in a real browser, by mouse and by keyboard."""

import os
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from browser.conftest import Visit
from integration.web.conftest import Console, served
from integration.web.scene import scene
from stanch.response import runs
from stanch.settings import PersonSettings
from stanch.web import auth
from stanch.web.auth import Role

PEOPLE = {
    "ann": PersonSettings(roles=["On-call engineer"]),
    "bob": PersonSettings(roles=["Release lead"], address="bob@booking.example.org"),
    "carol": PersonSettings(roles=["Incident commander"], address="carol@booking.example.org"),
}
PICTURES = os.environ.get("STANCH_PICTURES")


@pytest.fixture
async def console(tmp_path: Path) -> AsyncIterator[Console]:
    """A console where the removal of a release waits to be filled in."""
    (tmp_path / "releases" / "v2").mkdir(parents=True)
    which = {"playbook": "release.md", "people": PEOPLE}
    async with scene(tmp_path, quiet_s=60.0, fault_s=20.0, **which) as made, served(made) as running:
        await made.burn()
        yield running


async def picture(page: Page, name: str) -> None:
    """Kept where a folder for pictures is named."""
    if PICTURES:
        await page.screenshot(path=f"{PICTURES}/{name}.png", full_page=True)


async def proposed(console: Console) -> None:
    await console.scene.until(lambda rows: runs.get(rows, "1.1").steps[0].statement is not None)


async def test_a_command_is_previewed_and_filled_in_by_keyboard_alone(console: Console, visit: Visit):
    page = await visit("/incidents/1", person="ann")
    value = page.get_by_placeholder("the value")
    await value.focus()
    await picture(page, "fill")
    await page.keyboard.type("v2;reboot")
    await page.keyboard.press("Enter")
    await expect(page.locator("#notices")).to_contain_text("shells act on")
    await value.fill("v2")
    await page.get_by_role("button", name="Preview").press("Enter")
    await expect(page.locator("#preview")).to_contain_text("rm -r releases/v2")
    await expect(page.locator("#preview")).to_contain_text("destructive")
    await picture(page, "preview")
    assert (await console.scene.store.read(lambda rows: runs.get(rows, "1.1"))).steps[0].filled == ()
    await value.press("Enter")
    await proposed(console)
    await expect(page.locator("#next .command").first).to_contain_text("rm -r releases/v2")
    await expect(page.locator("#next")).to_contain_text("You filled it in; two others approve what destroys.")
    await picture(page, "filled")


async def test_another_sees_the_values_and_approves_with_a_reason(console: Console, visit: Visit):
    page = await visit("/incidents/1", person="ann")
    await page.get_by_placeholder("the value").fill("v2")
    await page.get_by_role("button", name="Fill in").click()
    await proposed(console)
    other = await visit("/incidents/1", person="bob")
    await expect(other.locator("#next")).to_contain_text("<release-name>")
    facts = other.locator("#next .facts")
    await expect(facts).to_contain_text(re.compile(r"Acts as\s*user \S+ of this machine"))
    await expect(facts).to_contain_text(re.compile(r"Approved by\s*Incident commander or Release lead"))
    await picture(other, "approve")
    await other.get_by_placeholder("Why it has to be done").fill("it breaks booking")
    await other.get_by_role("button", name="Approve", exact=True).click()
    await expect(other.locator("#next")).to_contain_text("yes from bob, good until")
    dark = await visit("/incidents/1", person="carol", color_scheme="dark", viewport={"width": 390, "height": 844})
    assert await dark.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await picture(dark, "approve-phone")


async def test_breaking_the_glass_takes_the_words(console: Console, visit: Visit):
    page = await visit("/incidents/1", person="ann")
    await page.get_by_placeholder("the value").fill("v2")
    await page.get_by_role("button", name="Fill in").click()
    await proposed(console)
    await page.get_by_text("Break glass").first.click()
    await page.get_by_label("Why it cannot wait for the others").fill("nobody answers")
    await page.get_by_label("Type break glass 1.1").fill("please")
    await picture(page, "glass")
    await page.get_by_role("button", name="Approve alone").click()
    await expect(page.locator("#notices")).to_contain_text("type exactly: break glass 1.1")
    await page.get_by_label("Type break glass 1.1").fill("break glass 1.1")
    await page.get_by_role("button", name="Approve alone").click()
    await expect(page.locator("#rows")).to_contain_text("Break-glass: ann alone approved")


async def test_a_mailed_link_is_answered_without_a_login(console: Console, visit: Visit):
    page = await visit("/incidents/1", person="ann")
    await page.get_by_placeholder("the value").fill("v2")
    await page.get_by_role("button", name="Fill in").click()
    await proposed(console)
    await console.scene.until(lambda _: len(console.scene.mail.sent) >= 2)
    links = {to: str(each.link) for to, each in console.scene.mail.sent if "Approve?" in each.subject}
    path = links["carol@booking.example.org"].removeprefix("http://stanch.example")
    now = console.scene.clock.now()
    await console.scene.store.write(lambda rows: auth.add_person(rows, "carol", Role.RESPONDER, now))
    reader = await visit(path, person="carol")
    await reader.context.clear_cookies()
    await reader.goto(console.address + path)
    await expect(reader.get_by_role("heading", name="carol, do you approve this?")).to_be_visible()
    assert (await console.scene.store.read(lambda rows: runs.get(rows, "1.1"))).steps[0].approvals == ()
    await picture(reader, "link")
    await reader.get_by_label("Why it has to be done").fill("it breaks booking")
    await reader.get_by_role("button", name="Approve").click()
    await expect(reader.locator("main")).to_contain_text("It waits for 1 more person.")
    await picture(reader, "link-done")
    await reader.goto(console.address + path)
    await expect(reader.locator("main")).to_contain_text("This link has been used already.")
    await picture(reader, "link-used")
