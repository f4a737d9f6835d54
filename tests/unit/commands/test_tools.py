"""The catalogue of tools: each file has a page, cases that fire and cases that stay silent, and survives anything."""

import ast
import pkgutil
import random
import shlex
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

from stanch.commands import tools, wrappers
from stanch.commands.rating import rate
from stanch.commands.registry import program
from stanch.model.risk import Risk

CASES = Path(__file__).parents[2] / "cases" / "commands"
FILES = [module.name for module in pkgutil.iter_modules(tools.__path__)]


def programs(name: str) -> set[str]:
    tool = import_module(f"stanch.commands.tools.{name}")
    return set(getattr(tool, "GRAMMARS", None) or getattr(tool, "NAMES", (name.replace("_", "-"),)))


def named_in(commands: list[str]) -> set[str]:
    """Every program that the parts of some commands begin with or hold."""
    return {
        program(word)
        for command in commands
        for part in rate(command).because
        for word in part.text.replace("(", " ").replace("'", " ").split()
    }


def listed(name: str) -> list[str]:
    groups = tomllib.loads((CASES / f"{name}.toml").read_text(encoding="utf-8"))
    return [command for group in groups.values() for commands in group.values() for command in commands]


@pytest.fixture(scope="module")
def fired() -> set[str]:
    return named_in(listed("hostile"))


@pytest.fixture(scope="module")
def silent() -> set[str]:
    return named_in(listed("everyday"))


@pytest.mark.parametrize("name", FILES)
def test_each_tool_has_cases_that_fire_and_cases_that_stay_silent(name: str, fired: set[str], silent: set[str]) -> None:
    assert programs(name) & fired
    assert programs(name) & silent


@pytest.mark.parametrize("name", FILES)
def test_each_tool_has_a_page(name: str) -> None:
    page = import_module(f"stanch.commands.tools.{name}").__doc__ or ""
    assert page[0].isupper() or page[0].islower()
    assert page.rstrip().endswith(".")


def test_wrappers_and_tools_do_not_rate_the_same_program_twice() -> None:
    claimed = [name for file in FILES for name in programs(file)] + list(wrappers.GRAMMARS)
    assert {name for name in claimed if claimed.count(name) > 1} <= {"getent"}


def literals(name: str) -> list[str]:
    """Every word that stands in a grammar's own tables: its options, verbs and values."""
    source = Path(import_module(f"stanch.commands.{name}").__file__ or "").read_text(encoding="utf-8")
    found = {
        word
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        for entry in node.value.split()
        for word in entry.split("/")
        if word and len(word) < 30
    }
    return sorted(found)


@pytest.mark.parametrize("name", [*(f"tools.{file}" for file in FILES), "wrappers"])
def test_no_arguments_make_a_tool_stumble(name: str) -> None:
    words = [
        *literals(name),
        "x",
        "-",
        "--",
        "",
        "a=b",
        "5",
        "/dev/null",
        "@f",
        "https://h/x",
        "select 1",
        "{}",
        ";",
        "+",
    ]
    chosen = random.Random(name)
    names = sorted(programs(name.removeprefix("tools.")) if name != "wrappers" else wrappers.GRAMMARS)
    for _ in range(600):
        argv = [chosen.choice(names), *chosen.choices(words, k=chosen.randint(0, 6))]
        rating = rate(shlex.join(argv))
        assert rating.because


@pytest.mark.parametrize("name", ["rm", "reboot", "kubectl", "mkfs.ext4", "crontab", "parallel", "dropdb", "sudo"])
@pytest.mark.parametrize("asks", ["--version", "--help"])
def test_asking_a_program_what_it_is_does_not_run_it(name: str, asks: str) -> None:
    assert rate(f"{name} {asks}").risk is Risk.READ_ONLY


@pytest.mark.parametrize("command", ["rm --version x", "eval --version", "init --help", "no-such-program --version"])
def test_but_only_where_it_is_all_that_is_asked(command: str) -> None:
    assert rate(command).risk is not Risk.READ_ONLY


def test_rating_does_not_need_sqlglot_until_there_is_sql() -> None:
    script = (
        "import sys; from stanch.commands.rating import rate; rate('kubectl get pods | grep x'); "
        "assert 'sqlglot' not in sys.modules; rate(\"psql -c 'select 1'\"); assert 'sqlglot' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
