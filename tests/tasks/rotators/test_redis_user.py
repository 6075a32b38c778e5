"""A user of Redis on a real primary and its replica: two passwords for a while, the new one alone after it."""

import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
import redis
from pydantic import SecretStr
from redis.backoff import NoBackoff
from redis.retry import Retry

from tasks.redis_acl import hashed
from tasks.rotators.redis_user import RedisUser
from tasks.rotators.rotator import Done, NotYet, Turn
from tests.conftest import Estates, RedisServer
from tminus.clock import now
from tminus.errors import CouldNotObserve, MissingSecret, Refused
from tminus.rotations.document import Document

OLD = "canary-old-password"
HOST = "127.0.0.1"
MAY = ["+get", "+set", "+multi", "+discard", "+client"]
ONCE = Retry(NoBackoff(), 0)


class RedisRoom:
    """A user on both nodes, its secret, and how it is rotated."""

    def __init__(self, server: RedisServer, estates: Estates) -> None:
        self.user = f"app_{uuid4().hex[:6]}"
        self.estate = estates.make(redis={"cache": {"url": estates.secret(server.dsn)}})
        at = server.at.address
        assert at.replica_port is not None
        self.ports = (at.port, at.replica_port)
        self.admin = [
            redis.Redis(HOST, port, password=at.password.get_secret_value(), decode_responses=True)
            for port in self.ports
        ]
        for admin in self.admin:
            admin.acl_setuser(self.user, enabled=True, passwords=[f"+{OLD}"], commands=MAY, keys=["*"])
        url = f"redis://{self.user}:{OLD}@{HOST}:{at.port}/0"
        document = json.dumps({"username": self.user, "password": OLD, "url": url, "pool": 5})
        self.old = Document(SecretStr(document), "shop/cache (AWSCURRENT)")
        self.turn = Turn(self.estate, "cache", "20261123T060000.000000Z-ab12", str(uuid4()), {}, self.old)

    def policy(self, **changed: object) -> RedisUser:
        """Its entry in the book."""
        entry = {"title": "Cache", "owner": "ops", "secret": "shop/cache", "every": "90d", "server": "cache"}
        rules = {"user": self.user, "can": ["SET tminus:probe 1"], "cannot": ["FLUSHALL", "CONFIG GET maxmemory"]}
        return RedisUser.model_validate({**entry, **rules, **changed})

    def opens(self, password: str) -> list[bool]:
        """Whether it opens each node."""
        return [self._opens(port, password) for port in self.ports]

    def _opens(self, port: int, password: str) -> bool:
        with redis.Redis(HOST, port, username=self.user, password=password, retry=ONCE) as client:
            try:
                client.get("nothing")
            except redis.AuthenticationError:
                return False
        return True

    def pool(self, password: str) -> redis.Redis:
        """A connection that stays open."""
        client = redis.Redis(HOST, self.ports[0], username=self.user, password=password, client_name="pool", retry=ONCE)
        client.get("nothing")
        return client

    def left(self) -> None:
        """Nobody of it stays behind."""
        for admin in self.admin:
            admin.acl_deluser(self.user)
            admin.close()


@pytest.fixture
def room(redis_pair: RedisServer, estates: Estates) -> Iterator[RedisRoom]:
    """Nothing is rotated yet."""
    made = RedisRoom(redis_pair, estates)
    yield made
    made.left()


def password(document: Document) -> str:
    """What it opens with."""
    return document.secret("password").get_secret_value()


def kept_by(admin: "redis.Redis") -> str:
    """The server's own configuration file."""
    return Path(str(admin.info("server")["config_file"])).read_text("utf-8")


async def set_beside(room: RedisRoom) -> Document:
    """The new password, beside the old one."""
    policy = room.policy()
    way = await policy.plan(room.turn)
    assert way["user"] == room.user
    new = await policy.create(room.turn)
    assert isinstance(await policy.set(room.turn, new), Done)
    return new


