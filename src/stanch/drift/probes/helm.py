"""Releases of helm commands: whether the cluster still has them.

Asked: `helm status RELEASE`, with the kubeconfig and the context of `[drift]`. It reads the release's secrets, so the
identity must be let see them; one that is not gives no answer, never "gone".
"""

import re
import shutil
from collections.abc import Iterator

from stanch.drift.outside import Outside
from stanch.drift.reading import is_open, option, stages
from stanch.model.drift import Named, Verdict, exists, gone, unasked
from stanch.model.plan import Plan

KINDS = ("release",)

_VERBS = frozenset({"rollback", "upgrade", "status", "history", "get", "test", "uninstall"})
_GETS = frozenset({"all", "hooks", "manifest", "metadata", "notes", "values"})


def names(plan: Plan) -> Iterator[Named]:
    for step, argv in stages(plan):
        if argv[0].rpartition("/")[2] != "helm" or len(argv) < 3 or argv[1] not in _VERBS or "--install" in argv:
            continue
        name = argv[3] if argv[1] == "get" and argv[2] in _GETS and len(argv) > 3 else argv[2]
        if name.startswith("-") or is_open(name, step):
            continue
        found = (("context", option(argv, "--kube-context")), ("namespace", option(argv, "-n", "--namespace")))
        where = tuple((key, value) for key, value in found if value and not is_open(value, step))
        yield Named(kind="release", name=name, where=where, source=step.source)


async def ask(named: Named, outside: Outside) -> Verdict:
    helm = shutil.which("helm", path=outside.path)
    if helm is None:
        return unasked("there is no helm to ask with")
    settings = outside.settings
    context = named.at("context") or settings.kube_context
    namespace = named.at("namespace")
    argv = [helm, "status", named.name, *(["-n", namespace] if namespace else [])]
    argv += ["--kube-context", context] if context else []
    argv += ["--kubeconfig", str(settings.kubeconfig)] if settings.kubeconfig else []
    ended = await outside.run(argv)
    if ended.status == 0:
        return exists("the cluster has it")
    said = (ended.err.strip().splitlines() or ["helm said nothing"])[-1][:300]
    return gone(said) if re.search(r"release: not found", ended.err) else unasked(said)
