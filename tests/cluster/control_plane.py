"""A real Kubernetes control plane on free loopback ports: etcd, kube-apiserver, kube-controller-manager, our node.

`make test-kubernetes` builds the programs (`scripts/kubernetes.sh`). Three people can log in, each by a token: the
administrator that the tests are, `stanch` that may change the namespace it is bound to, and `reader` that may only
read there. Every request stands in the audit log, which is how a test knows what was changed, and how often.
"""

import contextlib
import json
import secrets
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from cluster.gate import Gate, gate
from cluster.node import Node, node

READY_S = 120.0
_CERTIFICATE, _KEY = "tls.crt", "tls.key"
_USERS = {"admin": "system:masters", "stanch": "", "reader": ""}
_CONTROLLERS = ("deployment", "replicaset", "endpoint", "namespace", "garbagecollector", "root-ca-cert-publisher")
_CHANGE = ("create", "update", "patch", "delete")
_AUDIT = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [
        {"level": "Metadata", "verbs": list(_CHANGE)},
        {"level": "Metadata", "users": ["stanch", "reader"]},
        {"level": "None"},
    ],
}


class NotBuilt(Exception):
    """A program of the control plane is not there."""


class Ended(Exception):
    """A program of the control plane ended by itself. The argument is the end of what it said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request that was let through, as the audit log has it."""

    user: str
    verb: str
    resource: str
    namespace: str
    name: str
    agent: str


@dataclass(kw_only=True)
class ControlPlane:
    """A running one. `programs` holds kubectl and helm, `folder` everything that it writes."""

    programs: Path
    folder: Path
    url: str
    tokens: dict[str, str]
    admin: Path
    client: httpx.Client
    gate: Gate
    node: Node

    def kubeconfig(self) -> Path:
        """As a team has it: a context for `stanch`, which is the current one, and one for the `reader`."""
        tokens = {user: token for user, token in self.tokens.items() if user != "admin"}
        return _kubeconfig(self.folder, self.url, "stanch", tokens)

    def kubectl(self, *arguments: str, text: str | None = None) -> str:
        """What kubectl prints for the administrator. Raises CalledProcessError."""
        return self._run("kubectl", arguments, text)

    def helm(self, *arguments: str) -> str:
        """What helm prints for the administrator. Raises CalledProcessError."""
        return self._run("helm", arguments, None)

    def get(self, kind: str, name: str, namespace: str) -> dict[str, Any]:
        return json.loads(self.kubectl("get", kind, name, "-n", namespace, "-o", "json"))

    def apply(self, *documents: dict[str, Any]) -> None:
        items = {"apiVersion": "v1", "kind": "List", "items": list(documents)}
        self.kubectl("apply", "-f", "-", text=json.dumps(items))

    def _run(self, program: str, arguments: tuple[str, ...], text: str | None) -> str:
        done = subprocess.run(
            [self.programs / program, *arguments],
            input=text,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            env={"KUBECONFIG": str(self.admin), "HOME": str(self.folder), "PATH": "/usr/bin:/bin"},
        )
        if done.returncode != 0:
            raise subprocess.CalledProcessError(done.returncode, [program, *arguments], done.stdout, done.stderr)
        return done.stdout

    def changes(self, namespace: str, user: str = "stanch") -> tuple[Request, ...]:
        """All that a user changed in a namespace, in order."""
        return tuple(each for each in self.requests(namespace, user) if each.verb in _CHANGE)

    def requests(self, namespace: str, user: str) -> tuple[Request, ...]:
        """All that a user asked for in a namespace, and was given, in order."""
        found = []
        for line in (self.folder / "audit.log").read_text().splitlines():
            event = json.loads(line)
            target = event.get("objectRef", {})
            if event["user"]["username"] != user or target.get("namespace") != namespace:
                continue
            if event["stage"] != "ResponseComplete" or event["responseStatus"]["code"] >= 300:
                continue
            sub = target.get("subresource")
            found.append(
                Request(
                    user=user,
                    verb=event["verb"],
                    resource=target["resource"] + (f"/{sub}" if sub else ""),
                    namespace=namespace,
                    name=target.get("name", ""),
                    agent=event.get("userAgent", "").split("/")[0],
                )
            )
        return tuple(found)