async def test_a_whole_rotation(room: RedisRoom, caplog: pytest.LogCaptureFixture) -> None:
    """Both open on every node, then the new one alone; each stage may be asked twice; nobody logs a password."""
    caplog.set_level(logging.DEBUG)
    policy, new = room.policy(), await set_beside(room)
    assert room.opens(OLD) == room.opens(password(new)) == [True, True]
    assert new.name("url").startswith(f"redis://{room.user}:")
    assert json.loads(new.text.get_secret_value())["pool"] == 5
    assert OLD not in new.text.get_secret_value()
    again = await policy.set(room.turn, new)
    assert again == Done(f"{room.user} has both passwords on 2 nodes", already=True)
    assert isinstance(await policy.test(room.turn, new), Done)
    turn = replace(room.turn, promoted=now())
    census = await policy.census(turn, new)
    assert (list(census.uses), census.since) == ([], turn.promoted)
    assert "Redis does not tell" in census.blind
    for already in (False, True):
        off = await policy.off(turn, new)
        assert isinstance(off, Done)
        assert off.already is already
    assert (room.opens(OLD), room.opens(password(new))) == ([False, False], [True, True])
    assert not (await policy.on(turn, new)).already
    assert room.opens(OLD) == [True, True]
    dropped = await policy.drop(turn, new)
    assert isinstance(dropped, Done)
    assert (room.opens(OLD), room.opens(password(new))) == ([False, False], [True, True])
    assert password(new) not in caplog.text
    assert OLD not in caplog.text


async def test_it_survives_a_restart(room: RedisRoom) -> None:
    """What was set stands in each node's own file, hashed."""
    new = await set_beside(room)
    for admin in room.admin:
        text = kept_by(admin)
        assert hashed(new.secret("password")) in text
        assert password(new) not in text


