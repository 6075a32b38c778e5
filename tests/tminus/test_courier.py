"""Letters arrive: in order, once where that can be had, later and saying so where the other side was down."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event as Flag

import pytest

from deployments.rehearsal.fault_switch import Fault
from deployments.rehearsal.pagerduty_stand_in import PagerDutyStandIn
from deployments.rehearsal.slack_arguments import SlackRefusal
from deployments.rehearsal.slack_stand_in import SlackStandIn
from tests.tminus.conftest import SECRETS
from tests.tminus.staged_launch import CHANNEL, LAUNCH, Stage, pagerduty_section
from tests.tminus.told_stories import held, phase, resumed, rolled_back
from tminus import events as ev
from tminus.courier import LATE, Courier, Unavailable, Undeliverable, deliver_due
from tminus.environment import PagerDuty, Slack
from tminus.ledger.sqlite import SqliteStore
from tminus.ledger.store import Entry, Letter
from tminus.messages.forms import PagerDutyLetter, SlackLetter
from tminus.outbox import Outbox, Waiting
from tminus.pagerduty_channel import PagerDutyChannel
from tminus.slack_channel import SlackChannel

DOWN, UP = Fault(mode="down"), Fault(mode="none")


@pytest.fixture
def stage(tmp_path: Path, slack_settings: dict[str, object]) -> Stage:
    """A launch with Slack alone; its first letter, the board, is due."""
    return Stage.set(tmp_path, slack=slack_settings)


@pytest.fixture
def to_slack(slack_settings: dict[str, object]) -> SlackChannel:
    """The way to the stand-in."""
    return SlackChannel(Slack.model_validate(slack_settings))


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch, slack_settings: dict[str, object]) -> SlackChannel:
    """The same, giving up after a second."""
    monkeypatch.setattr("tminus.slack_channel._TIMEOUT", 1)
    return SlackChannel(Slack.model_validate(slack_settings))


@pytest.fixture
def to_pagerduty(pagerduty_settings: dict[str, object]) -> Iterator[PagerDutyChannel]:
    """The way to the other stand-in."""
    channel = PagerDutyChannel(PagerDuty.model_validate(pagerduty_settings))
    yield channel
    channel.close()


def at_once(stage: Stage) -> None:
    """Lets what waits for a next try be due now."""
    stage.store.run("UPDATE outbox SET due = 0", {})


def grow_old(stage: Stage, seconds: float) -> None:
    """Makes every letter older."""
    stage.store.run("UPDATE outbox SET made = made - :seconds", {"seconds": seconds})


def carry(stage: Stage, channel: SlackChannel | PagerDutyChannel, name: str = "slack") -> int:
    """Sends what is due."""
    return deliver_due(Outbox(stage.store), name, channel)


def send(stage: Stage, *letters: Letter) -> None:
    """Puts letters behind those that wait."""
    stage.store.append(Entry(LAUNCH, ev.write(ev.PhaseEnded(phase="T-4h")), letters=letters))


def note(text: str) -> Letter:
    """A note in the board's thread."""
    return SlackLetter(text=text, thread="board").letter(f"note-{text}")


def living(text: str) -> Letter:
    """A version of the living message."""
    return SlackLetter(text=text, blocks=[{"type": "divider"}], living=True).letter("board")


def shown(slack: SlackStandIn, *, thread: bool) -> list[str]:
    """The texts in the channel, or in its threads."""
    return [one.text for one in slack.workspace.lasting(CHANNEL) if (one.thread_ts is not None) == thread]


def eventually(check: Callable[[], bool]) -> None:
    """Waits until it is so."""
    until = time.monotonic() + 20
    while not check():
        assert time.monotonic() < until, "it did not come to be so within 20 s"
        time.sleep(0.02)


