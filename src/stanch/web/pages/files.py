"""The files of the console itself."""

from litestar import Response, get
from litestar.params import FromPath

from stanch.model.problem import NotFound
from stanch.web import assets, gate
from stanch.web.pages.frame import Asked


@get("/static/{file:str}", opt=gate.PUBLIC)
async def send_asset(request: Asked, file: FromPath[str]) -> Response[bytes]:
    """A file of the console; its name changes with its content, so it is kept for good."""
    asset = assets.find(file)
    if asset is None:
        raise NotFound("There is no such file.", hint="Load the page again: its files were replaced.")
    compressed = "gzip" in request.headers.get("accept-encoding", "")
    headers = {"Cache-Control": "public, max-age=31536000, immutable", "Vary": "Accept-Encoding"}
    if compressed:
        headers["Content-Encoding"] = "gzip"
    return Response(asset.compressed if compressed else asset.plain, media_type=asset.media_type, headers=headers)


handlers = [send_asset]
