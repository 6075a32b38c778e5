"""A signing key that leaked is replaced whatever else is wrong: what cannot be seen is said, and waited for by time."""

import asyncio
import json
from dataclasses import replace
from datetime import timedelta

import pytest

from tasks.estate import Estate
from tasks.rotators.jwt_keys import JwtKeys
from tasks.rotators.rotator import NotYet, Turn, Way
from tests.tasks.rotators.jwks_room import JwksRoom, done, published, wait
from tminus.clock import now
from tminus.errors import CouldNotObserve, Refused

BOTH = [{"endpoint": "site"}, {"endpoint": "gone"}]


def beside(jwks: JwksRoom) -> Estate:
    """The environment with a second address, which does not answer."""
    section = jwks.s3_server.section(jwks.estates.secret, "")
    endpoints = {"site": {"url": jwks.url}, "gone": {"url": "http://127.0.0.1:1"}}
    return jwks.estates.make(buckets={"keys": section}, endpoints=endpoints, prometheus={"url": jwks.prometheus})


async def planned(policy: JwtKeys, turn: Turn) -> Way:
    """The way of a leak."""
    return await policy.plan(replace(turn, way={}, at_once=True))


@pytest.mark.parametrize("wrong", ["revoked", "private parts", "no caching", "cached too long", "out of order"])
async def test_nothing_that_is_served_holds_a_leak_up(jwks: JwksRoom, wrong: str) -> None:
    """Neither that the key is out of the set already, nor what is refused where nothing leaked."""
    policy, turn = jwks.policy(), jwks.turn()
    if wrong == "revoked":
        jwks.put([jwks.other.public])
    elif wrong == "private parts":
        jwks.shown = json.dumps({"keys": [{**jwks.old.public, "d": "AA"}]}).encode()
    elif wrong == "out of order":
        jwks.status = 503
    else:
        jwks.headers = {"Cache-Control": "public" if wrong == "no caching" else "max-age=1200"}
    with pytest.raises((Refused, CouldNotObserve)):
        await policy.plan(replace(turn, way={}))
    way = await planned(policy, turn)
    turn = jwks.turn(at_once=True, way=way)
    unseen = way.get("not seen", "")
    assert bool(unseen) is (wrong in {"private parts", "no caching", "out of order"})
    assert unseen in (await policy.census(turn, turn.old)).blind
    new, key = await published(policy, turn)
    done(await policy.test(turn, new))
    turn = replace(turn, promoted=now())
    assert done(await policy.off(turn, new)).already is (wrong == "revoked")
    assert jwks.kids() == [jwks.other.kid, key.kid]


async def test_an_address_that_is_down_counts_as_cached_for_long(jwks: JwksRoom) -> None:
    """It is named; dead is the old key when no cache behind it can have it any more, by the book's own bound."""
    async with beside(jwks) as estate:
        policy, turn = jwks.policy(urls=BOTH), replace(jwks.turn(), estate=estate)
        with pytest.raises(CouldNotObserve, match="gone"):
            await policy.plan(turn)
        way = await planned(policy, turn)
        assert (way["cache_seconds"], "gone" in way["not seen"]) == ("600", True)
        turn = replace(turn, at_once=True, way=way, promoted=now())
        new, _ = await published(policy, turn)
        assert "1 of 2 addresses" in done(await policy.test(turn, new)).said
        start = now()
        done(await policy.off(turn, new))
        assert timedelta(minutes=10) <= wait(await policy.drop(turn, new)).until - start < timedelta(minutes=11)
        short = jwks.policy(urls=BOTH, max_cache="1s")
        turn = replace(turn, way={**way, "cache_seconds": "0"})
        while isinstance(came := await short.drop(turn, new), NotYet):
            await asyncio.sleep(0.2)
        assert "; not seen: gone" in came.said


async def test_a_new_key_that_somebody_took_out_is_put_in_again(jwks: JwksRoom) -> None:
    """Else whoever may write the set could keep what leaked in it."""
    policy, turn = jwks.policy(), jwks.turn(at_once=True, promoted=now())
    new, key = await published(policy, turn)
    jwks.put([jwks.old.public])
    done(await policy.off(turn, new))
    assert jwks.kids() == [key.kid]
    jwks.put([jwks.old.public])
    with pytest.raises(Refused, match="no other key"):
        await policy.off(turn, turn.old)


async def test_counts_that_nobody_gives_hold_no_question_up(jwks: JwksRoom) -> None:
    """A Prometheus that is down is said to be what the census is blind to."""
    policy = jwks.policy(counts='tokens{kid="{kid}"}[{over}]')
    with pytest.raises(CouldNotObserve):
        await policy.census(jwks.turn(), jwks.turn().old)
    census = await policy.census(jwks.turn(at_once=True), jwks.turn().old)
    assert (census.uses, "prometheus" in census.blind) == ((), True)
