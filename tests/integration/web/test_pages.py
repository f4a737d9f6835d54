"""The pages: whole without a script, escaped, light, and refreshed part by part."""

import re
from html.parser import HTMLParser

import pytest

from integration.web.conftest import Console
from integration.web.scene import HOSTILE
from stanch.incidents import lifecycle, timeline
from stanch.model.incident import EventKind
from stanch.response import runs
from stanch.store.tables import event
from stanch.web import assets
from stanch.web.auth import Role

VOID = {"meta", "link", "input", "br", "img", "hr", "line", "path", "rect", "circle"}


class Page(HTMLParser):
    """The elements of a page; fails on markup that does not nest."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = text
        self.feed(text)
        assert self.open == [], self.open

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open, tag
            assert self.open.pop() == tag, tag

    def ids(self) -> list[str]:
        return [attributes["id"] for _, attributes in self.elements if attributes.get("id")]


ALL = (
    "/", "/incidents", "/incidents/1", "/incidents/1/procedures/slow-database", "/playbooks", "/playbooks/1",
    "/procedures/slow-database", "/reviews", "/settings/tokens", "/login/none",
)  # fmt: skip


@pytest.mark.parametrize("path", ALL)
async def test_a_page_is_well_formed_and_needs_nothing_inline(burning: Console, path: str):
    async with burning.browser() as browser:
        page = Page((await browser.get(path)).text)
    ids = page.ids()
    assert len(ids) == len(set(ids)), [each for each in ids if ids.count(each) > 1]
    tags = [tag for tag, _ in page.elements]
    assert "style" not in tags
    assert tags.count("main") == 1
    assert tags.count("h1") <= 1
    for tag, attributes in page.elements:
        assert "style" not in attributes, (tag, attributes)
        assert not [name for name in attributes if name.startswith(("on", "hx-on"))], (tag, attributes)
        assert tag != "script" or attributes["src"].startswith("/static/")
    for _, attributes in page.elements:
        for name in ("aria-labelledby", "for", "list"):
            if attributes.get(name):
                assert attributes[name] in ids, attributes


async def test_an_unknown_page_incident_or_playbook_is_a_sentence(console: Console):
    async with console.browser() as browser:
        for path in ("/nowhere", "/incidents/9", "/playbooks/9", "/reviews/9"):
            answer = await browser.get(path)
            assert answer.status_code == 404, path
            assert (
                "<h1>There is no" in answer.text or "<h1>There is nothing" in answer.text or "no review" in answer.text
            )


async def test_what_people_and_commands_say_is_shown_and_never_obeyed(burning: Console):
    scene = burning.scene
    now = scene.clock.now()

    def write(rows):
        lifecycle.note(rows, "1", text=HOSTILE, by=HOSTILE, now=now)
        lifecycle.assign(rows, "1", to=HOSTILE, by="x", now=now)
        lifecycle.open_by_hand(
            rows, title=HOSTILE, severity="P1", service=HOSTILE, plan=scene.plan, now=now, by=HOSTILE
        )

    await scene.store.write(write)
    async with burning.browser(person="<b>bob</b>") as browser:
        for path in (*ALL, "/incidents/2", "/incidents/1/live", "/live"):
            text = (await browser.get(path)).text
            assert "<script>alert" not in text, path
            assert "<img" not in text, path
            assert "<b>bob" not in text, path
        room = (await browser.get("/incidents/1")).text
        assert room.count("&lt;script&gt;alert") >= 3


async def test_forms_work_without_a_script(burning: Console):
    async with burning.browser(Role.RESPONDER, "rita") as browser:
        token = {"form_token": browser.form_token}
        for path, data in (
            ("acknowledge", {}),
            ("assign", {"to": "sam"}),
            ("note", {"text": "called the front desks"}),
        ):
            answer = await browser.post(f"/incidents/1/{path}", data={**data, **token})
            assert (answer.status_code, answer.headers["location"]) == (303, "/incidents/1")
        page = (await browser.get("/incidents/1")).text
        assert "with sam" in page
        assert "called the front desks" in page
        digest = re.search(r'name="digest" value="(\w+)"', page)[1]
        key = re.search(r'name="step" value="([^"]+)"', page)[1]
        path = "/incidents/1/runs/1.1/approve"
        await browser.post(path, data={"step": key, "digest": digest, **token})
        burning.scene.gate.open.set()
        await burning.scene.until(lambda rows: runs.get(rows, "1.1").steps[2].state == "done")
        opened = await browser.post(
            "/incidents", data={"title": "Nobody can log in", "severity": "P2", "service": "login", **token}
        )
        assert opened.headers["location"] == "/incidents/2"
        refused = await browser.post("/incidents/1/resolve", data={"text": "over", **token})
        assert refused.status_code == 409
        assert "still fires" in refused.text
        empty = await browser.post("/incidents/1/note", data={"text": " ", **token})
        assert empty.status_code == 422
        assert "text: must not be empty" in empty.text


async def test_a_viewer_sees_what_waits_and_no_way_to_answer_it(burning: Console):
    async with burning.browser(Role.VIEWER) as browser:
        page = (await browser.get("/incidents/1")).text
    assert "a responder can answer this" in page
    assert 'name="digest"' not in page
    assert 'action="/incidents/' not in page


async def test_who_has_said_yes_is_asked_for_nothing_more(burning: Console):
    burning.scene.gate.open.set()
    async with burning.browser(person="rita") as browser, burning.browser(person="sam") as other:
        step = await burning.scene.store.read(lambda rows: runs.get(rows, "1.1").steps[2])
        now = burning.scene.clock.now()
        await burning.scene.store.write(
            lambda rows: runs.approve(rows, "1.1", step.key, step.digest, by="rita", reason="", now=now)
        )
        await burning.scene.until(lambda rows: runs.get(rows, "1.1").steps[3].state == "proposed")
        flush = await burning.scene.store.read(lambda rows: runs.get(rows, "1.1").steps[3])
        await burning.scene.store.write(
            lambda rows: runs.approve(rows, "1.1", flush.key, flush.digest, by="rita", reason="stale pages", now=now)
        )
        mine, theirs = (await browser.get("/incidents/1")).text, (await other.get("/incidents/1")).text
    assert "Somebody else has to as well" in mine
    assert 'runs/1.1/approve"' not in mine
    assert "yes from rita" in theirs
    assert 'name="digest"' in theirs


async def test_only_the_parts_that_changed_are_sent(burning: Console):
    async with burning.browser() as browser:
        page = (await browser.get("/incidents/1")).text
        held = dict(re.findall(r'id="(\w+)" data-part="(\w+)"', page))
        assert {"head", "clocks", "next", "signals", "why", "runs", "force", "people", "chain"} <= set(held)
        newest = max(int(number) for number in re.findall(r'data-seq="(\d+)"', page))
        have = {
            "Stanch-Have": " ".join(f"{name}={version}" for name, version in held.items()),
            "Stanch-After": str(newest),
        }
        assert (await browser.get("/incidents/1/live", headers=have)).text == ""
        await browser.post("/incidents/1/note", data={"text": "new", "form_token": browser.form_token})
        changed = (await browser.get("/incidents/1/live", headers=have)).text
        assert set(re.findall(r'id="(\w+)" data-part', changed)) == {"chain"}
        assert changed.count("data-seq") == 1
        assert 'hx-swap-oob="afterbegin:#rows"' in changed
        for nonsense in ({"Stanch-After": "²".encode()}, {"Stanch-Have": "a b=c ="}, {"Stanch-After": "-1"}):
            assert (await browser.get("/incidents/1/live", headers=nonsense)).status_code == 200


async def test_what_htmx_sends_is_answered_with_parts_or_a_notice(burning: Console):
    headers = {"HX-Request": "true"}
    async with burning.browser() as browser:
        headers["X-Form-Token"] = browser.form_token
        noted = await browser.post("/incidents/1/note", data={"text": "new"}, headers=headers)
        assert noted.status_code == 200
        assert noted.text.startswith('<div id="notices" hx-swap-oob="innerHTML"></div>')
        refused = await browser.post("/incidents/1/resolve", data={"text": "over"}, headers=headers)
        assert refused.status_code == 409
        assert 'role="alert"' in refused.text
        assert "<html" not in refused.text
        gone = await browser.post("/logout", data={}, headers=headers)
        assert gone.status_code == 303
        left = await browser.get("/incidents/1/live", headers=headers)
        assert (left.status_code, left.headers["hx-redirect"]) == (401, "/login")


async def test_a_record_that_was_altered_says_so(burning: Console):
    async with burning.browser() as browser:
        assert "chain verified" in (await browser.get("/incidents/1")).text
        await burning.scene.store.write(
            lambda rows: rows.execute(event.update().where(event.c.seq == 2).values(actor="somebody else"))
        )
        page = (await browser.get("/incidents/1")).text
    assert "the record was altered" in page
    assert "chain verified" not in page


async def test_a_long_night_fits_in_a_light_page(burning: Console):
    now = burning.scene.clock.now()

    def write(rows):
        for number in range(400):
            timeline.append(
                rows,
                "1",
                EventKind.NOTE,
                {"text": f"note {number}: what was seen, in a sentence"},
                now=now,
                actor="rita",
            )

    await burning.scene.store.write(write)
    async with burning.browser() as browser:
        answer = await browser.get("/incidents/1")
        files = [
            (await browser.get(path, headers={"Accept-Encoding": "gzip"})).headers
            for path in re.findall(r'(?:src|href)="(/static/[^"]+)"', answer.text)
        ]
        everything = (await browser.get("/incidents/1", params={"all": "true"})).text
    assert answer.text.count("<li id=") >= 200
    assert "earlier</a>" in answer.text
    assert everything.count("data-seq") > 400
    weight = len(answer.content) + sum(int(headers["content-length"]) for headers in files)
    assert len(files) == 4
    assert weight < 150_000, weight


async def test_files_are_kept_for_good_and_named_by_what_is_in_them(console: Console):
    async with console.api("") as client:
        for name in ("stanch.css", "stanch.js", "htmx.js", "icon.svg"):
            answer = await client.get(assets.address(name))
            assert answer.status_code == 200
            assert "immutable" in answer.headers["cache-control"]
            assert answer.headers["content-encoding"] == "gzip"
            plain = await client.get(assets.address(name), headers={"Accept-Encoding": "identity"})
            assert plain.content == answer.content
        assert (await client.get("/static/stanch.0000000000.css")).status_code == 404
        assert (await client.get("/static/..%2Fserver.py")).status_code == 404


async def test_the_playbook_shows_what_each_line_became(burning: Console):
    async with burning.browser() as browser:
        page = (await browser.get("/playbooks/1")).text
    rows = dict(part.split('">', 1) for part in page.split('<div class="l" id="L')[1:])
    assert "armed" in rows["16"]
    assert "opens P1" in rows["16"]
    assert "<svg" in rows["16"]
    assert 'class="m unread ' in rows["19"]
    assert "destructive" in page
    assert "two people" in page
    assert 'id="g-rules"' in page
    assert '<a href="#L16">' in page


async def test_the_list_of_playbooks_says_what_each_became(burning: Console):
    async with burning.browser() as browser:
        page = (await browser.get("/playbooks")).text
    assert "go by themselves" in page
    assert "not understood" in page
    assert page.count('class="bar-of"') == 1


async def test_the_first_page_says_what_burns_and_how_the_watch_is(burning: Console):
    async with burning.browser() as browser:
        page = (await browser.get("/")).text
        assert "Build the index that this query has been missing" in page
        assert "every source is read" in page
        burning.scene.clock.jump(120)
        assert "last looked 2 min ago" in (await browser.get("/")).text


async def test_a_review_is_read_and_agreed(burning: Console):
    scene = burning.scene
    await scene.clear()
    now = scene.clock.now()
    await scene.store.write(
        lambda rows: lifecycle.resolve(rows, "1", because="over", by="rita", now=now, plan=scene.plan)
    )
    await scene.until(lambda rows: lifecycle.get(rows, "1").review_path is not None)
    async with burning.browser(person="rita") as browser:
        assert "Response time p95" in (await browser.get("/reviews")).text
        assert "We have read it and agree" in (await browser.get("/reviews/1")).text
        agreed = await browser.post("/reviews/1/agree", data={"form_token": browser.form_token})
        assert agreed.status_code == 303
        assert "agreed by rita" in (await browser.get("/reviews/1")).text
        assert "Read the review" in (await browser.get("/incidents/1")).text


async def test_tokens_are_made_shown_once_and_revoked(console: Console):
    async with console.browser() as browser:
        form = {"label": "deploy <pipeline>", "role": "viewer", "form_token": browser.form_token}
        made = (await browser.post("/settings/tokens", data=form)).text
        secret = re.search(r"<code>(stanch_[\w-]+)</code>", made)[1]
        listed = (await browser.get("/settings/tokens")).text
        assert secret not in listed
        assert "deploy &lt;pipeline&gt;" in listed
        digest = re.search(r'action="/settings/tokens/(\w+)/revoke".*Revoke deploy', listed)[1]
        await browser.post(f"/settings/tokens/{digest}/revoke", data={"form_token": browser.form_token})
        assert "deploy" not in (await browser.get("/settings/tokens")).text.replace('placeholder="deploy pipeline"', "")
        async with console.api(secret) as client:
            assert (await client.get("/api/incidents")).status_code == 401
