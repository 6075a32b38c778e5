"""`tminus operate deploy`: a launch from named files, shown before it begins."""

import shlex
from pathlib import Path

import click

from cli.confirming import confirm
from cli.deciding import key_option
from cli.documents import document_options
from cli.launch import command as launch
from cli.launch import refuse_unwritten_report


@click.command("deploy")
@document_options
@click.option("--t0", required=True, metavar="TIME", help="T-0: 2026-11-22T18:00:00+01:00, or +5h.")
@click.option("--detach", is_flag=True, help="Do not wait for the end.")
@click.option(
    "--report",
    "out",
    type=click.Path(path_type=Path),
    help="At the end, write the report into this folder; not with --detach.",
)
@click.option("--yes", is_flag=True, help="Do not ask; for where there is no terminal.")
@key_option
@click.pass_context
def deploy(  # noqa: PLR0913, PLR0917 - click hands over each option by name
    ctx: click.Context,
    release: Path,
    runbook: Path,
    people: Path,
    environment: Path,
    t0: str,
    detach: bool,
    out: Path | None,
    yes: bool,
    key_file: Path | None,
) -> None:
    """Shows these files' `tminus launch`, and starts it.

    It starts the exact command that it shows, once that is confirmed. There is no other way in: what is deployed passes
    the launch's own checks and its go/no-go. Exits as `tminus launch` does; 1 where it was not confirmed, 2 where
    there is no terminal to ask in, and then nothing was created.
    """
    refuse_unwritten_report(out, detach=detach)
    click.echo(_typed(release, runbook, people, environment, t0, detach=detach, out=out, key_file=key_file))
    if not yes:
        confirm("Start this launch? Nothing is deployed before its go/no-go", otherwise="Nothing was created.")
    ctx.invoke(
        launch,
        release=release,
        runbook=runbook,
        people=people,
        environment=environment,
        t0=t0,
        dry_run=False,
        detach=detach,
        out=out,
        key_file=key_file,
    )


def _typed(
    release: Path,
    runbook: Path,
    people: Path,
    environment: Path,
    t0: str,
    *,
    detach: bool,
    out: Path | None,
    key_file: Path | None,
) -> str:
    """The command as a shell reads it."""
    files = {"release": release, "runbook": runbook, "people": people, "environment": environment}
    words = ["tminus", "launch", *(word for name, path in files.items() for word in (f"--{name}", str(path)))]
    words += ["--t0", t0, *(["--detach"] if detach else [])]
    words += ["--report", str(out)] if out else []
    words += ["--key", str(key_file)] if key_file else []
    return shlex.join(words)
