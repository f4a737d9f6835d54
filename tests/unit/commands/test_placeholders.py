"""Placeholders of playbooks are told from bash's redirections, which are written alike."""

import pytest

from stanch.commands.placeholders import STAND_INS, mark, restore
from stanch.commands.rating import rate
from stanch.model.risk import Risk, Trait


@pytest.mark.parametrize(
    ("command", "found"),
    [
        ("kubectl describe pod <pod-name>", ["<pod-name>"]),
        ("kubectl logs <pod> -n <namespace>", ["<pod>", "<namespace>"]),
        ("kubectl logs <pod> -n prod", ["<pod>"]),
        ("kubectl logs <pod> | grep x", ["<pod>"]),
        ("kubectl delete pod <pod name>", ["<pod name>"]),
        ("helm upgrade a b --set image.tag=<last-known-good-tag>", ["<last-known-good-tag>"]),
        ("helm upgrade a b --set image.tag=<tag> --wait", ["<tag>"]),
        ("curl https://<host>/health", ["<host>"]),
        ("curl https://api/<id>/x?y=<z>", ["<id>", "<z>"]),
        ("aws s3 ls s3://<bucket>/logs", ["<bucket>"]),
        ("kubectl get pod <pod> \\\n  -n prod", ["<pod>"]),
        ('kubectl patch secret x -p \'{"a":"<new-value>"}\'', ["<new-value>"]),
        ("psql -h <host> -c 'select 1'", ["<host>"]),
        ("cat <file>", ["<file>"]),
    ],
)
def test_a_placeholder_is_seen(command: str, found: list[str]) -> None:
    assert list(mark(command).placeholders) == found


@pytest.mark.parametrize(
    "command",
    [
        "sort <in> out",
        "sort <in>out",
        "cat <a >b",
        "cat < a > b",
        "cat <access.log> /tmp/x",
        "grep x <in> out",
        "sh <in> out",
        "cat <<EOF> out\nEOF",
        "echo 'a <b> c'",
        "awk '{if (a<b && c>d) print}' f",
        "ls 2<in> out",
        "kubectl get pods <x> /etc/cron.d/y",
        "ls <a>>b",
        "ls <a>&b",
        "ls <a>|b",
    ],
)
def test_a_redirection_stays_one(command: str) -> None:
    assert mark(command).placeholders == ()
    assert mark(command).text == command


def test_the_text_comes_back_as_it_was() -> None:
    command = "kubectl logs <pod name> -n <namespace>"
    assert restore(mark(command).text) == command
    assert all(character not in restore(mark(command).text) for character in STAND_INS)


def test_a_command_with_placeholders_runs_as_argv_with_them_in_it() -> None:
    rating = rate("kubectl logs <pod name> -n <namespace> --tail=5")
    assert rating.pipeline == (("kubectl", "logs", "<pod name>", "-n", "<namespace>", "--tail=5"),)
    assert rating.risk is Risk.READ_ONLY
    assert rating.target == {"namespace": "<namespace>", "resource": "<pod name>"}


@pytest.mark.parametrize(
    "command",
    [
        "<command>",
        "kubectl <verb> pods",
        "redis-cli <command>",
        "sh -c <script>",
        "ssh host <command>",
        "psql -c <query>",
    ],
)
def test_a_placeholder_for_what_is_done_is_never_read_only(command: str) -> None:
    assert rate(command).risk is not Risk.READ_ONLY


def test_stand_ins_in_a_command_are_characters_that_cannot_be_seen() -> None:
    rating = rate(f"kubectl logs {STAND_INS[0]}pod{STAND_INS[1]}")
    assert Trait.UNREADABLE in rating.traits
    assert rating.risk is not Risk.READ_ONLY


def test_a_script_in_quotes_is_still_read_by_the_shell_that_runs_it() -> None:
    assert rate("sh -c 'sort <the-file> out'").risk is Risk.MUTATING
