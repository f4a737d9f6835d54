"""A node without containers: binds pods to itself, says that they run, serves their logs and their metrics.

It stands for scheduler, kubelet and metrics server at once, as far as the control plane and kubectl can see. Nothing
runs in its pods, so `kubectl exec` and `port-forward` do not work.
"""

import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from cluster.served import https, respond

NAME = "node-1"
LINES = (
    "listening on :8080",
    "connection pool: 19 of 20 in use",
    "GET /appointments 200 41ms",
    "connection to postgres timed out after 5000ms",
)
"""What every container has printed; `logs -f` prints the last of them again and again."""

_AGAIN_S = 0.1
_MERGE = {"Content-Type": "application/merge-patch+json"}
_METRICS = "/apis/metrics.k8s.io/v1beta1"


class Node:
    """Runs in two threads of the test's process while the context lasts."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client
        self._over = threading.Event()
        self._addresses = 0
        self.fault: Exception | None = None

    def register(self, port: int) -> None:
        """Say to the API server that there is this node, and who serves the metrics."""
        node = {"metadata": {"name": NAME, "labels": {"kubernetes.io/hostname": NAME}}}
        self._post("/api/v1/nodes", node)
        capacity = {"cpu": "64", "memory": "256Gi", "pods": "500"}
        status = {
            "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
            "capacity": capacity,
            "allocatable": capacity,
            "daemonEndpoints": {"kubeletEndpoint": {"Port": port}},
            "conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "it is ready"}],
        }
        self._patch(f"/api/v1/nodes/{NAME}/status", {"status": status})
        # An ExternalName is the one kind of service that may lead to the loopback interface.
        service = {
            "metadata": {"name": "metrics"},
            "spec": {"type": "ExternalName", "externalName": "localhost", "ports": [{"port": port}]},
        }
        self._post("/api/v1/namespaces/kube-system/services", service)
        api = {
            "metadata": {"name": "v1beta1.metrics.k8s.io"},
            "spec": {
                "group": "metrics.k8s.io",
                "version": "v1beta1",
                "groupPriorityMinimum": 100,
                "versionPriority": 100,
                "insecureSkipTLSVerify": True,
                "service": {"namespace": "kube-system", "name": "metrics", "port": port},
            },
        }
        self._post("/apis/apiregistration.k8s.io/v1/apiservices", api)

    def run(self) -> None:
        """Carry every pod from unbound to ready, and away when it is deleted."""
        while not self._over.wait(_AGAIN_S):
            try:
                for pod in self._pods():
                    self._look(pod)
            except httpx.HTTPError as fault:
                # The API server was busy or is ending; a fault that stays shows in the test, as pods that never run.
                self.fault = fault

    def end(self) -> None:
        self._over.set()

    def _look(self, pod: dict[str, Any]) -> None:
        metadata, spec, status = pod["metadata"], pod["spec"], pod["status"]
        path = f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}"
        if "deletionTimestamp" in metadata:
            gone = {"gracePeriodSeconds": 0, "preconditions": {"uid": metadata["uid"]}}
            self._client.request("DELETE", path, json=gone)
        elif "nodeName" not in spec:
            target = {"apiVersion": "v1", "kind": "Node", "name": NAME}
            self._client.post(f"{path}/binding", json={"metadata": {"name": metadata["name"]}, "target": target})
        elif status.get("phase") != "Running":
            self._client.patch(f"{path}/status", headers=_MERGE, content=json.dumps({"status": self._running(pod)}))

    def _running(self, pod: dict[str, Any]) -> dict[str, Any]:
        self._addresses += 1
        at = pod["metadata"]["creationTimestamp"]
        return {
            "phase": "Running",
            "podIP": f"10.1.{self._addresses // 250}.{self._addresses % 250 + 1}",
            "hostIP": "127.0.0.1",
            "startTime": at,
            "conditions": [
                {"type": kind, "status": "True", "lastTransitionTime": at}
                for kind in ("Initialized", "ContainersReady", "Ready", "PodScheduled")
            ],
            "containerStatuses": [
                {
                    "name": container["name"],
                    "image": container["image"],
                    "imageID": "",
                    "containerID": f"none://{pod['metadata']['uid']}",
                    "ready": True,
                    "started": True,
                    "restartCount": 0,
                    "state": {"running": {"startedAt": at}},
                }
                for container in pod["spec"]["containers"]
            ],
        }

    # --- what the API server asks of it ---

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        url = urlsplit(request.path)
        if url.path.startswith("/containerLogs/"):
            self._logs(request, follow="follow" in parse_qs(url.query))
        elif url.path == _METRICS:
            resources = [
                {"name": name, "singularName": "", "namespaced": namespaced, "kind": kind, "verbs": ["get", "list"]}
                for name, kind, namespaced in (("pods", "PodMetrics", True), ("nodes", "NodeMetrics", False))
            ]
            body = {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": "metrics.k8s.io/v1beta1"}
            respond(request, json.dumps({**body, "resources": resources}).encode())
        elif url.path.startswith(f"{_METRICS}/namespaces/") and url.path.endswith("/pods"):
            self._pod_metrics(request, url.path.split("/")[5])
        else:
            respond(request, b"{}", status=404)

    def _pod_metrics(self, request: BaseHTTPRequestHandler, namespace: str) -> None:
        items = [
            {
                "metadata": {"name": pod["metadata"]["name"], "namespace": namespace},
                "timestamp": pod["metadata"]["creationTimestamp"],
                "window": "30s",
                "containers": [
                    {"name": container["name"], "usage": {"cpu": "240m", "memory": "900Mi"}}
                    for container in pod["spec"]["containers"]
                ],
            }
            for pod in self._pods()
            if pod["metadata"]["namespace"] == namespace and pod["status"].get("phase") == "Running"
        ]
        body = {"kind": "PodMetricsList", "apiVersion": "metrics.k8s.io/v1beta1", "metadata": {}, "items": items}
        respond(request, json.dumps(body).encode())

    def _logs(self, request: BaseHTTPRequestHandler, *, follow: bool) -> None:
        printed = "".join(f"{line}\n" for line in LINES).encode()
        if not follow:
            respond(request, printed, kind="text/plain")
            return
        request.send_response(200)
        request.send_header("Content-Type", "text/plain")
        request.send_header("Transfer-Encoding", "chunked")
        request.end_headers()
        while True:  # ends when the client is gone, or the node
            request.wfile.write(b"%x\r\n%s\r\n" % (len(printed), printed))
            if self._over.wait(0.5):
                request.wfile.write(b"0\r\n\r\n")
                return
            printed = f"{LINES[-1]}\n".encode()

    # --- the API server ---

    def _pods(self) -> list[dict[str, Any]]:
        answer = self._client.get("/api/v1/pods")
        answer.raise_for_status()
        return answer.json()["items"]

    def _post(self, path: str, body: dict[str, Any]) -> None:
        self._client.post(path, json=body).raise_for_status()

    def _patch(self, path: str, body: dict[str, Any]) -> None:
        self._client.patch(path, headers=_MERGE, content=json.dumps(body)).raise_for_status()


@contextlib.contextmanager
def node(client: httpx.Client, certificate, key) -> Iterator[Node]:
    """A node of the control plane that `client` talks to as its administrator."""
    made = Node(client)
    with https(certificate, key, made.answer) as port:
        made.register(port)
        thread = threading.Thread(target=made.run, daemon=True)
        thread.start()
        try:
            yield made
        finally:
            made.end()
            thread.join()
