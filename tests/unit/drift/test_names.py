"""What a plan names outside of itself, as cases: the document, and what is looked for."""

import pytest

from playbook_reading import plan_of
from stanch.drift.probes import names

COMMANDS = {
    "kubectl get pods -n shop": {("program", "kubectl", ""), ("namespace", "shop", "")},
    "kubectl --context prod scale deployment api --replicas=3 -n shop": {
        ("program", "kubectl", ""),
        ("context", "prod", ""),
        ("namespace", "shop", "context prod"),
        ("object", "deployment/api", "context prod, namespace shop"),
    },
    "kubectl exec deployment/api -n shop -- npm run deployment/x": {
        ("program", "kubectl", ""),
        ("namespace", "shop", ""),
        ("object", "deployment/api", "namespace shop"),
    },
    "kubectl logs deployment/<name> -n $NAMESPACE": set(),
    "kubectl delete deployment/old -n shop": {("program", "kubectl", ""), ("namespace", "shop", "")},
    "kubectl get pod/api-7d4b9 -n shop": {("program", "kubectl", ""), ("namespace", "shop", "")},
    "helm rollback shop -n shop": {
        ("program", "helm", ""),
        ("namespace", "shop", ""),
        ("release", "shop", "namespace shop"),
    },
    "helm upgrade --install new ./chart -n shop --create-namespace": {("program", "helm", "")},
    "curl -f https://api.shop.example/health | jq .status": {
        ("program", "curl", ""),
        ("program", "jq", ""),
        ("host", "api.shop.example", "port 443"),
    },
    'psql -d orders -c "SELECT id FROM public.orders WHERE state = 1"': {
        ("program", "psql", ""),
        ("database", "orders", ""),
        ("table", "public.orders", "database orders"),
        ("column", "public.orders.id", "database orders"),
        ("column", "public.orders.state", "database orders"),
    },
}

STATEMENTS = {
    "SELECT pid, state FROM pg_stat_activity": set(),
    "SELECT a.id, b.total FROM carts a JOIN orders b ON a.id = b.cart": {("table", "carts"), ("table", "orders")},
    'SELECT "Id", count(*) AS n FROM Carts GROUP BY 1 ORDER BY n': {("table", "carts"), ("column", "carts.Id")},
    "WITH late AS (SELECT id FROM orders) SELECT id FROM late": {("table", "orders")},
    "CREATE TABLE fresh (id int)": set(),
    "CREATE INDEX CONCURRENTLY x ON orders (state)": {("table", "orders")},
    "SELECT * FROM <table>": set(),
    "not SQL at all (": set(),
}


def fenced(language: str, text: str) -> str:
    return f"# Book\n\n## Response procedure for P1\n\n1. Do it\n\n```{language}\n{text}\n```\n"


@pytest.mark.parametrize("command", COMMANDS)
def test_what_a_command_names(command: str) -> None:
    found = names(plan_of(fenced("bash", command)))
    assert {(each.kind, each.name, each.place) for each in found} == COMMANDS[command]


@pytest.mark.parametrize("statement", STATEMENTS)
def test_what_a_statement_names(statement: str) -> None:
    found = names(plan_of(fenced("sql", statement)))
    assert {(each.kind, each.name) for each in found} == STATEMENTS[statement]


def test_a_thing_is_named_once_a_document_at_its_first_line() -> None:
    text = "# Book\n\n## Response procedure for P1\n\n```bash\nuptime\nuptime\n```\n"
    (named,) = names(plan_of(text))
    assert (named.kind, named.name, named.source.line) == ("program", "uptime", 6)


def test_armed_rules_name_their_signals_and_others_do_not() -> None:
    plan = plan_of("# Book\n\n## Alerts\n\n- P1: error rate > 5% in any 2-minute window\n- Basket abandonment > 40%\n")
    assert [(each.kind, each.name, each.source.line) for each in names(plan)] == [("metric", "http.error_rate", 5)]


def test_placeholders_are_no_contacts() -> None:
    plan = plan_of("# Book\n\n## Contacts\n\n- On-call: +1 212 555 0123\n- CTO: [Phone/Email]\n")
    assert [each.name for each in names(plan)] == ["+1 212 555 0123"]
