"""The drift check against a real PostgreSQL, a real /metrics server, a real kubectl and a real port."""

import asyncio
import json
import os
import shutil
from contextlib import asynccontextmanager
from pathlib import Path

import psycopg
import pytest

from stanch.cli.main import run
from stanch.connectors.postgres import PostgresSettings
from stanch.connectors.postgres.connector import PostgresConnector
from stanch.drift.check import check
from stanch.drift.outside import Outside
from stanch.drift.settings import DriftSettings
from stanch.model.clock import SystemClock
from stanch.model.drift import Presence
from stanch.playbook.compile import compile_playbooks
from stanch.signals.sources.scrape import ScrapeSettings, Target

BOOK = """\
# Shop runbook

## Alerts

- P1: error rate > 5% in any 2-minute window
- P2: memory utilization > 90% for 5 minutes

## Response procedure for P1

1. Look at the orders

```sql
SELECT id, total FROM orders WHERE state = 1
```

2. Look at the carts

```sql
SELECT id FROM carts
```
"""

METRICS = """\
# TYPE http_requests_total counter
http_requests_total{code="200"} 5
"""


def book(text: str):
    return compile_playbooks([("book.md", text.encode())])


async def found(text: str, outside: Outside) -> dict[str, Presence]:
    return {f"{each.named.kind} {each.named.name}": each.presence for each in await check(book(text), outside)}


