"""Every client of Redis' primary is cut off: writes are acknowledged again by the same primary, and none is lost."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
import redis
from redis.client import PubSub

from deployments.rehearsal.drill_estate import DrillEstate
from flows.drill_opening import scenario_of
from flows.drill_round import opened_drills
from tasks.estate import Estate
from tasks.outside.plan import WRITERS
from tasks.scenarios.scenario import Scenario, Site
from tests.flows.drills.playing import Ground, drill, last
from tminus.release import no_release

NAME = "cache-connections"


class Book(Ground):
    """The package's servers, with a book of this one scenario."""

    def __init__(self, estate: DrillEstate, folder: Path) -> None:
        self.environment_file = estate.environment_file
        self.book = folder / "drills.yaml"
        self._estate = estate
        self.book.write_text(
            "drills: tradesense\ntitle: The cache's drills\nscenarios:\n"
            f"  {NAME}: {{kind: redis.connections_cut, title: All are cut off, owner: ops, rto: 1h, rpo: 0s,"
            " group: cache, approval: [], lead_in: 300 ms, back: 100}\n",
            "utf-8",
        )

    def seen(self) -> dict[str, str]:
        """See Ground."""
        return self._estate.seen()


@pytest.fixture
def book(estate: DrillEstate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Book:
    """The servers and the book; this process sees their addresses."""
    for name, value in estate.environment().items():
        monkeypatch.setenv(name, value)
    return Book(estate, tmp_path)


@pytest.fixture
def clients(estate: DrillEstate) -> Iterator[tuple[PubSub, "redis.Redis"]]:
    """Somebody who listens, and somebody who asks now and then, on the primary."""
    for replica in (False, True):
        client = redis.Redis.from_url(estate.redis.address.dsn(replica=replica).get_secret_value())
        if client.role()[0] == b"master":
            break
    with closing(client), closing(client.pubsub()) as listening:
        client.ping()
        listening.subscribe("news")
        yield listening, client


def site_of(book: Book) -> tuple[Scenario, Site]:
    """The scenario, and a drill that is not planned yet."""
    opened = opened_drills(book.book, book.environment_file)
    estate = Estate(opened.environment, no_release("tradesense"), "", book.book.parent)
    return scenario_of(opened, NAME), Site(estate, "a-drill", {})


def test_it_goes_through(book: Book) -> None:
    """The cut shows as an outage or as writes never answered, no acknowledged write is lost, and all is as before."""
    came = drill(book, NAME)
    assert came.returncode == 0, came.stdout + came.stderr
    played = last(book, NAME)
    assert played.ended is not None
    assert played.ended.after == played.began.before
    assert played.measured is not None
    assert played.measured.kept > 0
    assert played.measured.lost == 0
    assert int(played.began.way["connections"]) > 0, "the Sentinels at least"


async def test_connections_end_and_the_servers_stay(book: Book, clients: tuple[PubSub, "redis.Redis"]) -> None:
    """A client that listened hears that its connection is gone; the roles are those of before."""
    listening, _ = clients
    scenario, site = site_of(book)
    before = await scenario.steady(site)
    planned = Site(site.estate, site.drill, await scenario.plan(site))
    assert int(planned.way["connections"]) >= 2
    assert "connections to" in await scenario.inject(planned)
    await scenario.detect(planned)
    with pytest.raises(redis.ConnectionError):
        listening.connection.read_response()
    await scenario.undo(planned)
    assert await scenario.steady(site) == before


async def test_clients_that_do_not_come_back(book: Book, clients: tuple[PubSub, "redis.Redis"]) -> None:
    """Until all of before are there again, besides those of the outside client, nothing has recovered."""
    _, client = clients
    scenario, site = site_of(book)
    planned = Site(site.estate, site.drill, await scenario.plan(site))
    await scenario.inject(planned)
    with closing(redis.Redis(connection_pool=client.connection_pool)) as anew, ExitStack() as outside:
        recovering = asyncio.create_task(scenario.recover(planned))
        for _ in range(WRITERS):
            outside.enter_context(closing(anew.pubsub())).subscribe("writers")
        await asyncio.wait([recovering], timeout=1)
        assert not recovering.done()
        for _ in range(int(planned.way["connections"])):
            outside.enter_context(closing(anew.pubsub())).subscribe("back")
        assert "connections are there" in await asyncio.wait_for(recovering, 5)
    await scenario.undo(planned)


async def test_connections_that_stay(book: Book, clients: tuple[PubSub, "redis.Redis"]) -> None:
    """As long as one of before is there, nobody is told that they were cut."""
    del clients
    scenario, site = site_of(book)
    planned = Site(site.estate, site.drill, await scenario.plan(site))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(scenario.detect(planned), 0.5)
