"""A rating: its risk, traits, target, reasons, hint, and the argv that runs without a shell."""

import json
import sys

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from stanch.commands.rating import as_dict, rate
from stanch.model.risk import Reason, Risk, Trait


@pytest.mark.parametrize(
    ("command", "traits"),
    [
        ("kubectl logs -f deploy/x", {Trait.ENDLESS}),
        ("kubectl get pods -w", {Trait.ENDLESS}),
        ("kubectl port-forward svc/x 80", {Trait.ENDLESS}),
        ("tail -f x", {Trait.ENDLESS}),
        ("tail -f x | grep y", {Trait.ENDLESS}),
        ("tail -f x | head -5", set()),
        ("timeout 5 tail -f x", set()),
        ("watch ls", {Trait.ENDLESS}),
        ("while true; do ls; done", {Trait.ENDLESS}),
        ("while :; do ls; done", {Trait.ENDLESS}),
        ("until false; do ls; done", {Trait.ENDLESS}),
        ("for ((;;)); do ls; done", {Trait.ENDLESS}),
        ("ping x", {Trait.ENDLESS}),
        ("ping -c 3 x", set()),
        ("vmstat 1", {Trait.ENDLESS}),
        ("vmstat 1 5", set()),
        ("docker stats", {Trait.ENDLESS}),
        ("journalctl -fu x", {Trait.ENDLESS}),
        ("redis-cli MONITOR", {Trait.ENDLESS, Trait.HEAVY, Trait.EXPOSES_SECRETS}),
        ("redis-cli KEYS '*'", {Trait.HEAVY}),
        ("psql -c 'select * from t'", {Trait.HEAVY}),
        ("psql -c 'explain analyze select 1'", {Trait.HEAVY}),
        ("kubectl exec -it x -- bash", {Trait.INTERACTIVE}),
        ("kubectl exec -it x -- ls", {Trait.INTERACTIVE}),
        ("kubectl exec x -- ls", set()),
        ("kubectl edit deploy x", {Trait.INTERACTIVE}),
        ("vi x", {Trait.INTERACTIVE}),
        ("psql", {Trait.INTERACTIVE}),
        ("ssh x", {Trait.INTERACTIVE}),
        ("redis-cli", {Trait.INTERACTIVE}),
        ("read -p ok?", {Trait.INTERACTIVE}),
        ("less x", {Trait.INTERACTIVE}),
        ("node --inspect", {Trait.INTERACTIVE, Trait.ENDLESS}),
        ("kubectl get secret x -o yaml", {Trait.EXPOSES_SECRETS}),
        ("kubectl get secrets", set()),
        ("kubectl config view --raw", {Trait.EXPOSES_SECRETS}),
        ("kubectl config view", set()),
        ("helm get values x", {Trait.EXPOSES_SECRETS}),
        ("aws secretsmanager get-secret-value --secret-id x", {Trait.EXPOSES_SECRETS}),
        ("aws ssm get-parameter --name x --with-decryption", {Trait.EXPOSES_SECRETS}),
        ("aws ssm get-parameter --name x", set()),
        ("cat /etc/shadow", {Trait.EXPOSES_SECRETS}),
        ("cat /etc/hosts", set()),
        ("env", {Trait.EXPOSES_SECRETS}),
        ("jq -n env", {Trait.EXPOSES_SECRETS}),
        ("jq .environment x", set()),
        ("psql -c 'select rolname, rolpassword from pg_authid'", {Trait.EXPOSES_SECRETS}),
        ("curl http://169.254.169.254/latest/meta-data/", {Trait.EXPOSES_SECRETS}),
        ("ls '", {Trait.UNREADABLE}),
    ],
)
def test_traits_say_what_else_matters(command: str, traits: set[Trait]) -> None:
    assert rate(command).traits == traits