@contextlib.contextmanager
def control_plane(programs: Path, folder: Path) -> Iterator[ControlPlane]:
    """Start one, and end it. Raises NotBuilt, Ended."""
    for program in ("etcd", "kube-apiserver", "kube-controller-manager", "kubectl", "helm"):
        if not (programs / program).is_file():
            raise NotBuilt(f"{programs / program} is not there: `make test-kubernetes` builds it.")
    folder.mkdir(parents=True, exist_ok=True)
    certificate, key = _certificate(folder)
    tokens = {user: secrets.token_hex(16) for user in _USERS}
    lines = [f'{token},{user},{user},"{_USERS[user]}"' for user, token in tokens.items()]
    (folder / "tokens.csv").write_text("\n".join(lines) + "\n")
    (folder / "audit-policy.json").write_text(json.dumps(_AUDIT))
    with contextlib.ExitStack() as stack:
        client_port, peer_port, port = _free_ports(3)
        etcd = f"http://127.0.0.1:{client_port}"
        url = f"https://127.0.0.1:{port}"
        stack.enter_context(_process(folder, _etcd(programs, folder, etcd, f"http://127.0.0.1:{peer_port}")))
        server = stack.enter_context(_process(folder, _apiserver(programs, folder, etcd, port)))
        client = stack.enter_context(
            httpx.Client(
                base_url=url,
                headers={"Authorization": f"Bearer {tokens['admin']}"},
                verify=ssl.create_default_context(cafile=certificate),
                trust_env=False,
                timeout=60,
            )
        )
        _wait_until_ready(client, server)
        admin = _kubeconfig(folder, url, "admin", {"admin": tokens["admin"]})
        stack.enter_context(_process(folder, _manager(programs, admin, certificate)))
        made = ControlPlane(
            programs=programs,
            folder=folder,
            url=url,
            tokens=tokens,
            admin=admin,
            client=client,
            gate=stack.enter_context(gate(client, certificate, key)),
            node=stack.enter_context(node(client, certificate, key)),
        )
        yield made


# --- the programs ----------------------------------------------------------------------------------------------------


def _etcd(programs: Path, folder: Path, client: str, peer: str) -> list[str]:
    return [
        str(programs / "etcd"),
        f"--data-dir={folder / 'etcd'}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
        "--unsafe-no-fsync",
        "--log-level=warn",
    ]


def _apiserver(programs: Path, folder: Path, etcd: str, port: int) -> list[str]:
    certificate, key = folder / _CERTIFICATE, folder / _KEY
    return [
        str(programs / "kube-apiserver"),
        f"--etcd-servers={etcd}",
        "--bind-address=127.0.0.1",
        f"--secure-port={port}",
        "--endpoint-reconciler-type=none",
        f"--tls-cert-file={certificate}",
        f"--tls-private-key-file={key}",
        f"--cert-dir={folder}",
        f"--token-auth-file={folder / 'tokens.csv'}",
        "--authorization-mode=RBAC",
        "--anonymous-auth=false",
        "--service-cluster-ip-range=10.0.0.0/24",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={certificate}",
        f"--service-account-signing-key-file={key}",
        "--disable-admission-plugins=ServiceAccount",
        "--kubelet-preferred-address-types=InternalIP",
        f"--audit-policy-file={folder / 'audit-policy.json'}",
        f"--audit-log-path={folder / 'audit.log'}",
    ]


def _manager(programs: Path, kubeconfig: Path, certificate: Path) -> list[str]:
    return [
        str(programs / "kube-controller-manager"),
        f"--kubeconfig={kubeconfig}",
        f"--controllers={','.join(_CONTROLLERS)}",
        f"--root-ca-file={certificate}",
        "--leader-elect=false",
        "--port=0",
        "--secure-port=0",
    ]


@contextlib.contextmanager
def _process(folder: Path, command: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    """A program that runs while the context lasts; what it says is in a file of its name."""
    with (folder / f"{Path(command[0]).name}.log").open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_ready(client: httpx.Client, server: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + READY_S
    said = ""
    while time.monotonic() < end:
        if server.poll() is not None:
            raise Ended(f"kube-apiserver ended with status {server.returncode}; see its log.")
        try:
            answer = client.get("/readyz?verbose")
        except httpx.TransportError as error:
            said = str(error)
        else:
            if answer.status_code == 200:
                return
            said = answer.text
        time.sleep(0.1)
    raise Ended(f"kube-apiserver was not ready within {READY_S:g} s: {said}")


# --- what they are given ---------------------------------------------------------------------------------------------


def _certificate(folder: Path) -> tuple[Path, Path]:
    certificate, key = folder / _CERTIFICATE, folder / _KEY
    subprocess.run(
        (
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=stanch tests"),
            *("-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost", "-keyout", str(key), "-out", str(certificate)),
        ),
        check=True,
        capture_output=True,
    )
    return certificate, key


def _kubeconfig(folder: Path, url: str, user: str, tokens: Mapping[str, str]) -> Path:
    path = folder / f"{user}.kubeconfig"
    cluster = {"server": url, "certificate-authority": str(folder / _CERTIFICATE)}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "tests", "cluster": cluster}],
        "users": [{"name": name, "user": {"token": token}} for name, token in tokens.items()],
        "contexts": [{"name": name, "context": {"cluster": "tests", "user": name}} for name in tokens],
        "current-context": user,
    }
    path.write_text(json.dumps(document))
    path.chmod(0o600)
    return path


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in held:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in held]
