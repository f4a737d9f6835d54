"""Rules: 10,000 of them, each with a 2-minute window on its own series, and one rule over 10,000 series.

Stanch and Prometheus (where it is installed) scrape the same target side by side on loopback until their windows are
full, then the time of their evaluations and their memory are read. These are times on the wall, which a busy machine
stretches for both; `processor_s` is what an evaluation costs Stanch by itself. Beside that, what reading one scrape
costs, with prometheus_client's parser as the peer. Prints JSON; takes three minutes.

    python bench/rules.py [--seconds 170] [--series 10000]
"""

import argparse
import asyncio
import json
import math
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from stanch.model.clock import SystemClock
from stanch.model.plan import ThresholdRole
from stanch.model.problem import Source
from stanch.model.rule import Rule
from stanch.model.signal import Comparison, CounterRate, Selector, Signal, Unit
from stanch.signals import promql
from stanch.signals.exposition import Layout, parse
from stanch.signals.rulebook import Rulebook
from stanch.signals.sources.scrape import ScrapeSettings, Target
from stanch.signals.watcher import Watcher
from stanch.signals.windows import Windows

INTERVAL_S = 5.0
WINDOW_S = 120.0
GOALS = {"each_s": 0.49, "one_s": 0.07, "memory_mb": 229}
SIGNAL = Signal(
    name="bench.requests",
    unit=Unit.PER_SECOND,
    description="What the target of this measurement counts.",
    phrases=("requests",),
    reading=CounterRate(selector=Selector(metric="bench_requests_total")),
)


def exposition(count: int, now: float) -> str:
    lines = [
        f'bench_requests_total{{method="GET",route="/r/{number}"}} {math.floor(now * (number % 7 + 1))}'
        for number in range(count)
    ]
    return "\n".join(lines) + "\n"


def rule(number: int, labels: tuple[tuple[str, str], ...]) -> Rule:
    return Rule(
        id=f"rule-{number}",
        title=f"rule {number}",
        signal=SIGNAL.name,
        statistic=None,
        comparison=Comparison.GREATER,
        value=1e12,
        unit=SIGNAL.unit,
        window_s=WINDOW_S,
        persistence_s=0.0,
        severity="P1",
        role=ThresholdRole.ALERT,
        labels=labels,
        source=Source(path="bench.md", line=number + 1),
    )


def rules(count: int) -> list[Rule]:
    return [rule(number, (("route", f"/r/{number}"),)) for number in range(count)]


# --- the target ------------------------------------------------------------------------------------------------------


def serve(count: int) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = exposition(count, time.time()).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *_: object) -> None:  # noqa: A002 - the base class names it so
            del format

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def resident_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


# --- Stanch: a process of its own, so that its memory is its own -----------------------------------------------------


async def watch(url: str, count: int, seconds: float, kind: str) -> None:
    async def nobody(_: object) -> None: ...

    target = Target(name="bench", settings=ScrapeSettings(url=url, interval_s=INTERVAL_S))
    armed = rules(count) if kind == "each" else [rule(0, ())]
    watcher = Watcher(
        targets=[target], rules=armed, clock=SystemClock(), on_transition=nobody, signals={SIGNAL.name: SIGNAL}
    )
    took: list[float] = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        began = time.monotonic()
        await watcher.round()
        took.append(watcher.evaluation_s)
        await asyncio.sleep(max(0.0, began + INTERVAL_S - time.monotonic()))
    values = [evaluation.value for evaluation in watcher.evaluations()]
    await watcher.close()
    full = took[-5:]
    print(
        json.dumps(
            {
                "evaluation_s": round(statistics.median(full), 5),
                "slowest_s": round(max(full), 5),
                "memory_mb": round(resident_mb(os.getpid()), 1),
                "with_data": sum(value is not None for value in values),
            }
        )
    )


def processor_seconds(count: int) -> dict[str, float]:
    """Processor time of one evaluation over full windows, in this process and without a target."""
    windows = Windows(600)
    now = round(time.time()) * 1000
    for number in range(count):
        series = windows.series("bench_requests_total", (("method", "GET"), ("route", f"/r/{number}")))
        for step in range(round(180 / INTERVAL_S)):
            series.append(now - 180_000 + round(step * INTERVAL_S * 1000), float(step * (number % 7)))
    costs = {}
    for kind, armed in (("each", rules(count)), ("one", [rule(0, ())])):
        rulebook = Rulebook(windows, {SIGNAL.name: SIGNAL})
        rulebook.arm(armed)
        took = []
        for second in range(6):
            began = time.process_time()
            rulebook.evaluate(now / 1000 + second)
            took.append(time.process_time() - began)
        costs[kind] = round(statistics.median(took[1:]), 5)
    return costs


