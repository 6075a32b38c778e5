"""Socket Mode against a real WebSocket: acknowledged at once, nothing lost and nothing twice, whatever befalls it."""

import asyncio
import threading
import time
from collections.abc import Callable
from pathlib import Path
from threading import Thread

import pytest
from pydantic import JsonValue, SecretStr
from starlette.applications import Starlette

from deployments.rehearsal.slack_stand_in import SlackStandIn
from tests.sampling import few
from tests.tminus.slack.test_gateway import SlowStore
from tests.tminus.slack_line import APP_TOKEN, Line, listening
from tests.tminus.slack_room import Room, eventually
from tests.tminus.slack_wire import Wire
from tests.tminus.staged_launch import CHANNEL, LAUNCH, Stage, slack_id
from tminus import events as ev
from tminus import slack_connection
from tminus.gateway import Gateway
from tminus.ledger.sqlite import SqliteStore
from tminus.slack_connection import NotOpened, SlackConnection

PEOPLE = ("devops", "security", "engineering", "product")


class TestEnvelopes:
    """What comes over it is what comes by HTTP."""

    def test_a_press_counts_and_is_answered(self, line: Line, stage: Stage) -> None:
        """Acknowledged, recorded, and the person is told."""
        envelope = line.deliver("devops")
        eventually(lambda: line.acknowledged(envelope))
        eventually(lambda: bool(line.room.told("devops")))
        assert line.room.told("devops") == ["Recorded: DevOps lead, first shift approve."]
        assert [one.person for one in stage.standing()] == ["devops"]

    def test_a_dialog_is_opened_filled_wrongly_and_then_rightly(self, line: Line, stage: Stage) -> None:
        """What is wrong with a field is said in the acknowledgement itself."""
        line.deliver("devops", "reject")
        views = line.room.slack.views
        eventually(lambda: bool(views.shown_to(slack_id("devops"))))
        (view,) = views.shown_to(slack_id("devops"))
        handed_in: dict[str, JsonValue] = {"user": slack_id("devops"), "view": view.id, "values": {"reason": " "}}
        wrong = line.send({"handed_in": handed_in})
        eventually(lambda: line.acknowledged(wrong))
        said = line.room.slack.sockets.acknowledged[wrong]
        assert isinstance(said, dict)
        assert said["response_action"] == "errors"
        right = line.send({"handed_in": {**handed_in, "values": {"reason": "not today"}}})
        eventually(lambda: line.acknowledged(right))
        eventually(lambda: bool(stage.book.refresh().asks["go-no-go"].answers))
        assert stage.book.record.asks["go-no-go"].answers[0].reason == "not today"

    def test_a_command_is_carried_out(self, line: Line) -> None:
        """`/tminus`, too."""
        typed: JsonValue = {"user": slack_id("devops"), "channel": CHANNEL, "text": f"status {LAUNCH}"}
        envelope = line.send({"typed": typed})
        eventually(lambda: line.acknowledged(envelope))
        eventually(lambda: bool(line.room.told("devops")))
        assert "WAITING" in line.room.told("devops")[0]

    @pytest.mark.parametrize("kind", ["events_api", "interactive", "slash_commands", "x" * 99])
    def test_what_nobody_asked_for_is_acknowledged_and_forgotten(self, line: Line, stage: Stage, kind: str) -> None:
        """Sent again it would be no better; the next press counts."""
        before = stage.book.refresh().seq
        envelope = line.send({"type": kind, "payload": {"type": "event_callback", "text": "hold"}})
        eventually(lambda: line.acknowledged(envelope))
        assert (line.intake.counts["malformed"], stage.book.refresh().seq) == (1, before)
        line.deliver("devops")
        eventually(lambda: line.done() == 1)

    def test_it_is_acknowledged_while_the_ledger_does_not_answer(
        self, app: SlackStandIn, channel: Room, tmp_path: Path
    ) -> None:
        """Two hundred at once, and each counts once the ledger does."""
        store = SlowStore(tmp_path / "ledger.sqlite")
        with listening(channel, store) as line:
            eventually(lambda: app.sockets.connected == 1)
            store.fast.clear()
            try:
                envelopes = [line.deliver(PEOPLE[number % 4]) for number in range(200)]
                eventually(lambda: all(line.acknowledged(one) for one in envelopes))
                assert line.done() == 0
            finally:
                store.fast.set()
            eventually(lambda: line.done() == 200)
            assert line.intake.counts["accepted"] == 3

    def test_what_was_acknowledged_is_done_before_it_ends(
        self, app: SlackStandIn, channel: Room, stage: Stage, tmp_path: Path
    ) -> None:
        """A gateway that is told to end loses no press that Slack believes it has."""
        store = SlowStore(tmp_path / "ledger.sqlite")
        with listening(channel, store) as line:
            eventually(lambda: app.sockets.connected == 1)
            store.fast.clear()
            envelope = line.deliver("devops")
            eventually(lambda: line.acknowledged(envelope))
            Thread(target=lambda: (time.sleep(0.5), store.fast.set())).start()
        assert [one.person for one in stage.standing()] == ["devops"]

    def test_told_to_end_it_takes_no_more_before_it_does_what_it_took(
        self, app: SlackStandIn, channel: Room, stage: Stage, tmp_path: Path
    ) -> None:
        """A press that came after would have had no time left; it is not acknowledged, and its presser sees that."""
        store = SlowStore(tmp_path / "ledger.sqlite")
        with listening(channel, store) as line:
            eventually(lambda: app.sockets.connected == 1)
            store.fast.clear()
            try:
                first = line.deliver("devops")
                eventually(lambda: line.acknowledged(first))
                parts = [line.intake, line.socket]

                async def end() -> None:
                    async with Gateway(stage.store, parts)._lifespan(Starlette()):
                        pass

                assert line.socket._loop is not None
                ending = asyncio.run_coroutine_threadsafe(end(), line.socket._loop)
                eventually(lambda: line.socket.trouble() == "Socket Mode has ended")
                eventually(lambda: app.sockets.connected == 0)
                assert not ending.done()
            finally:
                store.fast.set()
            ending.result(10)
        assert [one.person for one in stage.standing()] == ["devops"]

    def test_too_many_are_left_to_slack(
        self, app: SlackStandIn, channel: Room, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What is not acknowledged is shown to whoever pressed; memory has an end."""
        monkeypatch.setattr("tminus.slack_intake._MOST_WAITING", 5)
        store = SlowStore(tmp_path / "ledger.sqlite")
        with listening(channel, store) as line:
            eventually(lambda: app.sockets.connected == 1)
            store.fast.clear()
            try:
                envelopes = [line.deliver("devops") for _ in range(8)]
                eventually(lambda: line.intake.counts["overloaded"] == 3)
                eventually(lambda: [line.acknowledged(one) for one in envelopes] == [True] * 5 + [False] * 3)
            finally:
                store.fast.set()


class TestDisconnects:
    """However a connection ends, another takes its place; each press counts once."""

    @pytest.mark.parametrize("how", few(["warning", "refresh_requested", "closed", "link_disabled"], "closed"))
    def test_slack_ends_it(self, line: Line, stage: Stage, how: str) -> None:
        """With notice, without, or for good until somebody enables it again; what came meanwhile is not lost."""
        first = line.deliver("devops")
        line.befall(how)
        second = line.deliver("security")
        if how == "link_disabled":
            eventually(lambda: "access_denied" in line.socket.trouble())
            line.befall("enabled")
        eventually(lambda: line.acknowledged(first) and line.acknowledged(second))
        eventually(lambda: line.room.slack.sockets.opened >= 2 and line.room.slack.sockets.connected == 1)
        third = line.deliver("engineering")
        eventually(lambda: line.acknowledged(third))
        eventually(lambda: line.done() == 3)
        assert {one.person for one in stage.standing()} == {"devops", "security", "engineering"}
        assert stage.refusals() == []
        assert line.socket.trouble() == ""

    @pytest.mark.parametrize("how", few(["cut", "hang_up"], "cut"))
    def test_the_wire_is_cut(self, cable: Wire, line: Line, stage: Stage, how: str) -> None:
        """A reset, and an end without a word."""
        line.deliver("devops")
        eventually(lambda: line.done() == 1)
        getattr(cable, how)()
        envelope = line.deliver("security")
        eventually(lambda: line.acknowledged(envelope))
        eventually(lambda: line.done() == 2)
        assert {one.person for one in stage.standing()} == {"devops", "security"}

    @pytest.mark.long
    def test_the_wire_goes_dead(self, cable: Wire, line: Line, stage: Stage) -> None:
        """Nobody says anything any more, and nothing is reset: it is noticed, and another wire is taken."""
        cable.downward.clear()
        line.deliver("devops")
        eventually(lambda: line.room.slack.sockets.opened >= 1 and cable.passed >= 2)
        cable.downward.set()
        eventually(lambda: line.done() == 1)
        assert len(stage.standing()) == 1

    @pytest.mark.parametrize("how", few(["cut", "hang_up"], "hang_up"))
    def test_an_acknowledgement_that_got_lost_makes_no_second_press(
        self, cable: Wire, line: Line, stage: Stage, how: str
    ) -> None:
        """Slack sends the envelope again; it is acknowledged again, counts once, and nobody is told off."""
        cable.upward.clear()
        envelope = line.deliver("devops", "hold")
        eventually(lambda: line.done() == 1)
        assert not line.acknowledged(envelope)
        getattr(cable, how)()
        cable.upward.set()
        eventually(lambda: line.acknowledged(envelope))
        assert [one for one, _ in line.room.slack.sockets.deliveries].count(envelope) == 2
        assert line.intake.counts["replayed"] == 1
        assert len(stage.book.refresh().holding) == 1
        assert (stage.refusals(), line.room.told("devops")) == ([], ["Recorded: DevOps lead, first shift hold."])

    def test_sent_again_to_another_gateway_it_counts_once(
        self, cable: Wire, line: Line, stage: Stage, tmp_path: Path
    ) -> None:
        """They share the ledger."""
        cable.upward.clear()
        envelope = line.deliver("devops", "hold")
        eventually(lambda: line.done() == 1)
        stage.book.write(ev.Ordered(order="resume", person="devops", via="slack"))
        line.room.slack.sockets.address = None
        with listening(line.room, SqliteStore(tmp_path / "ledger.sqlite")) as other:
            eventually(lambda: line.room.slack.sockets.connected == 2)
            line.room.slack.app_token = None  # the first one finds no way back
            cable.cut()
            eventually(lambda: other.intake.counts["replayed"] == 1)
            assert line.acknowledged(envelope)
            assert stage.book.refresh().held is None
            assert stage.refusals() == []

    @pytest.mark.long
    def test_no_hello_comes(self, app: SlackStandIn, channel: Room, monkeypatch: pytest.MonkeyPatch) -> None:
        """It is not believed to be a connection, and another is opened."""
        monkeypatch.setattr(slack_connection, "_HELLO", 0.3)
        app.sockets._silent = 2
        with listening(channel) as line:
            eventually(lambda: app.sockets.connected == 1)
            assert app.sockets.opened == 3
            envelope = line.deliver("devops")
            eventually(lambda: line.acknowledged(envelope))

    def test_one_that_does_not_open_is_closed(
        self, app: SlackStandIn, channel: Room, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A connection that is there and says no hello leaves no thread behind it, and no socket."""
        monkeypatch.setattr(slack_connection, "_HELLO", 0.3)
        app.sockets._silent = 1
        before = set(threading.enumerate())
        with pytest.raises(NotOpened, match=r"no hello came within 0.3 s"):
            SlackConnection(SecretStr(APP_TOKEN), f"{channel.slack_url}/api/", lambda _connection, _envelope: None)
        eventually(lambda: (app.sockets.connected, set(threading.enumerate()) <= before) == (0, True))

    def test_a_storm_loses_nothing_and_doubles_nothing(self, cable: Wire, line: Line, stage: Stage) -> None:
        """Sixty presses, while connections end in every way there is: each press leaves exactly one event."""
        before = stage.book.refresh().seq
        ends: list[Callable[[], object]] = [
            lambda: line.befall("warning", seconds=0.2),
            cable.cut,
            lambda: line.befall("closed"),
            cable.hang_up,
            lambda: line.befall("refresh_requested", seconds=0.0),
        ]
        envelopes = []
        for number in range(60):
            envelopes.append(line.deliver(PEOPLE[number % 4]))
            if number % 10 == 9:
                ends[number // 10 % 5]()
                time.sleep(0.05)
        eventually(lambda: all(line.acknowledged(one) for one in envelopes))
        eventually(lambda: line.done() == 60)
        written = stage.book.refresh().events[before:]
        assert len(written) == 60
        assert sum(isinstance(one, ev.Answered) for one in written) == 3
