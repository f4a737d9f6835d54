"""Run a private PostgreSQL until told to end."""

import argparse
import json
import signal
import sys
import threading
from pathlib import Path

from clinic.binaries import Origin
from clinic.cluster import ROLES, Cluster
from clinic.unusable import Unusable


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--directory", type=Path, required=True)
    parser.add_argument("--port", type=int, default=0, help="0 is any free one (default)")
    parser.add_argument("--origin", type=Origin, choices=list(Origin), help="the system's or the wheel's")


def run(told: argparse.Namespace) -> None:
    over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: over.set())
    with Cluster.start(told.directory, told.port, origin=told.origin) as cluster:
        urls = {role: cluster.url(role) for role in ROLES}
        sys.stdout.write(json.dumps({"event": "started", "pid": cluster.pid, "urls": urls}) + "\n")
        sys.stdout.flush()
        while cluster.running() and not over.wait(0.5):
            pass
        if not over.is_set():
            raise Unusable(f"PostgreSQL has ended by itself; its log is {cluster.log}.")
