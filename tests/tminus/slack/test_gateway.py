"""The gateway's process: quick to acknowledge, and open about what in it is well."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event as Flag

import httpx

from deployments.rehearsal.in_thread import Door, served
from deployments.rehearsal.slack_stand_in import SlackStandIn
from tests.tminus.conftest import SIGNING
from tests.tminus.slack_room import Room, eventually, room
from tests.tminus.staged_launch import Stage
from tminus import asking
from tminus.gateway import Gateway
from tminus.ledger.sqlite import SqliteStore
from tminus.ledger.store import Parameters, Row


class SlowStore(SqliteStore):
    """A ledger that takes as long as the test wants."""

    def __init__(self, path: Path) -> None:
        self.fast = Flag()
        self.fast.set()
        super().__init__(path)

    def run(self, sql: str, parameters: Parameters) -> list[Row]:
        """Waits, then does it."""
        self.fast.wait(60)
        return super().run(sql, parameters)

    def look(self, sql: str, parameters: Parameters) -> list[Row]:
        """Waits, then looks."""
        self.fast.wait(60)
        return super().look(sql, parameters)


class TestAcknowledgement:
    """Slack waits three seconds, whatever the ledger does."""

    @contextmanager
    def slow(
        self, stage: Stage, slack: SlackStandIn, slack_url: str, tmp_path: Path
    ) -> Iterator[tuple[Room, SlowStore]]:
        """A room whose gateway has a ledger that answers when it is let go."""
        store = SlowStore(tmp_path / "ledger.sqlite")
        with room(stage, slack, slack_url, SIGNING, store) as found:
            try:
                yield found, store
            finally:
                store.fast.set()

    def test_a_press_is_acknowledged_while_the_ledger_does_not_answer(
        self, stage: Stage, slack: SlackStandIn, slack_door: Door, tmp_path: Path
    ) -> None:
        """The acknowledgement comes before the ledger's answer; the press counts once that comes."""
        with self.slow(stage, slack, slack_door.url, tmp_path) as (found, store):
            payload = found.payload("devops", "approve")
            store.fast.clear()
            assert found.send(payload).status_code == 200
            assert found.client.get(f"{found.door}/health").status_code == 200
            assert found.client.get(f"{found.door}/ready").status_code == 503
            assert stage.book.refresh().asks["go-no-go"].answers == []
            store.fast.set()
            eventually(lambda: found.count("accepted") == 1)
        assert len(stage.book.refresh().asks["go-no-go"].answers) == 1

    def test_two_hundred_clicks_at_once_are_all_acknowledged_and_counted_once(
        self, stage: Stage, slack: SlackStandIn, slack_door: Door, tmp_path: Path
    ) -> None:
        """Every one gets its 200 while the ledger stands still; then each person's first click counts, no other."""
        people = ("engineering", "devops", "security", "product")
        with self.slow(stage, slack, slack_door.url, tmp_path) as (found, store):
            payloads = [found.payload(people[number % 4], "approve") for number in range(200)]
            store.fast.clear()
            with ThreadPoolExecutor(40) as pool:
                answers = list(pool.map(found.send, payloads))
            assert [answer.status_code for answer in answers] == [200] * 200
            metrics = found.client.get(f"{found.door}/metrics").text
            assert "tminus_gateway_waiting 200" in metrics
            store.fast.set()
            eventually(lambda: found.count("accepted") + found.count("refused") == 200)
        ask = stage.book.refresh().asks["go-no-go"]
        assert asking.judge(ask, stage.frozen.people).met
        assert len(ask.answers) == 3
        assert len(stage.refusals()) == 197

    def test_a_press_that_the_ledger_refuses_to_take_is_told_so(self, channel: Room, stage: Stage) -> None:
        """Nobody believes that they have decided when nothing was written down."""
        payload = channel.payload("devops", "approve")
        stage.store.close()
        assert channel.send(payload).status_code == 200
        eventually(lambda: bool(channel.told("devops")))
        assert channel.told("devops")[0].startswith("This was NOT recorded, the ledger does not answer.")
        assert channel.count("failed") == 1


class Piece:
    """Something that runs in the process, and is well until told otherwise."""

    def __init__(self, name: str) -> None:
        self.name, self.said = name, ""

    def trouble(self) -> str:
        """As told."""
        return self.said

    def metrics(self) -> Iterator[str]:
        """One line."""
        yield f"{self.name} 1"


class TestProcess:
    """What monitoring sees."""

    def test_it_is_ready_while_all_that_runs_in_it_is_well(self, tmp_path: Path) -> None:
        """A courier or a watchdog that ended is said, and the process counts as not ready."""
        first, second = Piece("first"), Piece("second")
        store = SqliteStore(tmp_path / "ledger.sqlite")
        with served(Gateway(store, [first, second]).app()) as door, httpx.Client(trust_env=False) as client:
            assert client.get(f"{door}/ready").status_code == 200
            first.said, second.said = "nothing is carried to slack any more", "the watchdog does not watch"
            answer = client.get(f"{door}/ready")
            said = {"status": "nothing is carried to slack any more; the watchdog does not watch"}
            assert (answer.status_code, answer.json()) == (503, said)
            assert client.get(f"{door}/health").status_code == 200
            assert client.get(f"{door}/metrics").text.startswith("first 1\nsecond 1\n")
        store.close()

    def test_without_slack_there_is_no_door_to_it(self, tmp_path: Path) -> None:
        """Everything else answers."""
        store = SqliteStore(tmp_path / "ledger.sqlite")
        with served(Gateway(store, []).app()) as door, httpx.Client(trust_env=False) as client:
            assert client.post(f"{door}/slack/interactions").status_code == 404
            assert client.get(f"{door}/ready").status_code == 200
        store.close()
