"""The server at rest: seconds until it answers, memory and processor time while nothing happens.

The peer, measured in the same run, is Prometheus with one rule file and one target, where it is installed.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import httpx

PLAYBOOK = Path(__file__).parents[1] / "playbooks" / "clinic.md"
REST_S = 20.0
METRICS = b"""# TYPE http_server_request_duration_seconds histogram
http_server_request_duration_seconds_bucket{le="1.0"} 10
http_server_request_duration_seconds_bucket{le="+Inf"} 10
http_server_request_duration_seconds_sum 1
http_server_request_duration_seconds_count 10
"""


class Target(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write(METRICS)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def status(pid: int, name: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) * 1024
    raise KeyError(name)


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(argv: list[str], ready_url: str) -> dict[str, float]:
    began = time.monotonic()
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while True:
            try:
                if httpx.get(ready_url, timeout=1, trust_env=False).is_success:
                    break
            except httpx.TransportError:
                time.sleep(0.01)
            if process.poll() is not None:
                raise SystemExit(f"{argv[0]} ended with {process.returncode}")
        ready_s = time.monotonic() - began
        time.sleep(3.0)  # what starting leaves behind is not rest
        before, since = cpu_s(process.pid), time.monotonic()
        time.sleep(REST_S)
        idle = (cpu_s(process.pid) - before) / (time.monotonic() - since)
        return {
            "ready_s": round(ready_s, 3),
            "rss_mb": round(status(process.pid, "VmRSS") / 1e6, 1),
            "peak_mb": round(status(process.pid, "VmHWM") / 1e6, 1),
            "idle_cpu_percent": round(idle * 100, 2),
        }
    finally:
        process.terminate()
        process.wait(15)


def main() -> None:
    target = ThreadingHTTPServer(("127.0.0.1", 0), Target)
    Thread(target=target.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        port = free_port()
        (directory / "stanch.toml").write_text(
            f'[server]\nport = {port}\ndata = "data"\n[playbooks]\npaths = ["{PLAYBOOK}"]\n'
            f'[scrape.target]\nurl = "http://127.0.0.1:{target.server_port}/metrics"\ninterval_s = 5.0\n',
            encoding="utf-8",
        )
        up = [sys.executable, "-m", "stanch", "up", "--config", str(directory / "stanch.toml")]
        runs = [measure(up, f"http://127.0.0.1:{port}/api/health") for _ in range(3)]
        result: dict[str, object] = {"stanch": sorted(runs, key=lambda run: run["ready_s"])[1]}
        prometheus = shutil.which("prometheus")
        if prometheus:
            peer = free_port()
            (directory / "prometheus.yml").write_text(
                "global: {scrape_interval: 5s, evaluation_interval: 5s}\nscrape_configs:\n- job_name: target\n"
                f'  static_configs: [{{targets: ["127.0.0.1:{target.server_port}"]}}]\n',
                encoding="utf-8",
            )
            argv = [
                prometheus, f"--config.file={directory}/prometheus.yml", f"--storage.tsdb.path={directory}/tsdb",
                f"--web.listen-address=127.0.0.1:{peer}",
            ]  # fmt: skip
            result["prometheus"] = measure(argv, f"http://127.0.0.1:{peer}/-/ready")
        result["goal"] = {"ready_s": 2.0, "rss_mb": 150, "idle_cpu_percent": 1.0}
        print(json.dumps(result))
    target.shutdown()


if __name__ == "__main__":
    main()
