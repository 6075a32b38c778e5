"""A signing key is replaced with no token refused: waits by what caches say, on moto's S3 behind a caching site."""

import asyncio
import json
import logging
import secrets
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from pydantic import ValidationError

import tasks.jwks_object
from deployments.rehearsal.in_thread import Door, served
from tasks.aws_client import AwsService
from tasks.jwks_object import KeySetObject
from tasks.jwks_signing import SigningKey, verified
from tasks.rotators.jwt_keys import JwtKeys
from tasks.rotators.rotator import Done, NotYet, Turn
from tasks.rotators.vocabulary import ROTATORS
from tests.conftest import Estates, S3Server
from tests.tasks.rotators.jwks_room import JwksRoom, seconds_from
from tminus.clock import now
from tminus.errors import CouldNotObserve, Refused
from tminus.rotations.document import Document


@pytest.fixture
async def room(s3_server: S3Server, estates: Estates) -> AsyncIterator[JwksRoom]:
    """A set in the bucket, and the site in front of it."""
    door = Door()
    with served(door) as url:
        made = JwksRoom(s3_server, estates, url, f"keys-{secrets.token_hex(4)}.json")
        door.behind = made.site()
        async with made.estate:
            yield made


def _done(came: Done | NotYet) -> Done:
    assert isinstance(came, Done), came
    return came


def _wait(came: Done | NotYet) -> NotYet:
    assert isinstance(came, NotYet), came
    return came


async def _published(policy: JwtKeys, turn: Turn) -> tuple[Document, SigningKey]:
    new = await policy.create(turn)
    _done(await policy.set(turn, new))
    return new, SigningKey.of(new)


def _long_ago(room: JwksRoom, **changed: object) -> Turn:
    """A turn whose new key signs since long before the last token of the old one ended."""
    return room.turn(promoted=now() - timedelta(hours=1), **changed)


async def test_a_whole_rotation(room: JwksRoom) -> None:
    """Both keys verify in the overlap, only the new one at the end; each stage may be asked twice."""
    assert ROTATORS["jwt.keys"] is JwtKeys
    policy, turn = room.policy(), room.turn()
    way = await policy.plan(room.turn(way={}))
    assert (way["kid"], way["cache_seconds"]) == (room.old.kid, "0")
    new, key = await _published(policy, turn)
    assert _done(await policy.set(turn, new)).already
    assert room.kids() == [room.other.kid, room.old.kid, key.kid]
    _done(await policy.test(turn, new))
    _done(await policy.test(turn, new))
    assert (room.verifies(room.old), room.verifies(key)) == (True, True)
    promoted = _long_ago(room)
    census = await policy.census(promoted, new)
    assert (census.uses, census.since, "lifetime alone" in census.blind) == ((), promoted.promoted, True)
    assert not _done(await policy.off(promoted, new)).already
    assert _done(await policy.off(promoted, new)).already
    assert (room.verifies(room.old), room.verifies(key)) == (False, True)
    assert not (await policy.on(promoted, new)).already
    assert (await policy.on(promoted, new)).already
    assert room.verifies(room.old)
    _done(await policy.off(promoted, new))
    for _ in range(2):
        assert "no verifier" in _done(await policy.drop(promoted, new)).said
    assert room.kids() == [room.other.kid, key.kid]


@pytest.mark.parametrize("algorithm", ["ES256", "RS256", "EdDSA"])
async def test_each_algorithm(room: JwksRoom, algorithm: str) -> None:
    """What the new key signs is verified by the set as it is served, whatever the old one was; its id is its own."""
    policy, turn = room.policy(algorithm=algorithm), room.turn()
    new, key = await _published(policy, turn)
    assert (new.name("algorithm"), new.name("note"), new.name("kid")) == (algorithm, "kept", key.kid)
    assert key.public["kid"] == SigningKey.of(new).kid
    _done(await policy.test(turn, new))
    assert room.verifies(key)


