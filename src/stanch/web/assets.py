"""The files that the browser loads: ours, and htmx out of its package. Named by content, so they are kept for good."""

import gzip
import hashlib
from importlib import resources

from stanch.model.record import record

_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}


@record
class Asset:
    """A file in memory, as it is and compressed."""

    address: str
    media_type: str
    plain: bytes
    compressed: bytes


def _asset(name: str, content: bytes) -> Asset:
    stem, _, ending = name.rpartition(".")
    version = hashlib.sha256(content).hexdigest()[:10]
    return Asset(
        address=f"{stem}.{version}.{ending}",
        media_type=_TYPES[f".{ending}"],
        plain=content,
        compressed=gzip.compress(content, mtime=0),
    )


def _load() -> dict[str, Asset]:
    ours = resources.files("stanch.web") / "static"
    found = {file.name: _asset(file.name, file.read_bytes()) for file in ours.iterdir()}
    htmx = resources.files("js_lib_htmx") / "static" / "htmx" / "htmx.min.js"
    return {**found, "htmx.js": _asset("htmx.js", htmx.read_bytes())}


_BY_NAME = _load()
_BY_ADDRESS = {asset.address: asset for asset in _BY_NAME.values()}


def address(name: str) -> str:
    """Where `stanch.css` and the others are, with the version of their content in the name."""
    return f"/static/{_BY_NAME[name].address}"


def find(file: str) -> Asset | None:
    """The asset of an address; None for any other."""
    return _BY_ADDRESS.get(file)
