"""`tminus backup`: a backup of a store, taken now."""

from pathlib import Path

import click

from cli.backup_files import opened, with_backup_files


@click.command("backup")
@click.argument("stores", metavar="STORE...", nargs=-1, required=True)
@with_backup_files
def command(runbook: Path, environment: Path, stores: tuple[str, ...]) -> None:
    """Takes a backup of each STORE now.

    Encrypted where its book says so; its digest goes into the ledger. Only `tminus verify-backup` proves it. Exits
    0 where all were taken, 1 where one was not (the others are taken all the same), 2 where the files have mistakes.
    """
    import asyncio

    from flows.taking import take_backup
    from tminus.errors import TminusError, UsageError

    found = opened(runbook, environment)
    failed = False
    for name, store in found.named(stores):
        try:
            taken = asyncio.run(take_backup(found, name, store))
        except UsageError:
            raise
        except TminusError as e:
            from tminus.foreign_text import printable

            failed = True
            click.echo(printable(f"{name}: not taken: {e}"), err=True)
            continue
        mark = f", with mark {taken.marker.number}" if taken.marker else ", with no mark in it"
        click.echo(f"{name}: {taken.backup}, {taken.size} bytes{mark}, in {taken.took:.1f} s")
        click.echo(f"  manifest {taken.manifest_digest}")
    if failed:
        click.get_current_context().exit(1)
