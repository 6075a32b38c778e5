"""The Sentinels' check where some answer otherwise than a Sentinel; the world has what Sentinels themselves do."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from pydantic import SecretStr

from tasks.checks.sentinels import Sentinels, _agreeing
from tasks.redis_sentinels import Belief
from tests.conftest import Estates, RedisServer
from tminus.outcome import Outcome, Verdict

ALL = Sentinels.model_validate({"sentinels": "cache", "expect": {"reachable": "= all"}})


async def see(estates: Estates, *urls: str, check: Sentinels = ALL) -> Outcome:
    """The outcome for Sentinels at these addresses."""
    section = {"urls": [estates.secret(SecretStr(url)) for url in urls], "primary": "cache"}
    async with estates.make(sentinels={"cache": section}) as estate:
        return await check.observe(estate)


async def test_a_redis_is_no_sentinel(estates: Estates, redis_pair: RedisServer) -> None:
    """A server that is up and knows no Sentinel's commands is not reachable as one."""
    outcome = await see(estates, redis_pair.dsn.get_secret_value())
    assert outcome.verdict is Verdict.UNKNOWN
    assert "none of 1 answers" in outcome.summary
    assert redis_pair.at.address.password.get_secret_value() not in outcome.model_dump_json()


@pytest.mark.parametrize(
    "said",
    [
        b"*2\r\n$1\r\na\r\n$1\r\nb\r\n" * 9,
        b"*4\r\n$5\r\nflags\r\n:1\r\n$2\r\nip\r\n$-1\r\n" * 9,
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"+OK\r\n" * 9,
        b":1\r\n" * 9,
        b"$-1\r\n" * 9,
        b"",
    ],
)
async def test_nonsense_is_no_answer(
    estates: Estates, babbling: Callable[[bytes], AbstractContextManager[int]], said: bytes
) -> None:
    """Whatever else is sent there: unknown, and says which address, without its password."""
    with babbling(said) as port:
        outcome = await see(estates, f"redis://:hunter2@127.0.0.1:{port}/0")
    assert outcome.verdict is Verdict.UNKNOWN
    assert f"127.0.0.1:{port}" in outcome.summary
    assert "hunter2" not in outcome.model_dump_json()


async def test_a_name_that_the_environment_lacks_is_skipped(estates: Estates) -> None:
    """It says what there is."""
    check = Sentinels.model_validate({"sentinels": "other", "expect": {"same": "= yes"}})
    outcome = await see(estates, "redis://127.0.0.1:1/0", check=check)
    assert outcome.verdict is Verdict.SKIPPED
    assert "it has: cache" in outcome.summary


def test_those_agree_that_find_the_same_primary_up() -> None:
    """The primary of the most counts; who watches none, another, or finds it down does not agree."""
    first, second = Belief("a", primary="1:1", up=True), Belief("b", primary="1:1", up=True)
    down, other, none = Belief("c", primary="1:1"), Belief("d", primary="2:2", up=True), Belief("e", up=True)
    assert _agreeing([first, other, down, second, none]) == [first, second]
    assert _agreeing([none]) == []
