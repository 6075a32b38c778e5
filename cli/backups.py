"""`tminus backups`: what backups there are, and how they came out when they were restored."""

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.backup_files import opened, with_backup_files

if TYPE_CHECKING:
    from tminus.backups.book import AnyStore
    from tminus.backups.catalogue import Catalogue
    from tminus.backups.opened import OpenedBackups

_PIPED = 140  # columns where stdout is no terminal


@click.command("backups")
@click.argument("store", required=False)
@with_backup_files
@click.option("--json", "as_json", is_flag=True, help="For programs: a list of what each verification came to.")
def command(runbook: Path, environment: Path, store: str | None, as_json: bool) -> None:
    """Shows how each store's backups stand.

    The newest one, its last verification, and how restore time and loss went.
    With STORE: every backup in its bucket, and what was measured of the last one that was verified. Nothing is looked
    at anew; `tminus verify-backup` does that. Exits 0.
    """
    import json

    from rich.console import Console

    from tminus.backups.terminal import overview, render_store
    from tminus.clock import now

    found = opened(runbook, environment)
    stores = found.named((store,) if store else ())
    with closing(found.store()) as ledger:
        history = found.history(ledger)
    if as_json:
        wanted = {name for name, _ in stores}
        said = [one.model_dump(mode="json") for one in history.verified if one.store in wanted]
        click.echo(json.dumps(said, indent=2, ensure_ascii=False))
        return
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=_PIPED)
    if store is None:
        blocks = overview(found.book, history, now())
    else:
        blocks = render_store(store, stores[0][1], history, _catalogue(found, store, stores[0][1]), now())
    for block in blocks:
        console.print(block)


def _catalogue(found: "OpenedBackups", name: str, store: "AnyStore") -> "Catalogue | str":
    """What lies in its bucket; why that cannot be told, in words."""
    from tasks.backup_store import BackupStore
    from tasks.backups.catalogue import read_catalogue
    from tasks.estate import Estate
    from tminus.errors import CouldNotObserve, MissingSecret, NotConfigured
    from tminus.release import no_release

    try:
        bucket = BackupStore.open(Estate(found.environment, no_release(found.system), "", found.base), store.bucket)
        with closing(found.store()) as ledger:
            return read_catalogue(bucket, name, store, lambda: found.history(ledger).taken_of(name))
    except (CouldNotObserve, MissingSecret, NotConfigured) as e:
        return str(e)
