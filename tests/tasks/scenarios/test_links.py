"""A link is cut, closed, slow: whoever needs it notices, and what a drill added is taken away, and nothing else."""

import asyncio
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
import pytest

from deployments.rehearsal.drill_site import BOOK, DrillSite
from tasks.scenarios.scenario import Site
from tests.conftest import S3Server
from tests.sampling import few
from tests.tasks.scenarios.staging import staged, standing
from tminus.environment import Environment
from tminus.errors import CouldNotObserve, Refused

NAMES = ("cut", "closed", "slow", "secrets-unreachable")
THEIRS = {"name": "theirs", "type": "latency", "stream": "upstream", "attributes": {"latency": 1}}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DrillSite]:
    """A service, what it needs, and a link to each."""
    with standing(tmp_path_factory.mktemp("links")) as made:
        yield made


def asked(site: DrillSite) -> tuple[bool, float]:
    """Whether a customer is answered, and after how many seconds, without a line of what drills it."""
    begun = time.monotonic()
    try:
        good = httpx.get(site.environment()["TMINUS_SITE_CUSTOMERS"], timeout=0.7).is_success
    except httpx.HTTPError:
        good = False
    return good, time.monotonic() - begun


def add(site: DrillSite, toxic: Mapping[str, object]) -> None:
    """As somebody else would."""
    httpx.post(f"{site.toxiproxy}/proxies/orders/toxics", json=toxic).raise_for_status()


def remove(site: DrillSite, name: str) -> None:
    """As somebody else would."""
    httpx.delete(f"{site.toxiproxy}/proxies/orders/toxics/{name}").raise_for_status()


def toxics(site: DrillSite) -> list[str]:
    """What is there, by the proxy's own word."""
    return [one["name"] for one in httpx.get(f"{site.toxiproxy}/proxies/orders").json()["toxics"]]


@pytest.mark.parametrize("name", few(NAMES, "cut", "closed", "slow"))
async def test_disturbed_and_undone(site: DrillSite, name: str) -> None:
    """A customer sees it, `detect` does, and undone all is as before. Undone again, nothing changes."""
    async with staged(site, BOOK, name) as (scenario, drill):
        before = await scenario.steady(drill)
        await scenario.inject(drill)
        good, took = asked(site)
        assert (good and took >= 0.15) if name == "slow" else not good
        await asyncio.wait_for(scenario.detect(drill), 5)
        if name in {"closed", "slow"}:  # asking takes long where nothing comes back
            with pytest.raises(Refused, match="it must be open, undisturbed, and answered"):
                await scenario.steady(drill)
        assert "is mended" in await scenario.undo(drill)
        assert asked(site)[0]
        assert await scenario.steady(drill) == before
        assert "was not disturbed any more" in await scenario.undo(drill)


async def test_half_a_cut_is_undone(site: DrillSite) -> None:
    """Killed between the two directions, whoever comes next takes away the one that is there."""
    async with staged(site, BOOK, "cut") as (scenario, drill):
        half = {"name": "tminus-cut-upstream", "type": "timeout", "stream": "upstream", "attributes": {"timeout": 0}}
        add(site, half)
        assert not asked(site)[0]
        await scenario.undo(drill)
        assert asked(site)[0]


async def test_what_comes_late_is_undone_as_well(site: DrillSite) -> None:
    """A toxic that was asked for before a kill and comes while somebody undoes does not stay."""
    async with staged(site, BOOK, "slow") as (scenario, drill):
        undoing = asyncio.create_task(scenario.undo(drill))
        await asyncio.sleep(0.1)
        await scenario.inject(drill)
        await undoing
        assert (await scenario.steady(drill))["disturbed by"] == "nothing"


async def test_what_others_added_stays(site: DrillSite) -> None:
    """With it no drill begins, and whoever undoes leaves it where it is."""
    async with staged(site, BOOK, "cut") as (scenario, drill):
        add(site, THEIRS)
        try:
            with pytest.raises(Refused, match="disturbed by theirs"):
                await scenario.steady(drill)
            await scenario.inject(drill)
            await scenario.undo(drill)
            assert toxics(site) == ["theirs"]
        finally:
            remove(site, "theirs")


def changed(drill: Site, **fields: object) -> Environment:
    """The environment with another link `orders`."""
    known = drill.estate.environment.model_dump(mode="json")
    known["drills"]["links"]["orders"] |= fields
    return Environment.model_validate(known)


async def test_a_client_that_goes_around_it(site: DrillSite) -> None:
    """Where nobody needs the link the cut is never noticed; where nobody need notice, that is said."""
    around = {"store": "http", "references": ["env:TMINUS_SITE_ORDERS"]}
    entries = {**BOOK, "unnoticed": {**BOOK["cut"], "noticed": False}}
    async with staged(site, entries, "cut") as (_, drill):
        other = changed(drill, client=around)
    async with staged(site, entries, "cut", other) as (scenario, drill):
        await scenario.inject(drill)
        try:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(scenario.detect(drill), 1)
        finally:
            await scenario.undo(drill)
    async with staged(site, entries, "unnoticed") as (scenario, drill):
        assert await scenario.detect(drill) == "the client need not notice"


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"proxy": "gone"}, "has no proxy 'gone'"),
        ({"api": {"url": "http://127.0.0.1:1"}}, "http://127.0.0.1:1/proxies"),
    ],
)
async def test_a_proxy_that_is_not_there(site: DrillSite, fields: dict[str, object], why: str) -> None:
    """Is told before anything is broken."""
    async with staged(site, BOOK, "cut") as (_, drill):
        other = changed(drill, **fields)
    with pytest.raises(CouldNotObserve, match=why):
        async with staged(site, BOOK, "cut", other):
            pass


async def test_s3_is_not_reached(s3_server: S3Server, tmp_path: Path) -> None:
    """A service that needs a bucket does not serve while the link to S3 is cut, and does once it is mended."""
    bucket = s3_server.at.address
    with standing(tmp_path, bucket.port, f"/{bucket.bucket}?list-type=2") as site:
        async with staged(site, BOOK, "secrets-unreachable") as (scenario, drill):
            await scenario.steady(drill)
            await scenario.inject(drill)
            assert not asked(site)[0]
            await scenario.undo(drill)
            assert asked(site)[0]
