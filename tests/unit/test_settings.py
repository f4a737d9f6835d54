"""Settings say where things are: file, environment, files for secrets; every fault at once."""

from pathlib import Path

import pytest

from stanch.model.problem import Unusable
from stanch.settings import load

LEAST = '[playbooks]\npaths = ["runbooks"]\n'


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "stanch.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_two_lines_are_enough(tmp_path: Path) -> None:
    settings = load(written(tmp_path, LEAST), {})
    assert settings.server.url == "http://127.0.0.1:8420"
    assert settings.server.store_url.startswith("sqlite:///")


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    settings = load(written(tmp_path, LEAST + '[server]\ndata = "state"\n[guard.api]\nstate = "guard.json"\n'), {})
    assert settings.playbooks.paths == [tmp_path / "runbooks"]
    assert settings.server.data == tmp_path / "state"
    assert settings.guard["api"].state == tmp_path / "guard.json"


def test_the_environment_goes_over_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, LEAST + "[server]\nport = 1\n")
    variables = {"STANCH_SERVER__PORT": "9000", "STANCH_PLAYBOOKS__SERVICE": "booking", "STANCH_URL": "http://x"}
    settings = load(path, variables)
    assert settings.server.port == 9000
    assert settings.playbooks.service == "booking"


def test_a_secret_comes_from_a_file_beside_the_setting(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("postgresql://reader:hidden@db/x\n", encoding="utf-8")
    settings = load(written(tmp_path, LEAST + '[postgres.main]\nurl_file = "url"\n'), {})
    assert settings.postgres["main"].url.get_secret_value() == "postgresql://reader:hidden@db/x"
    assert "hidden" not in repr(settings)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ["playbooks"]),
        (LEAST + "[server]\nport = 70000\nhots = 1\n", ["server.port", "server.hots"]),
        (LEAST + '[server]\nport = "8420"\n', ["server.port"]),
        (LEAST + '[scrape.x]\nurl = "ftp://x"\n[nothing]\n', ["scrape.x.url", "nothing"]),
        (LEAST + '[postgres.main]\nurl_file = "none"\n', ["postgres.main.url_file"]),
    ],
)
def test_every_fault_is_told_at_once(tmp_path: Path, text: str, words: list[str]) -> None:
    with pytest.raises(Unusable) as refused:
        load(written(tmp_path, text), {})
    told = " ".join(problem.message for problem in refused.value.problems)
    assert all(word in told for word in words), told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[server]\nport = 1\n", "1: playbooks: is missing: a table, [playbooks], with paths"),
        ('\nplaybooks = ["a.md"]\n', "2: playbooks: is a table: write [playbooks], and its settings below"),
        ("[playbooks]\n", "1: playbooks.paths: is missing"),
        ('[playbooks]\npaths = "a.md"\n', "2: playbooks.paths: is a list: write paths = [...]"),
        (LEAST + "[server]\nhots = 'x'\n", "4: server.hots: there is no such setting. Is host meant?"),
        (LEAST + "[server]\nnothing_like_it = 1\n", "4: server.nothing_like_it: there is no such setting"),
        (LEAST + '[server]\n\nport = "8420"\n', "5: server.port: is a whole number: write it without quotes"),
        ('server.port = "8420"\n' + LEAST, "1: server.port: is a whole number: write it without quotes"),
        (LEAST + 'server.port = "8420"\n', "3: playbooks.server: there is no such setting. Is service meant?"),
        (LEAST + "[server]\nhost = 1\n", "4: server.host: is a text: write it in quotes"),
        (LEAST + '[postgres.main]\nurl = "x"\nhots = 1\n', "5: postgres.main.hots: there is no such setting"),
        ("postgres = 1\n" + LEAST, "1: postgres: is a table: write [postgres.NAME], and its settings below"),
    ],
)
def test_a_fault_says_its_line_and_what_to_write(tmp_path: Path, text: str, told: str) -> None:
    file = written(tmp_path, text)
    with pytest.raises(Unusable) as refused:
        load(file, {})
    (problem, *_) = refused.value.problems
    assert f"{problem.source}: {problem.message}" == f"{file}:{told}"


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match="There is no"):
        load(tmp_path / "none.toml", {})
