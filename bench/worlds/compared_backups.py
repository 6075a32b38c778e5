"""A ledger that holds how stores that belong together came out when they were compared."""

import contextlib
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from typing import ClassVar

from bench.worlds.ledger_world import LedgerWorld
from bench.worlds.world import Case, fault
from tminus import events as ev
from tminus.backups.contents import Marker
from tminus.chain_names import backups_chain
from tminus.clock import now
from tminus.ledger.opening import have_chain
from tminus.ledger.sqlite import SqliteStore
from tminus.ledger.store import Entry
from tminus.outcome import Outcome, Verdict

_CHAIN = backups_chain("world", "world")  # the system and the environment of every world


class ComparedBackupsWorld(LedgerWorld):
    """A ledger in SQLite, as a verification of two hours ago leaves it."""

    system: ClassVar[str] = "compared-backups"
    cases: ClassVar[tuple[Case, ...]] = (
        Case(
            "backup.agree",
            {"group": "trading"},
            {"age": "<= 24 h", "verdict": "= pass", "common_point": "<= 25 h"},
            (
                *("never", "another_group", ("compared", "25"), ("common_point", "26")),
                *(("came_out", "fail"), ("came_out", "unknown")),
            ),
        ),
        Case("backup.agree", {"group": "trading"}, {"age": "<= 24 h"}, ("never", ("came_out", "unknown"))),
    )

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """One comparison that passed."""
        self._write(_compared())
        yield

    @fault
    def never(self) -> Iterator[None]:
        """Stores were never compared."""
        yield from self._instead()

    @fault
    def another_group(self) -> Iterator[None]:
        """Only another group was."""
        yield from self._instead(_compared(group="elsewhere"))

    @fault
    def compared(self, hours: str) -> Iterator[None]:
        """The last comparison was so many hours ago."""
        yield from self._instead(_compared(hours=float(hours)))

    @fault
    def common_point(self, hours: str) -> Iterator[None]:
        """The newest mark that all of them held is so many hours old."""
        yield from self._instead(_compared(mark=float(hours)))

    @fault
    def came_out(self, verdict: str) -> Iterator[None]:
        """The last comparison came out so, after one that passed."""
        yield from self._instead(_compared(hours=4), _compared(verdict=Verdict(verdict)))

    def _instead(self, *events: ev.StoresCompared) -> Iterator[None]:
        yield from self.another(lambda: self._write(*events))

    def _write(self, *events: ev.StoresCompared) -> None:
        with closing(SqliteStore(self.ledger)) as store:
            have_chain(store, _CHAIN)
            store.append(*(Entry(_CHAIN, ev.write(event)) for event in events))


def _compared(
    *, group: str = "trading", hours: float = 2, mark: float = 3, verdict: Verdict = Verdict.PASS
) -> ev.StoresCompared:
    return ev.StoresCompared(
        at=now() - timedelta(hours=hours),
        verification=f"{hours}",
        group=group,
        stores=("database", "cache"),
        mark=Marker(number=7, at=now() - timedelta(hours=mark)),
        outcome=Outcome(verdict=verdict, summary="as the world has it"),
    )