class TestSlackDown:
    """Slack does not answer for a while."""

    def test_everything_arrives_later_in_order_and_says_that_it_is_late(
        self, stage: Stage, slack: SlackStandIn, to_slack: SlackChannel
    ) -> None:
        """All notes, and of the living message only how things are now."""
        slack.faults.set(DOWN)
        for number in range(1, 4):
            send(stage, living(f"version {number}"), note(f"note {number}"))
        assert carry(stage, to_slack) == 0
        slack.faults.set(UP)
        grow_old(stage, 90)
        at_once(stage)
        carry(stage, to_slack)
        late = "(This is late by 90 s: it could not be sent when it happened.)"
        assert shown(slack, thread=True) == [f"note {number} {late}" for number in range(1, 4)]
        assert shown(slack, thread=False) == [f"version 3 {late}"]
        posts = [call.method for call in slack.record.calls if call.ok and call.method.startswith("chat.")]
        assert posts == ["chat.postMessage"] * 3 + ["chat.update", "chat.postMessage"]
        assert Outbox(stage.store).unsent() == []

    def test_on_time_nothing_says_that_it_is_late(
        self, stage: Stage, slack: SlackStandIn, to_slack: SlackChannel
    ) -> None:
        """A letter that is a little old is not called late."""
        send(stage, note("on time"))
        grow_old(stage, LATE / 2)
        carry(stage, to_slack)
        assert shown(slack, thread=True) == ["on time"]

    def test_it_waits_as_long_as_slack_asks(self, stage: Stage, slack: SlackStandIn, to_slack: SlackChannel) -> None:
        """429 with Retry-After: not tried before, and one request a time."""
        slack.faults.set(Fault(mode="rate_limited", retry_after=120))
        assert carry(stage, to_slack) == 0
        ((due,),) = stage.store.look("SELECT due - clock() FROM outbox", {})
        assert 100 < float(str(due)) <= 120
        assert len(slack.record.calls) == 1

    @pytest.mark.parametrize("error", ["not_in_channel", "token_revoked", "missing_scope"])
    def test_what_somebody_can_mend_is_tried_again(
        self, stage: Stage, slack: SlackStandIn, to_slack: SlackChannel, error: str
    ) -> None:
        """A bot that was thrown out of the channel loses no message for it."""

        def refuse(*_: object) -> dict[str, object]:
            raise SlackRefusal(error)

        right = slack._methods
        slack._methods = {**right, "chat.postMessage": refuse}
        assert carry(stage, to_slack) == 0
        ((state, said),) = stage.store.look("SELECT state, error FROM outbox", {})
        assert (state, said) == ("due", f"Slack: {error}")
        slack._methods = right
        at_once(stage)
        assert carry(stage, to_slack) == 1


class TestOnce:
    """A post whose answer never came is not posted again."""

    @pytest.mark.parametrize("in_thread", [False, True], ids=["in the channel", "in a thread"])
    def test_a_post_that_arrived_after_all_is_found_by_its_metadata(
        self, stage: Stage, slack: SlackStandIn, impatient: SlackChannel, *, in_thread: bool
    ) -> None:
        """The client gave up, the message stood there: once, and its receipt is known."""
        if in_thread:
            carry(stage, impatient)
            send(stage, note("in doubt"))
        slack.faults.set(Fault(mode="slow", seconds=3, times=1))
        assert carry(stage, impatient) == 0
        at_once(stage)
        assert carry(stage, impatient) == 1
        found = [one.ts for one in slack.workspace.lasting(CHANNEL) if (one.thread_ts is not None) == in_thread]
        key = "note-in doubt" if in_thread else "board"
        assert [Outbox(stage.store).receipt(LAUNCH, "slack", key)] == found

    def test_a_post_that_did_not_arrive_is_posted(
        self, stage: Stage, slack: SlackStandIn, to_slack: SlackChannel
    ) -> None:
        """Looking first does not mean never posting."""
        slack.faults.set(Fault(mode="down", times=1))
        assert carry(stage, to_slack) == 0
        at_once(stage)
        assert carry(stage, to_slack) == 1
        assert len(shown(slack, thread=False)) == 1

    def test_the_client_itself_repeats_nothing(self, to_slack: SlackChannel) -> None:
        """Its own retry on a broken connection would post twice without knowing."""
        assert to_slack._client.retry_handlers == []

    def test_where_it_may_not_read_the_channel_it_posts(
        self, stage: Stage, slack: SlackStandIn, to_slack: SlackChannel
    ) -> None:
        """Rather twice than never."""

        def refuse(*_: object) -> dict[str, object]:
            raise SlackRefusal("missing_scope")

        slack._methods = {**slack._methods, "conversations.history": refuse}
        slack.faults.set(Fault(mode="down", times=1))
        carry(stage, to_slack)
        at_once(stage)
        assert carry(stage, to_slack) == 1


class TestWrongLetters:
    """One that Slack will never take."""

    def test_it_dies_and_those_behind_it_arrive(
        self, stage: Stage, slack: SlackStandIn, to_slack: SlackChannel
    ) -> None:
        """invalid_blocks is written down with Slack's own words, and nothing waits for it."""
        carry(stage, to_slack)
        wrong = SlackLetter(text="x", blocks=[{"type": "carousel"}]).letter("wrong")
        send(stage, wrong, Letter("slack", "no letter", "{}"), note("behind it"))
        assert carry(stage, to_slack) == 1
        assert shown(slack, thread=True) == ["behind it"]
        dead = [(row[3], row[4], str(row[6])) for row in Outbox(stage.store).unsent()]
        assert [(key, state) for key, state, _ in dead] == [("wrong", "dead"), ("no letter", "dead")]
        assert dead[0][2].startswith("Slack: invalid_blocks [ERROR] unsupported type")

    def test_a_note_whose_board_never_arrived_stands_on_its_own(
        self, stage: Stage, slack: SlackStandIn, to_slack: SlackChannel
    ) -> None:
        """It names its launch; once there is a board again, notes stand under it."""
        stage.store.run("UPDATE outbox SET state = 'dead'", {})
        send(stage, note("alone"), living("a board"), note("under it"))
        carry(stage, to_slack)
        assert shown(slack, thread=False) == [f"{LAUNCH}: alone", "a board"]
        assert shown(slack, thread=True) == ["under it"]

    def test_a_deleted_board_is_posted_anew_and_notes_find_it(
        self, stage: Stage, slack: SlackStandIn, to_slack: SlackChannel
    ) -> None:
        """Somebody tidied the channel up: nothing dies of it."""
        carry(stage, to_slack)
        for message in slack.workspace.lasting(CHANNEL):
            message.deleted = True
        send(stage, note("homeless"), living("a new board"), note("under it"))
        assert carry(stage, to_slack) == 3
        assert shown(slack, thread=False) == [f"{LAUNCH}: homeless", "a new board"]
        assert shown(slack, thread=True) == ["under it"]


