"""What holds for the house as a whole: names, sizes of rooms' doors, docstrings, and what never stands in a file."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "src").rglob("*.py"))
PLUG_INS = ("diagnosis/causes", "commands/tools", "response/actions", "comms/channels", "playbook/checks", "connectors")


def tracked() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, check=False,
    )  # fmt: skip
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    paths = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    return [path for path in paths if path.is_file()]


def test_no_room_without_a_name_of_its_own() -> None:
    nameless = {"utils", "util", "common", "helpers", "helper", "misc", "services", "service", "manager", "managers"}
    found = [path for path in SOURCES if nameless & {part.removesuffix(".py") for part in path.relative_to(ROOT).parts}]
    assert not found


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT / "src")))
def test_every_module_says_what_it_is(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), f"{path} has no docstring"


def test_every_plug_in_has_a_page_for_its_users() -> None:
    for room in PLUG_INS:
        for path in (ROOT / "src/stanch" / room).glob("*.py"):
            text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
            assert len(text) >= 30, f"{path.name}: its docstring is its user page"


def test_no_module_imports_half_of_the_house() -> None:
    wide = {
        str(path.relative_to(ROOT)): count
        for path in SOURCES
        if (count := len(re.findall(r"(?m)^(?:from|import) stanch", path.read_text(encoding="utf-8")))) > 18
    }
    # One place wires everything.
    assert set(wide) <= {"src/stanch/app.py"}


def test_no_address_of_a_registry_and_no_path_of_a_machine_is_committed() -> None:
    never = re.compile(
        rb"files\.python" rb"hosted\.org|py" rb"pi\.org|registry\.np" rb"mjs|deb\.deb" rb"ian\.org|/ro" rb"ot/\."
    )
    found = [str(path.relative_to(ROOT)) for path in tracked() if never.search(path.read_bytes())]
    assert not found


def test_locks_are_hashed() -> None:
    for name in ("run.txt", "dev.txt"):
        text = (ROOT / "requirements" / name).read_text(encoding="utf-8")
        pinned = re.findall(r"(?m)^[A-Za-z0-9._-]+==[^\n]*", text)
        assert pinned
        assert all(line.rstrip().endswith("\\") for line in pinned), "each pin is followed by its hashes"
        assert not re.search(r"https?://", text)


def test_decisions_are_listed_in_their_index() -> None:
    folder = ROOT / "docs" / "decisions"
    index = (folder / "README.md").read_text(encoding="utf-8")
    assert [path.name for path in folder.glob("0*.md") if path.name not in index] == []
