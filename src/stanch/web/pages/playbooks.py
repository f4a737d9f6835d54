"""The playbooks as they read, and what each line became."""

from collections.abc import Sequence
from typing import Any

from litestar import get
from litestar.params import FromPath

from stanch.incidents import timeline
from stanch.learning import afterwards
from stanch.model.plan import Plan, Playbook, Threshold
from stanch.model.problem import NotFound, Problem
from stanch.model.rule import Evaluation
from stanch.web import rendering
from stanch.web.pages import frame
from stanch.web.pages.frame import Asked, Html
from stanch.web.rendering import Part
from stanch.web.served import served_by
from stanch.web.views import drift, playbook, practice
from stanch.web.views.playbook import PlaybookView


@get("/playbooks")
async def list_playbooks(request: Asked) -> Html:
    """The documents, and what became of them."""
    served = served_by(request)
    views = [await _playbook(request, number) for number in range(1, len(served.plan.playbooks) + 1)]
    homeless = [problem for problem in served.problems if problem.source is None]
    drifts = await served.store.read(drift.read)
    return frame.page(request, "playbooks.html", place="playbooks", views=views, problems=homeless, drifts=drifts)


@get("/playbooks/{number:int}")
async def show_playbook(request: Asked, number: FromPath[int]) -> Html:
    """One document as it reads, and what each line became."""
    view = await _playbook(request, number)
    position = await served_by(request).store.read(timeline.position)
    drifts = await served_by(request).store.read(drift.read)
    parts = {int(part.name[1:]): part.html for part in _margins(view)}
    return frame.page(
        request,
        "playbook.html",
        place="playbooks",
        live=True,
        view=view,
        position=position,
        margins=parts,
        drift=drifts.get(view.path),
        seen=set(),
    )


@get("/playbooks/{number:int}/live")
async def update_playbook(request: Asked, number: FromPath[int]) -> Html:
    """The margins that changed."""
    return frame.changed(request, _margins(await _playbook(request, number)))


async def _playbook(request: Asked, number: int) -> PlaybookView:
    served = served_by(request)
    found = _document(served.plan, number)
    evaluations = {
        (each.rule.source.path, each.rule.source.line, each.rule.signal): each
        for each in served.watcher.evaluations()
        if each.rule.source.path == found.path
    }
    sparks = await frame.gallery(request).sparks(tuple(evaluations.values()))

    def live(threshold: Threshold) -> tuple[Evaluation, Any] | None:
        each = evaluations.get((threshold.source.path, threshold.source.line, threshold.signal or ""))
        return None if each is None or not threshold.armed else (each, sparks[each.rule.id])

    practised = await served.store.read(afterwards.practices)
    return practice.beside(playbook.view(found, number, _problems(served.problems, found), live), found, practised)


def _document(plan: Plan, number: int) -> Playbook:
    if not 1 <= number <= len(plan.playbooks):
        raise NotFound(f"There is no playbook {number}.", hint="The list of playbooks shows those there are.")
    return plan.playbooks[number - 1]


def _problems(problems: Sequence[Problem], found: Playbook) -> Sequence[Problem]:
    of_plan = [each for each in problems if each.source is not None and each.source.path == found.path]
    return [*found.problems, *(each for each in of_plan if each not in found.problems)]


def _margins(view: PlaybookView) -> list[Part]:
    return [
        rendering.part(f"m{line.row.number}", "parts/margin_part.html", line=line) for line in view.rows if line.live
    ]


handlers = [list_playbooks, show_playbook, update_playbook]