async def test_what_lies_with_the_set_stays(room: JwksRoom) -> None:
    """The object's cache header, metadata, and what else stands in the document; and nothing private comes to it."""
    await _published(room.policy(), room.turn())
    got = room.s3.get_object(**room.where)  # type: ignore[arg-type]  # Bucket and Key
    assert (got["CacheControl"], got["Metadata"]) == ("max-age=7", {"of": "trading"})
    document = json.loads(got["Body"].read())
    assert document["issuer"] == "kept"
    assert not any("d" in one for one in document["keys"])


async def test_promoting_waits_for_every_cache(room: JwksRoom) -> None:
    """As long as a verifier may have a set without the new key, it is not to sign, and the moment is told."""
    room.headers = {"Cache-Control": "max-age=240, stale-if-error=60"}
    policy = room.policy()
    start = now()
    turn = room.turn(way=await policy.plan(room.turn(way={})))
    assert turn.way["cache_seconds"] == "300"
    new, key = await _published(policy, turn)
    early = _wait(await policy.test(turn, new))
    assert 300 <= seconds_from(start, early.until) < 330
    assert key.kid in early.why
    room.headers = {"Cache-Control": "max-age=5"}
    assert seconds_from(start, _wait(await policy.test(turn, new)).until) >= 300  # a cache may have the earlier answer
    room.headers = {"Cache-Control": "max-age=500"}
    assert seconds_from(start, _wait(await policy.test(turn, new)).until) >= 500


async def test_a_cache_that_really_keeps_it(room: JwksRoom) -> None:
    """The new key is let in by whoever fetched the set right before, once the wait that was told is over."""
    room.headers, room.keeps = {"Cache-Control": "max-age=1"}, 1.0
    policy = room.policy()
    turn = room.turn(way=await policy.plan(room.turn(way={})))
    new, key = await _published(policy, turn)
    assert not room.verifies(key)
    came = await policy.test(turn, new)
    while isinstance(came, NotYet):
        await asyncio.sleep(max(seconds_from(now(), came.until), 0))
        came = await policy.test(turn, new)
    assert room.verifies(key)


async def test_a_cache_that_keeps_it_too_long(room: JwksRoom) -> None:
    """An address that serves no new key though it should by now is waited for, and named."""
    room.shown = json.dumps({"keys": [dict(room.old.public)]}).encode()
    policy, turn = room.policy(), room.turn()
    new, _ = await _published(policy, turn)
    assert "purge" in _wait(await policy.test(turn, new)).why
    room.shown = None
    promoted = _long_ago(room)
    _done(await policy.off(promoted, new))
    room.shown = json.dumps({"keys": [dict(room.old.public)]}).encode()
    assert "purge" in _wait(await policy.drop(promoted, new)).why


async def test_an_early_retirement_is_refused(room: JwksRoom) -> None:
    """The old public key stays for the token's life, the issuers' reading and the cache, as it is measured then."""
    room.headers = {"Cache-Control": "max-age=120"}
    policy, start = room.policy(), now()
    way = await policy.plan(room.turn(way={}))
    turn = room.turn(way=way, promoted=start)
    new, _ = await _published(policy, turn)
    assert policy.keep(turn) == timedelta(minutes=15 + 1 + 2)
    assert policy.keep(room.turn(way={})) == timedelta(minutes=15 + 1 + 10)
    assert policy.keep(room.turn(at_once=True)) == timedelta(0)
    early = _wait(await policy.off(turn, new))
    assert early.until == start + timedelta(minutes=18)
    room.headers = {"Cache-Control": "max-age=180"}
    assert _wait(await policy.off(turn, new)).until == start + timedelta(minutes=19)
    assert room.old.kid in room.kids()


