"""A ledger that holds how a system's drills ended."""

import contextlib
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from decimal import Decimal
from typing import ClassVar, Literal

from bench.worlds.ledger_world import LedgerWorld
from bench.worlds.world import Case, fault
from tminus import events as ev
from tminus.chain_names import drill_chain
from tminus.clock import now
from tminus.ledger.opening import have_chain
from tminus.ledger.sqlite import SqliteStore
from tminus.ledger.store import Entry

_EVERYTHING = {"age": "<= 720 h", "verdict": "= held", "gone": "<= 900 s", "lost": "= 0", "loss": "= 0 s"}
_FAULTS = (
    *("never", "another_scenario", "interrupted", ("long_ago", "721")),
    *(("ended", "missed"), ("ended", "undone"), ("ended", "not undone"), "unmeasured"),
)


class HeldDrillsWorld(LedgerWorld):
    """A ledger in SQLite, as a drill of yesterday leaves it."""

    system: ClassVar[str] = "held-drills"
    cases: ClassVar[tuple[Case, ...]] = (
        Case("drill.held", {"scenario": "failover"}, _EVERYTHING, (*_FAULTS, ("gone", "901"), ("lost", "1"))),
        Case("drill.held", {"scenario": "failover"}, {"age": "<= 720 h"}, (*_FAULTS[:4], ("ended", "missed"))),
    )

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """One drill that held."""
        self._write(_drill())
        yield

    @fault
    def never(self) -> Iterator[None]:
        """None was ever played."""
        yield from self.another(lambda: self._write([]))

    @fault
    def another_scenario(self) -> Iterator[None]:
        """Only another scenario was played."""
        yield from self.another(lambda: self._write(_drill(), scenario="elsewhere"))

    @fault
    def interrupted(self) -> Iterator[None]:
        """The last one is not over, after one that held."""
        yield from self.another(lambda: self._write([*_drill(hours=48), *_drill()[:1]]))

    @fault
    def long_ago(self, hours: str) -> Iterator[None]:
        """The last one was so many hours ago."""
        yield from self.another(lambda: self._write(_drill(hours=float(hours))))

    @fault
    def ended(self, how: Literal["missed", "undone", "not undone"]) -> Iterator[None]:
        """The last one ended so, after one that held."""
        yield from self.another(lambda: self._write([*_drill(hours=48), *_drill(how=how)]))

    @fault
    def unmeasured(self) -> Iterator[None]:
        """It broke off before anything was measured, and was undone."""
        began, _, ended = _drill(how="undone")
        yield from self.another(lambda: self._write([began, ended]))

    @fault
    def gone(self, seconds: str) -> Iterator[None]:
        """The system was gone for so long."""
        yield from self.another(lambda: self._write(_drill(gone=seconds)))

    @fault
    def lost(self, writes: str) -> Iterator[None]:
        """So many acknowledged writes were lost."""
        yield from self.another(lambda: self._write(_drill(lost=int(writes))))

    def _write(self, events: list[ev.Event], scenario: str = "failover") -> None:
        with closing(SqliteStore(self.ledger)) as store:
            for system in ("world", "vatic"):
                chain = drill_chain(system, "world", scenario)
                have_chain(store, chain)
                if events:
                    store.append(*(Entry(chain, ev.write(event)) for event in events))


def _drill(
    hours: float = 24,
    how: Literal["held", "missed", "undone", "not undone"] = "held",
    gone: str = "2.5",
    lost: int = 0,
) -> list[ev.Event]:
    """How one that ended so many hours ago is told."""
    over = now() - timedelta(hours=hours)
    name = f"{over:%Y%m%dT%H%M%S}"
    began = ev.DrillBegan(
        drill=name,
        scenario="failover",
        kind="postgres.failover",
        environment="world",
        digests={},
        way={"victim": "a", "heir": "b"},
        before={},
        rto_s=Decimal(900),
        rpo_s=Decimal(0),
        at=over - timedelta(minutes=1),
    )
    seen = ev.DrillMeasured(
        drill=name, kept=100, lost=lost, unknown=0, lost_s=Decimal(lost), rto_s=Decimal(gone), at=over
    )
    return [began, seen, ev.DrillEnded(drill=name, how=how, sentence=f"failover: {how}", after={}, at=over)]
