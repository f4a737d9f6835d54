"""Contexts, namespaces and objects of kubectl commands: whether the cluster still has them.

Asked: `kubectl config get-contexts` for a context, `kubectl get TYPE/NAME -o name` for all else, with the kubeconfig
and the context of `[drift]`. An identity that may only read is enough; what it may not see is not asked, never gone.
"""

import re
import shutil
from collections.abc import Iterator

from stanch.drift.outside import Outside
from stanch.drift.reading import is_open, option, stages
from stanch.model.drift import Named, Verdict, exists, gone, unasked
from stanch.model.plan import Plan

KINDS = ("context", "namespace", "object")

_TYPES = frozenset({
    "deployment", "deployments", "deploy", "statefulset", "statefulsets", "sts", "daemonset", "daemonsets", "ds",
    "service", "services", "svc", "configmap", "configmaps", "cm", "secret", "secrets", "ingress", "ingresses", "ing",
    "cronjob", "cronjobs", "cj", "job", "jobs", "node", "nodes", "no", "persistentvolumeclaim", "pvc",
    "horizontalpodautoscaler", "hpa", "networkpolicy", "netpol", "serviceaccount", "sa",
})  # fmt: skip
"""What lasts; a pod's name does not, so it is no drift that it is gone."""

_CLUSTER_WIDE = frozenset(["node", "nodes", "no"])
_MISSING = re.compile(r"\(NotFound\)|not found$", re.MULTILINE)
_NO_CONTEXT = re.compile(r"context .* (?:not found|does not exist)")


def names(plan: Plan) -> Iterator[Named]:
    for step, argv in stages(plan):
        if argv[0].rpartition("/")[2] not in {"kubectl", "oc", "helm"}:
            continue
        context = _known(option(argv, "--context", "--kube-context"))
        namespace = _known(option(argv, "-n", "--namespace"))
        if context:
            yield Named(kind="context", name=context, source=step.source)
        within = tuple((key, value) for key, value in (("context", context),) if value)
        if namespace and "--create-namespace" not in argv:
            yield Named(kind="namespace", name=namespace, where=within, source=step.source)
        if argv[0].endswith("helm"):
            continue
        for object_ in _objects(argv):
            if not is_open(object_, step):
                wide = object_.partition("/")[0] in _CLUSTER_WIDE
                place = within if wide or not namespace else (*within, ("namespace", namespace))
                yield Named(kind="object", name=object_, where=place, source=step.source)


def _known(word: str | None) -> str | None:
    return None if word is None or is_open(word) else word


_MAKING = frozenset({"create", "delete", "run", "expose", "apply", "replace", "config"})


def _objects(argv: tuple[str, ...]) -> Iterator[str]:
    """`TYPE/NAME` words and `TYPE NAME` pairs, but for those of commands that make or end them."""
    words = argv[1 : argv.index("--")] if "--" in argv else argv[1:]
    if _MAKING & set(words[:3]):
        return
    for first, before, word in zip(("", "", *words), ("", *words), words, strict=False):
        kind, slash, name = word.partition("/")
        if slash and kind.lower() in _TYPES and name and "/" not in name and not before.startswith("--"):
            yield f"{kind.lower()}/{name}"
        elif before.lower() in _TYPES and re.fullmatch(r"[a-z0-9][a-z0-9.-]*", word) and not first.startswith("-"):
            yield f"{before.lower()}/{word}"


async def ask(named: Named, outside: Outside) -> Verdict:
    kubectl = shutil.which("kubectl", path=outside.path)
    if kubectl is None:
        return unasked("there is no kubectl to ask with")
    settings = outside.settings
    begin = [kubectl, *(["--kubeconfig", str(settings.kubeconfig)] if settings.kubeconfig else [])]
    if named.kind == "context":
        ended = await outside.run([*begin, "config", "get-contexts", named.name, "-o", "name"])
        if ended.status == 0:
            return exists("the kubeconfig has it")
        said = _short(ended.err)
        return gone("the kubeconfig has no such context") if _NO_CONTEXT.search(ended.err) else unasked(said)
    context = named.at("context") or settings.kube_context
    namespace = named.at("namespace")
    argv = [*begin, f"--request-timeout={settings.timeout_s:g}s"]
    argv += ["--context", context] if context else []
    argv += ["-n", namespace] if namespace else []
    what = f"namespace/{named.name}" if named.kind == "namespace" else named.name
    ended = await outside.run([*argv, "get", what, "-o", "name"])
    if ended.status == 0:
        return exists("the cluster has it")
    # A type that the server does not know is not gone: while part of its API is away, it knows fewer.
    if _MISSING.search(ended.err) and not _NO_CONTEXT.search(ended.err):
        return gone(_short(ended.err))
    return unasked(_short(ended.err))


def _short(text: str) -> str:
    lines = [line for line in text.strip().splitlines() if line.strip()]
    return (lines[-1] if lines else "kubectl said nothing")[:300]