async def test_a_dropped_key_is_in_no_cache(room: JwksRoom) -> None:
    """The old key is gone for good only when no verifier can have it; one that is put back waits as long."""
    room.headers = {"Cache-Control": "max-age=120"}
    policy, turn, start = room.policy(), _long_ago(room), now()
    new, _ = await _published(policy, turn)
    _done(await policy.off(turn, new))
    assert 120 <= seconds_from(start, _wait(await policy.drop(turn, new)).until) < 150
    for _ in range(2):
        with pytest.raises(CouldNotObserve, match="may not know it before"):
            await policy.on(turn, new)
    assert room.old.kid in room.kids()


async def test_a_leak_waits_for_nothing_but_caches_at_the_end(room: JwksRoom) -> None:
    """The new key signs and the old one leaves the set at once; it is dead when no cache has it any more."""
    room.headers = {"Cache-Control": "max-age=120"}
    policy, turn = room.policy(), room.turn(at_once=True, promoted=now())
    new, key = await _published(policy, turn)
    _done(await policy.test(turn, new))
    _done(await policy.off(turn, new))
    assert room.kids() == [room.other.kid, key.kid]
    _wait(await policy.drop(turn, new))


async def test_undo_takes_only_the_new_key(room: JwksRoom) -> None:
    """At every point; what others published since stays; twice is once."""
    policy, turn = room.policy(), room.turn()
    assert _done(await policy.undo(turn, None)).already
    new, key = await _published(policy, turn)
    late = SigningKey.made("ES256")
    room.put([room.other.public, room.old.public, key.public, late.public])
    assert not _done(await policy.undo(turn, new)).already
    assert _done(await policy.undo(turn, new)).already
    assert room.kids() == [room.other.kid, room.old.kid, late.kid]
    assert _done(await policy.undo(turn, turn.old)).already
    assert room.old.kid in room.kids()


async def test_many_writers_lose_nothing(room: JwksRoom) -> None:
    """Sixteen keys added at once to one object are all in it."""
    made = [SigningKey.made("EdDSA") for _ in range(16)]
    objects = [KeySetObject(room.estate, "keys", room.name) for _ in made]
    added = await asyncio.gather(
        *(asyncio.to_thread(one.add, key.public) for one, key in zip(objects, made, strict=True))
    )
    assert all(added)
    assert set(room.kids()) == {room.other.kid, room.old.kid, *(key.kid for key in made)}


