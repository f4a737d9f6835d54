"""Answering a question by the signed link of a message: as the person it was sent to, and nothing else."""

from typing import Any

import structlog
from litestar import Request, Response, get, post
from litestar.params import FromPath
from sqlalchemy import Connection

from stanch.comms.links import BadLink, Links
from stanch.model.problem import NotFound, Refused, StanchError
from stanch.model.record import record
from stanch.model.run import Filled, Run, StepRecord, StepState
from stanch.response import runs, slots
from stanch.response.approvals import VALID_S, people_missing
from stanch.web import auth, bodies, gate, rendering
from stanch.web.auth import Caller
from stanch.web.served import Served, served_by
from stanch.web.throttle import Throttle

VIA = "by a signed link"

_log = structlog.get_logger("stanch.web")


@record
class Asked:
    """What a link asks: the step as it is proposed now, of whom, and how many more must say yes."""

    run: Run
    step: StepRecord
    person: str
    missing: int
    expires_at: float

    @property
    def filled(self) -> tuple[Filled, ...]:
        """The values as others may see them."""
        return slots.shown(self.step).filled


def look(connection: Connection, links: Links, token: str, caller: str | None, now: float) -> Asked:
    """The question of a link, not used up. `caller` is who is logged in besides. Raises BadLink, Refused."""
    question = links.read(connection, token, now)
    if caller is not None and caller != question.person:
        raise Refused(
            f"This link is {question.person}'s, and you are logged in as {caller}.",
            hint="Nothing was approved. Answer as yourself in the console.",
        )
    if not auth.may_respond(connection, question.person):
        raise BadLink(f"{question.person} may not approve here any more.", hint="Nothing was approved.")
    try:
        run = runs.get(connection, question.run)
        step = next(step for step in run.steps if step.key == question.step)
    except (NotFound, StopIteration) as error:
        raise BadLink("What this link asks about is gone.", hint="Nothing was approved.") from error
    if step.state is not StepState.PROPOSED or step.digest != question.digest:
        raise BadLink(
            f"'{step.text}' is not asked as it was when this link was sent; it is {step.state}.",
            hint="Nothing was approved. Look at it in the console.",
        )
    good_until = min([question.expires_at, *(given.at + VALID_S for given in step.approvals)])
    return Asked(run=run, step=step, person=question.person, missing=people_missing(step), expires_at=good_until)


def answer(connection: Connection, served: Served, asked: Asked, token: str, *, reason: str) -> Asked:
    """The person's yes; the link is used up with it, or stays good where it is refused. Raises BadLink, Refused."""
    now = served.clock.now()
    question = served.links.use(connection, token, now)
    runs.approve(
        connection,
        question.run,
        question.step,
        question.digest,
        by=question.person,
        reason=reason,
        now=now,
        approvers=served.approvers,
        via=VIA,
    )
    run = runs.get(connection, question.run)
    step = next(step for step in run.steps if step.key == question.step)
    return Asked(run=run, step=step, person=asked.person, missing=people_missing(step), expires_at=asked.expires_at)


@get("/approve/{token:str}", opt=gate.PUBLIC)
async def show_question(request: Request[Any, Any, Any], token: FromPath[str]) -> Response[str]:
    """What is asked, and a button: what only looks at links approves nothing and uses nothing up."""
    _count(request)
    served, caller = served_by(request), _caller(request)
    now = served.clock.now()
    asked = await served.store.read(
        lambda rows: look(rows, served.links, token, None if caller is None else caller.person, now)
    )
    _log.info("a link to approve was opened", run=asked.step.run_id, step=asked.step.key, person=asked.person)
    return _page(request, asked, token)


@post("/approve/{token:str}", opt=gate.PUBLIC, status_code=200)
async def answer_question(request: Request[Any, Any, Any], token: FromPath[str]) -> Response[str]:
    """Yes, by the person whom the link was sent to; the link is used up."""
    _count(request)
    served, caller = served_by(request), _caller(request)
    body = await bodies.form_body(request, bodies.OptionalReason)
    now = served.clock.now()

    def write(rows: Connection) -> Asked:
        asked = look(rows, served.links, token, None if caller is None else caller.person, now)
        return answer(rows, served, asked, token, reason=body.reason)

    try:
        asked = await served.store.write(write)
    except StanchError as refused:
        _log.warning("a link to approve was refused", because=refused.message)
        raise
    _log.info("a link to approve was used", run=asked.step.run_id, step=asked.step.key, person=asked.person)
    return _page(request, asked, token, done=True)


def _page(request: Request[Any, Any, Any], asked: Asked, token: str, *, done: bool = False) -> Response[str]:
    served, caller = served_by(request), _caller(request)
    now, plan = served.clock.now(), served.plan.hash
    values: dict[str, Any] = {"asked": asked, "token_text": token, "done": done, "caller": caller, "place": ""}
    return rendering.page("approve.html", now=now, plan_hash=plan, may=False, **values)


def _caller(request: Request[Any, Any, Any]) -> Caller | None:
    caller: Caller | None = request.scope.get("user")
    return caller


def _count(request: Request[Any, Any, Any]) -> None:
    """A try: what is guessed at is slowed down."""
    throttle: Throttle = request.app.state.throttle
    throttle.count(request.client.host if request.client else "unknown")


handlers = [show_question, answer_question]
