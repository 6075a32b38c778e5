"""Every node of a Redis has the same passwords of a user, keeps them over a restart, and is asked what the user may."""

from dataclasses import replace

import pytest
from pydantic import SecretStr

from tasks.redis_acl import hashed
from tasks.rotators.rotator import Done
from tests.conftest import Estates
from tests.tasks.rotators.redis_room import HOST, OLD, RedisRoom, kept_by, password, set_beside
from tminus.clock import now
from tminus.errors import CouldNotObserve, MissingSecret, Refused


async def test_it_survives_a_restart(cache: RedisRoom) -> None:
    """What was set stands in each node's own file, hashed."""
    new = await set_beside(cache)
    for admin in cache.admin:
        text = kept_by(admin)
        assert hashed(new.secret("password")) in text
        assert password(new) not in text


async def test_never_without_a_password(cache: RedisRoom) -> None:
    """A node without the new password is given it before the old one goes; without either nothing is taken away."""
    policy = cache.policy()
    new = await policy.create(cache.turn)
    turn = replace(cache.turn, promoted=now())
    assert isinstance(await policy.off(turn, new), Done)
    assert (cache.opens(OLD), cache.opens(password(new))) == ([False, False], [True, True])
    with pytest.raises(Refused, match="does not have the password that is to stay"):
        await policy.undo(turn, new)
    assert cache.opens(password(new)) == [True, True]


async def test_nobody_there(cache: RedisRoom, estates: Estates) -> None:
    """Where the server does not answer, or the environment has no such, it says so, and which."""
    away = estates.make(redis={"cache": {"url": estates.secret(SecretStr("redis://127.0.0.1:1/0"))}})
    with pytest.raises(CouldNotObserve, match="redis cache: INFO failed"):
        await cache.policy().plan(replace(cache.turn, estate=away))
    unset = estates.make(redis={"cache": {"url": "env:TMINUS_NOT_SET"}})
    with pytest.raises(MissingSecret):
        await cache.policy().plan(replace(cache.turn, estate=unset))


async def test_what_a_kill_left_unwritten_is_written(cache: RedisRoom) -> None:
    """Killed between a change and its writing down, the next try writes it: a restart loses neither set nor off."""
    policy = cache.policy()
    new = await policy.create(cache.turn)
    made, old = (hashed(one.secret("password")) for one in (new, cache.old))
    for admin in cache.admin:
        admin.execute_command("ACL SETUSER", cache.user, f"#{made}")
    assert (await policy.set(cache.turn, new)).already  # type: ignore[union-attr]
    assert [made in kept_by(admin) for admin in cache.admin] == [True, True]
    for admin in cache.admin:
        admin.execute_command("ACL SETUSER", cache.user, f"!{old}")
    for step in (policy.off, policy.drop):
        assert (await step(replace(cache.turn, promoted=now()), new)).already  # type: ignore[union-attr]
        assert [old in kept_by(admin) for admin in cache.admin] == [False, False]


async def test_each_node_is_asked_what_the_user_may(cache: RedisRoom) -> None:
    """A replica where it may less is found; a command that there is not proves nothing."""
    new = await set_beside(cache)
    with pytest.raises(Refused, match="cannot be seen, Redis says: unknown command"):
        await cache.policy(can=["GTE orders"]).test(cache.turn, new)
    cache.admin[1].execute_command("ACL SETUSER", cache.user, "-set")
    with pytest.raises(Refused, match=rf"replica {HOST}:{cache.ports[1]}\): {cache.user} may not SET"):
        await cache.policy().test(cache.turn, new)


async def test_a_node_that_is_gone_stops_it(cache: RedisRoom) -> None:
    """Before the new one is current: it would come back without it."""
    policy = cache.policy()
    way = await policy.plan(cache.turn)
    gone = f"redis cache (replica {HOST}:1)"
    turn = replace(cache.turn, way={**way, "nodes": f"{way['nodes']}, {gone}"})
    new = await policy.create(turn)
    for step in (policy.set, policy.test):
        with pytest.raises(CouldNotObserve, match="was there when this began"):
            await step(turn, new)
    assert cache.opens(password(new)) == [False, False]


async def test_replication_has_a_user_of_its_own(cache: RedisRoom) -> None:
    """A replica that follows as the user would be cut off with the old password."""
    cache.admin[1].config_set("masteruser", cache.user)
    try:
        with pytest.raises(Refused, match="masteruser"):
            await cache.policy().plan(cache.turn)
    finally:
        cache.admin[1].config_set("masteruser", "")


async def test_a_leak_that_was_revoked_by_hand(cache: RedisRoom) -> None:
    """Who takes the leaked password away first, as one does, is in nobody's way: the new one is set all the same."""
    policy, turn = cache.policy(), replace(cache.turn, at_once=True)
    for admin in cache.admin:
        admin.execute_command("ACL SETUSER", cache.user, f"!{hashed(cache.old.secret('password'))}")
    turn = replace(turn, way=await policy.plan(turn))
    new = await policy.create(turn)
    await policy.set(turn, new)
    await policy.test(turn, new)
    for step in (policy.off, policy.drop):
        assert isinstance(await step(replace(turn, promoted=now()), new), Done)
    assert (cache.opens(OLD), cache.opens(password(new))) == ([False, False], [True, True])


async def test_a_leak_waits_for_no_node_that_is_away(cache: RedisRoom) -> None:
    """The others are cut off at once; the old one is not called dropped before who is away was seen too."""
    policy = cache.policy()
    way = await policy.plan(cache.turn)
    turn = replace(cache.turn, at_once=True, way={**way, "nodes": f"{way['nodes']}, redis cache (replica {HOST}:1)"})
    new = await policy.create(turn)
    await policy.set(turn, new)
    await policy.test(turn, new)
    assert isinstance(await policy.off(replace(turn, promoted=now()), new), Done)
    assert (cache.opens(OLD), cache.opens(password(new))) == ([False, False], [True, True])
    with pytest.raises(CouldNotObserve, match="was there when this began"):
        await policy.drop(replace(turn, promoted=now()), new)
