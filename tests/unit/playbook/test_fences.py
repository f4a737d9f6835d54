"""A fence is judged by what it holds, and its commands come out whole."""

from textwrap import dedent

import pytest

from stanch.playbook.document import Code, read_document
from stanch.playbook.fences import Content, commands_of, content_of, statements_of


def fence(text: str, info: str = "") -> Code:
    document, _ = read_document("x.md", f"```{info}\n{dedent(text).strip(chr(10))}\n```\n".encode())
    (code,) = document.root.blocks
    assert isinstance(code, Code)
    return code


@pytest.mark.parametrize(
    ("info", "text", "content"),
    [
        ("bash", "kubectl get pods", Content.SHELL),
        ("", "kubectl get pods -n prod", Content.SHELL),
        ("", "$ ./restart.sh api", Content.SHELL),
        ("console", "root@db-1:~# systemctl status postgresql", Content.SHELL),
        ("text", "curl -f https://api.example.org/health", Content.SHELL),
        ("bash", "SELECT pid, state FROM pg_stat_activity;", Content.SQL),
        ("sql", "select 1;", Content.SQL),
        ("", "SELECT count(*) FROM pg_locks WHERE NOT granted;", Content.SQL),
        ("console", "sum(rate(http_requests_total[5m])) by (code)", Content.PROMQL),
        ("promql", "up == 0", Content.PROMQL),
        ("yaml", "replicas: 3", Content.CONFIG),
        ("", "limits:\n  cpu: 500m\n  memory: 512Mi", Content.CONFIG),
        ("python", "print('x')", Content.CODE),
        ("bash", "https://grafana.example.org/d/abc", Content.PROSE),
        ("bash", "Ask the database team before you go on", Content.PROSE),
        ("", "Subject: [Severity] incident\nImpact: [Impact]", Content.TEMPLATE),
        ("", " lag\n-----\n 00:00:01", Content.OUTPUT),
    ],
)
def test_content_goes_before_label(info: str, text: str, content: Content) -> None:
    assert content_of(fence(text, info)) is content


def test_comments_name_the_commands_below_them() -> None:
    found = commands_of(
        fence(
            """
            # Check the pods
            kubectl get pods
            kubectl get services

            # Roll back
            helm rollback api
            """,
            "bash",
        )
    )
    assert [(command.label, command.text, command.line) for command in found] == [
        ("Check the pods", "kubectl get pods", 3),
        ("Check the pods", "kubectl get services", 4),
        ("Roll back", "helm rollback api", 7),
    ]


def test_prompts_and_pasted_output_are_left_out() -> None:
    found = commands_of(
        fence(
            """
            $ kubectl get pods
            NAME    READY   STATUS
            api-1   1/1     Running
            $ kubectl logs api-1 \\
            >   --tail=10
            """,
            "console",
        )
    )
    assert [command.text for command in found] == ["kubectl get pods", "kubectl logs api-1 \\\n  --tail=10"]


@pytest.mark.parametrize(
    "text",
    [
        "aws rds restore-db-instance \\\n  --id a \\\n  --snapshot b",
        "for pod in a b; do\n  kubectl delete pod $pod\ndone",
        "if ! curl -f https://x; then\n  echo down\nfi",
        "cat <<EOF > file\nselect 1;\nEOF",
        "kubectl patch x --patch='{\n  \"a\": 1\n}'",
        "kubectl get pods |\n  grep api",
        "case $1 in\n  a) echo a;;\nesac",
    ],
    ids=["continuation", "loop", "condition", "heredoc", "quote", "pipe", "case"],
)
def test_what_belongs_together_stays_together(text: str) -> None:
    found = commands_of(fence(f"{text}\necho after", "bash"))
    assert [command.text for command in found] == [text, "echo after"]


def test_an_expectation_belongs_to_the_command_above_or_beside() -> None:
    found = commands_of(fence("kubectl get pods\n# Expected: 3 running\ndf -h  # should be below 80%\n", "bash"))
    assert [(command.text, command.expects) for command in found] == [
        ("kubectl get pods", "3 running"),
        ("df -h", "below 80%"),
    ]


def test_an_unfinished_command_is_still_one() -> None:
    (command,) = commands_of(fence("kubectl get pods \\", "bash"))
    assert command.text == "kubectl get pods \\"


def test_sql_statements_with_their_comments() -> None:
    found = statements_of(
        fence(
            """
            -- Who blocks whom
            SELECT pid,
                   'a;b' AS text
            FROM pg_locks;

            -- How many
            SELECT count(*) FROM pg_stat_activity
            """,
            "sql",
        )
    )
    assert [(command.label, command.line) for command in found] == [("Who blocks whom", 3), ("How many", 8)]
    assert found[0].text.endswith("FROM pg_locks;")
