"""What this machine can do: some commands need Linux, and say so in a sentence where it is another system."""

from typing import Any

import typer

from stanch.model.problem import Unusable

NEED_LINUX = ("up", "demo")
"""They start processes and must find them again after a crash, which Linux alone shows (in `/proc`)."""

_NOT_EVERYWHERE = frozenset({"fcntl", "grp", "pwd", "resource", "termios"})
"""Modules of Python that Windows does not have."""

_NAMES = {"darwin": "macOS", "win32": "Windows", "cygwin": "Windows", "freebsd": "FreeBSD"}


def system_of(platform: str) -> str:
    """What people call a `sys.platform`."""
    return _NAMES.get(platform.rstrip("0123456789") if platform not in _NAMES else platform, platform)


def refusal(command: str, platform: str) -> Unusable | None:
    """Why `stanch COMMAND` cannot be run on this platform; None where it can."""
    if platform == "linux" or command not in NEED_LINUX:
        return None
    return Unusable(
        f"`stanch {command}` needs Linux, and this is {system_of(platform)}: what it starts could not be found again "
        "after a crash.",
        hint="Nothing was started. Run it on a Linux host, in a container or in a virtual machine. Here work "
        "`stanch check`, `risk`, `diagnose` and `run preview`, and with --url and STANCH_TOKEN all that ask a server.",
    )


def not_here(error: ModuleNotFoundError, platform: str) -> Unusable | None:
    """The refusal where a part of Python is missing that this system does not have; None where it is another one."""
    if platform == "linux" or error.name not in _NOT_EVERYWHERE:
        return None
    return Unusable(
        f"This cannot be done on {system_of(platform)}: it needs Python's `{error.name}`, which is not there.",
        hint="Nothing was changed. Use Linux, a container or a virtual machine for it. Here work `stanch check` and "
        "`stanch risk`, and with --url and STANCH_TOKEN all that ask a server.",
    )


def stand_in(name: str, because: Unusable) -> Any:
    """A command in the place of one that cannot be run here: it is listed, and refuses with `because`."""
    app = typer.Typer(add_completion=False, help="Needs Linux.")

    @app.command(help="Needs Linux.", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
    def refuse() -> None:
        raise because

    command = typer.main.get_command(app)
    command.name = name
    return command
