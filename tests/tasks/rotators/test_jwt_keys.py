"""A signing key is replaced with no token refused: waits by what caches say, on moto's S3 behind a caching site."""

import asyncio
import json
import logging
from datetime import timedelta

import pytest
from pydantic import ValidationError

from tasks.jwks_signing import SigningKey
from tasks.rotators.jwt_keys import JwtKeys
from tasks.rotators.rotator import NotYet
from tasks.rotators.vocabulary import ROTATORS
from tests.tasks.rotators.jwks_room import JwksRoom, done, long_ago, published, seconds_from, wait
from tminus.clock import now
from tminus.errors import CouldNotObserve, Refused


async def test_a_whole_rotation(jwks: JwksRoom) -> None:
    """Both keys verify in the overlap, only the new one at the end; each stage may be asked twice."""
    assert ROTATORS["jwt.keys"] is JwtKeys
    policy, turn = jwks.policy(), jwks.turn()
    way = await policy.plan(jwks.turn(way={}))
    assert (way["kid"], way["cache_seconds"]) == (jwks.old.kid, "0")
    new, key = await published(policy, turn)
    assert done(await policy.set(turn, new)).already
    assert jwks.kids() == [jwks.other.kid, jwks.old.kid, key.kid]
    done(await policy.test(turn, new))
    done(await policy.test(turn, new))
    assert (jwks.verifies(jwks.old), jwks.verifies(key)) == (True, True)
    promoted = long_ago(jwks)
    census = await policy.census(promoted, new)
    assert (census.uses, census.since, "lifetime alone" in census.blind) == ((), promoted.promoted, True)
    assert not done(await policy.off(promoted, new)).already
    assert done(await policy.off(promoted, new)).already
    assert (jwks.verifies(jwks.old), jwks.verifies(key)) == (False, True)
    assert not (await policy.on(promoted, new)).already
    assert (await policy.on(promoted, new)).already
    assert jwks.verifies(jwks.old)
    done(await policy.off(promoted, new))
    for _ in range(2):
        assert "no verifier" in done(await policy.drop(promoted, new)).said
    assert jwks.kids() == [jwks.other.kid, key.kid]


@pytest.mark.parametrize("algorithm", ["ES256", "RS256", "EdDSA"])
async def test_each_algorithm(jwks: JwksRoom, algorithm: str) -> None:
    """What the new key signs is verified by the set as it is served, whatever the old one was; its id is its own."""
    policy, turn = jwks.policy(algorithm=algorithm), jwks.turn()
    new, key = await published(policy, turn)
    assert (new.name("algorithm"), new.name("note"), new.name("kid")) == (algorithm, "kept", key.kid)
    assert key.public["kid"] == SigningKey.of(new).kid
    done(await policy.test(turn, new))
    assert jwks.verifies(key)


async def test_promoting_waits_for_every_cache(jwks: JwksRoom) -> None:
    """As long as a verifier may have a set without the new key, it is not to sign, and the moment is told."""
    jwks.headers = {"Cache-Control": "max-age=240, stale-if-error=60"}
    policy = jwks.policy()
    start = now()
    turn = jwks.turn(way=await policy.plan(jwks.turn(way={})))
    assert turn.way["cache_seconds"] == "300"
    new, key = await published(policy, turn)
    early = wait(await policy.test(turn, new))
    assert 300 <= seconds_from(start, early.until) < 330
    assert key.kid in early.why
    jwks.headers = {"Cache-Control": "max-age=5"}
    assert seconds_from(start, wait(await policy.test(turn, new)).until) >= 300  # a cache may have the earlier answer
    jwks.headers = {"Cache-Control": "max-age=500"}
    assert seconds_from(start, wait(await policy.test(turn, new)).until) >= 500


async def test_a_cache_that_really_keeps_it(jwks: JwksRoom) -> None:
    """The new key is let in by whoever fetched the set right before, once the wait that was told is over."""
    jwks.headers, jwks.keeps = {"Cache-Control": "max-age=2"}, 2.0
    policy = jwks.policy()
    turn = jwks.turn(way=await policy.plan(jwks.turn(way={})))
    new, key = await published(policy, turn)
    assert not jwks.verifies(key)
    came = await policy.test(turn, new)
    while isinstance(came, NotYet):
        await asyncio.sleep(max(seconds_from(now(), came.until), 0))
        came = await policy.test(turn, new)
    assert jwks.verifies(key)


async def test_a_cache_that_keeps_it_too_long(jwks: JwksRoom) -> None:
    """An address that serves no new key though it should by now is waited for, and named."""
    jwks.shown = json.dumps({"keys": [dict(jwks.old.public)]}).encode()
    policy, turn = jwks.policy(), jwks.turn()
    new, _ = await published(policy, turn)
    assert "purge" in wait(await policy.test(turn, new)).why
    jwks.shown = None
    promoted = long_ago(jwks)
    done(await policy.off(promoted, new))
    jwks.shown = json.dumps({"keys": [dict(jwks.old.public)]}).encode()
    assert "purge" in wait(await policy.drop(promoted, new)).why


