"""Tokens and keys: what a login brings, and which keys may vouch for it."""

import base64

import pytest
from pydantic import JsonValue

from tasks.jwt_keys import read
from tests.tasks.web.conftest import TOKEN, Answering, Look
from tminus.errors import CouldNotObserve
from tminus.outcome import Verdict


def modulus(bits: int) -> str:
    """An RSA modulus of that many bits."""
    return base64.urlsafe_b64encode((1 << (bits - 1)).to_bytes((bits + 7) // 8, "big")).rstrip(b"=").decode()


@pytest.mark.parametrize(
    ("key", "weakness"),
    [
        ({"kty": "RSA", "n": modulus(2048)}, ""),
        ({"kty": "RSA", "n": modulus(2047)}, "RSA of 2047 bits"),
        ({"kty": "RSA"}, "RSA of 0 bits"),
        ({"kty": "RSA", "n": "not base64 \u20ac"}, "RSA of 0 bits"),
        ({"kty": "EC", "crv": "P-256"}, ""),
        ({"kty": "EC", "crv": "P-192"}, "on an unknown curve ('P-192')"),
        ({"kty": "EC"}, "on an unknown curve ('')"),
        ({"kty": "OKP", "crv": "Ed25519"}, ""),
        ({"kty": "oct", "k": "c2VjcmV0"}, "symmetric"),
        ({"kty": "x" * 100}, f"of an unknown kind ('{'x' * 20}')"),
    ],
)
def test_each_key_is_as_strong_as_it_is(key: dict[str, JsonValue], weakness: str) -> None:
    """By its bits and its curve; what is not known is weak."""
    assert read({"keys": [key]}).keys[0].weakness == weakness


@pytest.mark.parametrize("name", ["d", "p", "q", "dp", "dq", "qi", "k"])
def test_a_private_part_is_seen(name: str) -> None:
    """Whatever stands in it."""
    assert read({"keys": [{"kty": "RSA", name: None}]}).keys[0].private
    assert not read({"keys": [{"kty": "RSA", "kid": "d"}]}).keys[0].private


@pytest.mark.parametrize(
    "document", [None, [], {}, {"keys": None}, {"keys": [None]}, {"keys": [{"kty": 1}]}, {"keys": [{}]}]
)
def test_what_is_no_key_set_is_refused(document: JsonValue) -> None:
    """With what is wrong with it."""
    with pytest.raises(CouldNotObserve, match="no JSON Web Key Set"):
        read(document)


@pytest.mark.parametrize("body", [b"", b"<html>", b"{}", b'{"keys": 3}'])
async def test_keys_that_cannot_be_read_are_unknown(answering: Answering, look: Look, body: bytes) -> None:
    """Not one of them can be called weak or strong."""
    answering.body = body
    assert (await look("jwt.keys", {"weak": "= 0"})).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(("status", "verdict"), [(404, Verdict.FAIL), (500, Verdict.UNKNOWN), (401, Verdict.UNKNOWN)])
async def test_without_keys_none_is_strong(answering: Answering, look: Look, status: int, verdict: Verdict) -> None:
    """No key at all is no key that is weak, and passes all the same for nothing."""
    answering.status = status
    assert (await look("jwt.keys", {"weak": "= 0", "private": "= 0"})).verdict is verdict
    answering.says({"keys": []})
    assert (await look("jwt.keys", {"weak": "= 0"})).verdict is Verdict.FAIL


@pytest.mark.parametrize(
    ("document", "issued"),
    [
        ({"access_token": "opaque", "expires_in": 60}, "yes"),
        ({"access_token": ""}, "no"),
        ({"access_token": None}, "no"),
        ({"access_token": {"a": 1}}, "no"),
        ({"token": "opaque"}, "no"),
        ([], "no"),
    ],
)
async def test_a_login_brings_a_token_or_none(
    answering: Answering, look: Look, document: JsonValue, issued: str
) -> None:
    """A text at the pointer is one; and no evidence holds it, or the password."""
    answering.says(document)
    outcome = await look("jwt.token", {"issued": f"= {issued}"}, identity="customer")
    assert outcome.verdict is Verdict.PASS, outcome
    assert TOKEN.encode() in answering.asked[0][3]
    assert TOKEN not in outcome.model_dump_json()
    assert "opaque" not in outcome.summary


@pytest.mark.parametrize("expires_in", [None, "soon", True, -1, 10**30])
async def test_an_opaque_token_that_does_not_say_when_it_ends_is_unknown(
    answering: Answering, look: Look, expires_in: JsonValue
) -> None:
    """It may live for ever."""
    answering.says({"access_token": "opaque", "expires_in": expires_in})
    outcome = await look("jwt.token", {"lifetime": "<= 15 min"}, identity="customer")
    assert outcome.verdict is Verdict.UNKNOWN


async def test_a_token_without_an_end_lives_too_long(answering: Answering, look: Look) -> None:
    """Whatever limit a book sets."""
    answering.says({"access_token": "e30.e30."})
    outcome = await look("jwt.token", {"lifetime": "<= 365 d"}, identity="customer")
    assert outcome.verdict is Verdict.FAIL


async def test_a_login_that_is_asked_too_often_is_unknown(answering: Answering, look: Look) -> None:
    """It neither issued a token nor refused to."""
    answering.status = 429
    assert (await look("jwt.token", {"issued": "= yes"}, identity="customer")).verdict is Verdict.UNKNOWN


async def test_a_refresh_that_brings_the_same_token_brings_none(answering: Answering, look: Look) -> None:
    """And a login without a refresh token cannot be refreshed."""
    given = {"identity": "customer", "refresh_path": "/refresh"}
    answering.says({"access_token": "opaque", "refresh_token": "again"})
    assert (await look("jwt.token", {"refreshed": "= yes"}, **given)).verdict is Verdict.FAIL
    answering.says({"access_token": "opaque"})
    assert (await look("jwt.token", {"refreshed": "= yes"}, **given)).verdict is Verdict.FAIL


async def test_a_book_has_no_password(look: Look) -> None:
    """It says where the password goes, and the environment says where that is."""
    with pytest.raises(ValueError, match="a book never has the password itself"):
        await look("jwt.token", {"issued": "= yes"}, identity="customer", json={"password": "hunter2"})
