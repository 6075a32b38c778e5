"""What a restore would do and lose: the backup chosen, and the way there. Nothing is changed."""

import asyncio
import secrets
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime

from tasks.backup_store import BackupStore
from tasks.backups.catalogue import read_catalogue
from tasks.estate import Estate
from tasks.restores.asked import Live, Restorer, Way
from tasks.restores.vocabulary import RESTORERS, by_hand
from tminus.backups.book import AnyStore
from tminus.backups.opened import OpenedBackups
from tminus.backups.under_way import verification_under_way
from tminus.clock import now
from tminus.release import no_release
from tminus.restores.choosing import Chosen, choose
from tminus.restores.telling import by_hand_said, meanwhile_said, told, way_said


@dataclass(frozen=True)
class Plan:
    """What would be done.

    Attributes:
        restorer: None where tminus does not switch this kind of store by itself.
        way: by which names.
        lines: all that is to be known before anybody decides.
    """

    name: str
    store: AnyStore
    instant: datetime
    at: datetime
    chosen: Chosen
    restorer: Restorer | None
    way: Way
    lines: tuple[str, ...]


async def plan(opened: OpenedBackups, name: str, instant: datetime, unsaved: str = "", halted: str = "") -> Plan:
    """Chooses the backup, and the names that would be used; `unsaved` and `halted` are told as they are given.

    Raises UsageError for an unknown store or where no backup is good; CouldNotObserve, NotConfigured, MissingSecret,
    LedgerError.
    """
    [(_, store)] = opened.named((name,))
    at = now()
    async with Estate(opened.environment, no_release(opened.system), "restore", opened.base) as estate:
        bucket = await asyncio.to_thread(BackupStore.open, estate, store.bucket)
        chosen = await asyncio.to_thread(_chosen, opened, bucket, name, store, instant)
        lines = [*told(chosen, name, instant, at), *meanwhile_said(await asyncio.to_thread(verifying, opened))]
        kind = RESTORERS.get(store.kind)
        if kind is None:
            steps = by_hand(store, chosen.recorded.backup)
            return Plan(name, store, instant, at, chosen, None, {}, (*lines, *by_hand_said(steps)))
        restorer = kind()
        way = await restorer.plan(Live(estate, "", name, store), f"{at:%Y%m%d%H%M%S}_{secrets.token_hex(3)}")
    way_lines = way_said(restorer.said(way), unsaved, halted)
    return Plan(name, store, instant, at, chosen, restorer, way, (*lines, *way_lines))


def verifying(opened: OpenedBackups) -> str:
    """That a verification of the backups runs, which a restore cannot go beside; "" where none does. Blocks."""
    with closing(opened.store()) as ledger:
        return verification_under_way(ledger, opened)


def _chosen(opened: OpenedBackups, bucket: BackupStore, name: str, store: AnyStore, instant: datetime) -> Chosen:
    with closing(opened.store()) as ledger:
        catalogue = read_catalogue(bucket, name, store, lambda: opened.history(ledger).taken_of(name))
        history = opened.history(ledger)
    return choose(catalogue, history.verified, name, instant, through_wal=store.kind == "postgres.base")
