"""`stanch diagnose`: what is wrong with a database now, read-only, without a server."""

import asyncio
from typing import Annotated

import typer
from pydantic import SecretStr
from rich.console import Console
from rich.markup import escape

from stanch.charts.quantity import prose
from stanch.cli.output import print_json
from stanch.connectors.postgres.connector import PostgresConnector
from stanch.connectors.postgres.settings import PostgresSettings
from stanch.diagnosis.rendering import as_dict
from stanch.diagnosis.search import search
from stanch.model.clock import SystemClock
from stanch.model.finding import Diagnosis, Finding

app = typer.Typer(add_completion=False, no_args_is_help=True, help="What is wrong with a system now, read-only.")


@app.callback()
def diagnose() -> None:
    """Look for causes side by side; each is found with its evidence or ruled out with a reason."""


@app.command()
def postgres(
    url: Annotated[
        str,
        typer.Argument(envvar="STANCH_POSTGRES_URL", help="libpq address: postgresql://role:password@host/database."),
    ],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Diagnose a PostgreSQL in a few statements, read-only, taking no lock that anybody waits for.

    The role needs pg_monitor and pg_read_all_data. Exit status 1 when a cause was found, 0 when none was.

    Example: stanch diagnose postgres postgresql://stanch@db.example.org/clinic
    """
    diagnosis = asyncio.run(_search(url))
    if as_json:
        print_json(as_dict(diagnosis))
    else:
        _print(diagnosis)
    if diagnosis.findings:
        raise typer.Exit(1)


async def _search(url: str) -> Diagnosis:
    clock = SystemClock()
    async with PostgresConnector(PostgresSettings(url=SecretStr(url)), clock) as database:
        return await search(database, clock)


def _print(diagnosis: Diagnosis) -> None:
    console = Console(highlight=False)
    for finding in diagnosis.findings:
        _print_finding(console, finding)
    if not diagnosis.findings:
        console.print("No cause was found.")
    if diagnosis.ruled_out:
        console.print("\nRuled out", style="dim")
        for each in diagnosis.ruled_out:
            console.print(f"  {each.cause.replace('_', ' ')}: {escape(each.because)}")
    for note in diagnosis.notes:
        console.print(f"\n{escape(note)}", style="dim")
    console.print(f"\n{diagnosis.statements} statements in {prose(diagnosis.elapsed_s)}, nothing changed.", style="dim")


def _print_finding(console: Console, finding: Finding) -> None:
    console.print(f"[bold]{finding.cause.replace('_', ' ')}[/] ({finding.confidence:.0%} sure)")
    console.print(f"  {escape(finding.summary)}\n")
    for evidence in finding.evidence:
        console.print(f"  [dim]{escape(evidence.name)}[/]  {escape(evidence.text)}")
    for proposal in finding.proposals:
        console.print(f"\n  [bold]{escape(proposal.title)}[/] ({proposal.risk.value})")
        console.print(f"    {escape(proposal.statement)}")
        console.print(f"    [dim]undo[/] {escape(proposal.undo)}")
        for short, long in proposal.facts:
            console.print(f"    [dim]{escape(short)}[/] {escape(long)}")
    for later in finding.later:
        console.print(f"\n  [dim]later[/] {escape(later.text)}")
    console.print()