async def test_an_early_retirement_is_refused(jwks: JwksRoom) -> None:
    """The old public key stays for the token's life, the issuers' reading and the cache, as it is measured then."""
    jwks.headers = {"Cache-Control": "max-age=120"}
    policy, start = jwks.policy(), now()
    way = await policy.plan(jwks.turn(way={}))
    turn = jwks.turn(way=way, promoted=start)
    new, _ = await published(policy, turn)
    assert policy.keep(turn) == timedelta(minutes=15 + 1 + 2)
    assert policy.keep(jwks.turn(way={})) == timedelta(minutes=15 + 1 + 10)
    assert policy.keep(jwks.turn(at_once=True)) == timedelta(0)
    early = wait(await policy.off(turn, new))
    assert early.until == start + timedelta(minutes=18)
    jwks.headers = {"Cache-Control": "max-age=180"}
    assert wait(await policy.off(turn, new)).until == start + timedelta(minutes=19)
    assert jwks.old.kid in jwks.kids()


async def test_a_dropped_key_is_in_no_cache(jwks: JwksRoom) -> None:
    """The old key is gone for good only when no verifier can have it; one that is put back waits as long."""
    jwks.headers = {"Cache-Control": "max-age=120"}
    policy, turn, start = jwks.policy(), long_ago(jwks), now()
    new, _ = await published(policy, turn)
    done(await policy.off(turn, new))
    assert 120 <= seconds_from(start, wait(await policy.drop(turn, new)).until) < 150
    for _ in range(2):
        with pytest.raises(CouldNotObserve, match="may not know it before"):
            await policy.on(turn, new)
    assert jwks.old.kid in jwks.kids()


async def test_a_leak_waits_for_nothing_but_caches_at_the_end(jwks: JwksRoom) -> None:
    """The new key signs and the old one leaves the set at once; it is dead when no cache has it any more."""
    jwks.headers = {"Cache-Control": "max-age=120"}
    policy, turn = jwks.policy(), jwks.turn(at_once=True, promoted=now())
    new, key = await published(policy, turn)
    done(await policy.test(turn, new))
    done(await policy.off(turn, new))
    assert jwks.kids() == [jwks.other.kid, key.kid]
    wait(await policy.drop(turn, new))


async def test_undo_takes_only_the_new_key(jwks: JwksRoom) -> None:
    """At every point; what others published since stays; twice is once."""
    policy, turn = jwks.policy(), jwks.turn()
    assert done(await policy.undo(turn, None)).already
    new, key = await published(policy, turn)
    late = SigningKey.made("ES256")
    jwks.put([jwks.other.public, jwks.old.public, key.public, late.public])
    assert not done(await policy.undo(turn, new)).already
    assert done(await policy.undo(turn, new)).already
    assert jwks.kids() == [jwks.other.kid, jwks.old.kid, late.kid]
    assert done(await policy.undo(turn, turn.old)).already
    assert jwks.old.kid in jwks.kids()


async def test_the_last_key_stays(jwks: JwksRoom) -> None:
    """Where somebody took the new key out, the old one is not taken out too; the test puts the new one back."""
    policy, turn = jwks.policy(), long_ago(jwks)
    new, key = await published(policy, turn)
    jwks.put([jwks.old.public])
    with pytest.raises(Refused, match="no other key"):
        await policy.off(turn, new)
    done(await policy.test(turn, new))
    assert jwks.kids() == [jwks.old.kid, key.kid]


async def test_nothing_shows_the_private_key(jwks: JwksRoom, caplog: pytest.LogCaptureFixture) -> None:
    """In no log record of anybody at DEBUG, no error and no text of a key or a document."""
    caplog.set_level(logging.DEBUG)
    policy, turn = jwks.policy(), jwks.turn()
    new, key = await published(policy, turn)
    done(await policy.test(turn, new))
    broken = new.changed("tokens (new)", {"private_key": new.name("private_key")[:80]})
    with pytest.raises(CouldNotObserve) as caught:
        SigningKey.of(broken)
    shown = f"{caplog.text}{caught.value!r}{caught.value.__cause__!r}{key!r}{new!r}"
    lines = [line for line in new.name("private_key").splitlines() if len(line) > 20 and "-----" not in line]
    assert lines
    assert not any(line in shown for line in lines)


def test_a_book_that_cannot_be(jwks: JwksRoom) -> None:
    """A query that does not say of which key, and times that are over only after the next rotation has begun."""
    with pytest.raises(ValidationError, match="kid"):
        jwks.policy(counts="sum(increase(tokens_total[{over}]))")
    with pytest.raises(ValidationError, match="the next would begin"):
        jwks.policy(token_lifetime="30d")
