"""Bad input gets one clear sentence with what to do, exit status 2, and nothing is lost or left running."""

import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).parents[2]
PLAYBOOK = ROOT / "playbooks" / "clinic.md"
STANCH = [sys.executable, "-m", "stanch"]
READY_WITHIN_S = 60.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def settings(directory: Path, port: int, more: str = "") -> Path:
    path = directory / "stanch.toml"
    path.write_text(
        f'[server]\nport = {port}\ndata = "data"\n[playbooks]\npaths = ["{PLAYBOOK}"]\n{more}', encoding="utf-8"
    )
    return path


def run(*arguments: str, within_s: float = 60.0, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*STANCH, *arguments], capture_output=True, text=True, timeout=within_s, check=False, **options
    )


@contextmanager
def serving(config: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    server = subprocess.Popen([*STANCH, "up", "--config", str(config)], stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + READY_WITHIN_S
        while True:
            try:
                if httpx.get(f"http://127.0.0.1:{port}/api/health", timeout=2, trust_env=False).is_success:
                    break
            except httpx.TransportError:
                assert server.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.05)
        yield server
    finally:
        server.terminate()
        server.wait(30)


def assert_one_sentence(finished: subprocess.CompletedProcess[str], *words: str) -> None:
    assert finished.returncode == 2, finished.stderr
    assert "Traceback" not in finished.stderr
    for word in words:
        assert word in finished.stderr


def test_a_second_server_on_the_same_data_is_refused_and_names_the_first(tmp_path: Path) -> None:
    port = free_port()
    config = settings(tmp_path, port)
    with serving(config, port) as server:
        assert_one_sentence(run("up", "--config", str(config), "--port", "0"), "Another Stanch", str(server.pid))
        assert httpx.get(f"http://127.0.0.1:{port}/api/health", trust_env=False).is_success
    with serving(config, port):
        pass  # the data directory is usable again


def test_a_port_in_use_is_said(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert_one_sentence(run("up", "--config", str(settings(tmp_path, port))), f"Port {port}", "in use")


def test_every_fault_of_the_settings_is_told_at_once(tmp_path: Path) -> None:
    path = settings(tmp_path, 1, 'servce = ""\n[scrape.x]\nurl = "ftp://x"\n[guards]\n')
    path.write_text(path.read_text(encoding="utf-8").replace("port = 1", 'port = "x"'), encoding="utf-8")
    finished = run("up", "--config", str(path))
    assert_one_sentence(finished, "server.port", "playbooks.servce", "scrape.x.url", "guards")


def test_settings_that_are_not_there_or_not_toml_are_said(tmp_path: Path) -> None:
    assert_one_sentence(run("up", "--config", str(tmp_path / "none.toml")), "There is no")
    (tmp_path / "bad.toml").write_bytes(b"\xff\xfe[")
    assert_one_sentence(run("up", "--config", str(tmp_path / "bad.toml")), "cannot be read")


def test_a_playbook_that_is_not_there_is_said(tmp_path: Path) -> None:
    config = settings(tmp_path, 0)
    config.write_text(config.read_text(encoding="utf-8").replace(str(PLAYBOOK), "none.md"), encoding="utf-8")
    assert_one_sentence(run("up", "--config", str(config)), "none.md", "cannot be read")


def test_a_playbook_of_rubbish_is_a_problem_and_the_rest_still_loads(tmp_path: Path) -> None:
    (tmp_path / "rubbish.md").write_bytes(bytes(range(256)) * 40)
    finished = run("check", str(tmp_path / "rubbish.md"), str(PLAYBOOK), "--json")
    assert finished.returncode == 1
    rubbish, clinic = json.loads(finished.stdout)["playbooks"]
    assert rubbish["problems"]
    assert any(fact["kind"] == "threshold" and fact["armed"] for fact in clinic["facts"])


def test_a_database_that_refuses_is_said() -> None:
    finished = run("diagnose", "postgres", f"postgresql://nobody:secret@127.0.0.1:{free_port()}/x")
    assert_one_sentence(finished, "PostgreSQL")
    assert "secret" not in finished.stderr + finished.stdout


def test_a_full_disk_is_said(tmp_path: Path) -> None:
    def small_files() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

    finished = run("up", "--config", str(settings(tmp_path, 0)), preexec_fn=small_files)
    assert_one_sentence(finished)
    assert len(finished.stderr.strip().splitlines()) <= 4
    assert not any((tmp_path / "data").glob("stanch.lock")) or (tmp_path / "data" / "stanch.lock").read_text() == ""


def test_no_server_and_no_token_are_said(tmp_path: Path) -> None:
    config = settings(tmp_path, free_port())
    assert_one_sentence(run("incident", "list", "--config", str(config)), "no token")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "token").write_text("x", encoding="ascii")
    assert_one_sentence(run("incident", "list", "--config", str(config)), "No Stanch answers")
    finished = run("incident", "list", "--config", str(config), "--json")
    assert json.loads(finished.stdout)["error"]["code"] == "unusable"


def running_in(directory: Path) -> list[str]:
    """The command lines of processes that mention the directory."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:  # it has just ended
                continue
            if str(directory) in line:
                found.append(line)
    return found


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="looks for leftovers in /proc")
@pytest.mark.parametrize("moment", ["postgres", "appointments", "clinic", "Stanch", "Healthy"])
def test_ctrl_c_at_any_moment_of_the_demo_leaves_nothing_running(
    tmp_path_factory: pytest.TempPathFactory, moment: str
) -> None:
    from clinic import cluster

    directory = cluster.place(tmp_path_factory.getbasetemp().parent / "interrupted")
    argv = [*STANCH, "demo", "--yes", "--port", "0", "--directory", str(directory), "--appointments", "20000"]
    demo = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    assert demo.stderr is not None
    said = []
    for line in demo.stderr:
        said.append(line)
        if moment.casefold() in line.casefold():
            break
    demo.send_signal(signal.SIGINT)
    rest = demo.communicate(timeout=60)[1]
    assert demo.returncode == 130, "".join(said) + rest
    assert "Traceback" not in rest
    assert running_in(directory) == []
