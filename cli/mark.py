"""`tminus mark`: the next mark, written through every live store."""

from pathlib import Path

import click

from cli.backup_files import opened, with_backup_files


@click.command("mark")
@with_backup_files
def command(runbook: Path, environment: Path) -> None:
    """Writes the next mark through every live store.

    By it a restore tells what was lost.
    PostgreSQL and CockroachDB keep it in the table tminus.marker, Redis in the hash tminus:marker, a bucket in the
    object tminus/marker.json. Exits 0 where it was written through all, 1 where one failed.
    """
    import asyncio

    from flows.marks import mark_all, said

    marked = asyncio.run(mark_all(opened(runbook, environment)))
    click.echo(said(marked))
    if marked.failed:
        click.get_current_context().exit(1)