async def test_connections_of_before_are_waited_for(room: RedisRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pool that is older than the new value keeps the old one on, and is named; where it leaked, it is ended."""
    policy, new = room.policy(), await set_beside(room)
    pool = room.pool(OLD)
    monkeypatch.setattr("tasks.rotators.redis_user._SLACK", timedelta(seconds=-5))
    turn = replace(room.turn, promoted=now())
    census = await policy.census(turn, new)
    assert [use.who for use in census.uses] == [f"pool@{HOST}"]
    waits = await policy.off(turn, new)
    assert isinstance(waits, NotYet)
    assert "pool" in waits.why
    assert room.opens(OLD) == [True, True]
    assert isinstance(await policy.off(replace(turn, at_once=True), new), Done)
    pool.connection_pool.disconnect()
    with pytest.raises(redis.AuthenticationError):
        pool.get("nothing")
    pool.close()


async def test_who_is_refused_while_it_is_off_is_named(room: RedisRoom) -> None:
    """A log-in with the old password after it was switched off is somebody who still uses it."""
    policy, new = room.policy(), await set_beside(room)
    turn = replace(room.turn, promoted=now())
    await policy.off(turn, new)
    assert room.opens(OLD) == [False, False]
    census = await policy.census(turn, new)
    assert [use.who for use in census.uses] == [f"{HOST}, refused"]


async def test_undone(room: RedisRoom) -> None:
    """The old password alone is left, be it asked once or twice, and also where nothing was stored."""
    policy, new = room.policy(), await set_beside(room)
    assert (await policy.undo(room.turn, None)) == Done(f"{room.user} has nothing of this rotation", already=True)
    for already in (False, True):
        undone = await policy.undo(room.turn, new)
        assert isinstance(undone, Done)
        assert undone.already is already
    assert (room.opens(OLD), room.opens(password(new))) == ([True, True], [False, False])


async def test_what_it_must_not_be_able_to(room: RedisRoom) -> None:
    """A user that may more than it must is refused, and the command has no effect; so is one that may less."""
    room.admin[0].set("kept", "1")
    new = await set_beside(room)
    for admin in room.admin:
        admin.acl_setuser(room.user, enabled=True, commands=["+flushall"])
    with pytest.raises(Refused, match=f"{room.user} may FLUSHALL"):
        await room.policy().test(room.turn, new)
    assert room.admin[0].get("kept") == "1"
    with pytest.raises(Refused, match=f"{room.user} may not INCR"):
        await room.policy(can=["INCR tminus:probe"], cannot=["CONFIG GET maxmemory"]).test(room.turn, new)


async def test_other_passwords(room: RedisRoom) -> None:
    """A user with more passwords than its secret says, or with any at all, is not rotated; where it leaked, all go."""
    policy = room.policy()
    room.admin[1].acl_setuser(room.user, enabled=True, passwords=["+of somebody else"])
    with pytest.raises(Refused, match=r"replica .* has 2 passwords"):
        await policy.plan(room.turn)
    turn = replace(room.turn, at_once=True)
    await policy.plan(turn)
    new = await policy.create(turn)
    await policy.set(turn, new)
    await policy.off(turn, new)
    assert room.opens("of somebody else") == room.opens(OLD) == [False, False]
    assert room.opens(password(new)) == [True, True]
    room.admin[0].acl_setuser(room.user, enabled=True, nopass=True)
    with pytest.raises(Refused, match="nopass"):
        await policy.plan(room.turn)


async def test_never_without_a_password(room: RedisRoom) -> None:
    """A node without the new password is given it before the old one goes; without either nothing is taken away."""
    policy = room.policy()
    new = await policy.create(room.turn)
    turn = replace(room.turn, promoted=now())
    assert isinstance(await policy.off(turn, new), Done)
    assert (room.opens(OLD), room.opens(password(new))) == ([False, False], [True, True])
    with pytest.raises(Refused, match="does not have the password that is to stay"):
        await policy.undo(turn, new)
    assert room.opens(password(new)) == [True, True]


async def test_nobody_there(room: RedisRoom, estates: Estates) -> None:
    """Where the server does not answer, or the environment has no such, it says so, and which."""
    away = estates.make(redis={"cache": {"url": estates.secret(SecretStr("redis://127.0.0.1:1/0"))}})
    with pytest.raises(CouldNotObserve, match="redis cache: INFO failed"):
        await room.policy().plan(replace(room.turn, estate=away))
    unset = estates.make(redis={"cache": {"url": "env:TMINUS_NOT_SET"}})
    with pytest.raises(MissingSecret):
        await room.policy().plan(replace(room.turn, estate=unset))


async def test_what_a_kill_left_unwritten_is_written(room: RedisRoom) -> None:
    """Killed between a change and its writing down, the next try writes it: a restart loses neither set nor off."""
    policy = room.policy()
    new = await policy.create(room.turn)
    made, old = (hashed(one.secret("password")) for one in (new, room.old))
    for admin in room.admin:
        admin.execute_command("ACL SETUSER", room.user, f"#{made}")
    assert (await policy.set(room.turn, new)).already  # type: ignore[union-attr]
    assert [made in kept_by(admin) for admin in room.admin] == [True, True]
    for admin in room.admin:
        admin.execute_command("ACL SETUSER", room.user, f"!{old}")
    for step in (policy.off, policy.drop):
        assert (await step(replace(room.turn, promoted=now()), new)).already  # type: ignore[union-attr]
        assert [old in kept_by(admin) for admin in room.admin] == [False, False]


async def test_each_node_is_asked_what_the_user_may(room: RedisRoom) -> None:
    """A replica where it may less is found; a command that there is not proves nothing."""
    new = await set_beside(room)
    with pytest.raises(Refused, match="cannot be seen, Redis says: unknown command"):
        await room.policy(can=["GTE orders"]).test(room.turn, new)
    room.admin[1].execute_command("ACL SETUSER", room.user, "-set")
    with pytest.raises(Refused, match=rf"replica {HOST}:{room.ports[1]}\): {room.user} may not SET"):
        await room.policy().test(room.turn, new)


async def test_a_node_that_is_gone_stops_it(room: RedisRoom) -> None:
    """Before the new one is current: it would come back without it."""
    policy = room.policy()
    way = await policy.plan(room.turn)
    gone = f"redis cache (replica {HOST}:1)"
    turn = replace(room.turn, way={**way, "nodes": f"{way['nodes']}, {gone}"})
    new = await policy.create(turn)
    for step in (policy.set, policy.test):
        with pytest.raises(CouldNotObserve, match="was there when this began"):
            await step(turn, new)
    assert room.opens(password(new)) == [False, False]


async def test_a_stranger_holds_nothing_up(room: RedisRoom) -> None:
    """Whoever knocks with a wrong password while both open is no user of the old one."""
    policy, new = room.policy(), await set_beside(room)
    assert room.opens("a password of nobody") == [False, False]
    assert not (await policy.census(replace(room.turn, promoted=now() - timedelta(minutes=1)), new)).uses


async def test_replication_has_a_user_of_its_own(room: RedisRoom) -> None:
    """A replica that follows as the user would be cut off with the old password."""
    room.admin[1].config_set("masteruser", room.user)
    try:
        with pytest.raises(Refused, match="masteruser"):
            await room.policy().plan(room.turn)
    finally:
        room.admin[1].config_set("masteruser", "")


async def test_the_refused_are_found_among_many(room: RedisRoom) -> None:
    """Others who were refused since hide nobody."""
    policy, new = room.policy(), await set_beside(room)
    turn = replace(room.turn, promoted=now())
    await policy.off(turn, new)
    assert room.opens(OLD) == [False, False]
    for number in range(12):
        stranger = redis.Redis(HOST, room.ports[0], username=f"other_{number}", password="no", retry=ONCE)
        with stranger, pytest.raises(redis.AuthenticationError):
            stranger.ping()
    census = await policy.census(turn, new)
    assert [(use.who, use.times) for use in census.uses] == [(f"{HOST}, refused", 2)]
