"""A user of Redis on a real primary and its replica: two passwords for a while, the new one alone after it."""

import json
import logging
from dataclasses import replace
from datetime import timedelta

import pytest
import redis

from tasks.rotators.rotator import Done, NotYet
from tests.tasks.rotators.redis_room import HOST, OLD, ONCE, RedisRoom, password, set_beside
from tminus.clock import now
from tminus.errors import Refused


async def test_a_whole_rotation(cache: RedisRoom, caplog: pytest.LogCaptureFixture) -> None:
    """Both open on every node, then the new one alone; each stage may be asked twice; nobody logs a password."""
    caplog.set_level(logging.DEBUG)
    policy, new = cache.policy(), await set_beside(cache)
    assert cache.opens(OLD) == cache.opens(password(new)) == [True, True]
    assert new.name("url").startswith(f"redis://{cache.user}:")
    assert json.loads(new.text.get_secret_value())["pool"] == 5
    assert OLD not in new.text.get_secret_value()
    again = await policy.set(cache.turn, new)
    assert again == Done(f"{cache.user} has both passwords on 2 nodes", already=True)
    assert isinstance(await policy.test(cache.turn, new), Done)
    turn = replace(cache.turn, promoted=now())
    census = await policy.census(turn, new)
    assert (list(census.uses), census.since) == ([], turn.promoted)
    assert "Redis does not tell" in census.blind
    for already in (False, True):
        off = await policy.off(turn, new)
        assert isinstance(off, Done)
        assert off.already is already
    assert (cache.opens(OLD), cache.opens(password(new))) == ([False, False], [True, True])
    assert not (await policy.on(turn, new)).already
    assert cache.opens(OLD) == [True, True]
    dropped = await policy.drop(turn, new)
    assert isinstance(dropped, Done)
    assert (cache.opens(OLD), cache.opens(password(new))) == ([False, False], [True, True])
    assert password(new) not in caplog.text
    assert OLD not in caplog.text


async def test_connections_of_before_are_waited_for(cache: RedisRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pool that is older than the new value keeps the old one on, and is named; where it leaked, it is ended."""
    policy, new = cache.policy(), await set_beside(cache)
    pool = cache.pool(OLD)
    monkeypatch.setattr("tasks.rotators.redis_user._SLACK", timedelta(seconds=-5))
    turn = replace(cache.turn, promoted=now())
    census = await policy.census(turn, new)
    assert [use.who for use in census.uses] == [f"pool@{HOST}"]
    waits = await policy.off(turn, new)
    assert isinstance(waits, NotYet)
    assert "pool" in waits.why
    assert cache.opens(OLD) == [True, True]
    assert isinstance(await policy.off(replace(turn, at_once=True), new), Done)
    pool.connection_pool.disconnect()
    with pytest.raises(redis.AuthenticationError):
        pool.get("nothing")
    pool.close()


async def test_who_is_refused_while_it_is_off_is_named(cache: RedisRoom) -> None:
    """A log-in with the old password after it was switched off is somebody who still uses it."""
    policy, new = cache.policy(), await set_beside(cache)
    turn = replace(cache.turn, promoted=now())
    await policy.off(turn, new)
    assert cache.opens(OLD) == [False, False]
    census = await policy.census(turn, new)
    assert [use.who for use in census.uses] == [f"{HOST}, refused"]


async def test_undone(cache: RedisRoom) -> None:
    """The old password alone is left, be it asked once or twice, and also where nothing was stored."""
    policy, new = cache.policy(), await set_beside(cache)
    assert (await policy.undo(cache.turn, None)) == Done(f"{cache.user} has nothing of this rotation", already=True)
    for already in (False, True):
        undone = await policy.undo(cache.turn, new)
        assert isinstance(undone, Done)
        assert undone.already is already
    assert (cache.opens(OLD), cache.opens(password(new))) == ([True, True], [False, False])


async def test_what_it_must_not_be_able_to(cache: RedisRoom) -> None:
    """A user that may more than it must is refused, and the command has no effect; so is one that may less."""
    cache.admin[0].set("kept", "1")
    new = await set_beside(cache)
    for admin in cache.admin:
        admin.acl_setuser(cache.user, enabled=True, commands=["+flushall"])
    with pytest.raises(Refused, match=f"{cache.user} may FLUSHALL"):
        await cache.policy().test(cache.turn, new)
    assert cache.admin[0].get("kept") == "1"
    with pytest.raises(Refused, match=f"{cache.user} may not INCR"):
        await cache.policy(can=["INCR tminus:probe"], cannot=["CONFIG GET maxmemory"]).test(cache.turn, new)


async def test_other_passwords(cache: RedisRoom) -> None:
    """A user with more passwords than its secret says, or with any at all, is not rotated; where it leaked, all go."""
    policy = cache.policy()
    cache.admin[1].acl_setuser(cache.user, enabled=True, passwords=["+of somebody else"])
    with pytest.raises(Refused, match=r"replica .* has 2 passwords"):
        await policy.plan(cache.turn)
    turn = replace(cache.turn, at_once=True)
    await policy.plan(turn)
    new = await policy.create(turn)
    await policy.set(turn, new)
    await policy.off(turn, new)
    assert cache.opens("of somebody else") == cache.opens(OLD) == [False, False]
    assert cache.opens(password(new)) == [True, True]
    cache.admin[0].acl_setuser(cache.user, enabled=True, nopass=True)
    with pytest.raises(Refused, match="nopass"):
        await policy.plan(cache.turn)


async def test_a_stranger_holds_nothing_up(cache: RedisRoom) -> None:
    """Whoever knocks with a wrong password while both open is no user of the old one."""
    policy, new = cache.policy(), await set_beside(cache)
    assert cache.opens("a password of nobody") == [False, False]
    assert not (await policy.census(replace(cache.turn, promoted=now() - timedelta(minutes=1)), new)).uses


async def test_the_refused_are_found_among_many(cache: RedisRoom) -> None:
    """Others who were refused since hide nobody."""
    policy, new = cache.policy(), await set_beside(cache)
    turn = replace(cache.turn, promoted=now())
    await policy.off(turn, new)
    assert cache.opens(OLD) == [False, False]
    for number in range(12):
        stranger = redis.Redis(HOST, cache.ports[0], username=f"other_{number}", password="no", retry=ONCE)
        with stranger, pytest.raises(redis.AuthenticationError):
            stranger.ping()
    census = await policy.census(turn, new)
    assert [(use.who, use.times) for use in census.uses] == [(f"{HOST}, refused", 2)]
