"""What the runbook reference document speaks of, on the control plane: a release with a history, pods, a secret.

The release is at its second revision, which is the bad one. `stanch` may change the namespace, `reader` may read it.
"""

import base64
import json
from pathlib import Path

from cluster.control_plane import ControlPlane

NAMESPACE = "healthcare-prod"
RELEASE = "healthcare-platform"
DEPLOYMENT = "api-gateway"
SECRET = "healthcare-db-secret"
GOOD, BAD = "1.4.1", "1.4.2"
REPLICAS = 3
OLD_URL = "postgres://booking@healthcare-prod/booking"

_RBAC = "rbac.authorization.k8s.io"
_READS = (
    {"apiGroups": [""], "resources": ["namespaces"], "verbs": ["get"]},
    {"apiGroups": [""], "resources": ["pods", "pods/log", "services"], "verbs": ["get", "list", "watch"]},
    {"apiGroups": ["apps"], "resources": ["deployments", "replicasets"], "verbs": ["get", "list", "watch"]},
    {"apiGroups": ["metrics.k8s.io"], "resources": ["pods"], "verbs": ["get", "list"]},
)
_CHANGES = (
    {"apiGroups": [""], "resources": ["secrets", "services", "configmaps"], "verbs": ["*"]},
    {"apiGroups": ["apps"], "resources": ["deployments", "deployments/scale"], "verbs": ["get", "patch", "update"]},
)
_CHART = {
    "values.yaml": f"""image:
  tag: "{GOOD}"
replicas: {REPLICAS}
""",
    "templates/gateway.yaml": f"""apiVersion: apps/v1
kind: Deployment
metadata:
  name: {DEPLOYMENT}
spec:
  replicas: {{{{ .Values.replicas }}}}
  selector:
    matchLabels: {{app: {DEPLOYMENT}}}
  template:
    metadata:
      labels: {{app: {DEPLOYMENT}}}
    spec:
      containers:
        - name: gateway
          image: "registry.example.com/{DEPLOYMENT}:{{{{ .Values.image.tag }}}}"
---
apiVersion: v1
kind: Service
metadata:
  name: {DEPLOYMENT}
spec:
  selector: {{app: {DEPLOYMENT}}}
  ports: [{{port: 8080}}]
""",
}


def install(control_plane: ControlPlane, directory: Path) -> None:
    """Make it anew, as on the day of the incident. `directory` gets the chart where the document looks for it."""
    chart = directory / "infra/helm" / RELEASE
    for name, text in _CHART.items():
        (chart / name).parent.mkdir(parents=True, exist_ok=True)
        (chart / name).write_text(text)
    control_plane.apply(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": {"gated": "yes"}}}
    )
    control_plane.helm("uninstall", RELEASE, "-n", NAMESPACE, "--ignore-not-found", "--wait")
    control_plane.kubectl("delete", "secrets", "--all", "-n", NAMESPACE)
    control_plane.apply(
        _role("responder", _READS, _CHANGES),
        _role("viewer", _READS),
        _binding("stanch", "responder"),
        _binding("reader", "viewer"),
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": SECRET, "namespace": NAMESPACE},
            "data": {"DATABASE_URL": base64.b64encode(OLD_URL.encode()).decode()},
        },
    )
    for tag in (GOOD, BAD):
        about = {"apiVersion": "v2", "name": RELEASE, "version": "0.1.0", "appVersion": tag}
        (chart / "Chart.yaml").write_text(json.dumps(about))
        control_plane.helm("upgrade", "--install", RELEASE, str(chart), "-n", NAMESPACE, "--set", f"image.tag={tag}")
    control_plane.kubectl("rollout", "status", f"deployment/{DEPLOYMENT}", "-n", NAMESPACE, "--timeout=60s")


def image(control_plane: ControlPlane) -> str:
    """The image that the deployment asks for."""
    gateway = control_plane.get("deployment", DEPLOYMENT, NAMESPACE)
    return gateway["spec"]["template"]["spec"]["containers"][0]["image"]


def replicas(control_plane: ControlPlane) -> int:
    return control_plane.get("deployment", DEPLOYMENT, NAMESPACE)["spec"]["replicas"]


def database_url(control_plane: ControlPlane) -> str:
    """What the secret holds now."""
    return base64.b64decode(control_plane.get("secret", SECRET, NAMESPACE)["data"]["DATABASE_URL"]).decode()


def _role(name: str, *rules: tuple[dict, ...]) -> dict:
    return {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "Role",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "rules": [rule for group in rules for rule in group],
    }


def _binding(user: str, role: str) -> dict:
    return {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": user, "namespace": NAMESPACE},
        "subjects": [{"kind": "User", "name": user, "apiGroup": _RBAC}],
        "roleRef": {"kind": "Role", "name": role, "apiGroup": _RBAC},
    }
