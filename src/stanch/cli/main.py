"""The command line. Each command is one file beside this one and is imported only when it is asked for."""

import importlib
import sys
from collections.abc import Sequence
from typing import Any

import typer
from typer.core import TyperGroup

from stanch import __version__
from stanch.cli.machine import not_here, refusal, stand_in
from stanch.cli.output import print_error
from stanch.model.problem import NotFound, Refused, StanchError
from stanch.model.record import record

COMMANDS = (
    "demo",
    "up",
    "check",
    "risk",
    "diagnose",
    "incident",
    "run",
    "control",
    "mark",
    "review",
    "rules",
    "verify",
    "login",
    "token",
)
"""The commands in the order of `--help`; the module of each is `stanch.cli.<name>`."""


@record
class Entry:
    """What the entry point hands down: `serve` names the web server's function as `module:function`.

    `platform` is Python's name of the system.
    """

    serve: str
    platform: str = sys.platform


class Commands(TyperGroup):
    """Imports a command's module when it is run: `stanch risk` does not pay for the web server."""

    def list_commands(self, ctx: Any) -> list[str]:
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            return None
        entry = None if ctx is None else ctx.find_root().obj
        because = None if entry is None else refusal(cmd_name, entry.platform)
        if because is not None:
            return stand_in(cmd_name, because)
        module = importlib.import_module(f"stanch.cli.{cmd_name}")
        command = typer.main.get_command(module.app)
        command.name = cmd_name
        return command


app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(value: bool) -> None:  # noqa: FBT001 - typer's callback has this form
    if value:
        typer.echo(f"stanch {__version__}")
        raise typer.Exit


@app.callback()
def stanch(
    *,
    version: bool = typer.Option(False, "--version", callback=_show_version, is_eager=True, help="Say the version."),
) -> None:
    """Incident playbooks in plain Markdown, run.

    Exit status: 0 as asked; 1 the answer is no (problems found, refused, not verified); 2 it could not be done at all.
    """


def run(arguments: Sequence[str], *, serve: str, platform: str = sys.platform) -> int:
    """Run one command; returns the exit status. What people must act on is one sentence, never a traceback."""
    try:
        entry = Entry(serve=serve, platform=platform)
        status = app(args=list(arguments), prog_name="stanch", standalone_mode=False, obj=entry)
    except ModuleNotFoundError as error:
        because = not_here(error, platform)
        if because is None:
            raise
        print_error(because, as_json="--json" in arguments)
        return 2
    except StanchError as error:
        print_error(error, as_json="--json" in arguments)
        return 1 if isinstance(error, Refused | NotFound) else 2
    except typer._click.exceptions.ClickException as error:  # noqa: SLF001 - where this typer keeps click
        error.show()
        return error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        sys.stderr.write("\nstopped\n")
        return 130
    return status if isinstance(status, int) else 0
