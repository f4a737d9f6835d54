"""The console shows when a playbook was last checked against what is outside, and what of it was gone."""

from integration.web.conftest import Console, console  # noqa: F401 - a fixture
from stanch.drift import records
from stanch.model.drift import Answer, Named, Presence
from stanch.model.problem import Source


async def test_a_playbook_says_when_it_was_last_checked_and_what_was_gone(console: Console) -> None:  # noqa: F811
    path = console.scene.plan.playbooks[0].path
    named = Named(kind="namespace", name="<b>old</b>", source=Source(path=path, line=3))
    answer = Answer(named=named, presence=Presence.GONE, because="the cluster said so")
    async with console.browser() as browser:
        assert "never checked" in (await browser.get("/playbooks")).text
        assert "Never checked against production" in (await browser.get("/playbooks/1")).text
        await console.scene.store.write(lambda rows: records.write(rows, [path], [answer], console.scene.clock.now()))
        listing, page = (await browser.get("/playbooks")).text, (await browser.get("/playbooks/1")).text
    assert "1 gone" in listing
    assert "namespace &lt;b&gt;old&lt;/b&gt;" in page
    assert 'href="#L3"' in page
    async with console.api() as api:
        (told,) = (await api.get("/api/drift")).json()["playbooks"]
    assert (told["path"], told["gone"][0]["line"], told["exists"]) == (path, 3, 0)
