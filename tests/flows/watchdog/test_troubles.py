"""The watchdog where something is wrong: one launch, the ledger or Prefect keeps it from no other launch."""

import asyncio
from pathlib import Path

import httpx
import pytest
from prefect.client.schemas.objects import State
from prefect.exceptions import PrefectException
from prefect.states import Crashed

from flows import watchdog
from flows.watchdog import Watchdog
from tests.flows.conftest import Setting
from tests.flows.fake_prefect import FakePrefect, lost
from tests.flows.stage import Stage
from tests.flows.staged_book import ENVIRONMENT, LAUNCH, check
from tests.flows.world import FAKES
from tminus.clock import now
from tminus.ledger.directory import listing
from tminus.ledger.sqlite import SqliteStore
from tminus.ledger.store import Entry


async def test_a_ledger_that_does_not_answer_does_not_end_the_watchdog(
    stage: Stage, prefect: FakePrefect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It looks again until the ledger is back."""
    monkeypatch.setattr(watchdog, "EVERY", 0.01)
    await lost(stage)
    prefect.states["run-1"] = Crashed()
    stage.store.down = True
    watching = asyncio.create_task(Watchdog(stage.store, ENVIRONMENT).keep_watch())
    await asyncio.sleep(0.1)
    assert not watching.done()
    stage.store.down = False
    await stage.until(lambda _: prefect.asked == ["T-4h"])
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)


def unreadable(folder: Path, name: str = "a-broken-launch") -> None:
    """A launch that was created first, and whose first event nobody can read any more."""
    store = SqliteStore(folder / "ledger.sqlite")
    store.open_locked(f"environment-of-{name}", name, Entry(name, '{"type":"gone"}'), listing=listing("opened"))
    store.close()


async def test_a_launch_that_cannot_be_read_hides_no_other(
    tmp_path: Path, set_stage: Setting, prefect: FakePrefect, caplog: pytest.LogCaptureFixture
) -> None:
    """It is said once, with what tells more, and counted; the launch behind it gets its conductor."""
    unreadable(tmp_path)
    stage = set_stage({"T-4h": [check("a")]})
    await prefect.schedule(stage.people, stage.frozen, stage.frozen.runbook.phases[0], now())
    await lost(stage)
    prefect.states["run-1"] = Crashed()
    watching = Watchdog(stage.store, ENVIRONMENT)
    assert await watching.look_once() == [LAUNCH]
    assert await watching.look_once() == []
    (said,) = (one.getMessage() for one in caplog.records if "a-broken-launch" in one.getMessage())
    assert said.startswith("the watchdog cannot look at a-broken-launch: LedgerError: event 1 of a-broken-launch")
    assert "`tminus ledger verify a-broken-launch`" in said
    assert "tminus_watchdog_failures_total 2" in list(watching.metrics())
    assert "tminus_watchdog_unseen_launches 1" in list(watching.metrics())


async def test_a_book_that_asks_for_a_kind_that_is_gone_hides_no_other(
    set_stage: Setting, prefect: FakePrefect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After an upgrade a launch may be one that nobody here can conduct; it is counted, and mended it is seen again."""
    stage = set_stage({"T-4h": [check("a")]})
    await prefect.schedule(stage.people, stage.frozen, stage.frozen.runbook.phases[0], now())
    await lost(stage)
    prefect.states["run-1"] = Crashed()
    watching = Watchdog(stage.store, ENVIRONMENT)
    monkeypatch.setattr(watchdog, "KINDS", {})
    assert await watching.look_once() == []
    assert list(watching.unseen) == [LAUNCH]
    monkeypatch.setattr(watchdog, "KINDS", FAKES)
    assert await watching.look_once() == [LAUNCH]
    assert watching.unseen == {}


@pytest.mark.parametrize(
    "error", [httpx.ConnectError("no"), PrefectException("no"), RuntimeError("no"), KeyError("no"), ValueError("no")]
)
async def test_whatever_prefect_throws_the_watchdog_goes_on(
    stage: Stage, prefect: FakePrefect, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """Prefect that is down for a while leaves no launch unwatched afterwards."""
    await lost(stage)
    prefect.states["run-1"] = Crashed()

    async def broken(_run: str) -> State[None] | None:
        raise error

    watching = Watchdog(stage.store, ENVIRONMENT)
    monkeypatch.setattr(watchdog, "run_state", broken)
    assert await watching.look_once() == []
    monkeypatch.setattr(watchdog, "run_state", prefect.run_state)
    assert await watching.look_once() == [LAUNCH]


async def test_it_says_whether_it_watches(stage: Stage, prefect: FakePrefect) -> None:
    """Not yet begun and ended are trouble; in between all is well."""
    watching = Watchdog(stage.store, ENVIRONMENT)
    assert watching.trouble() == "the watchdog does not watch"
    task = asyncio.create_task(watching.keep_watch())
    await asyncio.sleep(0)
    assert watching.trouble() == ""
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert watching.trouble() == "the watchdog does not watch"
