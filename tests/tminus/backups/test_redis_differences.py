"""How a restored Redis is held against what was counted."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tminus.backups.contents import ExpiringKeys, KeyCensus, RedisContents
from tminus.backups.redis_differences import redis_differences
from tminus.backups.redis_horizons import HORIZONS, horizon

TAKEN = datetime(2026, 3, 1, 12, tzinfo=UTC)
HORIZON = ExpiringKeys(after=3600, keys=2, checksum="2:aa")
CENSUS = KeyCensus(keys=12, types={"hash": 4, "string": 8}, expiring=2, checksum="10:ab", horizons=(HORIZON,))


def differences(restored: KeyCensus | None, minutes: float = 10, taken: KeyCensus | None = CENSUS) -> dict[str, str]:
    """What differs in database 0, looked at so many minutes after the backup."""

    def contents(census: KeyCensus | None) -> RedisContents:
        return RedisContents(databases={0: census} if census else {})

    return redis_differences(contents(taken), contents(restored), TAKEN, TAKEN + timedelta(minutes=minutes))


def test_same_is_no_difference() -> None:
    """What was counted twice alike does not differ."""
    assert not differences(CENSUS)
    assert not differences(None, taken=None)


def test_each_count_matters() -> None:
    """A key, a time to live, a content, a type, an expiry: each is a difference by itself."""
    other = HORIZON.model_copy(update={"checksum": "2:ac"})
    for changed in (
        {"keys": 11},
        {"keys": 13},
        {"expiring": 0},
        {"checksum": "10:ac"},
        {"horizons": ()},
        {"horizons": (other,)},
        {"horizons": (HORIZON, ExpiringKeys(after=86_400, keys=1, checksum="1:aa"))},
        {"types": {"hash": 5, "string": 8}},
        {"types": {"list": 4, "string": 8}},
    ):
        assert differences(CENSUS.model_copy(update=changed)), changed


def test_database_that_is_gone_or_new_differs() -> None:
    """An empty database where there was none, and the other way round."""
    assert "is empty" in differences(None)["database 0"]
    assert "it was empty" in differences(CENSUS, taken=None)["database 0"]


def test_expired_keys_are_no_difference() -> None:
    """Once their time is over, keys may be missing from what can be read, as many as had one, and no more."""
    after = CENSUS.model_copy(update={"types": {"hash": 4, "string": 6}, "horizons": ()})
    assert differences(after, minutes=10)
    assert not differences(after, minutes=70)
    assert not differences(after, minutes=60)
    assert differences(after.model_copy(update={"types": {"hash": 2, "string": 6}, "keys": 11}), minutes=70)


def test_functions_differ() -> None:
    """A library that is gone is told in numbers."""
    taken = RedisContents(databases={}, functions=("lib aa", "other bb"))
    restored = RedisContents(databases={}, functions=("lib ab", "other bb"))
    assert "1 libraries" in redis_differences(taken, restored, TAKEN, TAKEN)["functions"]


@given(st.integers(-(10**6), 10**9))
def test_key_lies_in_its_stretch(after: int) -> None:
    """A key's stretch begins before the key expires, or it is the first; and the next one begins later."""
    start = horizon(round(TAKEN.timestamp() * 1000) + after, TAKEN)
    assert start * 1000 <= max(after, 0)
    later = [one for one in HORIZONS if one > start]
    assert not later or later[0] * 1000 > after