# --- Prometheus ------------------------------------------------------------------------------------------------------


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start_prometheus(program: str, folder: Path, target_port: int, count: int) -> tuple[subprocess.Popen[bytes], int]:
    signals = {SIGNAL.name: SIGNAL}
    for group, of_group in (("each", rules(count)), ("one", [rule(0, ())])):
        text = promql.rule_file(of_group, signals, interval_s=INTERVAL_S, group=group)
        (folder / f"{group}.yml").write_text(text)
    settings = {
        "global": {"scrape_interval": f"{INTERVAL_S:g}s", "evaluation_interval": f"{INTERVAL_S:g}s"},
        "rule_files": ["each.yml", "one.yml"],
        "scrape_configs": [
            {"job_name": "bench", "static_configs": [{"targets": [f"127.0.0.1:{target_port}"]}]},
        ],
    }
    (folder / "prometheus.yml").write_text(json.dumps(settings))
    port = free_port()
    process = subprocess.Popen(
        [
            program,
            f"--config.file={folder}/prometheus.yml",
            f"--storage.tsdb.path={folder}/data",
            f"--web.listen-address=127.0.0.1:{port}",
            "--log.level=error",
        ],
        stdout=subprocess.DEVNULL,
    )
    return process, port


def rule_group_seconds(port: int) -> dict[str, float]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
        read = parse(answer.read().decode(), 0.0)
    return {
        dict(sample.labels)["rule_group"].rpartition(";")[2]: value
        for sample, value in read.values
        if sample.metric == "prometheus_rule_group_last_duration_seconds"
    }


# --- the measurement -------------------------------------------------------------------------------------------------


def parsing(count: int) -> dict[str, float]:
    """Microseconds of processor time a line, the layout known; and of prometheus_client's parser."""
    from prometheus_client.parser import text_string_to_metric_families  # noqa: PLC0415 - the peer, for this alone

    text = exposition(count, time.time())
    layout: Layout[str] = Layout(lambda metric, labels: f"{metric}{labels}")
    layout.read(text)
    began = time.process_time()
    layout.read(text)
    ours = time.process_time() - began
    began = time.process_time()
    for family in text_string_to_metric_families(text):
        assert family.samples
    theirs = time.process_time() - began
    return {
        "line_us": round(ours / count * 1e6, 2),
        "prometheus_client_line_us": round(theirs / count * 1e6, 2),
        "ratio": round(ours / theirs, 3),
    }


def measure(count: int, seconds: float) -> dict[str, object]:
    server = serve(count)
    port = server.server_address[1]
    program = shutil.which("prometheus")
    result: dict[str, object] = {"series": count, "rules": count, "window_s": WINDOW_S, "interval_s": INTERVAL_S}
    with tempfile.TemporaryDirectory() as folder:
        prometheus = start_prometheus(program, Path(folder), port, count) if program else None
        try:
            watchers = {
                kind: subprocess.Popen(
                    [
                        *(sys.executable, __file__, "--watch", f"http://127.0.0.1:{port}/", "--kind", kind),
                        *("--series", str(count), "--seconds", str(seconds)),
                    ],
                    stdout=subprocess.PIPE,
                )
                for kind in ("each", "one")
            }
            took: list[dict[str, float]] = []
            while any(process.poll() is None for process in watchers.values()):
                time.sleep(INTERVAL_S)
                if prometheus is not None:
                    took = [*took, rule_group_seconds(prometheus[1])][-5:]
            stanch = {kind: json.loads(process.communicate()[0]) for kind, process in watchers.items()}
            result["stanch"] = stanch
            if prometheus is not None:
                peer = {kind: statistics.median(each[kind] for each in took) for kind in ("each", "one")}
                memory = resident_mb(prometheus[0].pid)
                result["prometheus"] = {
                    "each": {"evaluation_s": round(peer["each"], 5)},
                    "one": {"evaluation_s": round(peer["one"], 5)},
                    "memory_mb": round(memory, 1),
                }
                result["ratio"] = {
                    kind: round(stanch[kind]["evaluation_s"] / peer[kind], 3) for kind in ("each", "one")
                } | {"memory": round(stanch["each"]["memory_mb"] / memory, 3)}
        finally:
            if prometheus is not None:
                prometheus[0].terminate()
                prometheus[0].wait()
            server.shutdown()
            server.server_close()
    result["parsing"] = parsing(count)
    alone = processor_seconds(count)
    result["processor_s"] = alone
    result["goals"] = {
        "each": alone["each"] < GOALS["each_s"],
        "one": alone["one"] < GOALS["one_s"],
        "memory": stanch["each"]["memory_mb"] < GOALS["memory_mb"],
    }
    return result


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--seconds", type=float, default=170.0)
    arguments.add_argument("--series", type=int, default=10_000)
    arguments.add_argument("--watch", metavar="URL", help=argparse.SUPPRESS)
    arguments.add_argument("--kind", choices=("each", "one"), default="each", help=argparse.SUPPRESS)
    given = arguments.parse_args()
    if given.watch:
        asyncio.run(watch(given.watch, given.series, given.seconds, given.kind))
    else:
        print(json.dumps(measure(given.series, given.seconds), indent=2))


if __name__ == "__main__":
    main()
