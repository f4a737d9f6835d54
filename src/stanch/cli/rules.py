"""`stanch rules`: the armed thresholds as Prometheus rules, and a rehearsal of each."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from stanch.catalogue.signals import with_own
from stanch.cli.output import duration, print_json, print_table
from stanch.connectors.files import documents
from stanch.playbook.compile import compile_playbooks
from stanch.signals.compile import compile_rules
from stanch.signals.promql import rule_file
from stanch.signals.rehearsal import Rehearsal, promtool_tests, rehearse

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
    plan = compile_playbooks(documents(paths))
    compiled = compile_rules(plan, interval_s=interval)
    sys.stdout.write(rule_file(compiled.rules, with_own(plan.signals), interval_s=interval))
    for problem in compiled.problems:
        sys.stderr.write(f"{problem.source}: {problem.message} {problem.hint}\n")
    if compiled.problems:
        raise typer.Exit(1)


@app.command("test")
def rehearse_rules(
    paths: Annotated[list[Path], typer.Argument(help="Markdown files, and folders of them.")],
    *,
    interval: Annotated[float, typer.Option(help="Seconds from one evaluation to the next.")] = 5.0,
    promtool: Annotated[
        Path | None, typer.Option(help="Write the same as a file for `promtool test rules`.", show_default=False)
    ] = None,
    rule_file_name: Annotated[str, typer.Option("--rule-file", help="The rule file it names.")] = "stanch.rules.yml",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Run every armed rule on made-up series: in range it must be silent, out of range it must fire.

    Exit status 1 if one does not, or cannot be rehearsed.

    Example: stanch rules test playbooks/
    """
    plan = compile_playbooks(documents(paths))
    signals = with_own(plan.signals)
    compiled = compile_rules(plan, interval_s=interval)
    rehearsals = [rehearse(rule, signals, interval_s=interval) for rule in compiled.rules]
    if promtool is not None:
        tests = promtool_tests(rehearsals, signals, rule_file=rule_file_name, interval_s=interval)
        promtool.write_text(tests, encoding="utf-8")
    if as_json:
        print_json({"rules": [_as_dict(each) for each in rehearsals]})
    else:
        print_table(
            "",
            ("rule", "fires after", "line", ""),
            (
                (each.rule.title, duration(_took(each)), str(each.rule.source), "" if each.good else _fault(each))
                for each in rehearsals
            ),
            empty="No rule is armed.",
        )
    if not all(each.good for each in rehearsals):
        raise typer.Exit(1)


def _took(rehearsal: Rehearsal) -> float | None:
    return None if rehearsal.fired_at_s is None else rehearsal.fired_at_s - rehearsal.left_at_s


def _fault(rehearsal: Rehearsal) -> str:
    if rehearsal.because:
        return rehearsal.because
    return "it fires while all is well" if rehearsal.early else "it never fires"


def _as_dict(rehearsal: Rehearsal) -> dict[str, object]:
    return {
        "id": rehearsal.rule.id,
        "title": rehearsal.rule.title,
        "source": str(rehearsal.rule.source),
        "good": rehearsal.good,
        "fires_after_s": _took(rehearsal),
        "because": "" if rehearsal.good else _fault(rehearsal),
    }
