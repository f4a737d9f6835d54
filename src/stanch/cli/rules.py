"""`stanch rules`: the armed thresholds as Prometheus rules."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from stanch.connectors.files import documents
from stanch.playbook.compile import compile_playbooks
from stanch.signals.compile import compile_rules
from stanch.signals.promql import rule_file

app = typer.Typer(add_completion=False, no_args_is_help=True, help="The armed thresholds as Prometheus rules.")


@app.callback()
def rules() -> None:
    """Evaluate in Prometheus, Mimir or VictoriaMetrics what a playbook arms."""


@app.command()
def export(
    paths: Annotated[list[Path], typer.Argument(help="Markdown files, and folders of them.")],
    *,
    interval: Annotated[float, typer.Option(help="Seconds from one evaluation to the next.")] = 5.0,
) -> None:
    """Print a rule file for Prometheus: each armed threshold with its line in the playbook.

    What cannot be watched is said on standard error, and makes the exit status 1.

    Example: stanch rules export playbooks/ > stanch.rules.yml
    """
    compiled = compile_rules(compile_playbooks(documents(paths)), interval_s=interval)
    sys.stdout.write(rule_file(compiled.rules, interval_s=interval))
    for problem in compiled.problems:
        sys.stderr.write(f"{problem.source}: {problem.message} {problem.hint}\n")
    if compiled.problems:
        raise typer.Exit(1)
