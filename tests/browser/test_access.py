"""For everybody: by keyboard alone, on a phone, enlarged, in the dark, without motion, on paper, by ear."""

import itertools

import pytest
from playwright.async_api import expect

from browser.conftest import Visit
from integration.web.conftest import Console

PAGES = (
    "/", "/incidents", "/incidents/1", "/incidents/1/procedures/slow-database", "/playbooks", "/playbooks/1",
    "/procedures/slow-database", "/reviews", "/settings/tokens",
)  # fmt: skip

NAMELESS = """() => {
  const texts = (ids) => (ids || '').split(' ').map((id) => document.getElementById(id)?.textContent).join('');
  const name = (element) => element.getAttribute('aria-label') || texts(element.getAttribute('aria-labelledby'))
    || [...(element.labels || [])].map((label) => label.textContent).join('')
    || element.textContent.trim() || element.title;
  const controls = 'a, button, input:not([type=hidden]), select, textarea, summary, [tabindex="0"], dialog, '
    + '[role=img], [role=progressbar], [role=group], [role=region]';
  return [...document.querySelectorAll(controls)]
    .filter((element) => !element.closest('[aria-hidden=true]') && !name(element)?.trim())
    .map((element) => element.outerHTML.slice(0, 120));
}"""

PALE = """() => {
  const channels = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = (c) => { c /= 255; return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; };
  const luminance = ([r, g, b]) => 0.2126 * light(r) + 0.7152 * light(g) + 0.0722 * light(b);
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = channels(getComputedStyle(at).backgroundColor);
      if (colour.length < 4 || colour[3] > 0.99) return colour;
    }
    return [255, 255, 255];
  };
  const pale = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode.nodeValue.trim();
    const element = walker.currentNode.parentElement;
    if (!text || !element.checkVisibility() || element.closest('svg, script, .sr, button kbd')) continue;
    const pair = [luminance(channels(getComputedStyle(element).color)), luminance(ground(element))];
    const ratio = (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
    if (ratio < 4.5) pale.push(`${ratio.toFixed(2)} ${text.slice(0, 40)}`);
  }
  return pale;
}"""

FOCUSED = """() => {
  const { outerHTML, tagName } = document.activeElement;
  const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement);
  return [tagName, outerHTML.slice(0, 90), outlineStyle, parseFloat(outlineWidth)];
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_every_control_has_a_name_and_every_text_its_contrast(burning: Console, visit: Visit, scheme: str):
    page = await visit("/", color_scheme=scheme)
    for path in PAGES:
        await page.goto(burning.address + path)
        assert await page.evaluate(NAMELESS) == [], path
        assert await page.evaluate(PALE) == [], path
    ground = await page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == {"light": "rgb(251, 251, 250)", "dark": "rgb(20, 21, 23)"}[scheme]


@pytest.mark.parametrize("width", [320, 390, 720])
async def test_no_page_scrolls_sideways(burning: Console, visit: Visit, width: int):
    page = await visit("/", viewport={"width": width, "height": 844})
    for path in PAGES:
        await page.goto(burning.address + path)
        wide = await page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width, path


async def test_on_a_phone_what_waits_comes_first(burning: Console, visit: Visit):
    page = await visit("/incidents/1", viewport={"width": 390, "height": 844})
    places = {
        name: await page.locator(f"#{name}").evaluate("element => element.getBoundingClientRect().top")
        for name in ("next", "clocks", "signals", "runs", "timeline")
    }
    assert sorted(places, key=places.__getitem__) == ["next", "clocks", "signals", "runs", "timeline"]
    assert places["next"] < 400


async def test_every_stop_of_the_tab_key_is_seen(burning: Console, visit: Visit):
    page = await visit("/incidents/1")
    await page.keyboard.press("Tab")
    await expect(page.locator(".skip")).to_be_focused()
    await expect(page.locator(".skip")).to_be_in_viewport()
    seen = set()
    for _ in range(60):
        tag, element, style, width = await page.evaluate(FOCUSED)
        if tag == "BODY":
            break
        assert (style != "none", width >= 1) == (True, True), element
        seen.add(element)
        await page.keyboard.press("Tab")
    assert len(seen) > 20


async def test_the_skip_link_leads_to_the_content(burning: Console, visit: Visit):
    page = await visit("/incidents/1")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(page.locator("#main")).to_be_focused()


async def test_the_landmarks_and_headings_make_an_outline(burning: Console, visit: Visit):
    page = await visit("/")
    for path in PAGES:
        await page.goto(burning.address + path)
        for landmark in ("banner", "navigation", "main", "contentinfo"):
            assert await page.get_by_role(landmark).count() == 1, (path, landmark)
        levels = await page.evaluate(
            "[...document.querySelectorAll('h1,h2,h3,h4,[role=heading]')].filter(h => h.checkVisibility())"
            ".map(h => Number(h.getAttribute('aria-level') || h.tagName[1]))"
        )
        assert levels.count(1) == 1, (path, levels)
        assert all(after - before <= 1 for before, after in itertools.pairwise(levels)), (path, levels)


async def test_the_keys_are_told_and_the_focus_comes_back(burning: Console, visit: Visit):
    page = await visit("/incidents/1")
    await page.locator("#next").focus()
    await page.keyboard.press("?")
    await expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    await page.keyboard.press("a")
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog", name="Keys")).to_be_hidden()
    await expect(page.locator("#next")).to_be_focused()
    await expect(page.locator("#next")).to_contain_text("Approve")


async def test_keys_typed_into_a_field_are_text(burning: Console, visit: Visit):
    page = await visit("/incidents/1")
    await page.locator("#note").fill("")
    await page.locator("#note").press("a")
    await expect(page.locator("#note")).to_have_value("a")
    await expect(page.locator("#next")).to_contain_text("Approve")
    await page.keyboard.press("Escape")
    await expect(page.locator("#note")).not_to_be_focused()


async def test_nothing_moves_for_those_who_asked_for_it(burning: Console, visit: Visit):
    page = await visit("/incidents/1", reduced_motion="reduce")
    await page.evaluate("document.querySelector('#rows li').classList.add('fresh')")
    assert await page.locator("#rows li").first.evaluate("row => getComputedStyle(row).animationName") == "none"


async def test_on_paper_there_is_the_record_and_no_button(burning: Console, visit: Visit):
    page = await visit("/incidents/1", color_scheme="dark")
    await page.emulate_media(media="print")
    for hidden in (".bar", "#write", ".act", ".skip"):
        await expect(page.locator(hidden).first).to_be_hidden()
    await expect(page.locator("#timeline")).to_be_visible()
    assert await page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
