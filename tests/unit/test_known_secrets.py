"""Which of the settings are secrets that no output may show."""

from pathlib import Path

from stanch.app import _secrets
from stanch.settings import load


def test_variables_of_commands_are_secret_where_their_names_say_so(tmp_path: Path) -> None:
    (tmp_path / "stanch.toml").write_text(
        '[playbooks]\npaths = ["playbook.md"]\n'
        '[commands.environment]\nPGPASSWORD = "correct horse"\nPGPASSFILE = "/etc/pgpass"\nKUBECONFIG = "/etc/kube"\n'
        '[commands.reading]\npostgres_password = "only reads"\n'
    )
    assert _secrets(load(tmp_path / "stanch.toml", {})) == ("correct horse", "only reads")
