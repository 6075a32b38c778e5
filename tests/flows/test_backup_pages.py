"""Whom a verification pages, also one that breaks off: what was written down was told, and is taken back once."""

import asyncio
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from rich.console import Console

from flows import looking_at_backup, restoring
from flows.backup_verification import verify
from flows.verifying import Verification
from tasks.backups.asked import Asked, Seen
from tests.conftest import Estates, S3Server
from tests.flows.backup_room import GOOD, Room, use, well
from tminus import events as ev
from tminus.backups.terminal import overview
from tminus.clock import now
from tminus.errors import CouldNotObserve, LedgerError
from tminus.expectation import Measurement
from tminus.outcome import Verdict


@pytest.fixture
def room(estates: Estates, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Room]:
    """Two stores with a backup each, and somebody who is paged."""
    monkeypatch.setattr(looking_at_backup, "VERIFIERS", looking_at_backup.VERIFIERS)
    section = s3_server.section(estates.secret, f"p/{estates.folder.name}")
    paged = {"pagerduty": {"routing_key": "env:R", "events": "https://127.0.0.1:1"}}
    made = Room.set(estates.folder, {name: str(value) for name, value in section.items()}, **paged)
    for store in ("cache", "queue"):
        made.put(store, ago=timedelta(hours=25))
        made.put(store)
    use(well)
    yield made
    use(well)


async def differs(_asked: Asked) -> Seen:
    """A key is another."""
    return Seen([*GOOD[:-1], Measurement.number("databases_differ", 1)], (), "database 0")


def verified(room: Room, *, older: bool = False) -> None:
    """Both stores."""
    asyncio.run(verify(room.opened(), older=older, shown=False))


def told(room: Room, key: str = "cache") -> list[str]:
    """What PagerDuty is told about a store, in turn."""
    opened = room.opened()
    store = opened.store()
    rows = store.look("SELECT key, body FROM outbox ORDER BY seq", {})
    store.close()
    return [json.loads(str(body))["op"] for at, body in rows if str(at).endswith(f":{key}")]


@pytest.fixture
def breaks() -> Iterator[pytest.MonkeyPatch]:
    """Verifications end with their second store, as if the ledger were gone."""
    look = Verification.look

    async def until_queue(self: Verification, *asked: object) -> list[ev.BackupVerified]:
        if asked[1] == "queue":
            raise LedgerError("gone")
        return await look(self, *asked)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as broken:
        broken.setattr(Verification, "look", until_queue)
        yield broken


def test_what_failed_is_paged_though_the_verification_breaks_off(room: Room, breaks: pytest.MonkeyPatch) -> None:
    """Each night, if it does so each night; a page is taken back by the verification that proves the store again."""
    use(differs)
    for _ in range(2):
        with pytest.raises(LedgerError):
            verified(room)
    assert told(room) == ["trigger", "trigger"]
    use(well)
    with pytest.raises(LedgerError):
        verified(room)
    assert told(room)[2:] == ["resolve"]
    breaks.undo()
    verified(room)
    assert told(room)[2:] == ["resolve", "resolve"]  # nobody knows how much one that broke off has told
    verified(room)
    assert told(room)[2:] == ["resolve", "resolve"]


def test_a_page_stays_until_all_of_a_store_was_seen(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest backup passes and it breaks off before the older: the page is taken back by the next, not by this."""
    use(differs)
    verified(room)
    use(well)
    say = Verification._say

    async def newest_only(self: Verification, *said: object, last: bool = True) -> ev.BackupVerified:
        if last:
            raise LedgerError("gone")
        return await say(self, *said, last=last)  # type: ignore[arg-type]

    with monkeypatch.context() as broken:
        broken.setattr(Verification, "_say", newest_only)
        with pytest.raises(LedgerError):
            verified(room, older=True)
    assert room.verified()[-1].outcome.verdict is Verdict.PASS
    assert told(room) == ["trigger"]
    verified(room)
    assert told(room) == ["trigger", "resolve"]


def test_a_scratch_that_cannot_be_removed_is_told(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the outcome, in what failed besides, and by `tminus backups`, until it is gone."""

    def stuck(planned: ev.ScratchPlanned, _chain: str) -> None:
        raise CouldNotObserve(f"the scratch {planned.folder} cannot be removed whole: busy")

    async def silent(_asked: Asked) -> Seen:
        raise CouldNotObserve("the server ended")

    with monkeypatch.context() as broken:
        broken.setattr(restoring, "remove_scratch", stuck)
        verified(room)
        use(silent)
        verified(room)
    first, second = (one.outcome for one in room.verified())
    assert first.verdict is Verdict.PASS
    assert any("cannot be removed whole: busy" in line for line in first.details)
    assert second.summary.startswith("the server ended; the scratch")
    assert shown(room).count("a backup of cache is restored") == 2
    verified(room)
    assert shown(room).count("a backup of cache is restored") == 0
    assert list(room.scratch.iterdir()) == []


def shown(room: Room) -> str:
    """`tminus backups`."""
    opened = room.opened()
    store = opened.store()
    console = Console(width=400)
    with console.capture() as said:
        for block in overview(opened.book, opened.history(store), now()):
            console.print(block)
    store.close()
    return said.get()


def test_one_that_is_left_for_a_day_is_paged(room: Room) -> None:
    """There may be customers' data in it; the page is taken back once it is gone, however that came about."""
    folder = room.scratch / "tminus-scratch-left"
    folder.mkdir(parents=True)
    (folder / "rows").touch()
    at = now() - timedelta(hours=25)
    left = ev.ScratchPlanned(
        at=at, verification="v", store="cache", scratch=folder.name, folder=str(folder), machine="elsewhere"
    )
    room.write(left)
    verified(room)
    verified(room)
    assert told(room, "scratch") == ["trigger", "trigger"]
    (folder / "rows").unlink()
    Path(folder).rmdir()
    room.write(ev.ScratchGone(scratch=folder.name, how="swept"))
    verified(room)
    verified(room)
    assert told(room, "scratch") == ["trigger", "trigger", "resolve"]
