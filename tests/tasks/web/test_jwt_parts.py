"""Tokens taken apart and forged: each forgery is one that a sound library refuses."""

import time
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue, SecretStr

from tasks.jwt_parts import FOREVER, altered, read, tampered, unsigned

KEY = "k" * 32


def made(**claims: JsonValue) -> str:
    """A token that is genuine."""
    return jwt.encode({"sub": "probe", **claims}, KEY, algorithm="HS256")


@pytest.mark.parametrize("claims", [{"exp": 4102444800}, {"exp": 4102444800.5}, {}])
def test_no_forgery_is_genuine(claims: dict[str, JsonValue]) -> None:
    """PyJWT takes the token itself, and none of those made from it."""
    token = made(**claims)
    parts = read(token)
    assert parts is not None
    assert jwt.decode(token, KEY, algorithms=["HS256"])["sub"] == "probe"
    forged = [*unsigned(parts), *tampered(parts)]
    assert len({one.get_secret_value() for one in forged}) == len(forged)
    for one in forged:
        with pytest.raises(jwt.InvalidTokenError):
            jwt.decode(one.get_secret_value(), KEY, algorithms=["HS256"])


def test_a_forgery_is_taken_by_who_does_not_look() -> None:
    """Each would let its bearer in where its one flaw is not seen: else to refuse it would prove nothing."""
    parts = read(made(exp=int(time.time()) + 60))
    assert parts is not None
    for one in (*unsigned(parts), *tampered(parts)):
        claims = jwt.decode(one.get_secret_value(), options={"verify_signature": False, "verify_exp": True})
        assert claims["sub"] == "probe"


@given(st.text(max_size=200) | st.binary(max_size=200).map(lambda raw: raw.decode("latin-1")))
def test_whatever_comes_is_read_or_is_no_token(text: str) -> None:
    """No text, however it is made, ends in an error."""
    assert read(text) is None or text.count(".") == 2


@pytest.mark.parametrize("text", ["", "..", "a.b", "a.b.c", "e30.W10.", "W10.e30.", f"{'A' * 70_000}.e30."])
def test_what_is_no_token(text: str) -> None:
    """Not two objects and a signature, or too long to be one."""
    assert read(text) is None


def test_how_long_it_lives() -> None:
    """From its issue, else from when it came; for ever where it does not say, or says nothing that is a time."""
    now = datetime.now(UTC)
    parts = [
        read(made(iat=1000, exp=1900)),
        read(made(exp=int(now.timestamp()) + 60)),
        read(made()),
        read(jwt.encode({"a": 1}, KEY).replace(".", ".", 1)),
    ]
    lifetimes = [one.lifetime(now) for one in parts if one is not None]
    assert lifetimes[0] == timedelta(minutes=15)
    assert lifetimes[1] == pytest.approx(timedelta(seconds=60), abs=timedelta(seconds=1))
    assert lifetimes[2:] == [FOREVER, FOREVER]


def test_an_opaque_token_is_changed() -> None:
    """In one character, and never in none."""
    for text in ("A", "abc", "ABC"):
        changed = altered(SecretStr(text))[0].get_secret_value()
        assert len(changed) == len(text)
        assert changed != text


@pytest.mark.parametrize(
    ("issued", "ends", "lives"),
    [(0, 3600, 3600), (30, 3600, 3570), (8 * 3600, 9 * 3600, 9 * 3600), (-60, -30, 30), (0, -30, None)],
)
def test_a_token_of_tomorrow_is_good_from_today(issued: int, ends: int, lives: int | None) -> None:
    """What it says of its beginning may not make its life shorter; one that ended before it began has none."""
    received = datetime(2026, 11, 2, 12, tzinfo=UTC)
    moment = int(received.timestamp())
    token = read(jwt.encode({"iat": moment + issued, "exp": moment + ends}, "k" * 32))
    assert token is not None
    assert token.lifetime(received) == (None if lives is None else timedelta(seconds=lives))
