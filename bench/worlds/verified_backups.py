"""A ledger that holds how a system's backups came out when they were restored."""

import contextlib
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from typing import ClassVar

from bench.worlds.estates import LAUNCH
from bench.worlds.ledger_world import LedgerWorld
from bench.worlds.world import Case, fault
from tminus import events as ev
from tminus.chain_names import backups_chain
from tminus.clock import now
from tminus.ledger.opening import have_chain
from tminus.ledger.sqlite import SqliteStore
from tminus.ledger.store import Entry
from tminus.outcome import Outcome, Verdict

_TAKEN, _SWITCHED = 30.0, 31.0  # hours ago
# The system and the environment of every world; and a system that a book may name.
_CHAINS = tuple(backups_chain(system, "world") for system in ("world", "vatic"))
_STORES = ("orders", "database", "database-files", "cache")  # each verified like the first
_Said = ev.BackupTaken | ev.BackupVerified
_EVERYTHING = {"age": "<= 24 h", "verdict": "= pass", "restore_time": "<= 900 s", "loss": "<= 3600 s"}


class VerifiedBackupsWorld(LedgerWorld):
    """A ledger in SQLite, as a verification of two hours ago leaves it."""

    system: ClassVar[str] = "verified-backups"
    cases: ClassVar[tuple[Case, ...]] = (
        Case(
            "backup.verified",
            {"store": "orders"},
            _EVERYTHING,
            (
                *("never", "another_store", ("verified", "25"), ("took", "901"), ("lost", "3601")),
                *(("came_out", "fail"), ("came_out", "unknown"), "an_older_one_is_bad", "one_failed_before"),
            ),
        ),
        Case("backup.verified", {"store": "orders"}, {"age": "<= 24 h"}, ("never", ("came_out", "unknown"))),
        Case(
            "backup.verified",
            {"store": "orders", "since": "launch"},
            {"age": "<= 24 h"},
            ("never", "launch_changed_since", ("came_out", "fail")),
        ),
    )

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """One verification that passed."""
        self._write(_verified())
        yield

    @fault
    def never(self) -> Iterator[None]:
        """Backups were taken, and none was ever verified."""
        yield from self._instead()

    @fault
    def another_store(self) -> Iterator[None]:
        """Only another store was verified."""
        yield from self._instead(_verified(store="elsewhere"))

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

    @fault
    def one_failed_before(self) -> Iterator[None]:
        """All that was looked at is well, and an older backup that failed before lies in its bucket still."""
        left = {"still_failed": ("orders-20251220T000000Z",)}
        yield from self._instead(_verified().model_copy(update=left))

    @fault
    def launch_changed_since(self) -> Iterator[None]:
        """The launch switched its customers after the backup that was verified."""
        yield from self._instead(_verified(), switched=1)

    def _instead(self, *events: ev.BackupVerified, switched: float = _SWITCHED) -> Iterator[None]:
        yield from self.another(lambda: self._write(*events, switched=switched))

    def _write(self, *events: ev.BackupVerified, switched: float = _SWITCHED) -> None:
        taken = ev.BackupTaken(
            store="orders",
            kind="postgres.dump",
            backup="orders-20260101T000000Z",
            manifest_digest=f"sha256:{'0' * 64}",
            size=1,
            taken_at=now() - timedelta(hours=_TAKEN),
        )
        with closing(SqliteStore(self.ledger)) as store:
            store.open_chain(LAUNCH, *(Entry(LAUNCH, ev.write(event)) for event in _launch(switched)))
            said: list[_Said] = [taken, *events]
            for chain in _CHAINS:
                have_chain(store, chain)
                store.append(*(Entry(chain, ev.write(event)) for one in said for event in _of_each(one)))


def _launch(switched: float) -> list[ev.Event]:
    """The launch of every world, created two days ago, that switched its customers so many hours ago."""
    at, created = now() - timedelta(hours=switched), now() - timedelta(days=2)
    papers = dict.fromkeys(("title", "environment_name", "started_by", "release", "runbook", "people"), "world")
    begun = {"environment": "world", "base": "/", "digests": {}, "t0": at, "launch": LAUNCH, "system": "world"}
    intent = {"step": "switch", "attempt": 1, "token": 1, "deadline": at, "does": "switches", "before": "blue"}
    return [
        ev.LaunchCreated.model_validate({**papers, **begun, "at": created}),
        ev.StepIntended.model_validate({**intent, "undo": {"to": "blue"}, "at": at}),
        ev.StepEnded(step="switch", attempt=1, outcome=Outcome.passed("switched"), at=at),
    ]


def _of_each(event: _Said) -> list[_Said]:
    """What was said of the first store, said of all of them."""
    if event.store != _STORES[0]:
        return [event]
    return [event.model_copy(update={"store": store}) for store in _STORES]


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
