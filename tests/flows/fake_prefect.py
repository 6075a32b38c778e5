"""A fake of what the watchdog asks of Prefect, and a launch that lost its conductor."""

from dataclasses import dataclass, field
from datetime import datetime

import pytest
from prefect.client.schemas.objects import State
from prefect.states import Scheduled

from tests.flows.ledgers import of
from tests.flows.stage import Stage
from tests.flows.staged_book import LAUNCH
from tests.flows.world import Crash
from tminus import events as ev
from tminus.frozen import Frozen
from tminus.ledger.logbook import Logbook
from tminus.runbook import Phase


@dataclass
class FakePrefect:
    """Takes requests for runs, and says how each stands; a fake of what flows.launch asks of Prefect."""

    states: dict[str, State[None] | None] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    async def schedule(self, book: Logbook, frozen: Frozen, one: Phase, due: datetime) -> str:
        """Writes the run down, as the real one does."""
        self.asked.append(one.phase)
        run = f"run-{len(self.asked)}"
        self.states[run] = Scheduled(scheduled_time=due)
        lease = book.store.lease(book.launch)
        book.write(ev.PhaseScheduled(phase=one.phase, due=due, run=run, token=lease.token if lease else 0))
        return run

    async def run_state(self, run: str) -> State[None] | None:
        """As scripted."""
        return self.states.get(run)


async def lost(stage: Stage) -> None:
    """A conductor begins T-4h, and is lost."""
    stage.store.after = of(ev.PhaseStarted)
    with pytest.raises(Crash):
        await stage.run("T-4h")
    lease = stage.store.lease(LAUNCH)
    assert lease is not None
    stage.store.give_lease_back(LAUNCH, lease.token)
