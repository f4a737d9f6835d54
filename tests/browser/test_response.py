"""An incident as a person lives it: log in, see what waits, say yes with one key, watch it go."""

import re

from playwright.async_api import Browser, expect

from browser.conftest import Visit
from integration.web.conftest import Console
from integration.web.scene import deploy
from stanch.incidents import lifecycle
from stanch.response import runs
from stanch.web.auth import Role


async def test_from_the_link_to_the_yes_by_keyboard_alone(burning: Console, chromium: Browser):
    page = await chromium.new_page()
    faults: list[str] = []
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    await page.goto(burning.link)
    await expect(page.get_by_role("button", name="Log in")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page).to_have_title(re.compile("1 open"))

    await page.keyboard.press("j")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Response time p95 is 8.4 s")
    await expect(page.locator("#next")).to_contain_text("Build the index that this query has been missing")
    await expect(page.locator(".live")).to_have_text("live")

    await page.keyboard.press("a")
    await expect(page.locator("#next")).to_contain_text("Going on by itself")
    await expect(page.locator("#next")).to_contain_text("43%")
    await expect(page.locator("#rows li").first).to_contain_text("In force: /appointments at most 8 at once")
    await expect(page.locator("#force")).to_contain_text("1 control")

    burning.scene.gate.open.set()
    await expect(page.locator("#next")).to_contain_text("Empty the cache if pages stay wrong")
    await expect(page.locator("#next")).to_contain_text("destructive, 2 people")
    step = await burning.scene.store.read(lambda rows: runs.get(rows, "1.1").steps[2])
    assert step.state == "done"
    assert len(step.approvals) == 1
    assert faults == []


async def test_what_changed_under_the_fingers_is_not_approved(burning: Console, visit: Visit):
    page = await visit("/incidents/1")
    await expect(page.locator(".live")).to_have_text("live")
    await page.keyboard.press("a")
    burning.scene.gate.open.set()
    await expect(page.locator("#next")).to_contain_text("Empty the cache")
    await page.keyboard.press("a")
    await expect(page.locator("#said")).to_have_text("This changed just now. Read it, then press A again.")
    flush = await burning.scene.store.read(lambda rows: runs.get(rows, "1.1").steps[3])
    assert flush.approvals == ()
    await page.wait_for_timeout(1100)
    await page.keyboard.press("a")
    await expect(page.get_by_placeholder("Why it has to be done")).to_be_focused()
    await page.keyboard.type("pages stay wrong")
    await page.keyboard.press("Enter")
    await expect(page.locator("#next")).to_contain_text("You have said yes. Somebody else has to as well.")


async def test_what_others_do_appears_at_once_and_nothing_is_lost_or_jumps(burning: Console, visit: Visit):
    page = await visit("/incidents/1", viewport={"width": 1200, "height": 500})
    await expect(page.locator(".live")).to_have_text("live")
    await page.keyboard.press("n")
    await page.keyboard.type("half a sen")
    await page.locator("#out-1\\.1-1 summary").click()
    await page.locator("#not-now summary").click()
    await page.locator("#skip-reason").fill("not yet")
    await page.locator("#note").focus()
    await page.evaluate("scrollTo(0, 420)")
    before = await page.evaluate("scrollY")
    top = await page.locator("#note").evaluate("element => element.getBoundingClientRect().top")

    now = burning.scene.clock.now()
    await burning.scene.store.write(lambda rows: lifecycle.acknowledge(rows, "1", by="sam", now=now))
    await deploy(burning.scene, "1", "release 1.8.3 rolled out")
    await expect(page.locator("#rows li").first).to_contain_text("release 1.8.3")
    await expect(page.locator("#head")).to_contain_text("taken up by sam")
    await expect(page.locator("#clock-acknowledge")).to_have_class("clock kept")

    await expect(page.locator("#note")).to_be_focused()
    await expect(page.locator("#note")).to_have_value("half a sen")
    await expect(page.locator("#skip-reason")).to_have_value("not yet")
    assert await page.locator("#out-1\\.1-1").get_attribute("open") is not None
    assert await page.evaluate("scrollY") == before
    assert await page.locator("#note").evaluate("element => element.getBoundingClientRect().top") == top

    await page.keyboard.type("tence")
    await page.keyboard.press("Control+Enter")
    await expect(page.locator("#rows li").first).to_contain_text("half a sentence")
    await expect(page.locator("#note")).to_have_value("")
    ids = await page.locator("#rows li").evaluate_all("rows => rows.map(row => row.id)")
    assert len(ids) == len(set(ids))


