"""The questions for sets of ids, as a book writes them."""

import pytest

from tminus.backups.together_query import IdPattern, RedisSet, as_time
from tminus.errors import UsageError


@pytest.mark.parametrize(
    ("pattern", "key", "identity"),
    [
        ("order:*", b"order:7", b"7"),
        ("order:*", b"an order:7", None),
        ("notes/*.json", b"notes/2026/7.json", b"2026/7"),
        ("notes/*/*.json", b"notes/2026/11/7.json", b"7"),
        ("a.*+", b"abc+", None),
        ("*", b"\xff\n", b"\xff\n"),
    ],
)
def test_the_last_star_is_the_id(pattern: str, key: bytes, identity: bytes | None) -> None:
    """And everything else stands for itself."""
    assert IdPattern.parse(pattern).id_of(key) == identity


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("KEYS order:*", RedisSet(0, "KEYS", "order:*")),
        ("DB 3 keys order:* at placed_at", RedisSet(3, "KEYS", "order:*", "placed_at")),
        ("SMEMBERS 'all orders'", RedisSet(0, "SMEMBERS", "all orders")),
        ("ZRANGE orders", RedisSet(0, "ZRANGE", "orders")),
    ],
)
def test_sets_of_a_redis(text: str, meant: RedisSet) -> None:
    """Each form that there is."""
    assert RedisSet.parse(text) == meant


@pytest.mark.parametrize(
    "text", ["", "order:*", "KEYS order:7", "KEYS order:[ab]*", "KEYS a:* AT", "FLUSHALL x", "GET a", "KEYS '", "DB 1"]
)
def test_what_is_no_set_is_refused(text: str) -> None:
    """With an example."""
    with pytest.raises(UsageError, match=r"\*"):
        RedisSet.parse(text)


@pytest.mark.parametrize("text", [b"1764000000", b"1764000000000", b"1764000000.0", b"2025-11-24T17:00:00+01:00"])
def test_times_as_applications_write_them(text: bytes) -> None:
    """Seconds, milliseconds, ISO 8601."""
    assert as_time(text) == 1764000000


@pytest.mark.parametrize("text", [b"", b"yesterday", b"2025-11-24T17:00:00", b"-1", b"nan", b"\xff"])
def test_what_is_no_time_is_refused(text: bytes) -> None:
    """A time without its zone is none either."""
    with pytest.raises(ValueError, match=r".*"):
        as_time(text)