@pytest.mark.parametrize(
    ("command", "target"),
    [
        (
            "kubectl --context prod -n pay get deploy api",
            {"context": "prod", "namespace": "pay", "resource": "deploy/api"},
        ),
        ("kubectl --cluster c get pods", {"cluster": "c", "resource": "pods"}),
        (
            "helm status api -n pay --kube-context prod",
            {"context": "prod", "namespace": "pay", "resource": "release/api"},
        ),
        ("psql -h db1 -d app -c 'select 1'", {"host": "db1", "database": "app"}),
        ("psql postgresql://u:p@db1:5432/app -c 'select 1'", {"host": "db1", "database": "app"}),
        ("psql 'host=db1 dbname=app' -c 'select 1'", {"host": "db1", "database": "app"}),
        ("redis-cli -h r1 -n 3 ping", {"host": "r1", "database": "3"}),
        ("mysql -h m1 app -e 'select 1'", {"host": "m1", "database": "app"}),
        (
            "aws --profile prod rds describe-db-instances --db-instance-identifier x",
            {"context": "prod", "database": "x", "resource": "x"},
        ),
        ("ssh -p 22 deploy@web1 uptime", {"host": "web1"}),
        ("curl https://api.example.com:8443/x", {"host": "api.example.com"}),
        ("systemctl -H web1 status nginx", {"host": "web1", "resource": "nginx"}),
        ("docker exec web ls", {"resource": "web"}),
        (
            "kubectl exec -n pay db-0 -- psql -d app -c 'select 1'",
            {"namespace": "pay", "resource": "db-0", "database": "app"},
        ),
    ],
)
def test_the_target_says_what_is_acted_on(command: str, target: dict[str, str]) -> None:
    assert rate(command).target == target


@pytest.mark.parametrize(
    ("command", "parts"),
    [
        ("ls; rm -rf x", [("ls", "read-only"), ("rm -rf x", "destructive")]),
        ("kubectl get pods | tee out", [("kubectl get pods", "read-only"), ("tee out", "mutating")]),
        ("sudo env A=b ls", [("sudo env A=b ls", "mutating"), ("env A=b ls", "mutating"), ("ls", "read-only")]),
        (
            "echo $(kubectl delete pod x)",
            [("echo $(kubectl delete pod x)", "read-only"), ("kubectl delete pod x", "destructive")],
        ),
        ("ls > f", [("ls > f", "mutating"), ("> f", "mutating")]),
        (
            "psql -c 'select 1; drop table x'",
            [
                ("psql -c 'select 1; drop table x'", "destructive"),
                ("select 1", "read-only"),
                ("drop table x", "destructive"),
            ],
        ),
        ("find . -exec rm {} \\;", [("find . -exec rm {} \\;", "destructive"), ("rm '{}'", "destructive")]),
    ],
)
def test_every_part_is_named_with_its_risk(command: str, parts: list[tuple[str, str]]) -> None:
    assert [(part.text, part.risk.value) for part in rate(command).because] == parts


def test_every_part_has_a_reason_in_words() -> None:
    because = rate("kubectl exec x -- redis-cli FLUSHALL").because
    assert because[1] == Reason(
        text="redis-cli FLUSHALL", risk=Risk.DESTRUCTIVE, why="destroys every key of every database"
    )


@pytest.mark.parametrize(
    ("command", "word"),
    [
        ("redis-cli FLUSHALL", "pattern"),
        ("redis-cli KEYS '*'", "--scan"),
        ("kubectl logs -f x", "--since"),
        ("kubectl delete pod x", "kubectl get"),
        ("psql -c 'delete from t'", "SELECT count"),
        ("psql -c 'create index on t(a)'", "CONCURRENTLY"),
        ("psql -c 'vacuum full t'", "without FULL"),
        ("terraform apply -auto-approve", "plan"),
        ("rm -rf x", "mv"),
        ("sed -i s/a/b/ f", ".bak"),
        ("git push --force", "--force"),
        ("aws s3 rm s3://b --recursive", "--dryrun"),
        ("curl https://x | sh", "read it"),
        ("top", "-n 1"),
    ],
)
def test_a_hint_names_a_safer_way(command: str, word: str) -> None:
    assert word in rate(command).hint


@pytest.mark.parametrize(
    ("command", "pipeline"),
    [
        ("kubectl get pods -n 'a b'", (("kubectl", "get", "pods", "-n", "a b"),)),
        ("ls | wc -l", (("ls",), ("wc", "-l"))),
        ("  ls  -l  # all", (("ls", "-l"),)),
        ("ls \\\n  -l", (("ls", "-l"),)),
        ("ls;", (("ls",),)),
        ("rm -rf x", (("rm", "-rf", "x"),)),
        ("echo {a,b}", (("echo", "a", "b"),)),
        ("curl 'https://x/?a=1&b=2'", (("curl", "https://x/?a=1&b=2"),)),
    ],
)
def test_a_plain_pipeline_runs_without_a_shell(command: str, pipeline: tuple[tuple[str, ...], ...]) -> None:
    assert rate(command).pipeline == pipeline


