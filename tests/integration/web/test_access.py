"""Who gets in, and what they may do there."""

import re
import socket
import stat
from pathlib import Path

import httpx
import pytest
from structlog.testing import capture_logs

from integration.web.conftest import Console, served
from integration.web.scene import scene
from stanch.model.problem import Refused, Unusable
from stanch.settings import ServerSettings
from stanch.web import acts, api, auth, gate, pages, server
from stanch.web.auth import Role


def changing_routes() -> list[tuple[str, str]]:
    """Every address that changes something, with its parameters filled in."""
    filled = {
        "incident_id:str": "1",
        "run_id:str": "1.1",
        "control:path": "c/undo",
        "digest:str": "d",
        "step:path": "slow-database/x/approve",
        "key:path": "slow-database",
    }
    found = []
    for handler in (*api.handlers, *pages.handlers):
        if handler.opt.get("public"):
            continue
        for method in handler.http_methods - {"GET", "HEAD", "OPTIONS"}:
            for path in handler.paths:
                verbs = acts.STEP if "run_id" in path else acts.INCIDENT
                for verb in verbs if "{verb:str}" in path else ("",):
                    values = {**filled, "verb:str": verb}
                    address = re.sub(r"\{([^}]+)\}", lambda match, values=values: values[match[1]], path)
                    found.append((method, address))
    return found


def reading_routes() -> list[str]:
    filled = {
        "incident_id:str": "1",
        "run_id:str": "1.1",
        "name:str": "http.error_rate",
        "number:int": "1",
        "key:path": "slow",
    }
    return [
        re.sub(r"\{([^}]+)\}", lambda match: filled[match[1]], path)
        for handler in (*api.handlers, *pages.handlers)
        if "GET" in handler.http_methods and not handler.opt.get("public")
        for path in handler.paths
    ]


async def test_only_health_and_the_login_are_open_to_everybody(console: Console):
    async with console.api("") as nobody:
        assert (await nobody.get("/api/health")).json()["status"] == "ok"
        assert (await nobody.get("/login")).status_code == 200
        for path in reading_routes():
            answer = await nobody.get(path)
            if path.startswith("/api/"):
                assert answer.status_code == 401, path
                assert answer.json()["error"]["code"] == "unauthenticated"
            else:
                assert (answer.status_code, answer.headers["location"]) == (303, "/login"), path


async def test_nobody_changes_anything_without_a_login(burning: Console):
    async with burning.api("") as nobody:
        for method, path in changing_routes():
            assert (await nobody.request(method, path, json={})).status_code == 401, path


async def test_a_viewer_may_look_at_everything_but_tokens_and_change_nothing(burning: Console):
    async with burning.api(await burning.token_of(Role.VIEWER)) as viewer:
        for path in reading_routes():
            expected = {"/api/tokens": 403, "/api/reviews/1": 404, "/reviews/1": 404}.get(path, 200)
            if path != "/api/events":
                assert (await viewer.get(path)).status_code == expected, path
        for method, path in changing_routes():
            if path == "/logout":
                continue
            answer = await viewer.request(method, path, json={})
            assert answer.status_code == 403, path
            if path.startswith("/api/"):
                assert answer.json()["error"]["code"] == "forbidden"


async def test_a_responder_responds_and_does_not_hand_out_access(burning: Console):
    async with burning.api(await burning.token_of(Role.RESPONDER, "rita")) as responder:
        answer = await responder.post("/api/incidents/1/acknowledge", json={})
        assert answer.json()["incident"]["acknowledged_by"] == "rita"
        for method, path in (("POST", "/api/tokens"), ("POST", "/api/login-links"), ("DELETE", "/api/tokens/d")):
            assert (await responder.request(method, path)).status_code == 403


async def test_the_first_link_logs_in_once(console: Console):
    assert console.link is not None
    async with httpx.AsyncClient(trust_env=False) as browser:
        for _ in range(2):
            shown = await browser.get(console.link)
            assert "Log in as" in shown.text
        entered = await browser.post(console.link)
        assert (entered.status_code, entered.headers["location"]) == (303, "/")
        cookie = entered.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=lax" in cookie
        assert "Secure" not in cookie
        assert (await browser.get(console.address + "/")).status_code == 200
    async with httpx.AsyncClient(trust_env=False) as other:
        assert (await other.get(console.link)).status_code == 404
        assert (await other.post(console.link)).status_code == 409


async def test_a_link_ends_after_its_time_and_with_the_next_one(console: Console):
    assert console.link is not None
    async with console.api() as api_client:
        newer = (await api_client.post("/api/login-links", json={})).json()
        assert newer["url"].startswith(f"{console.address}/login/")
        async with httpx.AsyncClient(trust_env=False) as browser:
            assert (await browser.post(console.link)).status_code == 409
            console.scene.clock.jump(auth.LINK_LIFETIME_S)
            assert (await browser.post(newer["url"])).status_code == 409


