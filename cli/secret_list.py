"""`tminus secrets`: how old each secret is, and how its rotation stands."""

from contextlib import closing
from pathlib import Path

import click

from cli.book_files import with_book_files

_PIPED = 140  # columns where stdout is no terminal


@click.command("secrets")
@click.argument("secret", required=False)
@with_book_files("secrets")
@click.option("--json", "as_json", is_flag=True, help="For programs: each secret with its age and state.")
def command(runbook: Path, environment: Path, secret: str | None, as_json: bool) -> None:
    """Shows each secret's age, and how its rotation stands.

    With SECRET: all that happened to it. No value is read. Exits 0; 1 where one is older than it may be, or its age
    cannot be told.
    """
    import json

    from rich.console import Console

    from flows.rotation_round import opened_secrets
    from flows.secret_ages import states
    from tminus.clock import now
    from tminus.rotations.terminal import history, overview

    found = opened_secrets(runbook, environment)
    found.named((secret,) if secret else ())
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=_PIPED)
    with closing(found.store()) as store:
        if secret is not None:
            for line in history(found.course(store, secret)) or [f"{secret} was never rotated by tminus"]:
                click.echo(line)
            return
        seen, at = states(store, found), now()
    if as_json:
        click.echo(json.dumps([one.shown(at) for one in seen], indent=2, ensure_ascii=False))
    else:
        console.print(overview(found, seen, at))
    if any(one.late(at) for one in seen):
        click.get_current_context().exit(1)
