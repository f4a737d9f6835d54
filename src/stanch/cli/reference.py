"""Writes the reference pages of `docs/` from the program itself: `python -m stanch.cli.reference docs`.

A test holds that what is committed is what this writes, so help and settings cannot drift from their pages.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer
from pydantic import BaseModel

from stanch.catalogue.signals.reference import page as signals
from stanch.cli.main import COMMANDS, app
from stanch.playbook.explain import codes, explain
from stanch.settings import Settings


def pages() -> dict[str, str]:
    """File name to text."""
    return {"cli.md": _cli(), "settings.md": _settings(), "problems.md": _problems(), "signals.md": signals()}


def _problems() -> str:
    lines = [
        "# What `stanch check` finds",
        "",
        "Written from the program by `make docs`; `stanch check --explain CODE`.",
        "",
    ]
    for code in codes():
        lines += [f"## `{code}`", "", explain(code) or "", ""]
    return "\n".join(lines).rstrip() + "\n"


def _cli() -> str:
    lines = ["# Command line", "", "Written from the program by `make docs`.", ""]
    root: Any = typer.main.get_command(app)
    lines += [_paragraphs(root.help or ""), "", "Options: `--help`, `--version`.", ""]
    for name in COMMANDS:
        command = root.get_command(None, name)
        children = getattr(command, "commands", None)
        if not children:
            lines += _command(f"stanch {name}", command)
            continue
        lines += [f"## `stanch {name}`", "", _paragraphs(command.help or ""), ""]
        for child in children.values():
            lines += _command(f"stanch {name} {child.name}", child, depth=3)
    return "\n".join(lines).rstrip() + "\n"


def _command(path: str, command: Any, depth: int = 2) -> list[str]:
    arguments = [parameter for parameter in command.params if parameter.param_type_name == "argument"]
    options = [parameter for parameter in command.params if parameter.param_type_name == "option"]
    usage = " ".join([path, *(["[OPTIONS]"] if options else []), *(_argument(argument) for argument in arguments)])
    lines = [f"{'#' * depth} `{usage}`", "", _paragraphs(command.help or ""), ""]
    rows = [(f"`{_argument(argument)}`", argument.help or "") for argument in arguments]
    rows += [("`" + ", ".join((*option.opts, *option.secondary_opts)) + "`", _option(option)) for option in options]
    if rows:
        lines += ["| | |", "|---|---|", *(f"| {name} | {text} |" for name, text in rows), ""]
    return lines


def _argument(argument: Any) -> str:
    name = argument.name.upper()
    name += "..." if argument.nargs == -1 else ""
    return name if argument.required else f"[{name}]"


def _option(option: Any) -> str:
    text = (option.help or "").strip()
    default = option.default
    if default not in (None, False, True, "", (), []) and not callable(default):
        text += f" Default: `{default}`."
    if option.envvar:
        text += f" Environment: `{option.envvar}`."
    return text.strip()


def _paragraphs(text: str) -> str:
    """Help text with its paragraphs kept and its lines joined; an example stands as code."""
    parts = [" ".join(part.split()) for part in text.split("\n\n")]
    return "\n\n".join(
        f"{label}: `{example}`" if example and label in {"Example", "One command a line"} else part
        for part in parts
        for label, _, example in (part.partition(": "),)
    )


def _settings() -> str:
    lines = [
        "# Settings",
        "",
        "Written from the program by `make docs`. `stanch.toml` says where things are; what to watch and what to do",
        "is in the playbooks. Every setting can be given by the environment as `STANCH_<SECTION>__<NAME>`, and every",
        'text by a file, which is how secrets stay out of it: `secret_file = "/run/secrets/hook"` for `secret`.',
        "Unknown names are refused, and all faults are told at once.",
        "",
    ]
    for section, text, rows in _sections(Settings, ""):
        lines += [
            f"## {section}",
            "",
            text,
            "",
            "| name | type | default | what it is |",
            "|---|---|---|---|",
            *rows,
            "",
        ]
    return "\n".join(lines).rstrip() + "\n"


def _sections(model: type[BaseModel], prefix: str) -> Iterator[tuple[str, str, list[str]]]:
    for name, field in model.model_fields.items():
        inner, form = _record(field.annotation)
        if inner is None:
            continue
        path = f"{prefix}{name}"
        heading = {"one": f"`[{path}]`", "named": f"`[{path}.NAME]`", "many": f"`[[{path}]]`"}[form]
        rows = [
            f"| `{key}` | {_type(value.annotation)} | {_default(value)} | {_one_line(value.description)} |"
            for key, value in inner.model_fields.items()
            if _record(value.annotation)[0] is None
        ]
        yield heading, _one_line(field.description or inner.__doc__), rows
        yield from _sections(inner, f"{path}.")


def _one_line(text: str | None) -> str:
    return " ".join((text or "").split())


def _record(annotation: Any) -> tuple[type[BaseModel] | None, str]:
    """The settings record within an annotation, and whether there is one, many, or one a name."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, "one"
    arguments = getattr(annotation, "__args__", ())
    origin = getattr(annotation, "__origin__", None)
    for argument in arguments:
        inner, _ = _record(argument)
        if inner is not None:
            return inner, "named" if origin is dict else "many" if origin in (list, tuple) else "one"
    return None, ""


def _type(annotation: Any) -> str:
    text = (
        str(annotation) if getattr(annotation, "__args__", None) else getattr(annotation, "__name__", str(annotation))
    )
    for module in ("pathlib._local.", "pathlib.", "typing.", "pydantic.types."):
        text = text.replace(module, "")
    return "`" + text.replace("|", "or").replace("NoneType", "None") + "`"


def _default(field: Any) -> str:
    if field.is_required():
        return "**required**"
    value = field.get_default(call_default_factory=True)
    if isinstance(value, list):
        value = ", ".join(str(each) for each in value)
    return "" if value in (None, "", (), {}, []) else f"`{value}`"


def write(directory: Path) -> None:
    """Write every page into `directory`."""
    for name, text in pages().items():
        (directory / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
