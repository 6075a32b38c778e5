"""A delivery that takes too long, or breaks in a way that nobody foresaw, ends neither its courier nor its letter."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from threading import Event as Flag

import pytest

from deployments.rehearsal.in_thread import Door
from tests.tminus.carrying import at_once
from tests.tminus.dripping import drips_until
from tests.tminus.slack_room import eventually
from tests.tminus.staged_launch import LAUNCH, Stage
from tminus.courier import Courier, InTime, Unavailable, deliver_due, still_wanted
from tminus.environment import Slack
from tminus.errors import LedgerError
from tminus.ledger.sqlite import SqliteStore
from tminus.outbox import CLAIM, Outbox, Waiting
from tminus.slack_channel import SlackChannel


@pytest.fixture
def stage(tmp_path: Path, slack_settings: dict[str, object]) -> Stage:
    """A launch with Slack alone; its first letter, the board, is due."""
    return Stage.set(tmp_path, slack=slack_settings)


class _Played:
    """A channel that does as it is told."""

    def __init__(self, play: Callable[[], None]) -> None:
        self._play = play

    def deliver(self, letter: Waiting, outbox: Outbox, late: str) -> str:
        """Plays."""
        self._play()
        return letter.key

    def close(self) -> None:
        """Nothing to close."""


def test_what_nobody_foresaw_ends_no_courier(
    tmp_path: Path, stage: Stage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Written down by its name, without its words, which may hold a secret; the letter is tried again and arrives."""
    fails = iter([KeyError("a secret"), RecursionError("a secret")])

    def play() -> None:
        for error in fails:
            raise error

    monkeypatch.setattr("tminus.courier.open_channel", lambda *_: _Played(play))
    with Courier(SqliteStore(tmp_path / "ledger.sqlite"), stage.frozen.environment) as courier:
        eventually(lambda: Outbox(stage.store).unsent() == [])
        assert courier.trouble() == ""
    assert ("slack letter board" in caplog.text, "KeyError" in caplog.text) == (True, True)
    assert "a secret" not in caplog.text


def test_an_answer_that_drips_holds_no_courier(
    stage: Stage, slack_door: Door, slack_settings: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each piece comes in time, and there is no end of them."""
    monkeypatch.setattr("tminus.courier._WITHIN", 0.3)
    over = Flag()
    slack_door.behind = drips_until(over)
    threading.Timer(3.0, over.set).start()
    channel = InTime(SlackChannel(Slack.model_validate(slack_settings)), "slack")
    began = time.monotonic()
    try:
        assert deliver_due(Outbox(stage.store), "slack", channel) == 0
        assert time.monotonic() - began < 2.5, "it waited for the end of the answer"
    finally:
        over.set()
    assert Outbox(stage.store).unsent()[0][4:7:2] == ("due", "slack: no whole answer within 0.3 s")


def test_the_bound_is_below_the_claim() -> None:
    """Another courier takes a letter up only once the first has let go of it."""
    from tminus.courier import _WITHIN

    assert _WITHIN < CLAIM


def test_what_was_given_up_begins_no_further_request(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would come after what was sent in its place."""
    monkeypatch.setattr("tminus.courier._WITHIN", 0.1)
    go_on, came = Flag(), list[str]()

    def play() -> None:
        still_wanted()
        go_on.wait(30)
        try:
            still_wanted()
        except Unavailable as e:
            came.append(str(e))
            raise
        came.append("sent")

    channel = InTime(_Played(play), "slack")
    assert deliver_due(Outbox(stage.store), "slack", channel) == 0
    go_on.set()
    eventually(lambda: came == ["it was given up"])
    assert Outbox(stage.store).receipt(LAUNCH, "slack", "board") is None
    still_wanted()  # of whoever is in no delivery nothing was given up


def test_there_are_never_more_than_a_few(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Slack that never ends an answer gets no thread for each try; once it does, the letter arrives."""
    monkeypatch.setattr("tminus.courier._WITHIN", 0.05)
    go_on, begun = Flag(), list[int]()

    def play() -> None:
        begun.append(1)
        go_on.wait(30)

    channel, outbox = InTime(_Played(play), "slack"), Outbox(stage.store)
    for _ in range(7):
        at_once(stage)
        deliver_due(outbox, "slack", channel)
    assert len(begun) == 4
    assert outbox.unsent()[0][6] == "slack: 4 earlier requests are still being answered"
    go_on.set()
    eventually(lambda: not [one for one in threading.enumerate() if one.name == "slack is told"])
    at_once(stage)
    assert deliver_due(outbox, "slack", channel) == 1


def test_while_no_place_is_free_no_try_is_spent_and_it_is_said(
    tmp_path: Path, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Requests that do not end cost no letter its life, and the gateway is not well while they hold everything up."""
    monkeypatch.setattr("tminus.courier._WITHIN", 0.05)
    monkeypatch.setattr("tminus.courier._LASTS", 0.2)
    go_on = Flag()

    def hangs() -> None:
        go_on.wait(30)

    def arrived() -> bool:
        at_once(stage)
        return Outbox(stage.store).unsent() == []

    def said(courier: Courier) -> bool:
        at_once(stage)
        return courier.trouble().startswith("nothing is carried to slack for ")

    monkeypatch.setattr("tminus.courier.open_channel", lambda *_: _Played(hangs))
    try:
        with Courier(SqliteStore(tmp_path / "ledger.sqlite"), stage.frozen.environment) as courier:
            eventually(lambda: said(courier))
            assert Outbox(stage.store).unsent()[0][5] == 4
            go_on.set()
            eventually(arrived)
            eventually(lambda: courier.trouble() == "")
    finally:
        go_on.set()


def test_where_no_thread_can_be_begun_no_place_is_lost(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The letter is tried again, and arrives once one can be."""

    class Refused(threading.Thread):
        def start(self) -> None:
            raise RuntimeError("can't start new thread")

    channel, outbox = InTime(_Played(lambda: None), "slack"), Outbox(stage.store)
    with monkeypatch.context() as patched:
        patched.setattr("tminus.bounded_threads.Thread", Refused)
        for _ in range(7):
            at_once(stage)
            assert deliver_due(outbox, "slack", channel) == 0
    assert outbox.unsent()[0][6] == "slack: no thread can be begun"
    at_once(stage)
    assert deliver_due(outbox, "slack", channel) == 1


def test_a_ledger_that_refuses_something_ends_no_courier(
    tmp_path: Path, stage: Stage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is said, and tried again, at a pace."""
    monkeypatch.setattr("tminus.courier.open_channel", lambda *_: _Played(lambda: None))
    monkeypatch.setattr("tminus.courier._AGAIN", 0.05)
    claim, refusals = Outbox.claim, iter([1, 2])

    def refuses(outbox: Outbox, channels: tuple[str, ...]) -> list[Waiting]:
        for _ in refusals:
            raise LedgerError("the ledger's PostgreSQL refuses: no such column")
        return claim(outbox, channels)

    monkeypatch.setattr(Outbox, "claim", refuses)
    with Courier(SqliteStore(tmp_path / "ledger.sqlite"), stage.frozen.environment) as courier:
        eventually(lambda: Outbox(stage.store).unsent() == [])
        assert courier.trouble() == ""
    assert caplog.text.count("the outbox cannot be used") == 2
