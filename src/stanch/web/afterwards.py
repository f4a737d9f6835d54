"""What people really did, and the patch that it suggests: for programs, and as a file for people."""

import asyncio
from pathlib import Path
from typing import Any

from litestar import Request, Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from stanch.connectors.files import documents
from stanch.incidents import lifecycle
from stanch.learning import afterwards
from stanch.learning.patch import Patch
from stanch.model.problem import NotFound, Unusable
from stanch.playbook.compile import compile_playbooks
from stanch.store.rows import to_values
from stanch.web.served import served_by

Asked = Request[Any, Any, Any]


@get("/api/steps")
async def list_steps(request: Asked) -> dict[str, Any]:
    """Every step that ever ran, with its statistics."""
    found = await served_by(request).store.read(afterwards.practices)
    return {"steps": [to_values(each) for each in found.values()]}


@get("/api/reviews/{incident_id:str}/patch")
async def show_patch(request: Asked, incident_id: FromPath[str]) -> dict[str, Any]:
    """The patch of each playbook that the incident was run by. Refused where one has changed since."""
    return {"patches": [to_values(each) for each in await _patches(request, incident_id)]}


@get("/reviews/{incident_id:str}/patch")
async def download_patch(request: Asked, incident_id: FromPath[str]) -> Response[str]:
    """The same as a file."""
    text = "".join(each.diff for each in await _patches(request, incident_id))
    if not text:
        raise NotFound(
            f"Incident {incident_id} suggests no patch.",
            hint="No habit of at least 3 runs, and nothing done by hand, differs from the playbook.",
        )
    number = "".join(character for character in incident_id if character.isalnum())
    headers = {"Content-Disposition": f'attachment; filename="incident-{number}.diff"'}
    return Response(text, media_type="text/x-diff; charset=utf-8", headers=headers)


async def _patches(request: Asked, incident_id: str) -> tuple[Patch, ...]:
    served = served_by(request)
    incident = await served.store.read(lambda rows: lifecycle.get(rows, incident_id))
    pinned = served.plan_of(incident)
    paths = [Path(each.path) for each in pinned.playbooks]
    current = await asyncio.to_thread(_as_they_are, paths)
    now = served.clock.now()
    return await served.store.read(lambda rows: afterwards.patch_after(rows, incident_id, pinned, current, now))


def _as_they_are(paths: list[Path]) -> dict[str, str]:
    """The documents on disk as a reader takes them; one that cannot be read is left out, and so has changed."""
    found: dict[str, str] = {}
    for path in paths:
        try:
            read = compile_playbooks(documents([path]))
        except Unusable:
            continue
        found |= {playbook.path: playbook.text for playbook in read.playbooks}
    return found


handlers: list[HTTPRouteHandler] = [list_steps, show_patch, download_patch]
