"""Programs of commands: whether each stands where commands of the playbooks look for programs.

Asked: the directories of `commands.path`, and nothing is run.
"""

import shutil
from collections.abc import Iterator

from stanch.drift.outside import Outside
from stanch.drift.reading import stages
from stanch.model.drift import Named, Verdict, exists, gone, unasked
from stanch.model.plan import Plan

KINDS = ("program",)


def names(plan: Plan) -> Iterator[Named]:
    for step, argv in stages(plan):
        if argv[0]:
            yield Named(kind="program", name=argv[0], source=step.source)


async def ask(named: Named, outside: Outside) -> Verdict:
    if not outside.path:
        return unasked("no path is set on which programs are looked for")
    found = shutil.which(named.name, path=outside.path)
    return exists(found) if found else gone("it is not on the path that commands are given")
