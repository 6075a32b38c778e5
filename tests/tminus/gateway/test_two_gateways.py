"""Two gateways on one PostgreSQL: what is signed once is let in once, whichever of them hears it first."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pydantic import SecretStr

from deployments.rehearsal.in_thread import Door
from deployments.rehearsal.slack_presses import signed
from deployments.rehearsal.slack_stand_in import SlackStandIn
from tests.conftest import PostgresServer
from tests.tminus.conftest import SIGNING
from tests.tminus.slack_room import Room, eventually, room
from tests.tminus.staged_launch import LAUNCH, Stage
from tminus import events as ev
from tminus.ledger.logbook import Logbook
from tminus.ledger.postgres import PostgresStore
from tminus.messages import telling


@pytest.fixture
def dsn(postgres_server: PostgresServer) -> Iterator[SecretStr]:
    """A database of its own, gone afterwards."""
    with postgres_server.connect() as connection:
        connection.execute("CREATE DATABASE gateways TEMPLATE template0 ENCODING 'UTF8'")
    yield postgres_server.at.address.dsn("postgres", database="gateways")
    with postgres_server.connect() as connection:
        connection.execute("DROP DATABASE gateways WITH (FORCE)")


@pytest.fixture
def gateways(
    dsn: SecretStr, tmp_path: Path, slack: SlackStandIn, slack_door: Door, slack_settings: dict[str, object]
) -> Iterator[tuple[Stage, Room, Room]]:
    """A launch that asks, and two gateways, each with connections of its own."""
    frozen = Stage.set(tmp_path, slack=slack_settings).frozen  # type: ignore[arg-type]  # a section
    stores = [PostgresStore(dsn) for _ in range(3)]
    book = Logbook(stores[0], LAUNCH, telling(frozen))
    book.open(frozen.created)
    stage = Stage(stores[0], frozen, book, tmp_path / "keys")
    stage.ask()
    with (
        room(stage, slack, slack_door.url, SIGNING, stores[1]) as first,
        room(stage, slack, slack_door.url, SIGNING, stores[2]) as second,
    ):
        yield stage, first, second
    for store in stores:
        store.close()


def test_the_same_signed_request_counts_once(gateways: tuple[Stage, Room, Room]) -> None:
    """Twenty requests, each sent to both at the same moment: each is acknowledged twice, and let in once."""
    stage, first, second = gateways
    for number in range(1, 21):
        payload = {**first.payload("devops", "hold"), "trigger_id": str(number)}
        body, headers = signed(SecretStr(SIGNING), payload, str(int(time.time())))
        with ThreadPoolExecutor(2) as both:
            sent = [
                both.submit(one.client.post, f"{one.door}/slack/interactions", content=body, headers=headers)
                for one in (first, second)
            ]
        assert [one.result().status_code for one in sent] == [200, 200]
    eventually(lambda: count(first, second, "replayed") == 20)
    # The first holds; a second hold of theirs is refused, and not as a replay.
    eventually(lambda: (count(first, second, "accepted"), count(first, second, "refused")) == (1, 19))
    orders = [event for event in stage.book.refresh().events if isinstance(event, ev.Ordered)]
    assert [(one.person, one.order) for one in orders] == [("devops", "hold")]


def count(first: Room, second: Room, result: str) -> int:
    """What both count."""
    return first.count(result) + second.count(result)


def test_two_people_at_two_gateways_are_two_answers(gateways: tuple[Stage, Room, Room]) -> None:
    """Each through another one, at the same moment; and the ledger has both."""
    stage, first, second = gateways
    with ThreadPoolExecutor(2) as both:
        both.submit(first.press, "devops", "approve")
        both.submit(second.press, "security", "approve")
    assert {one.person for one in stage.standing()} == {"devops", "security"}
