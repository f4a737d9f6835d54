"""No secret of the settings is in the database's file or any other file of the data directory, whoever says it."""

import base64
from pathlib import Path

import httpx
import pytest

import server_house
from server_house import House
from waiting import until

SECRETS = {
    "postgres": "r34der-pass/zz",
    "variable": "variable-pass-77",
    "hook": "signs-hooks-4711",
    "link key": "link-key-0123456789-0123456789-abc",
}
SETTINGS = f"""\
environment = {{ APP_PASSWORD = "{SECRETS["variable"]}" }}
[postgres.main]
url = "postgresql://reader:{SECRETS["postgres"].replace("/", "%2F")}@127.0.0.1:9/none"
baseline_every_s = 86400
[channels.webhook]
url = "http://127.0.0.1:9/hook"
secret = "{SECRETS["hook"]}"
"""
PLAYBOOK = """\
# Leaks

## Severity levels

| Level | What it means | Acknowledge | Resolve |
|---|---|---|---|
| P1 (Critical) | Nobody can book | 5 minutes | 1 hour |

## Roles

- **On-call engineer**: acknowledges

## Contacts

- On-call engineer: http://127.0.0.1:9/hook

## Scenarios

### Look for it

Applies to P1.

1. Look.

   ```bash
   cat leaks.txt
   ```

2. Change it.

   ```bash
   sh leak.sh <release-name>
   ```

3. Call the vendor by phone.

4. Change it once more.

   ```bash
   sh leak.sh again
   ```
"""


@pytest.fixture
async def house(tmp_path: Path):
    everything = "\n".join(SECRETS.values())
    (tmp_path / "leaks.txt").write_text(everything)
    (tmp_path / "leak.sh").write_text("cat leaks.txt; cat leaks.txt >&2; echo $APP_PASSWORD\n")
    async with server_house.house(tmp_path, PLAYBOOK, SETTINGS) as made:
        toml = tmp_path / "stanch.toml"
        toml.write_text(toml.read_text().replace("[server]\n", f'[server]\nlink_key = "{SECRETS["link key"]}"\n', 1))
        yield made


def leaks(data: Path) -> list[tuple[str, str]]:
    """Where a secret stands, as it is, in base64 or escaped; files and secrets."""
    found = []
    for path in sorted(path for path in data.rglob("*") if path.is_file()):
        content = path.read_bytes()
        for name, secret in SECRETS.items():
            plain = secret.encode()
            forms = (plain, base64.b64encode(plain).rstrip(b"="), plain.replace(b"/", b"%2F"))
            found += [(str(path.relative_to(data)), name) for form in forms if form in content]
    return found


async def test_no_secret_of_the_settings_comes_to_rest_anywhere(house: House):
    await house.serve()
    data = house.directory / "data"
    said = "I saw " + " and ".join(SECRETS.values())
    token = (data / "token").read_text().strip()
    headers = {"Authorization": f"Bearer {token}"}
    address = f"http://127.0.0.1:{house.port}/api"
    async with httpx.AsyncClient(base_url=address, headers=headers, trust_env=False, timeout=30) as client:

        async def post(path: str, **body) -> httpx.Response:
            answer = await client.post(path, json=body)
            assert answer.status_code < 500
            return answer

        async def run() -> dict:
            return (await client.get("/runs/1.1")).json()["run"]

        async def step(number: int) -> dict:
            async def waits() -> bool:
                return (await run())["steps"][number]["state"] == "proposed"

            await until(waits, within_s=30.0)
            return (await run())["steps"][number]

        assert (await post("/incidents", title=said[:280], severity="P1", service="booking")).status_code == 201
        assert (await post("/incidents/1/note", text=said)).status_code == 200
        await post("/incidents/1/assign", to=SECRETS["postgres"])
        change = await step(1)
        where = f"/runs/1.1/steps/{change['key']}"
        refused = await post(f"{where}/fill", values={"release_name": SECRETS["variable"]})
        assert refused.status_code == 409
        assert "never stored" in refused.json()["error"]["message"]
        assert (await post(f"{where}/fill", values={"release_name": "v1"})).status_code == 200
        change = await step(1)
        assert (await post(f"{where}/approve", digest=change["digest"], reason=said)).status_code == 200
        call = await step(2)
        assert (await post(f"/runs/1.1/steps/{call['key']}/complete", reason=said)).status_code == 200
        again = await step(3)
        assert (await post(f"/runs/1.1/steps/{again['key']}/take", reason=said)).status_code == 200
        assert (await post(f"/runs/1.1/steps/{again['key']}/skip", reason=said)).status_code == 200
        assert (await post(f"/runs/1.1/steps/{again['key']}/again", reason=said)).status_code in {200, 409}
        await post("/runs/1.1/stop", reason=said)
        await post("/incidents/1/resolve", text=said)

        async def reviewed() -> bool:
            return (await client.get("/reviews/1")).is_success

        await until(reviewed, within_s=30.0)
        await post("/incidents/1/reopen", text=said)
        shown = (await client.get("/incidents/1")).text
    outputs = [each["output"] or "" for each in (await house.run())["steps"]]
    assert "[redacted: known secret]" in outputs[0]
    assert outputs[1].count("[redacted: known secret]") >= 2 * len(SECRETS) + 1
    assert "[redacted: known secret]" in outputs[2]
    assert not [name for name, secret in SECRETS.items() if secret in shown]
    assert list((data / "reviews").rglob("*"))
    assert leaks(data) == []
    assert (await house.types("verify"))[0] == 0
    await house.end()
    assert leaks(data) == []
