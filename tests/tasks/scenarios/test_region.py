"""A region is lost by what its parts break: each is undone whatever becomes of the others."""

import asyncio
import re
from collections.abc import Iterator

import pytest
from pydantic import SecretStr, ValidationError

from deployments.rehearsal.drill_site import BOOK, DrillSite
from flows.drill_round import opened_drills
from tasks.scenarios.proxy_closed import ProxyClosed
from tasks.scenarios.proxy_cut import ProxyCut
from tasks.scenarios.vocabulary import SCENARIOS
from tasks.scenarios.whereabouts import whereabouts
from tests.tasks.scenarios.staging import staged, standing
from tminus.drills.book import book_of
from tminus.errors import BookError, CouldNotObserve, Refused

PARTS = ["closed", "secrets-unreachable"]
ENTRIES = {**BOOK, "region": {"kind": "region.lost", "title": "The region is lost", "parts": PARTS}}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DrillSite]:
    """A service, what it needs, and a link to each."""
    with standing(tmp_path_factory.mktemp("region")) as made:
        yield made


async def test_all_parts_at_once(site: DrillSite) -> None:
    """Its way and its steady state are those of all parts, by their names; all of them are broken, and undone."""
    async with staged(site, ENTRIES, "region") as (scenario, drill):
        assert drill.way == {"closed.link": "orders", "secrets-unreachable.link": "secrets"}
        before = await scenario.steady(drill)
        assert {key.partition(": ")[0] for key in before} == set(PARTS)
        assert "closed: orders is closed; secrets-unreachable: " in await scenario.inject(drill)
        said = await scenario.undo(drill)
        assert said == "secrets-unreachable: secrets is mended; closed: orders is mended"
        assert await scenario.steady(drill) == before


async def test_one_that_cannot_be_undone_keeps_no_other_from_it(site: DrillSite) -> None:
    """Which one cannot is said, and the others are undone."""
    async with staged(site, ENTRIES, "region") as (scenario, drill):
        await scenario.inject(drill)
        known = drill.estate.environment.model_dump(mode="json")
        known["drills"]["links"]["orders"]["api"]["url"] = "http://127.0.0.1:1"
        broken = type(drill.estate.environment).model_validate(known)
    with pytest.raises(CouldNotObserve):
        async with staged(site, ENTRIES, "region", broken):
            pass
    async with staged(site, ENTRIES, "closed") as (one, here), staged(site, ENTRIES, "region") as (scenario, drill):
        drill.estate.environment = broken
        undoing = asyncio.create_task(scenario.undo(drill))
        await asyncio.sleep(1)  # whoever is behind the first link is not answered before that one is open
        await one.undo(here)
        with pytest.raises(CouldNotObserve, match=r"^closed: .*127\.0\.0\.1:1"):
            await undoing
        drill.estate.environment = here.estate.environment
        await scenario.steady(drill)


async def test_a_mistake_in_one_part_waits_for_the_others(site: DrillSite, monkeypatch: pytest.MonkeyPatch) -> None:
    """None of their deeds goes on once it is told: what came after it would undo the undoing."""
    ended: list[str] = []

    async def mistaken(*_: object) -> str:
        raise KeyError("what nobody foresaw")

    async def slow(*_: object) -> str:
        await asyncio.sleep(0.1)
        ended.append("the other part")
        return ""

    async with staged(site, ENTRIES, "region") as (scenario, drill):
        monkeypatch.setattr(ProxyClosed, "inject", mistaken)
        monkeypatch.setattr(ProxyCut, "inject", slow)
        with pytest.raises(KeyError, match="what nobody foresaw"):
            await scenario.inject(drill)
        assert ended == ["the other part"]


async def test_the_same_twice(site: DrillSite) -> None:
    """Two parts that would break the same are refused before anything is broken."""
    twice = {**BOOK, "region": {**ENTRIES["region"], "parts": ["cut", "closed"]}}
    with pytest.raises(Refused, match="cut and closed break something of the same"):
        async with staged(site, twice, "region"):
            pass


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("postgresql://a:b@db.example/records", "host=db.example port=5432 user=other password=x"),
        ("redis://:secret@cache:6379/0", "redis://cache"),
        ("https://orders.example/health", "https://orders.example:443/ready"),
    ],
)
def test_the_same_server_by_two_names(one: str, other: str) -> None:
    """Whoever asks, and in whatever form its address is; no credentials are in it."""
    assert whereabouts(SecretStr(one)) == whereabouts(SecretStr(other))
    assert "secret" not in whereabouts(SecretStr(one))
    for elsewhere in ("redis://other-cache", "host=db.example port=5433", "https://orders.example:8443/"):
        assert whereabouts(SecretStr(elsewhere)) != whereabouts(SecretStr(one))


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        (["closed", "secrets-unreachabel"], "no scenario 'secrets-unreachabel'; did you mean 'secrets-unreachable'"),
        (["closed", "region"], "'region' is made of parts itself; name those: closed, region"),
        (["closed", "closed"], "closed stands there twice"),
    ],
)
def test_a_part_that_is_none(site: DrillSite, parts: list[str], said: str) -> None:
    """One that the book does not have, and one that has parts itself, are mistakes of the book."""
    site.keep_book({**BOOK, "region": {**ENTRIES["region"], "parts": parts}})
    with pytest.raises(BookError, match=re.escape(said)):
        opened_drills(site.book, site.environment_file)


def test_one_part_is_no_region() -> None:
    """At least two."""
    entry = {"owner": "ops", "rto": "1h", "rpo": "1h", **ENTRIES["region"], "parts": ["closed"]}
    with pytest.raises(ValidationError, match="parts"):
        book_of(SCENARIOS).model_validate({"drills": "house", "title": "H", "scenarios": {"region": entry}})