class TestPagerDuty:
    """The other way out."""

    def test_a_429_is_not_repeated_for_ever(
        self,
        tmp_path: Path,
        pagerduty: PagerDutyStandIn,
        pagerduty_settings: dict[str, object],
        to_pagerduty: PagerDutyChannel,
    ) -> None:
        """Two requests at most, then it is the outbox that waits."""
        stage = Stage.set(tmp_path, pagerduty=pagerduty_settings)
        pagerduty.faults.set(Fault(mode="rate_limited"))
        phase(stage, "T-4h")
        assert carry(stage, to_pagerduty, "pagerduty") == 0
        assert len(pagerduty.record.calls) <= 2
        assert [(row[4], row[6]) for row in Outbox(stage.store).unsent()] == [("due", "PagerDuty: 429")]

    def test_a_timeout_is_bounded_and_a_second_sending_makes_no_second_incident(
        self,
        tmp_path: Path,
        pagerduty: PagerDutyStandIn,
        pagerduty_settings: dict[str, object],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """One request and no more, though the page had arrived; sent again it joins the same incident."""
        monkeypatch.setattr("tminus.pagerduty_channel._TIMEOUT", 1)
        channel = PagerDutyChannel(PagerDuty.model_validate(pagerduty_settings))
        stage = Stage.set(tmp_path, pagerduty=pagerduty_settings)
        pagerduty.faults.set(Fault(mode="slow", seconds=3, times=1))
        held(stage)
        assert carry(stage, channel, "pagerduty") == 0
        assert len(pagerduty.record.calls) == 1
        assert Outbox(stage.store).unsent()[0][6] == "PagerDuty: ReadTimeout"
        at_once(stage)
        assert carry(stage, channel, "pagerduty") == 1
        channel.close()
        assert len(pagerduty.account.incidents) == 1

    def test_a_late_page_says_so_within_the_limit(
        self,
        tmp_path: Path,
        pagerduty: PagerDutyStandIn,
        pagerduty_settings: dict[str, object],
        to_pagerduty: PagerDutyChannel,
    ) -> None:
        """However long the summary is, the words that say how late it is are in it."""
        stage = Stage.set(tmp_path, pagerduty=pagerduty_settings)
        send(stage, PagerDutyLetter(op="trigger", summary="x" * 1024).letter("late"))
        grow_old(stage, 600)
        assert carry(stage, to_pagerduty, "pagerduty") == 1
        (incident,) = pagerduty.account.incidents
        assert len(incident.title) == 1024
        assert incident.title.endswith("(This is late by 600 s: it could not be sent when it happened.)")

    def test_an_authority_that_was_not_named_is_not_trusted(
        self, tmp_path: Path, pagerduty: PagerDutyStandIn, pagerduty_settings: dict[str, object]
    ) -> None:
        """TLS is verified: without the authority's certificate nothing is sent."""
        stage = Stage.set(tmp_path, pagerduty=pagerduty_settings)
        distrusting = {name: value for name, value in pagerduty_settings.items() if name != "ca_file"}
        channel = PagerDutyChannel(PagerDuty.model_validate(distrusting))
        held(stage)
        assert carry(stage, channel, "pagerduty") == 0
        channel.close()
        assert pagerduty.record.calls == []
        assert Outbox(stage.store).unsent()[0][6] == "PagerDuty: ConnectError"


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
        assert any(thread.is_alive() for thread in courier._threads)
        stuck.let_go.set()
        eventually(lambda: not any(thread.is_alive() for thread in courier._threads))
        assert Outbox(stage.store).receipt(LAUNCH, "slack", "board") == "board"

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


def test_a_section_says_what_it_cannot_trust(tmp_path: Path, secrets: None) -> None:
    """An authority's file that is not there is named, and the courier tries again until it is."""
    from tminus.errors import UsageError

    missing = tmp_path / "nowhere.pem"
    with pytest.raises(UsageError, match=r"nowhere\.pem cannot be read"):
        PagerDutyChannel(PagerDuty.model_validate(pagerduty_section(ca_file=missing)))
