"""The set of public keys in the bucket and as it is served: what else is in it stays, what is wrong is refused."""

import asyncio
import json

import pytest

import tasks.jwks_object
from tasks.aws_client import AwsService
from tasks.jwks_object import KeySetObject
from tasks.jwks_signing import SigningKey, verified
from tests.tasks.rotators.jwks_room import JwksRoom, published
from tminus.errors import CouldNotObserve, Refused


async def test_what_lies_with_the_set_stays(jwks: JwksRoom) -> None:
    """The object's cache header, metadata, and what else stands in the document; and nothing private comes to it."""
    await published(jwks.policy(), jwks.turn())
    got = jwks.s3.get_object(**jwks.where)  # type: ignore[arg-type]  # Bucket and Key
    assert (got["CacheControl"], got["Metadata"]) == ("max-age=7", {"of": "trading"})
    document = json.loads(got["Body"].read())
    assert document["issuer"] == "kept"
    assert not any("d" in one for one in document["keys"])


async def test_many_writers_lose_nothing(jwks: JwksRoom) -> None:
    """Sixteen keys added at once to one object are all in it."""
    made = [SigningKey.made("EdDSA") for _ in range(16)]
    objects = [KeySetObject(jwks.estate, "keys", jwks.name) for _ in made]
    added = await asyncio.gather(
        *(asyncio.to_thread(one.add, key.public) for one, key in zip(objects, made, strict=True))
    )
    assert all(added)
    assert set(jwks.kids()) == {jwks.other.kid, jwks.old.kid, *(key.kid for key in made)}


async def test_a_set_that_never_rests(jwks: JwksRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where somebody else changes it before each write, that is told after so many tries; nothing of theirs is lost."""
    plain = AwsService.read
    held = KeySetObject(jwks.estate, "keys", jwks.name)

    def read(self: AwsService, model: object, operation: str, **parameters: object) -> object:
        if operation == "PutObject":
            jwks.put([SigningKey.made("EdDSA").public])
        return plain(self, model, operation, **parameters)  # type: ignore[type-var,arg-type]  # passed on as it came

    monkeypatch.setattr(AwsService, "read", read)
    monkeypatch.setattr(tasks.jwks_object, "_PAUSE", 0.0)
    with pytest.raises(CouldNotObserve, match="by others each of 20 times"):
        await asyncio.to_thread(held.add, SigningKey.made("ES256").public)
    assert jwks.old.kid not in jwks.kids()


async def test_a_set_that_is_not_there_yet(jwks: JwksRoom) -> None:
    """It is made with the key in it."""
    held = KeySetObject(jwks.estate, "keys", f"new-{jwks.name}")
    assert held.read().keys == []
    assert held.add(jwks.old.public)
    assert not held.add(jwks.old.public)
    assert [one["kid"] for one in held.read().keys] == [jwks.old.kid]


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
async def test_caching_that_the_book_does_not_accept(jwks: JwksRoom, headers: dict[str, str], words: str) -> None:
    """Refused before anything is made, with the header to set or both numbers."""
    jwks.headers = headers
    with pytest.raises(Refused, match=words):
        await jwks.policy().plan(jwks.turn(way={}))


async def test_hidden_caches_count_as_often(jwks: JwksRoom) -> None:
    """Where a cache does not tell the age, the set may be kept once more as long."""
    jwks.headers = {"Cache-Control": "max-age=200"}
    assert (await jwks.policy(hidden_caches=1).plan(jwks.turn(way={})))["cache_seconds"] == "400"
    with pytest.raises(Refused, match="max_cache"):
        await jwks.policy(hidden_caches=3).plan(jwks.turn(way={}))


async def test_a_set_that_must_not_be_as_it_is(jwks: JwksRoom) -> None:
    """Private parts that are shown, a key in use that is not served, a status, and what is no set at all."""
    policy, turn = jwks.policy(), jwks.turn()
    jwks.shown = json.dumps({"keys": [{**jwks.old.public, "d": "AA"}]}).encode()
    with pytest.raises(Refused, match="private parts"):
        await policy.plan(turn)
    jwks.shown = json.dumps({"keys": [dict(jwks.other.public)]}).encode()
    with pytest.raises(Refused, match="does not serve key"):
        await policy.plan(turn)
    for shown in (b"[]", b"{}", b"no JSON"):
        jwks.shown = shown
        with pytest.raises(CouldNotObserve, match="no JSON Web Key Set"):
            await policy.plan(turn)
    jwks.shown, jwks.status = None, 301
    with pytest.raises(CouldNotObserve, match="status 301"):
        await policy.plan(turn)


async def test_a_served_key_that_is_another(jwks: JwksRoom) -> None:
    """Under the new key's id a stranger's key is served: no token that the new one signs would be verified."""
    policy, turn = jwks.policy(), jwks.turn()
    new, key = await published(policy, turn)
    stranger = SigningKey.made("ES256")
    assert not verified(key.token({}), [{**stranger.public, "kid": key.kid}])
    jwks.shown = json.dumps({"keys": [dict(jwks.old.public), {**stranger.public, "kid": key.kid}]}).encode()
    with pytest.raises(Refused, match="is not verified"):
        await policy.test(turn, new)
