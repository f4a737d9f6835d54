"""Real Chromium before the real console. A page that writes an error to its console fails its test."""

import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, async_playwright

from integration.web.conftest import Console, burning, console  # noqa: F401 - fixtures
from stanch.web import auth, gate
from stanch.web.auth import Role

CHROMIUM = Path("/usr/bin/chromium")
IS_THERE = CHROMIUM.exists()
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

Visit = Callable[..., Any]


@pytest.fixture
async def chromium() -> AsyncIterator[Browser]:
    if not IS_THERE:
        pytest.skip(f"{CHROMIUM} is not installed")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=str(CHROMIUM), args=list(FLAGS))
        yield browser
        await browser.close()


def _is_fault(message: ConsoleMessage) -> bool:
    """An error on the page's console; a refusal of the server (409, 410) is a remark of theirs."""
    return message.type == "error" and not re.search(r"status of 4(?:09|10)|Code 409", message.text)


@pytest.fixture
async def visit(chromium: Browser, console: Console) -> AsyncIterator[Visit]:  # noqa: F811 - the fixture above
    """Opens a page as somebody with a session; options are the browser context's."""
    faults: list[str] = []
    contexts: list[BrowserContext] = []

    async def open_page(path: str, *, person: str = "rita", role: Role = Role.RESPONDER, **options: Any) -> Page:
        now = console.scene.clock.now()

        def write(rows):
            auth.add_person(rows, person, role, now)
            return auth.use_link(rows, auth.write_link(rows, person, now), now)

        secret = await console.scene.store.write(write)
        context = await chromium.new_context(**options)
        contexts.append(context)
        await context.add_cookies(
            [{"name": gate.session_cookie(console.scene), "value": secret, "url": console.address}]
        )
        page = await context.new_page()
        page.on("console", lambda message: faults.append(message.text) if _is_fault(message) else None)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("dialog", lambda dialog: faults.append(f"a dialog: {dialog.message}"))
        await page.goto(console.address + path)
        return page

    yield open_page
    for context in contexts:
        await context.close()
    assert faults == []
