"""The releases that the clinic can be started into, one file each (`v1_8_2.py` holds `RELEASE`)."""

import importlib
import pkgutil
from collections.abc import Mapping

from clinic.releases.release import Release


def available() -> Mapping[str, Release]:
    """By version, the oldest first."""
    modules = (
        importlib.import_module(f"{__name__}.{found.name}")
        for found in pkgutil.iter_modules(__path__)
        if found.name.startswith("v")
    )
    releases: list[Release] = [module.RELEASE for module in modules]
    return {release.version: release for release in sorted(releases, key=_order)}


def _order(release: Release) -> tuple[int, ...]:
    return tuple(int(part) for part in release.version.split("."))


__all__ = ["Release", "available"]
