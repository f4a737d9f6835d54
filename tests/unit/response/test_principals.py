"""As whom a command acts, as people are told it."""

from pathlib import Path

import pytest

from stanch.response.identities import Identity
from stanch.response.principals import Principals, current_context

HERE = Principals(
    reading=Identity(kube_context="look", aws_profile="look", postgres_role="look", redis_user="look"),
    environment={"KUBECONFIG": "/etc/kube/none:/etc/kube/ops", "AWS_PROFILE": "ops", "PGUSER": "ops"},
    home=Path("/srv/stanch"),
    user="stanch",
    context_of={Path("/etc/kube/ops"): "prod", Path("/etc/kube/mine"): "mine"}.get,
)
BARE = Principals(home=Path("/srv/stanch"), user="stanch", context_of=lambda _: None)


@pytest.mark.parametrize(
    ("stage", "alone", "asked", "bare"),
    [
        (
            ("kubectl", "get", "pods"),
            "kube context look, which may only read",
            "kube context prod of /etc/kube/ops",
            "the current kube context of .kube/config",
        ),
        (("aws", "s3", "ls"), "AWS profile look, which may only read", "AWS profile ops", "the default AWS profile"),
        (("redis-cli", "PING"), "Redis user look, which may only read", "Redis user default", "Redis user default"),
        (
            ("psql", "-c", "select 1"),
            "PostgreSQL role look, which may only read",
            "PostgreSQL role ops",
            "PostgreSQL role stanch",
        ),
        (("df", "-h"), "user stanch of this machine", "user stanch of this machine", "user stanch of this machine"),
        (
            ("timeout", "5", "kubectl", "delete", "pod", "a"),
            "kube context look, which may only read",
            "kube context prod of /etc/kube/ops",
            "the current kube context of .kube/config",
        ),
    ],
)
def test_words_settings_and_the_reading_identity_decide(stage, alone, asked, bare) -> None:
    assert HERE.of((stage,), by_itself=True) == alone
    assert HERE.of((stage,), by_itself=False) == asked
    assert BARE.of((stage,), by_itself=False) == bare


@pytest.mark.parametrize(
    ("stage", "whom"),
    [
        (("kubectl", "--context", "admin", "delete", "ns", "x"), "kube context admin of /etc/kube/ops"),
        (("kubectl", "--kubeconfig=/etc/kube/mine", "get", "ns"), "kube context mine of /etc/kube/mine"),
        (("kubectl", "--as", "root", "get", "ns"), "kube context prod of /etc/kube/ops with --as root"),
        (
            ("kubectl", "--token", "s3cr3t", "get", "ns"),
            "kube context prod of /etc/kube/ops with a secret given by --token",
        ),
        (("aws", "--profile", "admin", "s3", "ls"), "AWS profile admin"),
        (("psql", "-U", "postgres", "-c", "select 1"), "PostgreSQL role postgres"),
        (("psql", "postgresql://admin:s3cr3t@db/x"), "PostgreSQL role admin"),
        (("psql", "host=db user=admin password=s3cr3t"), "PostgreSQL role admin"),
        (("redis-cli", "-u", "redis://admin:s3cr3t@cache"), "Redis user admin"),
    ],
)
def test_what_a_command_says_itself_goes_first_and_no_secret_is_told(stage, whom) -> None:
    assert HERE.of((stage,), by_itself=True) == whom
    assert "s3cr3t" not in HERE.of((stage,), by_itself=False)


def test_each_program_of_a_pipeline_is_named_once() -> None:
    pipeline = (("kubectl", "get", "pods"), ("grep", "api"), ("sort",))
    assert HERE.of(pipeline, by_itself=False) == "kube context prod of /etc/kube/ops, user stanch of this machine"


def test_of_a_key_only_its_end_is_told() -> None:
    keyed = Principals(environment={"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "s3cr3t"})
    assert keyed.of((("aws", "s3", "ls"),), by_itself=False) == "AWS key ending in MPLE"


def test_a_shell_command_names_the_tools_that_stand_in_it() -> None:
    assert HERE.of_shell("for p in $(kubectl get pods -o name); do echo $p; done") == (
        "kube context prod of /etc/kube/ops, user stanch of this machine"
    )


@pytest.mark.parametrize(
    ("text", "context"),
    [
        ("apiVersion: v1\ncurrent-context: prod\n", "prod"),
        ('current-context: "eu/prod"\n', "eu/prod"),
        ("contexts:\n- name: current-context\n", None),
        ("current-context: \nkind: Config\n", None),
    ],
)
def test_the_current_context_of_a_kubeconfig(tmp_path: Path, text: str, context: str | None) -> None:
    (tmp_path / "config").write_text(text)
    assert current_context(tmp_path / "config") == context
    assert current_context(tmp_path / "none") is None
