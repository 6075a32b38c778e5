"""The checks of stored and of verified backups: what their parameters refuse, and waiting for a launch's own backup."""

import asyncio
from contextlib import closing
from datetime import datetime, timedelta
from threading import Timer

import pytest
from pydantic import ValidationError

from tasks.checks import backup_verified
from tasks.checks.backup_intact import BackupIntact
from tasks.checks.backup_verified import BackupVerified
from tests.conftest import LAUNCH, Estates
from tminus import events as ev
from tminus.chain_names import backups_chain
from tminus.clock import now
from tminus.ledger.opening import have_chain
from tminus.ledger.sqlite import SqliteStore
from tminus.ledger.store import Entry
from tminus.outcome import Outcome, Verdict

CHAIN = backups_chain("tradesense", "test")
PAPERS = dict.fromkeys(("title", "environment_name", "started_by", "release", "runbook", "people", "environment"), "x")
AFTER = {"store": "database", "since": "launch", "expect": {"age": "<= 1 h"}}


def write(estates: Estates, chain: str, *events: ev.Event) -> None:
    """Appends to a chain of the estate's ledger."""
    with closing(SqliteStore(estates.folder / "ledger.sqlite")) as store:
        have_chain(store, chain)
        store.append(*(Entry(chain, ev.write(event)) for event in events))


def created(at: datetime) -> ev.LaunchCreated:
    """The launch that everything here is of."""
    begun = {"launch": LAUNCH, "system": "tradesense", "base": "/", "digests": {}, "t0": at}
    return ev.LaunchCreated.model_validate({**PAPERS, **begun, "at": at})


def proven(ago: timedelta, name: str) -> tuple[ev.BackupTaken, ev.BackupVerified]:
    """A backup of that long ago, that was verified just now."""
    taken = ev.BackupTaken(
        store="database", kind="postgres.dump", backup=name, manifest_digest="d", size=1, taken_at=now() - ago
    )
    outcome = Outcome(verdict=Verdict.PASS, summary="well")
    return taken, ev.BackupVerified(
        verification=name, store="database", kind="postgres.dump", backup=name, outcome=outcome
    )


def looked(estates: Estates, **more: object) -> Outcome:
    """What the check of the launch's own backup says."""
    check = BackupVerified.model_validate({**AFTER, **more})
    return asyncio.run(check.observe(estates.make()))


def test_a_backup_of_before_the_launch_is_none_of_it(estates: Estates) -> None:
    """However well it was restored: what the new version has written is not in it."""
    write(estates, LAUNCH, created(now() - timedelta(hours=2)))
    write(estates, CHAIN, *proven(timedelta(hours=3), "before"))
    came = looked(estates)
    assert came.verdict is Verdict.FAIL
    assert "after_launch no" in came.summary
    assert "`tminus backup database`, then `tminus verify-backup database`" in came.summary
    write(estates, CHAIN, *proven(timedelta(hours=1), "after"))
    assert looked(estates).verdict is Verdict.PASS


def test_it_waits_until_one_is_verified(estates: Estates, monkeypatch: pytest.MonkeyPatch) -> None:
    """As long as the book lets it, and no longer than it must."""
    monkeypatch.setattr(backup_verified, "_POLL", 0.02)
    write(estates, LAUNCH, created(now() - timedelta(hours=2)))
    write(estates, CHAIN, *proven(timedelta(hours=3), "before"))
    Timer(0.2, lambda: write(estates, CHAIN, *proven(timedelta(hours=1), "after"))).start()
    assert looked(estates, wait="1m").verdict is Verdict.PASS


def test_one_that_failed_is_not_forgotten(estates: Estates) -> None:
    """As long as the last verification saw it in its bucket, whatever passed since; then it is forgotten."""
    taken, came = proven(timedelta(hours=1), "good")
    left = came.model_copy(update={"still_failed": ("database-20260101T000000Z",)})
    write(estates, CHAIN, taken, left)
    check = BackupVerified.model_validate({"store": "database", "expect": {"age": "<= 1 h"}})
    came_out = asyncio.run(check.observe(estates.make()))
    assert came_out.verdict is Verdict.FAIL
    assert "verdict fail" in came_out.summary
    assert "database-20260101T000000Z failed when it was last looked at" in came_out.summary
    write(estates, CHAIN, *proven(timedelta(hours=1), "next"))
    assert asyncio.run(check.observe(estates.make())).verdict is Verdict.PASS


def test_without_a_launch_nothing_is_after_it(estates: Estates) -> None:
    """A ledger that does not know the launch leaves it unknown, at once."""
    write(estates, CHAIN, *proven(timedelta(hours=1), "after"))
    came = looked(estates, wait="1h")
    assert came.verdict is Verdict.UNKNOWN
    assert LAUNCH in came.summary


@pytest.mark.parametrize(
    ("check", "given", "said"),
    [
        (BackupVerified, {"store": "a", "wait": "5m", "expect": {"age": "<= 1 h"}}, "since: launch"),
        (BackupVerified, {"store": "a", "expect": {"after_launch": "= yes"}}, "since: launch"),
        (BackupIntact, {"store": "a", "bucket": "b", "expect": {"holds": "= all"}}, "name tables"),
        (BackupIntact, {"store": "a", "bucket": "b", "expect": {"age": "= yes"}}, "age"),
    ],
)
def test_what_could_not_fail_is_refused(
    check: type[BackupVerified | BackupIntact], given: dict[str, object], said: str
) -> None:
    """With words for what to write instead."""
    with pytest.raises(ValidationError, match=said):
        check.model_validate(given)


def test_what_makes_a_backup_whole_is_always_expected() -> None:
    """Also where the book says no more than how old it may be."""
    check = BackupIntact.model_validate(
        {"store": "a", "bucket": "b", "holds": ["public.orders"], "expect": {"age": "< 1 h"}}
    )
    assert {name: str(one) for name, one in check.expect.items()} == {
        "age": "< 1 h",
        "manifest": "= recorded",
        "files_damaged": "= 0",
        "holds": "= all",
    }