async def test_links_for_others_need_a_role_once(console: Console):
    async with console.api() as administrator:
        unknown = await administrator.post("/api/login-links", json={"person": "maria"})
        assert unknown.status_code == 404
        known = await administrator.post("/api/login-links", json={"person": "maria", "role": "responder"})
        assert known.status_code == 201
        assert known.json()["person"] == "maria"
        assert (await administrator.post("/api/login-links", json={"person": "maria"})).status_code == 201
        strange = await administrator.post("/api/login-links", json={"person": "a\x00b", "role": "viewer"})
        assert strange.status_code == 409


async def test_a_later_start_shows_no_link_and_keeps_the_token(tmp_path: Path):
    async with scene(tmp_path, quiet_s=20.0, fault_s=5.0) as made:
        async with served(made) as first:
            assert first.link is not None
            async with httpx.AsyncClient(trust_env=False) as browser:
                await browser.post(first.link)
        async with served(made) as second:
            assert second.link is None
            assert second.token == first.token
            async with second.api() as client:
                assert (await client.get("/api/incidents")).status_code == 200


async def test_the_token_file_is_its_owners_and_is_replaced_when_it_is_no_good(tmp_path: Path):
    async with scene(tmp_path, quiet_s=20.0, fault_s=5.0) as made:
        async with served(made) as first:
            path = made.settings.server.data / server.TOKEN_FILE
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
            path.write_text("stanch_lost")
        async with served(made) as second:
            assert second.token not in {first.token, "stanch_lost"}
            async with second.api(first.token) as old, second.api() as new:
                assert (await old.get("/api/incidents")).status_code == 401
                assert (await new.get("/api/incidents")).status_code == 200


async def test_a_session_ends_on_logout_after_idling_and_after_its_time(console: Console):
    async with console.browser() as browser:
        assert (await browser.get("/")).status_code == 200
        await browser.post("/logout", data={"form_token": browser.form_token})
        assert (await browser.get("/")).status_code == 303
    async with console.browser() as browser:
        console.scene.clock.jump(auth.SESSION_IDLE_S + 1)
        assert (await browser.get("/")).status_code == 303
    async with console.browser() as browser:
        for _ in range(6):
            console.scene.clock.jump(auth.SESSION_IDLE_S - 1)
            last = await browser.get("/")
        assert last.status_code == 303


async def test_a_form_must_be_ours(burning: Console):
    async with burning.browser() as browser:
        path = "/incidents/1/note"
        missing = await browser.post(path, data={"text": "x"})
        wrong = await browser.post(path, data={"text": "x", "form_token": "0" * 64})
        foreign = await browser.post(
            path, data={"text": "x", "form_token": browser.form_token}, headers={"Origin": "https://evil.example"}
        )
        cross = await browser.post(
            path, data={"text": "x", "form_token": browser.form_token}, headers={"Sec-Fetch-Site": "cross-site"}
        )
        assert [answer.status_code for answer in (missing, wrong, foreign, cross)] == [403] * 4
        assert "Nothing was changed" in missing.text
        json_only = await browser.post("/api/incidents/1/note", json={"text": "x"})
        assert json_only.status_code == 403
        async with burning.browser(person="another") as other:
            stolen = await browser.post(path, data={"text": "x", "form_token": other.form_token})
        assert stolen.status_code == 403
        by_field = await browser.post(path, data={"text": "x", "form_token": browser.form_token})
        by_header = await browser.post(
            "/api/incidents/1/note", json={"text": "x"}, headers={"X-Form-Token": browser.form_token}
        )
        assert (by_field.status_code, by_header.status_code) == (303, 200)


async def test_another_name_in_host_is_refused_and_addresses_are_taken(console: Console):
    async with console.api() as client:
        for host in ("evil.example", "localhost.evil.example", "evil.example:8420"):
            answer = await client.get("/api/incidents", headers={"Host": host})
            assert answer.status_code == 400, host
            assert "public_url" in answer.json()["error"]["hint"]
        for host in ("127.0.0.1", "localhost:1", "[::1]:8420", "192.0.2.7"):
            assert (await client.get("/api/incidents", headers={"Host": host})).status_code == 200, host


async def test_every_answer_carries_the_security_headers(console: Console):
    async with console.api() as client:
        for path in ("/", "/login", "/nowhere", "/api/nowhere", "/api/health", "/static/nothing.css"):
            answer = await client.get(path)
            for name, value in gate.HEADERS.items():
                assert answer.headers[name] == value, path
    assert "unsafe" not in gate.HEADERS["Content-Security-Policy"]


async def test_guessing_links_is_slowed_down(console: Console):
    async with httpx.AsyncClient(base_url=console.address, trust_env=False) as guesser:
        statuses = [(await guesser.post(f"/login/{number}")).status_code for number in range(12)]
        assert statuses == [409] * 10 + [429] * 2
        await console.scene.clock.advance(61)
        assert (await guesser.get("/login/again")).status_code == 404


