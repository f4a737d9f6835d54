"""Secrets of every kind are taken out; what operators read stays as it was."""

import base64
import secrets
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stanch.response.redaction import Redactor, entropy, says_secret

SECRETS = [
    ("postgresql://app:Tr0ub4dor@db:5432/clinic", "Tr0ub4dor"),
    ("redis://:onlyapassword@cache:6379/0", "onlyapassword"),
    ("host=db password=opensesame user=app", "opensesame"),
    ("host=db password='open sesame' user=app", "open sesame"),
    ("PGPASSWORD=opensesame psql -h db", "opensesame"),
    ("mysql --password=opensesame", "opensesame"),
    ("tool --api-key opensesame run", "opensesame"),
    ('{"api_key": "zzz-yyy", "region": "eu"}', "zzz-yyy"),
    ("  client_secret: zzz-yyy", "zzz-yyy"),
    ("MY_APP_SECRET_KEY=zzz-yyy", "zzz-yyy"),
    ("Authorization: Bearer abc.def", "abc.def"),
    ("authorization: Basic dXNlcjpwYXNz", "dXNlcjpwYXNz"),
    ("Set-Cookie: session=0123; HttpOnly", "0123"),
    ("ALTER ROLE app PASSWORD 'opensesame'", "opensesame"),
    ("CREATE USER app IDENTIFIED BY 'opensesame'", "opensesame"),
    ("1) requirepass\n2) x\nrequirepass: opensesame", "opensesame"),
    ("key AKIAIOSFODNN7EXAMPLE in use", "AKIAIOSFODNN7EXAMPLE"),
    ("ghp_" + "a1B2" * 9, "a1B2a1B2"),
    ("glpat-" + "x" * 20, "x" * 20),
    ("xoxb-123456789012-abcdefABCDEF", "123456789012"),
    ("https://hooks.slack.com/services/T0/B0/xyz", "T0/B0/xyz"),
    ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl", "eyJzdWIiOiIxIn0"),
    ("sk_live_" + "4eC39HqLyjWD", "4eC39HqLyjWD"),
    ("hash $2b$12$abcdefghijklmnopqrstuv", "abcdefghijklmnopqrstuv"),
    ("SCRAM-SHA-256$4096:c2FsdA==$stored:server", "stored:server"),
]

KEPT = [
    "clinic-api-7d9f8b6c5d-x2x9z   1/1     Running   0          3h",
    "Seq Scan on appointments  (cost=0.00..124590.00 rows=5000000 width=92)",
    "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "commit 2b8127299f55dd3633d0d318b11a63d68329e3388 by alice",
    "/usr/lib/python3.11/site-packages/sqlalchemy/engine/default.py",
    "2026-11-21T02:01:23.456789+00:00 GET /appointments?doctor_id=42 200 0.123",
    "tokens: 12 used, password: <none>",
    "secret/api-credentials created",
    "idx_appointments_doctor_id_appointment_date",
    "deployment.apps/billing successfully rolled out, secret: false",
    "550e8400-e29b-41d4-a716-446655440000",
]


@pytest.mark.parametrize(("text", "secret"), SECRETS)
def test_a_secret_is_gone(text: str, secret: str) -> None:
    redacted = Redactor()(text)
    assert secret not in redacted
    assert "[redacted: " in redacted


@pytest.mark.parametrize("text", KEPT)
def test_what_operators_read_stays(text: str) -> None:
    assert Redactor()(text) == text


def test_a_known_secret_goes_in_all_its_spellings() -> None:
    redactor = Redactor(["p@ss/wörd one"])
    encoded = base64.b64encode("p@ss/wörd one".encode()).decode()
    for spelling in ("p@ss/wörd one", encoded, "p%40ss%2Fw%C3%B6rd%20one"):
        assert spelling not in redactor(f"before {spelling} after")


def test_the_longer_of_two_known_secrets_leaves_no_rest() -> None:
    assert "-extended" not in Redactor(["hunter22", "hunter22-extended"])("x hunter22-extended y")


def test_a_short_known_value_does_not_take_words_out() -> None:
    assert Redactor(["db"])("the db is up") == "the db is up"


def test_a_private_key_goes_as_a_whole_when_it_comes_line_by_line() -> None:
    lines = Redactor().lines()
    text = ["before", "-----BEGIN RSA PRIVATE KEY-----", "MIIEow", "short", "-----END RSA PRIVATE KEY-----", "after"]
    assert [line for line in map(lines, text) if line is not None] == ["before", "[redacted: private key]", "after"]


def test_random_values_are_found_without_a_name() -> None:
    redactor = Redactor()
    values = [secrets.token_urlsafe(32) for _ in range(500)]
    missed = sum(value in redactor(f"value {value} end") for value in values)
    assert missed <= 25


@given(st.text(max_size=400))
def test_any_text_is_taken_and_a_second_pass_finds_nothing_new(text: str) -> None:
    redactor = Redactor(["opensesame"])
    once = redactor(text)
    assert redactor(once) == once


@given(st.text(max_size=100), st.text(max_size=100))
def test_a_known_secret_never_survives(before: str, after: str) -> None:
    assert "opensesame" not in Redactor(["opensesame"])(f"{before}opensesame{after}")


@pytest.mark.parametrize("unit", ["a-", "a.", "eyJ-", "1", "password_", "https://", "password=", "'", "-----BEGIN "])
def test_hostile_repetition_costs_linear_time(unit: str) -> None:
    redactor = Redactor(["opensesame"])

    def cost(size: int) -> float:
        began = time.process_time()
        redactor(unit * (size // len(unit)))
        return time.process_time() - began

    cost(4_000)
    # Eight times the text: eight times the time where it is linear, 64 times where it is quadratic.
    assert cost(64_000) < 24 * max(cost(8_000), 0.004)


def test_entropy_is_shannons() -> None:
    assert entropy("") == 0
    assert entropy("aaaa") == 0
    assert entropy("abcd") == 2


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("PGPASSWORD", True),
        ("MYSQL_PWD", True),
        ("REDISCLI_AUTH", True),
        ("AWS_SECRET_ACCESS_KEY", True),
        ("AWS_SESSION_TOKEN", True),
        ("HELM_KUBETOKEN", True),
        ("PGPASSFILE", False),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", False),
        ("AWS_ACCESS_KEY_ID", False),
        ("KUBECONFIG", False),
        ("AWS_PROFILE", False),
    ],
)
def test_a_variables_name_says_whether_its_value_is_secret(name: str, *, secret: bool) -> None:
    assert says_secret(name) is secret
