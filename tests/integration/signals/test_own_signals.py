"""What a team's own playbook defines is watched like the catalogue: tables of signals, and alerting rules in fences."""

from pathlib import Path
from typing import Any

import pytest

from stanch.app import App, build
from stanch.incidents import lifecycle
from stanch.model.rule import AlertState
from stanch.settings import load
from waiting import until

WITHIN_S = 60.0
PLAYBOOK = """
# Checkout

| Signal | Query |
|---|---|
| checkout queue depth | sum(checkout_queue_length) |

## Alerts

- Checkout queue depth > 100

```yaml
- alert: TooFewWorkers
  expr: sum(checkout_workers) < 2
  labels: {severity: P1}
- alert: ByRegion
  expr: sum by (region) (checkout_workers) < 2
```

## Recovery

- Recovered when checkout queue depth is below 10
"""
SETTINGS = """
[playbooks]
paths = ["checkout.md"]
[server]
data = "data"
port = 0
[scrape.checkout]
url = "{url}"
interval_s = 0.2
"""


async def states(app: App, wanted: dict[str, AlertState]) -> None:
    def are() -> bool:
        return {each.rule.title: each.state for each in app.watcher.evaluations()} == wanted

    await until(are, WITHIN_S)


async def opened(app: App, number: int) -> None:
    async def are() -> bool:
        return len(await app.store.read(lifecycle.listing)) == number

    await until(are, WITHIN_S)


@pytest.mark.asyncio
async def test_what_a_playbook_defines_opens_an_incident(tmp_path: Path, saying: Any) -> None:
    saying.body = b"checkout_queue_length 5\ncheckout_workers 4\n"
    (tmp_path / "checkout.md").write_text(PLAYBOOK, encoding="utf-8")
    (tmp_path / "stanch.toml").write_text(SETTINGS.format(url=saying.url), encoding="utf-8")
    async with build(load(tmp_path / "stanch.toml", {})) as app:
        assert app.problems == ()
        queue, workers = (rule.title for rule in app.rules)
        assert (queue, workers) == ("checkout queue depth > 100", "TooFewWorkers < 2")
        await states(app, {queue: AlertState.INACTIVE, workers: AlertState.INACTIVE})
        saying.body = b"checkout_queue_length 300\ncheckout_workers 4\n"
        await states(app, {queue: AlertState.FIRING, workers: AlertState.INACTIVE})
        await opened(app, 1)
        saying.body = b"checkout_queue_length 300\ncheckout_workers 1\n"
        await states(app, {queue: AlertState.FIRING, workers: AlertState.FIRING})
