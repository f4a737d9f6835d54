"""An admission webhook that lets the tests hold a change in flight: asked for, and not made yet.

The API server asks it before it makes any of the watched changes. While a change is held, the command that asked for
it waits, exactly as it would for a slow cluster.
"""

import base64
import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import httpx

from cluster.served import https, respond

LONGEST_S = 30
"""The API server waits no longer for a webhook; a change that is held longer is refused by it."""

_RULES = [
    {"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"], "resources": ["deployments"]},
    {"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["UPDATE"], "resources": ["deployments/scale"]},
    {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"], "resources": ["secrets"]},
    {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["DELETE"], "resources": ["configmaps"]},
]


class Held:
    """One change that is held, or that will be as soon as it is asked for."""

    def __init__(self, operation: str, resource: str, name: str) -> None:
        self.operation = operation
        self.resource = resource
        self.name = name
        self.arrived = threading.Event()
        self.released = threading.Event()

    def is_of(self, asked: dict) -> bool:
        resource = asked["resource"]["resource"] + (f"/{asked['subResource']}" if asked.get("subResource") else "")
        name = asked.get("name") or asked["object"]["metadata"]["name"]
        return (self.operation, self.resource, self.name) == (asked["operation"], resource, name)


class Gate:
    """Lets everything through but what is `held`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: list[Held] = []

    @contextlib.contextmanager
    def held(self, operation: str, resource: str, name: str) -> Iterator[Held]:
        """Hold the next change of that kind (`UPDATE`, `deployments/scale`, `api-gateway`) until the context ends."""
        held = Held(operation, resource, name)
        with self._lock:
            self._held.append(held)
        try:
            yield held
        finally:
            held.released.set()
            with self._lock:
                self._held = [each for each in self._held if each is not held]

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        review = json.loads(request.rfile.read(int(request.headers["Content-Length"])))
        asked = review["request"]
        with self._lock:
            held = next((each for each in self._held if each.is_of(asked)), None)
            if held is not None:
                self._held.remove(held)
        if held is not None:
            held.arrived.set()
            held.released.wait(LONGEST_S)
        response = {"uid": asked["uid"], "allowed": True}
        body = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response}
        respond(request, json.dumps(body).encode())


@contextlib.contextmanager
def gate(client: httpx.Client, certificate: Path, key: Path) -> Iterator[Gate]:
    """A gate before the changes in the namespaces with the label `gated: "yes"`."""
    made = Gate()
    with https(certificate, key, made.answer) as port:
        hook = {
            "name": "gate.example.com",
            "clientConfig": {
                "url": f"https://127.0.0.1:{port}/admit",
                "caBundle": base64.b64encode(certificate.read_bytes()).decode(),
            },
            "namespaceSelector": {"matchLabels": {"gated": "yes"}},
            "rules": _RULES,
            "sideEffects": "None",
            "admissionReviewVersions": ["v1"],
            "timeoutSeconds": LONGEST_S,
            "failurePolicy": "Fail",
        }
        path = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
        client.post(path, json={"metadata": {"name": "gate"}, "webhooks": [hook]}).raise_for_status()
        try:
            yield made
        finally:
            client.delete(f"{path}/gate").raise_for_status()