@asynccontextmanager
async def serving(text: str):
    """A server that answers every request with `text`; its port."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = text.encode()
        head = (
            f"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        writer.write(head.encode() + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()


@pytest.fixture
def shop(postgres_url: str) -> str:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE orders (id int, state int)")
    return postgres_url


def asking(url: str, **further) -> tuple[PostgresConnector, Outside]:
    database = PostgresConnector(PostgresSettings.model_validate({"url": url}), SystemClock())
    return database, Outside(databases={"shop": database}, default_database="shop", **further)


async def test_tables_and_columns_are_looked_for_in_the_catalog(shop: str) -> None:
    database, outside = asking(shop)
    async with database:
        answers = await found(BOOK, outside)
    assert answers["table orders"] is Presence.EXISTS
    assert answers["column orders.id"] is Presence.EXISTS
    assert answers["column orders.total"] is Presence.GONE
    assert answers["table carts"] is Presence.GONE
    assert answers["column carts.id"] is Presence.UNASKED


async def test_a_database_that_is_away_says_nothing_of_its_tables() -> None:
    async with serving("") as port:
        pass
    database, outside = asking(f"postgresql://nobody@127.0.0.1:{port}/shop")
    answers = await found(BOOK, outside)
    await database.close()
    assert {answers["table orders"], answers["table carts"]} == {Presence.UNASKED}


async def test_a_name_with_quotes_in_it_is_data(shop: str) -> None:
    database, outside = asking(shop)
    async with database:
        answers = await found(BOOK.replace("FROM carts", """FROM "ca'rts; DROP TABLE orders" """), outside)
        again = await found(BOOK, outside)
    assert answers["table ca'rts; DROP TABLE orders"] is Presence.GONE
    assert again["table orders"] is Presence.EXISTS


async def test_metrics_are_looked_for_on_the_targets_and_then_in_prometheus() -> None:
    async with serving(METRICS) as port:
        target = Target(name="shop", settings=ScrapeSettings(url=f"http://127.0.0.1:{port}/metrics"))
        answers = await found(BOOK, Outside(targets=[target]))
    assert answers["metric http.error_rate"] is Presence.EXISTS
    assert answers["metric system.memory.utilization"] is Presence.GONE
    async with serving(json.dumps({"status": "success", "data": [{"__name__": "x"}]})) as port:
        settings = DriftSettings(prometheus=f"http://127.0.0.1:{port}")
        answers = await found(BOOK, Outside(settings=settings))
    assert answers["metric system.memory.utilization"] is Presence.EXISTS


async def test_a_target_that_is_away_says_nothing_of_its_metrics() -> None:
    async with serving(METRICS) as port:
        pass
    target = Target(name="shop", settings=ScrapeSettings(url=f"http://127.0.0.1:{port}/metrics"))
    answers = await found(BOOK, Outside(targets=[target]))
    assert answers["metric http.error_rate"] is Presence.UNASKED


def command(text: str) -> str:
    return f"# Book\n\n## Response procedure for P1\n\n```bash\n{text}\n```\n"


async def test_hosts_are_connected_to_where_that_is_allowed() -> None:
    async with serving("") as port:
        text = command(f"curl http://127.0.0.1:{port}/health")
        host = "host 127.0.0.1"
        allowed = DriftSettings(hosts=["127.0.0.1"], private=["127.0.0.0/8"])
        assert (await found(text, Outside(settings=allowed)))[host] is Presence.EXISTS
        assert (await found(text, Outside(settings=DriftSettings(hosts=["*"]))))[host] is Presence.UNASKED
        assert (await found(text, Outside()))[host] is Presence.UNASKED
    assert (await found(text, Outside(settings=allowed)))[host] is Presence.GONE


async def test_what_does_not_answer_in_time_is_not_gone() -> None:
    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/metrics"
    target = Target(name="shop", settings=ScrapeSettings(url=address, timeout_s=60.0))
    one = await found(BOOK, Outside(settings=DriftSettings(timeout_s=0.05), targets=[target]))
    whole = await found(BOOK, Outside(settings=DriftSettings(timeout_s=30.0, total_s=0.05), targets=[target]))
    server.close()
    assert {one["metric http.error_rate"], whole["metric http.error_rate"]} == {Presence.UNASKED}


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="there is no kubectl here")
async def test_contexts_are_looked_for_in_the_kubeconfig_and_a_cluster_that_is_away_says_nothing(
    tmp_path: Path,
) -> None:
    kubeconfig = tmp_path / "config"
    async with serving("") as port:
        pass
    kubeconfig.write_text(
        json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
                "users": [{"name": "u", "user": {}}],
                "contexts": [{"name": "prod", "context": {"cluster": "c", "user": "u"}}],
            }
        )
    )
    kubectl = shutil.which("kubectl") or ""
    outside = Outside(settings=DriftSettings(kubeconfig=kubeconfig, timeout_s=30.0), path=str(Path(kubectl).parent))
    text = command("kubectl --context prod get deployment api -n shop\nkubectl --context old get pods")
    answers = await found(text, outside)
    assert answers["context prod"] is Presence.EXISTS
    assert answers["context old"] is Presence.GONE
    assert {answers["namespace shop"], answers["object deployment/api"]} == {Presence.UNASKED}


async def test_a_round_that_is_given_up_leaves_no_program_running(tmp_path: Path) -> None:
    slow, written = tmp_path / "kubectl", tmp_path / "pid"
    slow.write_text("#!/bin/sh\necho $$ > " + str(written) + "\nexec sleep 600\n")
    slow.chmod(0o755)
    outside = Outside(settings=DriftSettings(timeout_s=3.0), path=f"{tmp_path}:/usr/bin:/bin")
    answers = await found(command("kubectl --context prod get pods"), outside)
    assert answers["context prod"] is Presence.UNASKED
    with pytest.raises(ProcessLookupError):
        os.kill(int(written.read_text()), 0)


@pytest.mark.parametrize(
    ("text", "status"), [("uptime", 0), ("fluxcapacitorctl now", 1), ("curl https://api.shop.example/", 0)]
)
def test_exit_status_says_whether_something_is_gone(
    text: str, status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("book.md").write_text(command(text), encoding="utf-8")
    assert run(["check", "--live", "--json", "book.md"], serve="") == status
    document = json.loads(capsys.readouterr().out)
    assert document["gone"] == status
    assert {answer["source"]["line"] for answer in document["answers"]} == {6}


def test_sarif_and_github_forms_have_the_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("book.md").write_text(command("fluxcapacitorctl now"), encoding="utf-8")
    assert run(["check", "--live", "--format", "sarif", "book.md"], serve="") == 1
    (result,) = json.loads(capsys.readouterr().out)["runs"][0]["results"]
    assert result["ruleId"] == "no-longer-there"
    assert result["locations"][0]["physicalLocation"]["region"]["startLine"] == 6
    assert run(["check", "--live", "--format", "github", "book.md"], serve="") == 1
    assert capsys.readouterr().out.startswith("::error file=book.md,line=6,")


def test_settings_that_are_not_there_are_status_2(tmp_path: Path) -> None:
    (tmp_path / "book.md").write_text(command("uptime"), encoding="utf-8")
    arguments = ["check", "--live", str(tmp_path / "book.md"), "--config", str(tmp_path / "none.toml")]
    assert run(arguments, serve="") == 2