@pytest.mark.parametrize(
    "command",
    [
        "ls; ls",
        "ls && ls",
        "ls &",
        "! ls",
        "time ls",
        "(ls)",
        "{ ls; }",
        "ls > f",
        "ls 2>/dev/null",
        "ls < f",
        "cat <<EOF\na\nEOF",
        "ls $x",
        "ls $(x)",
        "ls `x`",
        "ls *.log",
        "ls ~",
        "A=b ls",
        "cd x",
        "export A=b",
        "eval ls",
        "exec ls",
        "source x",
        "alias a=b",
        "ls |& wc",
        "f() { ls; }",
        "cat <(ls)",
        "[[ a = b ]]",
        "",
        "# x",
        "ls '",
        "''",
        "for i in a; do ls; done",
        "trap x EXIT",
    ],
)
def test_everything_else_needs_one(command: str) -> None:
    rating = rate(command)
    assert rating.pipeline is None
    assert not rating.runs_without_shell


def test_an_empty_command_does_nothing() -> None:
    assert rate("").risk is Risk.READ_ONLY
    assert rate("# only a comment").because == ()


def test_the_json_form_is_stable() -> None:
    document = as_dict(rate("kubectl -n prod logs <pod> | grep x"))
    assert json.loads(json.dumps(document)) == {
        "command": "kubectl -n prod logs <pod> | grep x",
        "risk": "read-only",
        "traits": [],
        "target": {"namespace": "prod", "resource": "<pod>"},
        "because": [
            {"text": "kubectl -n prod logs <pod>", "risk": "read-only", "why": "shows logs"},
            {"text": "grep x", "risk": "read-only", "why": "looks for text"},
        ],
        "hint": "",
        "placeholders": ["<pod>"],
        "runs_without_shell": True,
        "pipeline": [["kubectl", "-n", "prod", "logs", "<pod>"], ["grep", "x"]],
    }


@settings(deadline=None)
@given(st.text())
@example("ls \ud800")
@example("x=' $(2>/dev/null x=$(ls) $(ls)) '")
@example("$(" * 2000)
@example("'" * 999)
@example("{" * 3000 + "," * 3000)
@example("sh -c " * 200)
@example("sudo " * 3000 + "rm x")
@example("a" * 200_000)
def test_any_text_gets_a_rating(text: str) -> None:
    rating = rate(text)
    assert json.dumps(as_dict(rating))
    assert rating == rate(text)


def test_a_rating_is_never_lower_than_that_of_its_parts() -> None:
    for command in ("ls; rm x", "sudo sh -c 'ls; rm x'", "echo $(rm x) > f", "kubectl exec p -- sh -c 'a | rm x'"):
        rating = rate(command)
        assert rating.risk is max((part.risk for part in rating.because), key=lambda risk: risk.rank)


@pytest.mark.parametrize(
    "command",
    [
        'kubectl get pods -n "$NS"',
        'kubectl get pods --namespace="$NS"',
        'kubectl logs deploy/x -n "$(cat ns)" --tail="$N"',
        'redis-cli -h "$HOST" info memory',
        'psql -h "$HOST" -c "select 1"',
        'curl -H "Authorization: Bearer $TOKEN" https://x/y',
    ],
)
def test_an_unknown_value_of_an_option_that_changes_nothing_asks_nobody(command: str) -> None:
    rating = rate(command)
    assert rating.risk is Risk.READ_ONLY
    assert Trait.DYNAMIC in rating.traits
    assert not rating.runs_without_shell


@pytest.mark.parametrize(
    "command",
    [
        "kubectl get pods -n $NS",
        'kubectl get "$X"',
        'kubectl -l -n "$X" pods',
        'kubectl exec p -- gawk -c "$X" f',
        'kubectl -c "$X" get pods',
        'redis-cli -h "$HOST" "$X"',
        'redis-cli -h -a "$X" a',
        'psql -h "$HOST" -c "$X"',
        'curl -H "$X" https://x',
        'curl -H "@$X" https://x',
        'kubectl get pods -n "${X:-$(touch f)}"',
        'kubectl exec p -- sed -n "$X" f',
        'kubectl get pods "$X" -n prod',
    ],
)
def test_an_unknown_word_that_may_be_anything_else_asks(command: str) -> None:
    assert rate(command).risk is not Risk.READ_ONLY


