"""What goes along with a command: each tool offers it where it knows, and stays silent where it does not."""

import json
from dataclasses import dataclass

import pytest

from stanch.commands.companions.table import TOOLS, companions_of, rated, written
from stanch.commands.rating import rate
from stanch.model.risk import Risk

STATE = """1
# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight srv_time_since_last_change
3 be 1 s1 10.0.0.1 2 0 10 1 99
3 be 2 s2 10.0.0.2 0 1 1 1 99
3 be 3 s3 10.0.0.3 2 8 1 1 99
"""
HISTORY = json.dumps([{"revision": 7, "status": "deployed"}])


def of(command: str):
    pipeline = rate(command).pipeline
    assert pipeline is not None, command
    return companions_of(pipeline)


@dataclass(frozen=True)
class Undone:
    """A command, what its look printed before, and the undo that comes of it (None: there is nothing to put back)."""

    command: str
    before: str
    undo: str | None


@pytest.mark.parametrize(
    "case",
    [
        Undone("kubectl scale deploy/api --replicas=0", "3", "kubectl scale deploy/api --replicas=3"),
        Undone(
            "kubectl -n a scale deploy api --replicas 0", "3", "kubectl --namespace=a scale deploy/api --replicas=3"
        ),
        Undone("kubectl scale deploy/api --replicas=3", "3", None),
        Undone("kubectl scale deploy/api --replicas=0", "Error from server (NotFound)", None),
        Undone("kubectl rollout undo deployment/api", "12", "kubectl rollout undo deployment/api --to-revision=12"),
        Undone("kubectl rollout undo deployment/api", "", None),
        Undone("kubectl rollout pause deploy/api", "", "kubectl rollout resume deploy/api"),
        Undone("kubectl rollout pause deploy/api", "true", None),
        Undone(
            "kubectl set image deploy/api web=web:2", "web=web:1\nlog=l:1", "kubectl set image deploy/api web=web:1"
        ),
        Undone("kubectl set image deploy/api web=web:2", "other=web:1", None),
        Undone("kubectl cordon n1", "", "kubectl uncordon n1"),
        Undone("kubectl cordon n1", "true", None),
        Undone("kubectl uncordon n1", "true", "kubectl cordon n1"),
        Undone("helm upgrade web ./web -n p", HISTORY, "helm --namespace=p rollback web 7"),
        Undone("helm rollback web 3", HISTORY, "helm rollback web 7"),
        Undone("helm rollback web 3", "Error: release: not found", None),
        Undone("redis-cli -p 7000 CONFIG SET timeout 30", "timeout\n0", "redis-cli -p 7000 CONFIG SET timeout 0"),
        Undone("redis-cli CONFIG SET requirepass x", "requirepass\n", "redis-cli CONFIG SET requirepass ''"),
        Undone("redis-cli CONFIG SET timeout 30", "NOAUTH Authentication required.", None),
        Undone("systemctl stop nginx", "active", "systemctl start nginx"),
        Undone("systemctl stop nginx", "inactive", None),
        Undone("systemctl --user enable worker", "disabled", "systemctl --user disable worker"),
        Undone("docker stop web", "true", "docker start web"),
        Undone("docker stop web", "Error: No such object: web", None),
        Undone("chmod 600 key", "644", "chmod 644 key"),
        Undone("chmod 600 key", "600", None),
        Undone(
            "echo 'disable server be/s1' | socat stdio /run/h.sock",
            STATE,
            "echo 'set server be/s1 state ready' | socat stdio /run/h.sock",
        ),
        Undone("echo 'disable server be/s2' | socat stdio /run/h.sock", STATE, None),
        Undone(
            "echo 'disable server be/s3' | socat stdio /run/h.sock",
            STATE,
            "echo 'set server be/s3 state drain' | socat stdio /run/h.sock",
        ),
        Undone(
            "echo 'set weight be/s1 0' | socat stdio /run/h.sock",
            STATE,
            "echo 'set weight be/s1 10' | socat stdio /run/h.sock",
        ),
        Undone("echo 'disable server be/s9' | socat stdio /run/h.sock", STATE, None),
        Undone(
            "psql -h db -c \"ALTER SYSTEM SET work_mem = '8MB'\"",
            "4MB",
            "psql -h db -c 'ALTER SYSTEM SET work_mem = '\"'\"'4MB'\"'\"''",
        ),
        Undone("psql -c 'ALTER SYSTEM SET work_mem TO 8'", "", "psql -c 'ALTER SYSTEM RESET work_mem'"),
    ],
    ids=lambda case: f"{case.command} was {case.before[:12]!r}",
)
def test_what_was_there_before_is_what_is_put_back(case: Undone) -> None:
    found = of(case.command)
    assert found.undo is not None
    assert found.before is not None
    undo = found.undo.of(case.before.strip())
    assert (None if undo is None else written(undo)) == case.undo


