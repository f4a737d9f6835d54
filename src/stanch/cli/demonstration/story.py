"""The story: healthy traffic, the index dropped, and from there only what Stanch does by itself is watched.

Nothing is scripted here but the fault and the yes. What is shown and what is returned comes from the incident's own
timeline, from the load generator's count of answered requests, and from the database's catalogue.
"""

import select
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from stanch.charts.quantity import prose, say
from stanch.cli.client import Client
from stanch.cli.demonstration.display import Display, Step
from stanch.cli.demonstration.stage import Stage
from stanch.model.problem import Refused, StanchError, Unusable
from stanch.model.signal import Unit

_POLL_S = 0.25
_HEALTHY_S = 12.0
_AFTER_S = 10.0
_OPEN_WITHIN_S = 90.0
_STEP_WITHIN_S = 120.0
_RESOLVE_WITHIN_S = 300.0
_SETTLE_S = 2.0
"""After the fault, requests that were under way still count as healthy for about this long."""
_RECOVERED_SHARE = 0.9
"""After the fix, at least this share of the healthy throughput must be there for the demo to call it verified."""


@dataclass(slots=True)
class _Seen:
    """What has been shown of the timeline so far."""

    seq: int = 0


class Story:
    """One telling. `approves` says yes by itself; otherwise a person does, on the terminal or in the console."""

    def __init__(self, stage: Stage, client: Client, display: Display, *, approves: bool) -> None:
        self._stage = stage
        self._client = client
        self._display = display
        self._approves = approves
        self._seen = _Seen()

    def tell(self) -> dict[str, Any]:
        """The whole way once. Raises Unusable where it stopped, with the sentence of what was waited for."""
        healthy_from = self._healthy()
        dropped_at = time.time()
        with self._display.step("The clinic loses its index on (doctor_id, appointment_date)") as line:
            self._stage.break_it()
            line.finish(mark="▲")
        incident_id = self._opened()
        self._display.say(f"The room: {self._client.url}/incidents/{incident_id}")
        document = self._until_resolved(incident_id)
        document = self._review(incident_id, document)
        with self._display.step(f"{_AFTER_S:.0f} s more, to compare the throughput"):
            after_from = time.time()
            time.sleep(_AFTER_S)
        return self._result(document, healthy_from=healthy_from, dropped_at=dropped_at, after_from=after_from)

    def _healthy(self) -> float:
        """Until the load is steady and every armed rule has data and is quiet; when that began."""
        with self._display.step("Healthy traffic first") as line:

            def quiet() -> bool:
                rules = self._client.get("/api/rules")["rules"]
                loud = [rule for rule in rules if rule["state"] != "inactive"]
                line.update(f"{loud[0]['title']}: {loud[0]['state']}" if loud else "")
                return bool(rules) and not loud

            self._wait(quiet, _OPEN_WITHIN_S, "every rule to have data and be quiet")
            since = time.time()
            while (spent := time.time() - since) < _HEALTHY_S:
                self._stage.check()
                line.update(share=spent / _HEALTHY_S)
                time.sleep(_POLL_S)
            rate = self._stage.throughput(since, time.time())
            line.finish(f"Healthy: {say(rate, Unit.PER_SECOND)} answered, no rule fires")
        return since

    def _opened(self) -> str:
        with self._display.step("Waiting for the playbook's thresholds to notice") as line:
            found: list[dict[str, Any]] = []

            def opened() -> bool:
                found[:] = self._client.get("/api/incidents", open="true")["incidents"]
                return bool(found)

            self._wait(opened, _OPEN_WITHIN_S, "an incident to open")
            incident = found[0]
            source = incident.get("source") or {}
            place = f" ({source['path']}, line {source['line']})" if source else ""
            line.finish(
                f"Incident {incident['id']} opened, {incident['severity']}: {incident['title']}{place}", mark="▲"
            )
        return str(incident["id"])

    def _until_resolved(self, incident_id: str) -> dict[str, Any]:
        """Show the timeline as it grows; answer what waits for approval; return once the incident is resolved."""
        deadline = time.monotonic() + _RESOLVE_WITHIN_S
        with self._display.step("Following the response") as line:
            while True:
                self._stage.check()
                began = time.monotonic()
                try:
                    document = self._look(incident_id, line)
                except Unusable:  # a server that was killed and is on its way back
                    if time.monotonic() > deadline:
                        raise
                    document = None
                else:
                    deadline += time.monotonic() - began  # people may take their time to answer
                if document is not None:
                    line.finish(f"Incident {incident_id} resolved")
                    return document
                if time.monotonic() > deadline:
                    raise Unusable(
                        f"Incident {incident_id} was not resolved within {prose(_RESOLVE_WITHIN_S)}.",
                        hint=f"Its timeline says how far it came: stanch incident show {incident_id}"
                        f" --config {self._stage.config}",
                    )
                time.sleep(_POLL_S)

    def _look(self, incident_id: str, line: Step) -> dict[str, Any] | None:
        """Show what is new and answer what waits; the document once the incident is resolved."""
        document: dict[str, Any] = self._client.get(f"/api/incidents/{incident_id}")
        self._show(document, line)
        if document["incident"]["status"] == "resolved":
            return document
        for run_id, step in _proposed(document):
            self._answer(run_id, step, line)
        return None

    def _show(self, document: dict[str, Any], line: Step) -> None:
        opened = float(document["incident"]["opened_at"])
        for event in document["timeline"]:
            if event["seq"] <= self._seen.seq:
                continue
            self._seen.seq = event["seq"]
            if event["kind"] == "step progress":
                done, total = event["data"].get("done"), event["data"].get("total")
                line.update(event["text"], float(done) / float(total) if done is not None and total else None)
                continue
            if event["kind"] in _SHOWN:
                mark = "▲" if event["kind"] in _BAD else "✓"
                detail = f": {event['detail']}" if event.get("detail") and event["kind"] in _DETAILED else ""
                self._display.say(event["text"] + detail, mark=mark, took=max(0.0, event["at"] - opened))
                line.update("")

    def _answer(self, run_id: str, step: dict[str, Any], line: Step) -> None:
        """Say yes, or have a person say it: here, in the console, or by `stanch run approve`."""
        if self._approves:
            self._approve(run_id, step, "demo --yes")
            return
        self._display.say(f"{step['title'] or step['text']}: {step['why'] or ''}")
        self._display.say(f"  {step['statement']}")
        self._display.say(f"  undo: {step['undo']}   risk: {step['risk']}")
        line.update("waiting for a yes, here or in the console")
        asked = False
        with self._display.paused():
            while self._still_proposed(run_id, step):
                if not sys.stdin.isatty():
                    if not asked:
                        how = f"stanch run approve {run_id} --config {self._stage.config}"
                        self._display.say(f"Waiting for approval in the console, or: {how}", mark="?")
                    asked = True
                    time.sleep(_POLL_S)
                    continue
                if not asked:
                    sys.stderr.write("Approve? [y/n] (or press A in the console) ")
                    sys.stderr.flush()
                asked = True
                if not select.select([sys.stdin], [], [], _POLL_S)[0]:
                    continue
                answer = sys.stdin.readline().strip().lower()
                asked = False
                if answer in {"y", "yes"}:
                    self._approve(run_id, step, "on the terminal")
                elif answer in {"n", "no"}:
                    self._client.post(f"/api/runs/{run_id}/steps/{step['key']}/skip", {"reason": "no, on the terminal"})

    def _approve(self, run_id: str, step: dict[str, Any], reason: str) -> None:
        try:
            self._client.post(
                f"/api/runs/{run_id}/steps/{step['key']}/approve", {"digest": step["digest"], "reason": reason}
            )
        except Refused:
            # Somebody else answered first, or what would run has changed: the timeline shows which.
            if self._still_proposed(run_id, step):
                raise

    def _still_proposed(self, run_id: str, step: dict[str, Any]) -> bool:
        run = self._client.get(f"/api/runs/{run_id}")["run"]
        return any(
            s["key"] == step["key"] and s["state"] == "proposed" and s["digest"] == step["digest"] for s in run["steps"]
        )

    def _review(self, incident_id: str, document: dict[str, Any]) -> dict[str, Any]:
        with self._display.step("Drafting the review") as line:
            latest = document

            def drafted() -> bool:
                nonlocal latest
                latest = self._client.get(f"/api/incidents/{incident_id}")
                return latest["incident"]["review_path"] is not None

            self._wait(drafted, _STEP_WITHIN_S, "the review to be drafted")
            line.finish(f"Review drafted: {latest['incident']['review_path']}")
        return latest

    def _result(
        self, document: dict[str, Any], *, healthy_from: float, dropped_at: float, after_from: float
    ) -> dict[str, Any]:
        incident = document["incident"]
        finding = next(iter(document["findings"]), None)
        opened, mitigated, resolved = incident["opened_at"], incident["mitigated_at"], incident["resolved_at"]
        found_at = next((event["at"] for event in document["timeline"] if event["kind"] == "finding"), None)
        before = self._stage.throughput(healthy_from, dropped_at)
        during = self._stage.throughput(dropped_at + _SETTLE_S, mitigated or resolved)
        after = self._stage.throughput(after_from, time.time())
        index = self._stage.index_state()
        return {
            "incident": {**incident, "number": incident["id"]},
            "finding": None if finding is None else {**finding.get("subject", {}), **_without(finding, "subject")},
            "verified": incident["status"] == "resolved"
            and finding is not None
            and finding["cause"] == "missing_index"
            and index == "valid"
            and after >= _RECOVERED_SHARE * before,
            "times": {
                "detect_s": round(opened - dropped_at, 3),
                "diagnose_s": _seconds(opened, found_at),
                "mitigate_s": _seconds(opened, mitigated),
                "verify_s": _seconds(mitigated, resolved),
                "fired_to_verified_s": _seconds(opened, resolved),
            },
            "throughput": {"before": round(before, 1), "during": round(during, 1), "after": round(after, 1)},
            "index": index,
            "review": incident["review_path"],
        }

    def _wait(self, condition: Callable[[], bool], within_s: float, what: str) -> None:
        deadline = time.monotonic() + within_s
        refused: StanchError | None = None
        while time.monotonic() < deadline:
            self._stage.check()
            try:
                if condition():
                    return
            except Unusable as error:  # a server that is being restarted; it is waited for as long as for the rest
                refused = error
            time.sleep(_POLL_S)
        raise Unusable(
            f"The demo waited {prose(within_s)} for {what}, in vain." + (f" {refused.message}" if refused else ""),
            hint=f"The logs are in {self._stage.logs}.",
        )


_SHOWN = {
    "alert joined", "paged", "page failed", "acknowledged", "run started", "step done", "step failed", "step skipped",
    "step unknown", "step proposed", "step approved", "step verified", "finding", "control applied", "control undone",
    "mitigated", "recovering", "resolved", "reopened", "clock missed", "run stopped",
}  # fmt: skip
_BAD = {"page failed", "step failed", "step unknown", "reopened", "clock missed"}
_DETAILED = {"paged", "run started", "step skipped", "step failed", "finding", "page failed", "resolved", "mitigated"}


def _proposed(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for run in document["runs"]:
        for step in run["steps"]:
            if step["state"] == "proposed":
                yield run["id"], step


def _seconds(start: float | None, end: float | None) -> float | None:
    return None if start is None or end is None else round(end - start, 3)


def _without(document: dict[str, Any], *names: str) -> dict[str, Any]:
    return {key: value for key, value in document.items() if key not in names}