async def test_a_set_that_never_rests(room: JwksRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where somebody else changes it before each write, that is told after so many tries; nothing of theirs is lost."""
    plain = AwsService.read
    held = KeySetObject(room.estate, "keys", room.name)

    def read(self: AwsService, model: object, operation: str, **parameters: object) -> object:
        if operation == "PutObject":
            room.put([SigningKey.made("EdDSA").public])
        return plain(self, model, operation, **parameters)  # type: ignore[type-var,arg-type]  # passed on as it came

    monkeypatch.setattr(AwsService, "read", read)
    monkeypatch.setattr(tasks.jwks_object, "_PAUSE", 0.0)
    with pytest.raises(CouldNotObserve, match="by others each of 20 times"):
        await asyncio.to_thread(held.add, SigningKey.made("ES256").public)
    assert room.old.kid not in room.kids()


async def test_a_set_that_is_not_there_yet(room: JwksRoom) -> None:
    """It is made with the key in it."""
    held = KeySetObject(room.estate, "keys", f"new-{room.name}")
    assert held.read().keys == []
    assert held.add(room.old.public)
    assert not held.add(room.old.public)
    assert [one["kid"] for one in held.read().keys] == [room.old.kid]


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        ({}, "max-age=SECONDS"),
        ({"Cache-Control": "public"}, "max-age=SECONDS"),
        ({"Cache-Control": "s-maxage=5"}, "max-age=SECONDS"),
        ({"Cache-Control": "max-age=601"}, r"10m 1s.*accepts 10m.*max_cache"),
        ({"Cache-Control": "max-age=soon"}, "no number of seconds"),
    ],
)
async def test_caching_that_the_book_does_not_accept(room: JwksRoom, headers: dict[str, str], words: str) -> None:
    """Refused before anything is made, with the header to set or both numbers."""
    room.headers = headers
    with pytest.raises(Refused, match=words):
        await room.policy().plan(room.turn(way={}))


async def test_hidden_caches_count_as_often(room: JwksRoom) -> None:
    """Where a cache does not tell the age, the set may be kept once more as long."""
    room.headers = {"Cache-Control": "max-age=200"}
    assert (await room.policy(hidden_caches=1).plan(room.turn(way={})))["cache_seconds"] == "400"
    with pytest.raises(Refused, match="max_cache"):
        await room.policy(hidden_caches=3).plan(room.turn(way={}))


async def test_a_set_that_must_not_be_as_it_is(room: JwksRoom) -> None:
    """Private parts that are shown, a key in use that is not served, a status, and what is no set at all."""
    policy, turn = room.policy(), room.turn()
    room.shown = json.dumps({"keys": [{**room.old.public, "d": "AA"}]}).encode()
    with pytest.raises(Refused, match="private parts"):
        await policy.plan(turn)
    room.shown = json.dumps({"keys": [dict(room.other.public)]}).encode()
    with pytest.raises(Refused, match="does not serve key"):
        await policy.plan(turn)
    for shown in (b"[]", b"{}", b"no JSON"):
        room.shown = shown
        with pytest.raises(CouldNotObserve, match="no JSON Web Key Set"):
            await policy.plan(turn)
    room.shown, room.status = None, 301
    with pytest.raises(CouldNotObserve, match="status 301"):
        await policy.plan(turn)


async def test_a_served_key_that_is_another(room: JwksRoom) -> None:
    """Under the new key's id a stranger's key is served: no token that the new one signs would be verified."""
    policy, turn = room.policy(), room.turn()
    new, key = await _published(policy, turn)
    stranger = SigningKey.made("ES256")
    assert not verified(key.token({}), [{**stranger.public, "kid": key.kid}])
    room.shown = json.dumps({"keys": [dict(room.old.public), {**stranger.public, "kid": key.kid}]}).encode()
    with pytest.raises(Refused, match="is not verified"):
        await policy.test(turn, new)


async def test_the_last_key_stays(room: JwksRoom) -> None:
    """Where somebody took the new key out, the old one is not taken out too; the test puts the new one back."""
    policy, turn = room.policy(), _long_ago(room)
    new, key = await _published(policy, turn)
    room.put([room.old.public])
    with pytest.raises(Refused, match="no other key"):
        await policy.off(turn, new)
    _done(await policy.test(turn, new))
    assert room.kids() == [room.old.kid, key.kid]


async def test_nothing_shows_the_private_key(room: JwksRoom, caplog: pytest.LogCaptureFixture) -> None:
    """In no log record of anybody at DEBUG, no error and no text of a key or a document."""
    caplog.set_level(logging.DEBUG)
    policy, turn = room.policy(), room.turn()
    new, key = await _published(policy, turn)
    _done(await policy.test(turn, new))
    broken = new.changed("tokens (new)", {"private_key": new.name("private_key")[:80]})
    with pytest.raises(CouldNotObserve) as caught:
        SigningKey.of(broken)
    shown = f"{caplog.text}{caught.value!r}{caught.value.__cause__!r}{key!r}{new!r}"
    lines = [line for line in new.name("private_key").splitlines() if len(line) > 20 and "-----" not in line]
    assert lines
    assert not any(line in shown for line in lines)


def test_a_book_that_cannot_be(room: JwksRoom) -> None:
    """A query that does not say of which key, and times that are over only after the next rotation has begun."""
    with pytest.raises(ValidationError, match="kid"):
        room.policy(counts="sum(increase(tokens_total[{over}]))")
    with pytest.raises(ValidationError, match="the next would begin"):
        room.policy(token_lifetime="30d")
