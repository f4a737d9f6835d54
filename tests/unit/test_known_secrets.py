"""Which of the settings are secrets that nothing shows or stores, and which of them can be kept out of everything."""

from pathlib import Path

import pytest

from stanch.app import entry_of
from stanch.model.plan import Plan
from stanch.response.redaction import Redactor, is_distinct
from stanch.settings import Settings, load, plain_values, secrets_of

EVERYTHING = """
[server]
database = "postgresql://stanch:store%2Fpass1@db/stanch"
link_key = "0123456789abcdef0123456789abcdefX"
[playbooks]
paths = ["playbook.md"]
service = "booking"
[commands.environment]
PGPASSWORD = "correct horse"
PGPASSFILE = "/etc/pgpass"
KUBECONFIG = "/etc/kube"
[commands.reading]
postgres_password = "only reads"
redis_password = "redis-reads-1"
[postgres.main]
url = "postgresql://reader:r34der-pass@db/booking"
apply_url = "postgresql://owner:0wner-pass@db/booking"
[scrape.app]
url = "http://scraper:scr4pe-pass@app:9100/metrics"
token = "scrape-token-1"
[channels.webhook]
url = "https://hook:h00k-pass@hooks.example.com/stanch"
secret = "signs-hooks-1"
[channels.smtp]
host = "mail.example.com"
sender = "stanch@example.com"
username = "stanch"
password = "m4il-pass"
"""


def settings(folder: Path, text: str = EVERYTHING) -> Settings:
    (folder / "stanch.toml").write_text(text)
    return load(folder / "stanch.toml", {})


def test_every_secret_of_the_settings_is_known(tmp_path: Path):
    assert secrets_of(settings(tmp_path)) == {
        "server.database": "store/pass1",
        "server.link_key": "0123456789abcdef0123456789abcdefX",
        "commands.environment.PGPASSWORD": "correct horse",
        "commands.reading.postgres_password": "only reads",
        "commands.reading.redis_password": "redis-reads-1",
        "postgres.main.url": "r34der-pass",
        "postgres.main.apply_url": "0wner-pass",
        "scrape.app.url": "scr4pe-pass",
        "scrape.app.token": "scrape-token-1",
        "channels.webhook.url": "h00k-pass",
        "channels.webhook.secret": "signs-hooks-1",
        "channels.smtp.password": "m4il-pass",
    }


def test_what_is_no_secret_is_known_as_plain_and_no_secret_is_among_it(tmp_path: Path):
    made = settings(tmp_path)
    plain = plain_values(made)
    assert {"booking", "/etc/kube", "stanch@example.com"} <= set(plain)
    assert not [secret for secret in secrets_of(made).values() for text in plain if secret in text]


@pytest.mark.parametrize("value", ["r34der-pass", "correct horse", "qwhjklzxcvbnmasdf", "12345678901234567"])
def test_a_long_or_mixed_secret_can_be_told_apart(value: str):
    assert is_distinct(value)


@pytest.mark.parametrize("value", ["clinic", "postgres", "20261128", "a1-b2"])
def test_a_word_or_a_number_cannot(value: str):
    assert not is_distinct(value)


def plan(*playbooks) -> Plan:
    return Plan(hash="h", playbooks=playbooks, facts=())


def known_of(made: Settings):
    return entry_of(made, plan(), Redactor(secrets_of(made).values())).known


def test_secrets_go_from_everything_but_where_they_are_also_names(tmp_path: Path):
    known = known_of(settings(tmp_path))
    assert known("-p r34der-pass -h db") == "-p [redacted: known secret] -h db"
    weak = known_of(settings(tmp_path, EVERYTHING.replace("r34der-pass", "booking")))
    assert weak("the service booking") == "the service booking"
    part_of_a_name = known_of(settings(tmp_path, EVERYTHING.replace('"scrape-token-1"', '"example.com"')))
    assert part_of_a_name("mail.example.com") == "mail.example.com"
