"""Whom automatic steps act as, and which commands cannot be made to."""

import pytest

from stanch.response.identities import Identity

ALL = Identity(
    kube_context="read",
    aws_profile="read",
    postgres_role="reader",
    postgres_password="p-word",
    redis_user="reader",
    redis_password="r-word",
)


@pytest.mark.parametrize(
    ("stage", "as_run", "variables"),
    [
        (("kubectl", "get", "pods"), ("kubectl", "--context", "read", "get", "pods"), {}),
        (("/usr/bin/oc", "get", "pods"), ("/usr/bin/oc", "--context", "read", "get", "pods"), {}),
        (("helm", "list"), ("helm", "--kube-context", "read", "list"), {}),
        (("aws", "s3", "ls"), ("aws", "s3", "ls"), {"AWS_PROFILE": "read"}),
        (("psql", "-c", "select 1"), ("psql", "-c", "select 1"), {"PGUSER": "reader", "PGPASSWORD": "p-word"}),
        (
            ("psql", "-XAt", "-h", "db", "-d", "clinic", "-c", "select 1"),
            ("psql", "-XAt", "-h", "db", "-d", "clinic", "-c", "select 1"),
            {"PGUSER": "reader", "PGPASSWORD": "p-word"},
        ),
        (
            ("psql", "clinic", "-Atc", "x"),
            ("psql", "clinic", "-Atc", "x"),
            {"PGUSER": "reader", "PGPASSWORD": "p-word"},
        ),
        (("redis-cli", "INFO"), ("redis-cli", "--user", "reader", "INFO"), {"REDISCLI_AUTH": "r-word"}),
        (("grep", "kubectl-like"), ("grep", "kubectl-like"), {}),
    ],
)
def test_a_command_takes_the_identity_of_its_tool(stage, as_run, variables) -> None:
    assert ALL.taken_by((stage,)) == ((as_run,), variables)
    assert ALL.cannot_take((stage,)) is None


@pytest.mark.parametrize(
    ("stage", "own"),
    [
        (("kubectl", "--context", "admin", "get", "pods"), "--context"),
        (("kubectl", "get", "pods", "--kubeconfig=/etc/admin.conf"), "--kubeconfig=/etc/admin.conf"),
        (("kubectl", "--as=system:admin", "get", "pods"), "--as=system:admin"),
        (("helm", "list", "--kube-context", "admin"), "--kube-context"),
        (("aws", "--profile", "admin", "s3", "ls"), "--profile"),
        (("psql", "-Upostgres", "-c", "select 1"), "-Upostgres"),
        (("psql", "postgresql://admin@db/x"), "postgresql://admin@db/x"),
        (("psql", "host=db user=admin"), "host=db user=admin"),
        (("redis-cli", "-u", "redis://admin@cache"), "-u"),
        (("redis-cli", "AUTH", "default", "word"), "AUTH"),
        (("aws", "--prof", "admin", "s3", "ls"), "--prof"),
        (("psql", "clinic", "postgres", "-c", "select 1"), "postgres"),
        (("psql", "-d", "clinic", "postgres"), "postgres"),
        (("psql", "--dbname=clinic", "postgres"), "postgres"),
        (("psql", "-XAtU", "postgres", "-c", "select 1"), "-XAtU"),
        (("psql", "--usern", "postgres"), "--usern"),
        (("psql", "-d", "service=admin"), "service=admin"),
        (("kubectl", "--client-key", "admin.pem", "get", "pods"), "--client-key"),
        (("kubectl", "-shttp://localhost:8001", "get", "pods"), "-shttp://localhost:8001"),
        (("timeout", "5", "kubectl", "get", "pods"), "kubectl"),
        (("env", "A=b", "/usr/bin/psql"), "/usr/bin/psql"),
    ],
)
def test_a_command_that_says_whom_it_acts_as_cannot_take_another(stage, own) -> None:
    assert ALL.cannot_take((("cat", "x"), stage)) == own
    assert Identity().cannot_take((stage,)) is None


def test_without_identities_nothing_changes() -> None:
    pipeline = (("kubectl", "get", "pods"), ("grep", "x"))
    assert Identity().taken_by(pipeline) == (pipeline, {})