async def test_a_revoked_or_foreign_token_is_no_token(console: Console):
    async with console.api() as administrator:
        made = (await administrator.post("/api/tokens", json={"label": "ci", "role": "viewer"})).json()
        listed = (await administrator.get("/api/tokens")).json()["tokens"]
        ci = next(token for token in listed if token["label"] == "ci")
        assert ci["seen_at"] is None
        async with console.api(made["token"]) as client:
            assert (await client.get("/api/incidents")).status_code == 200
            listed = (await administrator.get("/api/tokens")).json()["tokens"]
            assert next(token for token in listed if token["label"] == "ci")["seen_at"] is not None
            assert (await administrator.delete(f"/api/tokens/{ci['digest']}")).json() == {"revoked": "ci"}
            assert (await client.get("/api/incidents")).status_code == 401
        assert (await administrator.delete(f"/api/tokens/{ci['digest']}")).status_code == 404
    for wrong in ("Bearer", "Basic abc", "Bearer nothing"):
        async with httpx.AsyncClient(base_url=console.address, trust_env=False) as client:
            assert (await client.get("/api/incidents", headers={"Authorization": wrong})).status_code == 401


async def test_a_token_never_may_more_than_its_person(console: Console):
    token = await console.token_of(Role.ADMINISTRATOR, "sam")
    await console.scene.store.write(lambda rows: auth.add_person(rows, "sam", Role.VIEWER, 0.0))
    async with console.api(token) as client:
        assert (await client.get("/api/incidents")).status_code == 200
        assert (await client.get("/api/tokens")).status_code == 403


async def test_no_secret_is_kept(console: Console):
    async with console.api() as client:
        made = (await client.post("/api/tokens", json={"label": "ci"})).json()["token"]
    stored = b"".join(path.read_bytes() for path in console.scene.settings.server.data.glob("stanch.db*"))
    assert console.link is not None
    for secret in (console.token, made, console.link.rpartition("/")[2]):
        assert secret.encode() not in stored
        assert auth.digest(secret).encode() in stored


async def test_what_is_refused_is_logged_with_who_asked(console: Console):
    viewer = await console.token_of(Role.VIEWER, "vera")
    with capture_logs() as entries:
        async with console.api("") as nobody, console.api(viewer) as client:
            await nobody.get("/api/incidents")
            await client.post("/api/incidents", json={})
    refused = [(entry["status"], entry["path"], entry["person"]) for entry in entries if entry["event"] == "refused"]
    assert refused == [(401, "/api/incidents", None), (403, "/api/incidents", "vera")]


async def test_over_tls_the_cookie_is_held_to_the_host(tmp_path: Path):
    async with scene(tmp_path, quiet_s=20.0, fault_s=5.0) as made:
        public = ServerSettings(port=0, data=tmp_path, public_url="https://stanch.example.org")
        made.settings = made.settings.model_copy(update={"server": public})
        link = await server.introduce(made, "https://stanch.example.org")
        assert link is not None
        transport = httpx.ASGITransport(app=server.create(made))
        async with httpx.AsyncClient(transport=transport) as browser:
            cookie = (await browser.post(link)).headers["set-cookie"]
            assert cookie.startswith("__Host-stanch-")
            assert "Secure" in cookie
            assert (await browser.get("https://stanch.example.org/")).status_code == 200


async def test_behind_a_proxy_our_public_origin_is_ours(tmp_path: Path):
    async with scene(tmp_path, quiet_s=20.0, fault_s=5.0) as made:
        public = ServerSettings(port=0, data=tmp_path, public_url="https://stanch.example.org")
        made.settings = made.settings.model_copy(update={"server": public})
        link = await server.introduce(made, "http://127.0.0.1:8420")
        assert link is not None
        transport = httpx.ASGITransport(app=server.create(made))
        async with httpx.AsyncClient(transport=transport) as proxy:
            foreign = await proxy.post(link, headers={"Origin": "https://evil.example"})
            ours = await proxy.post(link, headers={"Origin": "https://stanch.example.org"})
        assert (foreign.status_code, ours.status_code) == (403, 303)


async def test_two_on_one_machine_keep_their_own_cookies(tmp_path: Path):
    names = set()
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        async with scene(folder, quiet_s=20.0, fault_s=5.0) as made:
            names.add(gate.session_cookie(made))
    assert len(names) == 2


async def test_a_port_in_use_is_one_sentence(tmp_path: Path):
    async with scene(tmp_path, quiet_s=20.0, fault_s=5.0) as made:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            with pytest.raises(Unusable, match=f"Port {port} on 127.0.0.1 is in use"):
                await server.serve(made, "127.0.0.1", port)


async def test_a_name_must_be_one_that_can_be_read(console: Console):
    for name in ("", " maria", "x" * 65, "a\nb"):
        with pytest.raises(Refused):
            await console.scene.store.write(
                lambda rows, name=name: auth.add_person(rows, name, Role.VIEWER, 0.0)  # type: ignore[misc]
            )
