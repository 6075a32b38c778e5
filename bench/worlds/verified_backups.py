"""A ledger that holds how a system's backups came out when they were restored."""

import contextlib
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import ClassVar

from bench.worlds.world import Case, Sections, World, fault
from tminus import events as ev
from tminus.backups.opened import have_chain
from tminus.chain_names import backups_chain
from tminus.clock import now
from tminus.ledger.sqlite import SqliteStore
from tminus.ledger.store import Entry
from tminus.outcome import Outcome, Verdict

_CHAIN = backups_chain("world", "world")  # the system and the environment of every world
_EVERYTHING = {"age": "<= 24 h", "verdict": "= pass", "restore_time": "<= 900 s", "loss": "<= 3600 s"}


class VerifiedBackupsWorld(World):
    """A ledger in SQLite, as a verification of two hours ago leaves it."""

    system: ClassVar[str] = "verified-backups"
    real: ClassVar[bool] = True
    cases: ClassVar[tuple[Case, ...]] = (
        Case(
            "backup.verified",
            {"store": "orders"},
            _EVERYTHING,
            (
                *("never", "another_store", ("verified", "25"), ("took", "901"), ("lost", "3601")),
                *(("came_out", "fail"), ("came_out", "unknown"), "an_older_one_is_bad"),
            ),
        ),
        Case("backup.verified", {"store": "orders"}, {"age": "<= 24 h"}, ("never", ("came_out", "unknown"))),
    )

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._made = 0
        self._ledger = folder / "ledger-0.db"

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """One verification that passed."""
        self._write(_verified())
        yield

    def sections(self) -> Sections:
        """The ledger."""
        return {"ledger": {"sqlite": str(self._ledger)}}

    def silent(self) -> tuple[Sections, dict[str, str]]:
        """There is no ledger where it should be."""
        return {"ledger": {"sqlite": str(self.folder / "nowhere.db")}}, {}

    @fault
    def never(self) -> Iterator[None]:
        """Backups were taken, and none was ever verified."""
        yield from self._instead()

    @fault
    def another_store(self) -> Iterator[None]:
        """Only another store was verified."""
        yield from self._instead(_verified(store="cache"))

    @fault
    def verified(self, hours: str) -> Iterator[None]:
        """The last verification was so many hours ago."""
        yield from self._instead(_verified(hours=float(hours)))

    @fault
    def took(self, seconds: str) -> Iterator[None]:
        """The restore took so long."""
        yield from self._instead(_verified(rto=float(seconds)))

    @fault
    def lost(self, seconds: str) -> Iterator[None]:
        """So much would have been lost."""
        yield from self._instead(_verified(rpo=float(seconds)))

    @fault
    def came_out(self, verdict: str) -> Iterator[None]:
        """The last verification came out so, after one that passed."""
        yield from self._instead(_verified(hours=4), _verified(verdict=Verdict(verdict), name="second"))

    @fault
    def an_older_one_is_bad(self) -> Iterator[None]:
        """The newest backup is well, and an older one that was looked at with it is not."""
        yield from self._instead(_verified(), _verified(verdict=Verdict.FAIL, newest=False))

    def _instead(self, *events: ev.BackupVerified) -> Iterator[None]:
        """A ledger that holds these instead; what is once written in one cannot be taken back."""
        healthy = self._ledger
        self._made += 1
        self._ledger = self.folder / f"ledger-{self._made}.db"
        self._write(*events)
        yield
        self._ledger = healthy

    def _write(self, *events: ev.BackupVerified) -> None:
        taken = ev.BackupTaken(
            store="orders",
            kind="postgres.dump",
            backup="orders-20260101T000000Z",
            manifest_digest=f"sha256:{'0' * 64}",
            size=1,
            taken_at=now() - timedelta(hours=30),
        )
        with closing(SqliteStore(self._ledger)) as store:
            have_chain(store, _CHAIN)
            store.append(*(Entry(_CHAIN, ev.write(event)) for event in (taken, *events)))


def _verified(
    *,
    store: str = "orders",
    hours: float = 2,
    verdict: Verdict = Verdict.PASS,
    rto: float = 600,
    rpo: float = 60,
    newest: bool = True,
    name: str = "first",
) -> ev.BackupVerified:
    return ev.BackupVerified(
        at=now() - timedelta(hours=hours),
        verification=name,
        store=store,
        kind="postgres.dump",
        backup=f"{store}-{'20260101' if newest else '20251220'}T000000Z",
        newest=newest,
        outcome=Outcome(verdict=verdict, summary="as the world has it"),
        rto_seconds=rto,
        rpo_seconds=rpo,
    )