async def test_not_now_leaves_the_step_out_with_a_reason(burning: Console, visit: Visit):
    page = await visit("/incidents/1")
    await page.get_by_text("Not now").click()
    await page.get_by_label("Why it is left out").fill("the release brings it")
    await page.get_by_role("button", name="Skip").click()
    await expect(page.locator("#next")).to_contain_text("Empty the cache")
    await expect(page.locator("#runs")).to_contain_text("Skipped by rita: the release brings it")


async def test_a_refusal_is_told_where_it_is_seen(burning: Console, visit: Visit):
    page = await visit("/incidents/1")
    await page.locator("#resolve summary").click()
    await page.get_by_label("Why it is over").fill("I think so")
    await page.locator("#resolve button").click()
    await expect(page.get_by_role("alert")).to_contain_text("still fires")


async def test_a_control_is_undone_by_its_button(burning: Console, visit: Visit):
    page = await visit("/incidents/1")
    await page.keyboard.press("a")
    await page.get_by_role("button", name="Undo /appointments at most 8 at once").click()
    await expect(page.locator("#force")).to_contain_text("nothing")
    await expect(page.locator("#rows")).to_contain_text("Undone: /appointments at most 8 at once")


async def test_the_first_page_shows_an_incident_as_it_opens(console: Console, visit: Visit):
    page = await visit("/")
    await expect(page.get_by_role("heading", name="Nothing is open")).to_be_visible()
    await expect(page.locator(".live")).to_have_text("live")
    await console.scene.fire()
    await expect(page.get_by_role("link", name="Response time p95 is 8.4 s")).to_be_visible()
    await expect(page.locator("#open")).to_contain_text("waits for you")


async def test_an_incident_is_opened_by_hand(console: Console, visit: Visit):
    page = await visit("/")
    await page.get_by_text("Open an incident").click()
    await page.get_by_label("What is seen").fill("Nobody can log in")
    await page.get_by_label("Severity").select_option("P2")
    await page.get_by_role("button", name="Open and page").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Nobody can log in")


async def test_a_chart_is_read_by_keyboard_and_by_pointer(burning: Console, visit: Visit):
    page = await visit("/incidents/1")
    chart = page.locator(".chart").first
    now = await chart.locator("b").text_content()
    await chart.focus()
    await page.keyboard.press("Home")
    await expect(chart.locator("[data-when]")).to_have_text(re.compile(r"^at \d\d:\d\d:\d\d$"))
    assert await chart.locator("b").text_content() != now
    others = page.locator(".chart .cursor:not([hidden])")
    assert await others.count() == await page.locator(".chart").count()
    await page.keyboard.press("Tab")
    await expect(page.locator(".chart").first.locator("b")).to_have_text(now)
    await page.locator(".chart .area").nth(1).hover(position={"x": 5, "y": 20})
    await expect(chart.locator("[data-when]")).to_contain_text("at ")


async def test_the_page_works_without_a_script(burning: Console, visit: Visit):
    page = await visit("/incidents/1", java_script_enabled=False)
    await page.get_by_role("button", name="Approve").click()
    await expect(page.locator("#next")).to_contain_text("Build the index")
    step = await burning.scene.store.read(lambda rows: runs.get(rows, "1.1").steps[2])
    assert len(step.approvals) == 1


async def test_the_playbook_leads_to_what_was_not_understood(burning: Console, visit: Visit):
    page = await visit("/playbooks/1")
    lines = await page.locator(".l:has(> .m.unread, > .m.care)").evaluate_all("rows => rows.map(row => row.id)")
    assert len(lines) > 1
    for line in (*lines, lines[0]):
        await page.keyboard.press("u")
        await expect(page.locator(f"#{line} > .t")).to_be_focused()
    await expect(page.locator("#L16")).to_contain_text("armed")


async def test_a_viewer_who_presses_a_is_told(burning: Console, visit: Visit):
    page = await visit("/incidents/1", person="vera", role=Role.VIEWER)
    await page.keyboard.press("a")
    await expect(page.locator("#said")).to_have_text("Nothing waits for an approval.")