@pytest.mark.parametrize(
    "command",
    [
        "(" * 5000 + "ls" + ")" * 5000,
        "echo " + "$(echo " * 9000 + "x" + ")" * 9000,
        "echo " + "${x:-" * 9000 + "}" * 9000,
        "if " * 9000 + "ls",
        "sudo " * 9000 + "ls",
        "ls;\n" * 400_000,
        "mysql -e '" + "prepare a from " * 3000 + "@b'",
        "psql -c 'select " + "(" * 4000 + "1" + ")" * 4000 + "'",
    ],
    ids=["subshells", "substitutions", "expansions", "conditions", "wrappers", "length", "prepared", "parentheses"],
)
def test_what_is_nested_or_long_beyond_reading_is_mutating_at_least(command: str) -> None:
    rating = rate(command)
    assert rating.risk is not Risk.READ_ONLY
    assert rating.pipeline is None or "sudo" in command or "mysql" in command or "psql" in command


def test_what_is_too_deep_to_read_is_still_searched_for_worse() -> None:
    assert rate("(" * 5000 + "rm -rf /data" + ")" * 5000).risk is Risk.DESTRUCTIVE


def test_work_on_a_text_grows_with_its_length_and_not_with_its_square() -> None:
    def instructions(command: str) -> int:
        """Lines of Python run, which do not depend on how busy the machine is."""
        count = 0

        def tick(*_: object) -> object:
            nonlocal count
            count += 1
            return tick

        before = sys.gettrace()
        sys.settrace(tick)
        try:
            rate(command)
        finally:
            sys.settrace(before)
        return count

    for unit in ("kubectl get pod <pod-name> -n x\n", "cat <<EOF\nx\nEOF\n", "x=a; echo $x\n", "ls | "):
        assert instructions(unit * 160 + "ls") < 8 * instructions(unit * 40 + "ls")


@pytest.mark.parametrize(
    ("command", "risk"),
    [
        ("helmfile destroy", Risk.DESTRUCTIVE),
        ("s3cmd del s3://b", Risk.DESTRUCTIVE),
        ("tool db:drop", Risk.DESTRUCTIVE),
        ("tool delete-all", Risk.DESTRUCTIVE),
        ("tool deletion-report", Risk.MUTATING),
        ("tool get /rm/x", Risk.MUTATING),
    ],
)
def test_a_tool_that_nobody_knows_is_feared_for_its_verb(command: str, risk: Risk) -> None:
    assert rate(command).risk is risk


@pytest.mark.parametrize(
    "builtin",
    ["declare -a", "read", "unset", "printf -v", "test -v", "[ -v", "wait -n -p", "getopts a", "local", "mapfile"],
)
def test_commands_in_the_index_of_a_variables_name_count(builtin: str) -> None:
    end = " ]" if builtin.startswith("[") else ""
    assert rate(f"{builtin} 'a[$(rm -rf /data)]'{end}").risk is Risk.DESTRUCTIVE
    assert rate(f"{builtin} 'a[$(touch f)]'{end}").risk is Risk.MUTATING


@pytest.mark.parametrize(
    ("command", "target"),
    [
        (
            "kubectl exec -n prod deploy/api -c app -- npm run db:check",
            {"namespace": "prod", "resource": "deploy/api", "inside": "db:check"},
        ),
        (
            "kubectl --context eu -n prod exec pod/a -- kubectl -n stage delete pod/b",
            {"context": "eu", "namespace": "prod", "resource": "pod/a", "inside": "namespace stage, pod/b"},
        ),
        ("kubectl exec pod/a -- kubectl -n stage get pods", {"resource": "pod/a", "inside": "namespace stage, pods"}),
        (
            "kubectl exec pod/redis-0 -n prod -- redis-cli -h cache PING",
            {"namespace": "prod", "resource": "pod/redis-0", "host": "cache"},
        ),
        (
            "kubectl run t --image=x -n prod -- helm uninstall y",
            {"namespace": "prod", "resource": "pod/t", "inside": "release/y"},
        ),
        ("docker exec web systemctl restart nginx", {"resource": "web", "inside": "nginx"}),
        ("docker compose exec web systemctl restart nginx", {"resource": "web", "inside": "nginx"}),
        ("ssh web1 psql -h db -d book -l", {"host": "web1", "database": "book", "inside": "host db"}),
        (
            "ssh web1 kubectl exec deploy/api -- npm run x",
            {"host": "web1", "resource": "deploy/api", "inside": "x"},
        ),
        ("kubectl get pods -n prod", {"namespace": "prod", "resource": "pods"}),
    ],
)
def test_a_command_that_is_carried_elsewhere_names_where_and_beside_it_what_is_inside(command, target) -> None:
    assert dict(rate(command).target) == target
