"""Told reviews arrive: letters in the same transaction as their event, carried to the stand-ins, once."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from deployments.rehearsal.pagerduty_stand_in import PagerDutyStandIn
from deployments.rehearsal.slack_stand_in import SlackStandIn
from tests.tminus.readiness.room import CHECK, KINDS, book, source
from tests.tminus.staged_launch import CHANNEL
from tminus import events as ev
from tminus.chain_names import readiness_chain
from tminus.clock import now
from tminus.courier import deliver_due, open_channels
from tminus.environment import Environment
from tminus.ledger.store import Entry, Store
from tminus.ledger.verifying import verify
from tminus.outbox import Outbox
from tminus.outcome import Outcome, Verdict
from tminus.readiness.opened import Opened
from tminus.readiness.reviewing import reviewed, tell, told_before
from tminus.readiness.source import build_checklist
from tminus.release import no_release

REF = "shop/testing/unit/1"
CHAIN = readiness_chain("shop", "here")


@dataclass
class Weekly:
    """A checklist with one weekly line, a ledger, and ways out."""

    opened: Opened
    store: Store

    def sweep(self, verdict: Verdict, at: datetime) -> None:
        """As a sweep leaves it that saw the line then."""
        chain = f"sweep-shop-here-{at:%Y%m%d-%H%M%S}"
        digest = next(self.opened.checklist.lines()).digest
        seen = ev.LineSeen(ref=REF, digest=digest, outcomes=(Outcome(verdict=verdict, summary="seen", at=at),))
        ended = ev.SweepEnded(
            at=at, sweep=chain, sections=("unit",), counts={}, blocking=0, ready=False, sentence="swept"
        )
        self.store.open_chain(chain, Entry(chain, ev.write(ev.LinesSeen(section="unit", lines=(seen,)))))
        if self.store.head(CHAIN) is None:
            self.store.open_chain(CHAIN)
        began = ev.SweepBegan(
            at=at, sweep=chain, system="shop", environment="here", digests={}, lines=1, sections=("unit",)
        )
        self.store.append(Entry(CHAIN, ev.write(began)), Entry(CHAIN, ev.write(ended)))

    def tell(self) -> ev.ReviewsTold:
        """Tells what is due now, and carries it."""
        at = now()
        told = tell(self.opened, self.store, reviewed(self.opened, self.store, at), at)
        for name, channel in open_channels(self.opened.environment).items():
            deliver_due(Outbox(self.store), name, channel)
            channel.close()
        return told


@pytest.fixture
def weekly(
    tmp_path: Path, slack_settings: dict[str, object], pagerduty_settings: dict[str, object]
) -> Iterator[Weekly]:
    """It leads to the stand-ins."""
    place = Environment.model_validate(
        {
            "environment": "here",
            "kind": "rehearsal",
            "ledger": {"sqlite": str(tmp_path / "ledger.db")},
            "prefect": {"api": "http://127.0.0.1:1"},
            "state": str(tmp_path),
            "slack": slack_settings,
            "pagerduty": pagerduty_settings,
        }
    )
    text = book(f"title: Error rate, {CHECK}").replace("    lines:", "    every: week\n    lines:")
    opened = Opened(
        tmp_path,
        build_checklist([source(tmp_path, text)], [], KINDS),
        place,
        None,
        no_release("shop"),
        tmp_path,
        {},
    )
    with closing(opened.store()) as store:
        yield Weekly(opened, store)


def test_overdue_pages_and_done_resolves(weekly: Weekly, slack: SlackStandIn, pagerduty: PagerDutyStandIn) -> None:
    """One incident while it is overdue, however often it is told; resolved once it holds again; one message a week."""
    weekly.sweep(Verdict.PASS, now() - timedelta(days=9))
    weekly.sweep(Verdict.FAIL, now() - timedelta(days=1))
    assert weekly.tell().paged == ("engineering_lead",)
    weekly.tell()
    (incident,) = pagerduty.account.incidents
    assert "Error rate is overdue since" in incident.title
    assert incident.status == "triggered"

    weekly.sweep(Verdict.PASS, now())
    assert weekly.tell().resolved == ("engineering_lead",)
    (incident,) = pagerduty.account.incidents
    assert incident.status == "resolved"
    (message,) = slack.workspace.lasting(CHANNEL)
    assert message.text == "shop: no recurring lines overdue, 0 due within 3 days, 0 never done, 1 done"
    assert Outbox(weekly.store).unsent() == []
    assert not verify(weekly.store, CHAIN).faults


def test_letters_stand_beside_their_event(weekly: Weekly) -> None:
    """Each letter's number is that of the event that tells of it, so neither is there without the other."""
    weekly.sweep(Verdict.PASS, now() - timedelta(days=9))
    weekly.tell()
    head = weekly.store.head(CHAIN)
    assert head is not None
    rows = weekly.store.look("SELECT seq, channel, environment FROM outbox ORDER BY channel", {})
    where = weekly.opened.environment.environment
    assert rows == [(head.seq, "pagerduty", where), (head.seq, "slack", where)]
    assert len(told_before(weekly.opened, weekly.store)) == 1


def test_the_last_pass_is_found_however_many_failures_came_after(weekly: Weekly) -> None:
    """Sweep by sweep back to the last time that it held."""
    held = now() - timedelta(days=40)
    weekly.sweep(Verdict.PASS, held)
    for day in range(35, 0, -1):
        weekly.sweep(Verdict.FAIL, now() - timedelta(days=day))
    (found,) = reviewed(weekly.opened, weekly.store, now())
    assert found.held == held
