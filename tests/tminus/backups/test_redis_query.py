"""The questions a book may ask of a restored Redis."""

from decimal import Decimal

import pytest

from tminus.backups.redis_query import RedisQuery, as_decimal
from tminus.errors import UsageError


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("COUNT order:*", RedisQuery(0, "COUNT", ("order:*",))),
        ("order:*", RedisQuery(0, "COUNT", ("order:*",))),
        ("db 2 llen queue", RedisQuery(2, "LLEN", ("queue",))),
        ("DBSIZE", RedisQuery(0, "DBSIZE", ())),
        ("HGET 'the totals' sum", RedisQuery(0, "HGET", ("the totals", "sum"))),
        ("ZCOUNT board 0 +inf", RedisQuery(0, "ZCOUNT", ("board", "0", "+inf"))),
    ],
)
def test_reads(text: str, meant: RedisQuery) -> None:
    """Each form means one question."""
    assert RedisQuery.parse(text) == meant


@pytest.mark.parametrize(
    "text",
    ["", "FLUSHALL now", "SET a b", "GET", "GET a b", "EVAL x 0", "DB 2", "LLEN 'queue", "CONFIG SET dir /", "KEYS *"],
)
def test_refuses(text: str) -> None:
    """What writes, steers or answers with more than a number is no question."""
    with pytest.raises(UsageError):
        RedisQuery.parse(text)


def test_numbers() -> None:
    """Only what is a finite number is one."""
    assert as_decimal(3) == 3
    assert as_decimal(b"-2.5") == Decimal("-2.5")
    for nothing in (None, b"", b"abc", b"nan", b"inf", b"\xff", [b"1"]):
        assert as_decimal(nothing) is None