@pytest.mark.parametrize(
    "command",
    [
        "kubectl scale deploy --all --replicas=0",
        "kubectl scale deploy -l app=web --replicas=0",
        "kubectl scale deploy/a deploy/b --replicas=0",
        "kubectl scale deploy/a --replicas=0 --frobnicate",
        "kubectl apply -f web.yaml",
        "kubectl rollout restart deploy/api",
        "kubectl rollout undo daemonset/agent",
        "helm install web ./web",
        "helm uninstall web",
        "redis-cli FLUSHALL",
        "redis-cli CONFIG SET timeout 30 maxclients 10",
        "systemctl restart nginx",
        "systemctl stop a b",
        "docker rm web",
        "chmod -R 600 keys",
        "echo 'shutdown frontend web' | socat stdio /run/h.sock",
        "psql -c 'DROP TABLE a'",
        "psql -c 'ALTER SYSTEM SET a = 1; DROP TABLE b'",
        "terraform apply",
        "rsync -a a/ h:/b",
    ],
)
def test_what_has_no_known_undo_says_so(command: str) -> None:
    found = of(command)
    assert found.undo is None
    assert found.no_undo


@pytest.mark.parametrize(
    ("command", "before", "now", "took_effect"),
    [
        ("kubectl scale deploy/api --replicas=0", "3", "0", True),
        ("kubectl scale deploy/api --replicas=0", "3", "3", False),
        ("kubectl scale deploy/api --replicas=3", "3", "3", None),
        ("kubectl scale deploy/api --replicas=0", None, "0", True),
        ("kubectl rollout restart deploy/api", "", "2026-01-01T00:00:00Z", True),
        ("kubectl rollout restart deploy/api", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z", False),
        ("kubectl rollout restart deploy/api", None, "2026-01-01T00:00:00Z", None),
        ("kubectl set image deploy/api a=b:2", "a=b:1", "a=b:2", True),
        ("kubectl set image deploy/api a=b:2", "a=b:1", "a=b:1", False),
        ("kubectl set image deploy/api a=b:2", "a=b:2", "a=b:2", None),
        ("kubectl cordon n1", "", "true", True),
        ("kubectl cordon n1", "", "", False),
        ("kubectl cordon n1", "true", "true", None),
        ("helm rollback web 3", HISTORY, json.dumps([{"revision": 8, "status": "deployed"}]), True),
        ("helm rollback web 3", HISTORY, HISTORY, False),
        ("helm rollback web 3", HISTORY, json.dumps([{"revision": 8, "status": "failed"}]), None),
        ("helm rollback web 3", HISTORY, "Error: Kubernetes cluster unreachable", None),
        ("redis-cli CONFIG SET timeout 30", "timeout\n0", "timeout\n30", True),
        ("redis-cli CONFIG SET timeout 30", "timeout\n0", "timeout\n0", False),
        ("redis-cli CONFIG SET timeout 30", "timeout\n30", "timeout\n30", None),
        ("redis-cli CONFIG SET maxmemory 1mb", "maxmemory\n0", "maxmemory\n1048576", True),
        ("redis-cli CONFIG SET maxmemory 1mb", "maxmemory\n1048576", "maxmemory\n1048576", None),
        ("systemctl stop nginx", "active", "inactive", True),
        ("systemctl stop nginx", "active", "active", False),
        ("systemctl restart nginx", "100", "200", True),
        ("systemctl restart nginx", "100", "100", False),
        ("docker stop web", "true", "false", True),
        ("docker stop web", "true", "", None),
        ("chmod 0600 key", "644", "600", True),
        ("chmod 600 key", "644", "644", False),
        ("chmod u-w key", "644", "444", True),
        ("echo 'disable server be/s2' | socat stdio /run/h.sock", None, STATE, True),
        ("echo 'disable server be/s1' | socat stdio /run/h.sock", STATE, STATE, False),
        ("echo 'disable server be/s1' | socat stdio /run/h.sock", STATE, "", None),
        ("psql -c \"ALTER SYSTEM SET work_mem = '8MB'\"", "", "8MB", True),
        ("psql -c \"ALTER SYSTEM SET work_mem = '8MB'\"", "", "", False),
    ],
)
def test_whether_it_took_effect_is_read_from_what_is_there(
    command: str, before: str | None, now: str, took_effect: object
) -> None:
    proof = of(command).proof
    assert proof is not None
    assert proof.judge(before, now.strip()) is took_effect


@pytest.mark.parametrize(
    ("command", "look"),
    [
        (
            "kubectl -n a scale deploy/api --replicas=2",
            "kubectl --namespace=a rollout status deploy/api --timeout=120s",
        ),
        ("kubectl rollout restart sts/db", "kubectl rollout status sts/db --timeout=120s"),
        ("kubectl scale rs/web --replicas=2", None),
        ("helm upgrade web ./web", "helm status web"),
        ("systemctl start nginx", "systemctl show nginx -p ActiveState --value"),
        ("systemctl stop nginx", None),
    ],
)
def test_what_goes_on_by_itself_is_followed_to_its_end(command: str, look: str | None) -> None:
    settled = of(command).settled
    assert (None if settled is None else written(settled.look)) == look


@pytest.mark.parametrize(
    ("command", "dry_run"),
    [
        ("kubectl delete ns x", "kubectl delete ns x --dry-run=server"),
        ("kubectl delete ns x --dry-run=none", "kubectl delete ns x --dry-run=server"),
        ("kubectl delete ns x --dry-run=client", None),
        ("kubectl create job j --image=i -- rm x", "kubectl create job j --image=i --dry-run=server -- rm x"),
        ("kubectl rollout undo deploy/api", "kubectl rollout undo deploy/api --dry-run=server"),
        ("kubectl rollout restart deploy/api", None),
        ("helm upgrade web ./web", "helm upgrade web ./web --dry-run=server"),
        ("helm rollback web 3", "helm rollback web 3 --dry-run"),
        ("helm upgrade web ./web --post-renderer ./x", None),
        ("terraform apply -auto-approve -var a=b", "terraform plan -var a=b"),
        ("terraform -chdir=prod destroy", "terraform -chdir=prod plan -destroy"),
        ("terraform apply saved.plan", "terraform show saved.plan"),
        ("terraform import a b", None),
        ("ansible web -m ping", "ansible web -m ping --check"),
        ("ansible-playbook site.yml", None),
        ("rsync -a --delete a/ h:/b", "rsync --dry-run --itemize-changes -a --delete a/ h:/b"),
        ("apt-get install nginx", "apt-get --simulate install nginx"),
        ("apt-get update", None),
        ("git push --force origin main", "git push --force origin main --dry-run"),
        ("git reset --hard", None),
        ("docker compose up -d", "docker compose --dry-run up -d"),
        ("aws s3 rm s3://b/k", "aws s3 rm s3://b/k --dryrun"),
        ("aws ec2 terminate-instances --instance-ids i-1", "aws ec2 terminate-instances --instance-ids i-1 --dry-run"),
        ("aws rds delete-db-instance --db-instance-identifier d", None),
        ("systemctl reboot", "systemctl --dry-run reboot"),
        ("systemctl restart nginx", None),
        ("psql -c 'UPDATE a SET b = 1'", "psql -c 'EXPLAIN UPDATE a SET b = 1'"),
        ("psql -c 'UPDATE a SET b = 1; DROP TABLE c'", None),
        ("psql -c 'TRUNCATE a'", None),
        ("redis-cli FLUSHALL", None),
    ],
)
def test_a_dry_run_is_the_tools_own_or_none(command: str, dry_run: str | None) -> None:
    found = of(command).dry_run
    assert (None if found is None else written(found)) == dry_run
    if found is not None:
        assert rated(found).risk is Risk.READ_ONLY


@pytest.mark.parametrize(
    "command",
    [
        "kubectl scale deploy/api --replicas=0 --kubeconfig=/tmp/x",
        "kubectl --as=root scale deploy/api --replicas=0",
        "helm rollback web 3 --kubeconfig /tmp/x",
    ],
)
def test_a_look_that_is_not_rated_read_only_is_not_offered(command: str) -> None:
    found = of(command)
    assert found.before is None
    assert found.proof is None
    assert found.settled is None


def test_every_tool_says_which_programs_it_speaks_of() -> None:
    names = [name for tool in TOOLS for name in tool.NAMES]
    assert names
    assert len(names) == len(set(names))
    for name in names:
        assert companions_of(((name, "--unheard-of"),)).undo is None
