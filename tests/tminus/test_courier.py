"""The threads that carry letters: one channel holds up no other, and no secret leaves with them."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event as Flag

import pytest

from deployments.rehearsal.fault_switch import Fault
from deployments.rehearsal.pagerduty_stand_in import PagerDutyStandIn
from deployments.rehearsal.slack_stand_in import SlackStandIn
from tests.tminus.carrying import DOWN, UP, at_once, carry, note, send, shown
from tests.tminus.conftest import SECRETS
from tests.tminus.slack_room import eventually
from tests.tminus.staged_launch import LAUNCH, Stage
from tests.tminus.told_stories import held, resumed, rolled_back
from tminus.courier import Courier, Unavailable, Undeliverable
from tminus.environment import PagerDuty, Slack
from tminus.ledger.sqlite import SqliteStore
from tminus.messages.forms import PagerDutyLetter
from tminus.outbox import Outbox, Waiting
from tminus.pagerduty_channel import PagerDutyChannel
from tminus.slack_channel import SlackChannel


@pytest.fixture
def stage(tmp_path: Path, slack_settings: dict[str, object]) -> Stage:
    """A launch with Slack alone; its first letter, the board, is due."""
    return Stage.set(tmp_path, slack=slack_settings)


@pytest.fixture
def to_slack(slack_settings: dict[str, object]) -> SlackChannel:
    """The way to the stand-in."""
    return SlackChannel(Slack.model_validate(slack_settings))


@pytest.fixture
def to_pagerduty(pagerduty_settings: dict[str, object]) -> Iterator[PagerDutyChannel]:
    """The way to the other stand-in."""
    channel = PagerDutyChannel(PagerDuty.model_validate(pagerduty_settings))
    yield channel
    channel.close()


class _Stuck:
    """A channel that does not come back before it is let go."""

    def __init__(self) -> None:
        self.entered, self.let_go = Flag(), Flag()

    def deliver(self, letter: Waiting, outbox: Outbox, late: str) -> str:
        """Takes its time."""
        self.entered.set()
        self.let_go.wait(30)
        return letter.key

    def close(self) -> None:
        """Nothing to close."""


class TestCourier:
    """The threads that carry."""

    def test_it_carries_to_both_and_one_that_is_down_holds_up_no_other(
        self,
        tmp_path: Path,
        slack: SlackStandIn,
        pagerduty: PagerDutyStandIn,
        slack_settings: dict[str, object],
        pagerduty_settings: dict[str, object],
    ) -> None:
        """Slack is down and PagerDuty gets everything; Slack comes back and gets everything."""
        stage = Stage.set(tmp_path, slack=slack_settings, pagerduty=pagerduty_settings)
        slack.faults.set(DOWN)
        with Courier(SqliteStore(tmp_path / "ledger.sqlite"), stage.frozen.environment):
            rolled_back(stage)
            outbox = Outbox(stage.store)
            eventually(lambda: not [row for row in outbox.unsent() if row[2] == "pagerduty"])
            slack.faults.set(UP)
            eventually(lambda: outbox.unsent() == [])
        assert [one.status for one in pagerduty.account.incidents] == ["resolved"]
        assert len(shown(slack, thread=True)) == 3

    def test_of_two_environments_on_one_ledger_each_carries_its_own(
        self, tmp_path: Path, slack: SlackStandIn, slack_settings: dict[str, object]
    ) -> None:
        """Staging's letters wait for staging's courier, which has staging's secrets, as long as it takes."""
        production = Stage.set(tmp_path, slack=slack_settings)
        staging = Stage.set(tmp_path, "tradesense-staged-1", environment="staging", slack=slack_settings)
        outbox = Outbox(production.store)
        with Courier(SqliteStore(tmp_path / "ledger.sqlite"), production.frozen.environment):
            rolled_back(production)
            eventually(lambda: outbox.unsent(LAUNCH) == [])
        assert [(row[1], row[5]) for row in outbox.unsent()] == [("tradesense-staged-1", 0)]
        with Courier(SqliteStore(tmp_path / "ledger.sqlite"), staging.frozen.environment):
            eventually(lambda: outbox.unsent() == [])

    def test_a_missing_secret_of_one_channel_is_said_and_stops_no_other(
        self,
        tmp_path: Path,
        pagerduty: PagerDutyStandIn,
        slack_settings: dict[str, object],
        pagerduty_settings: dict[str, object],
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        """Named by its reference; set later, what waited is sent."""
        stage = Stage.set(tmp_path, slack=slack_settings, pagerduty=pagerduty_settings)
        monkeypatch.delenv("STAGED_TOKEN")
        monkeypatch.setattr("tminus.courier._PAUSE", 0.05)
        held(stage)
        with Courier(SqliteStore(tmp_path / "ledger.sqlite"), stage.frozen.environment):
            eventually(lambda: len(pagerduty.account.incidents) == 1)
            eventually(lambda: "env:STAGED_TOKEN" in caplog.text)
            monkeypatch.setenv("STAGED_TOKEN", SECRETS[0])
            eventually(lambda: Outbox(stage.store).unsent() == [])

    def test_at_the_end_it_sends_what_is_due(
        self, tmp_path: Path, stage: Stage, slack: SlackStandIn, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The sentence that ends a launch is not left behind because its conductor was done."""
        monkeypatch.setattr("tminus.courier._LOOK", 60.0)
        with Courier(SqliteStore(tmp_path / "ledger.sqlite"), stage.frozen.environment):
            stage.close()
        assert shown(slack, thread=True) == ["GO tradesense 2.0.0 launched"]

    def test_it_ends_though_a_channel_hangs_and_its_store_stays_open_for_it(
        self, tmp_path: Path, stage: Stage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Leaving does not wait for the letter under way; that is finished and written down all the same."""
        stuck = _Stuck()
        monkeypatch.setattr("tminus.courier.open_channel", lambda *_: stuck)
        courier = Courier(SqliteStore(tmp_path / "ledger.sqlite"), stage.frozen.environment)
        with courier:
            assert stuck.entered.wait(10)
        assert any(thread.is_alive() for thread in courier._carriers.values())
        stuck.let_go.set()
        eventually(lambda: not any(thread.is_alive() for thread in courier._carriers.values()))
        assert Outbox(stage.store).receipt(LAUNCH, "slack", "board") == "board"

    def test_a_secret_that_prefect_would_have_is_waited_for(
        self,
        tmp_path: Path,
        slack_settings: dict[str, object],
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        """Prefect does not answer: that is said, and the channel is served still, as soon as it does."""

        async def unreachable(_name: str) -> None:
            raise RuntimeError("no Prefect")

        monkeypatch.setattr("prefect.blocks.system.Secret.aload", unreachable)
        stage = Stage.set(tmp_path, slack={**slack_settings, "token": "prefect:slack-token"})
        with Courier(SqliteStore(tmp_path / "ledger.sqlite"), stage.frozen.environment) as courier:
            eventually(lambda: "prefect:slack-token cannot be read" in caplog.text)
            assert courier.trouble() == ""

    @pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
    def test_a_channel_that_nobody_serves_any_more_shows(
        self, tmp_path: Path, stage: Stage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Whatever ended its thread: it is said by name, and shown in the metrics; ending on purpose is no trouble."""

        def broken(*_: object) -> None:
            raise AssertionError("what nobody thought of")

        monkeypatch.setattr("tminus.courier.open_channel", broken)
        with Courier(SqliteStore(tmp_path / "ledger.sqlite"), stage.frozen.environment) as courier:
            eventually(lambda: courier.trouble() == "nothing is carried to slack any more")
            assert 'tminus_courier_alive{channel="slack"} 0' in list(courier.metrics())
        assert courier.trouble() == ""

    def test_two_couriers_send_nothing_twice(
        self, tmp_path: Path, slack: SlackStandIn, slack_settings: dict[str, object]
    ) -> None:
        """The gateway's and the conductor's, on one outbox."""
        stage = Stage.set(tmp_path, slack=slack_settings)
        environment = stage.frozen.environment
        with (
            Courier(SqliteStore(tmp_path / "ledger.sqlite"), environment),
            Courier(SqliteStore(tmp_path / "ledger.sqlite"), environment),
        ):
            resumed(stage)
            send(stage, *(note(f"number {number}") for number in range(20)))
            eventually(lambda: Outbox(stage.store).unsent() == [])
        numbered = [text for text in shown(slack, thread=True) if text.startswith("number ")]
        assert numbered == [f"number {number}" for number in range(20)]


def test_no_secret_is_in_what_is_logged_said_or_written(
    tmp_path: Path,
    slack: SlackStandIn,
    pagerduty: PagerDutyStandIn,
    slack_settings: dict[str, object],
    pagerduty_settings: dict[str, object],
    to_slack: SlackChannel,
    to_pagerduty: PagerDutyChannel,
    every_log_line: pytest.LogCaptureFixture,
) -> None:
    """Tokens and keys stay out of logs down to DEBUG, errors with their causes, the ledger, and messages."""
    stage = Stage.set(tmp_path, slack=slack_settings, pagerduty=pagerduty_settings)
    errors: list[BaseException | None] = []
    letters = {"slack": note("x"), "pagerduty": PagerDutyLetter(op="trigger", summary="x").letter("x")}
    for fault in (DOWN, Fault(mode="rate_limited"), UP):
        slack.faults.set(fault)
        pagerduty.faults.set(fault)
        for name, channel in (("slack", to_slack), ("pagerduty", to_pagerduty)):
            letter = letters[name]
            waiting = Waiting(999, LAUNCH, 1, name, letter.key, letter.body, 1, time.time(), time.time())
            try:
                channel.deliver(waiting, Outbox(stage.store), "")
            except (Unavailable, Undeliverable) as e:
                errors.append(e)
        rolled_back(stage) if fault is UP else held(stage)
        at_once(stage)
        carry(stage, to_slack)
        carry(stage, to_pagerduty, "pagerduty")
    assert len(errors) == 4
    while any(errors):
        everything = [str(error) + repr(error) for error in errors if error]
        assert not [secret for secret in SECRETS if secret in "".join(everything)]
        errors = [error.__cause__ or error.__context__ for error in errors if error]
    rows = stage.store.look("SELECT body, COALESCE(error, '') FROM outbox", {})
    ledger = json.dumps(rows) + "".join(one.body for one in stage.store.read(LAUNCH))
    messages = json.dumps([call.model_dump() for call in (*slack.record.calls, *pagerduty.record.calls)])
    for place in (ledger, every_log_line.text, messages):
        assert len(place) > 1000
        assert not [secret for secret in SECRETS if secret in place]
