"""Redis' settings and keys, and servers that answer otherwise than a healthy one."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
import redis
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from tasks import redis_keys
from tasks.backups.redis_contents import MARKER_KEY
from tasks.check import Check
from tasks.checks.redis_settings import Keys, Persistence, Stats
from tasks.redis_keys import Key, namespaces
from tasks.redis_persistence import Settings, State, worst_loss
from tests.conftest import Estates, RedisServer
from tminus.errors import CouldNotObserve
from tminus.outcome import Outcome, Verdict

STARTED = 1_700_000_000
PERSISTENCE = Persistence.model_validate({"redis": "cache", "expect": {"failing": "= no", "aof": "= on"}})
KEYS = Keys.model_validate({"redis": "cache", "expect": {"expiring": "= all", "uncompressed": "= 0"}})
STATS = Stats.model_validate({"redis": "cache", "expect": {"hit_rate": "> 80 %"}})


async def see(estates: Estates, url: SecretStr, check: Check) -> Outcome:
    """The outcome of a check."""
    async with estates.make(redis={"cache": {"url": estates.secret(url)}}) as estate:
        return await check.observe(estate)


@pytest.mark.parametrize(
    ("aof", "fsync", "during_rewrite", "save", "loss"),
    [
        (True, "always", "no", "", 0),
        (True, "everysec", "no", "3600 1", 1),
        (True, "no", "no", "", 30),
        (True, "everysec", "yes", "", 30),
        (False, "everysec", "no", "3600 1 300 100 60 10000", 3600),
        (False, "everysec", "no", "900 1 60 1", 60),
        (False, "everysec", "no", "60 10000", None),
        (False, "everysec", "no", "", None),
    ],
)
def test_the_worst_loss_is_what_the_settings_allow(
    aof: bool, fsync: str, during_rewrite: str, save: str, loss: int | None
) -> None:
    """A rule that waits for many changes bounds nothing: one change may wait for ever."""
    state = State(aof_enabled=aof, rdb_last_save_time=STARTED)
    given_ = {"appendfsync": fsync, "no-appendfsync-on-rewrite": during_rewrite, "save": save}
    assert worst_loss(state, Settings.model_validate(given_)) == loss


def test_what_failed_when_last_tried_bounds_nothing() -> None:
    """However it is set up."""
    usual = {"appendfsync": "always", "no-appendfsync-on-rewrite": "no", "save": "60 1"}
    plain = Settings.model_validate(usual)
    append = State(aof_enabled=True, rdb_last_save_time=STARTED, aof_last_write_status="err")
    snapshot = State(aof_enabled=False, rdb_last_save_time=STARTED, rdb_last_bgsave_status="err")
    assert worst_loss(append, plain) is None
    assert worst_loss(snapshot, plain) is None
    assert append.failing() == ["append"]


@pytest.mark.parametrize(("fsync", "save"), [("sometimes", ""), ("always", "60")])
def test_settings_that_no_redis_has_are_unknown(fsync: str, save: str) -> None:
    """They are not read as the best or the worst."""
    set_to = Settings.model_validate({"appendfsync": fsync, "no-appendfsync-on-rewrite": "no", "save": save})
    with pytest.raises(CouldNotObserve):
        worst_loss(State(aof_enabled=fsync == "sometimes", rdb_last_save_time=STARTED), set_to)


@pytest.mark.parametrize(
    ("name", "namespace"),
    [
        (b"session:4711", "session"),
        (b"rate-limit:api:v2", "rate-limit"),
        (b"4711:session", ""),
        (b"customer-4711:orders", ""),
        (b"max.muster@example.com:cart", ""),
        (b"plain", ""),
        (b"\xff\xfe:x", ""),
        (b"", ""),
    ],
)
def test_a_namespace_names_no_customer(name: bytes, namespace: str) -> None:
    """Only letters before the first colon are shown; what could tell customers apart is not."""
    assert Key(name, None, None).namespace == namespace


@given(st.lists(st.binary(max_size=40), max_size=20))
def test_every_key_is_in_one_namespace(names: list[bytes]) -> None:
    """The counts add up to the keys, and no shown name has a digit or an at sign in it."""
    counted = namespaces([Key(name, None, None) for name in names])
    assert sum(counted.values()) == len(names)
    assert not any(character.isdigit() or character == "@" for name in counted for character in name)


def test_compression_is_told_by_how_a_value_begins() -> None:
    """Of the usual ones; what is text is none."""
    heads = (b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd", b"\x04\x22\x4d\x18", b"\x78\x9c", b"\xff\x06\x00\x00sNaPp")
    assert all(Key(b"k", None, 99, head).compressed for head in heads)
    assert not Key(b"k", None, 99, b'{"a": 1}').compressed
    assert not Key(b"k", None, 99, b"").compressed


@contextmanager
def as_user(server: RedisServer, *rules: str) -> Iterator[SecretStr]:
    """The URL of a user with these rules."""
    with redis.Redis.from_url(server.dsn.get_secret_value()) as client:
        client.execute_command("ACL SETUSER", "narrow", "on", ">narrow", "~*", "&*", *rules)
        try:
            yield SecretStr(f"redis://narrow:narrow@127.0.0.1:{server.at.address.port}/0")
        finally:
            client.execute_command("ACL DELUSER", "narrow")


async def test_without_config_the_loss_is_not_measured(estates: Estates, redis_pair: RedisServer) -> None:
    """Managed Redis takes CONFIG away: what INFO says is judged, and the rest is unknown."""
    loss = Persistence.model_validate({"redis": "cache", "expect": {"rpo": "<= 1 s"}})
    with as_user(redis_pair, "+@all", "-config") as url:
        assert (await see(estates, url, PERSISTENCE)).verdict is Verdict.PASS
        outcome = await see(estates, url, loss)
    assert outcome.verdict is Verdict.UNKNOWN
    assert "not measured: rpo" in outcome.summary


@pytest.mark.parametrize("check", [PERSISTENCE, KEYS, STATS], ids=["persistence", "keys", "stats"])
async def test_a_user_who_may_ask_nothing_is_unknown(estates: Estates, redis_pair: RedisServer, check: Check) -> None:
    """Refusal is no observation."""
    with as_user(redis_pair, "-@all") as url:
        assert (await see(estates, url, check)).verdict is Verdict.UNKNOWN


async def test_an_empty_redis_has_no_keys_to_judge(estates: Estates, redis_pair: RedisServer) -> None:
    """`= all` of none and `= 0` of none do not pass; that it is empty is known."""
    with redis.Redis.from_url(redis_pair.dsn.get_secret_value()) as client:
        client.flushall()
    assert (await see(estates, redis_pair.dsn, KEYS)).verdict is Verdict.UNKNOWN
    counted = Keys.model_validate({"redis": "cache", "expect": {"keys": ">= 1", "expiring": "= all"}})
    assert (await see(estates, redis_pair.dsn, counted)).verdict is Verdict.FAIL


@pytest.mark.parametrize("within", [None, "11s", "0s"])
def test_a_rate_of_late_needs_a_while_that_is_short(within: str | None) -> None:
    """Two reads, ten seconds apart at most."""
    given_ = {"redis": "cache", "expect": {"hit_rate_lately": "> 80 %"}} | ({"within": within} if within else {})
    with pytest.raises(ValidationError):
        Stats.model_validate(given_)


async def test_without_lookups_there_is_no_hit_rate(estates: Estates, redis_pair: RedisServer) -> None:
    """Nothing divided by nothing is not 100 %."""
    with redis.Redis.from_url(redis_pair.dsn.get_secret_value()) as client:
        client.config_resetstat()
    outcome = await see(estates, redis_pair.dsn, STATS)
    assert outcome.verdict is Verdict.UNKNOWN
    assert "not measured: hit_rate" in outcome.summary


async def test_no_name_and_no_value_becomes_evidence(estates: Estates, redis_pair: RedisServer) -> None:
    """Only counts, and what keys are called in general."""
    with redis.Redis.from_url(redis_pair.dsn.get_secret_value()) as client:
        client.set("session:max.muster@example.com", "a password", ex=60)
        client.set("iban-DE02120300000000202051", "x" * 20_000)
        client.lpush("orders:4711", "an order")
        try:
            outcome = await see(estates, redis_pair.dsn, KEYS)
        finally:
            client.flushall()
    assert outcome.verdict is Verdict.FAIL
    text = outcome.model_dump_json()
    assert not any(secret in text for secret in ("muster", "password", "DE02", "4711", "an order"))


async def test_each_look_draws_other_keys(redis_pair: RedisServer) -> None:
    """Different ones within a look, from every database, and the connection is in its own afterwards."""
    with redis.Redis.from_url(redis_pair.dsn.get_secret_value()) as client:
        for number, count in ((0, 2_000), (3, 1_000)):
            client.execute_command("SELECT", number)
            client.mset({f"session:{number}-{one}": "x" for one in range(count)})
        try:
            async with redis.asyncio.from_url(redis_pair.dsn.get_secret_value()) as asking:
                databases = await redis_keys.keyspace(asking)
                looks = [await redis_keys.sample(asking, databases, 90, 64) for _ in range(3)]
                assert await asking.dbsize() == 2_000
        finally:
            client.flushall()
    names = [{key.name for key in keys} for keys in looks]
    assert [len(one) for one in names] == [90, 90, 90]
    assert all(sum(name.startswith(b"session:3-") for name in one) == 30 for one in names)
    assert len(set.union(*names)) > 150  # of 270 that could be; an order that never changes would give 90


async def test_one_key_that_stays_is_seen_among_thousands(estates: Estates, redis_pair: RedisServer) -> None:
    """Redis counts those that end by themselves, so that no sample can miss one."""
    with redis.Redis.from_url(redis_pair.dsn.get_secret_value()) as client, client.pipeline(transaction=False) as batch:
        for number in range(2_000):
            batch.set(f"session:{number}", "x", ex=None if number == 7 else 60)
        batch.execute()
        check = Keys.model_validate({"redis": "cache", "sample": 5, "expect": {"expiring": "= all"}})
        try:
            outcome = await see(estates, redis_pair.dsn, check)
        finally:
            client.flushall()
    assert outcome.verdict is Verdict.FAIL
    assert "1999 of 2000" in outcome.summary


@pytest.mark.parametrize(("others", "verdict"), [(0, Verdict.FAIL), (1, Verdict.PASS), (30, Verdict.PASS)])
async def test_the_mark_of_tminus_is_no_key(
    estates: Estates, redis_pair: RedisServer, others: int, verdict: Verdict
) -> None:
    """It never expires and is in no namespace of the system's; nor is a Redis that holds nothing else full."""
    wanted = {"keys": ">= 1", "expiring": "= all", "namespaced": "= all", "sampled": "= all"}
    check = Keys.model_validate({"redis": "cache", "namespaces": ["session:"], "expect": wanted})
    with redis.Redis.from_url(redis_pair.dsn.get_secret_value()) as client:
        client.hset(MARKER_KEY, "number", "1")
        for number in range(others):
            client.set(f"session:{number}", "x", ex=60)
        try:
            outcome = await see(estates, redis_pair.dsn, check)
        finally:
            client.flushall()
    assert outcome.verdict is verdict, outcome.summary
    assert str(outcome.found[0]) == f"keys {others}"


@pytest.mark.parametrize("check", [PERSISTENCE, KEYS, STATS], ids=["persistence", "keys", "stats"])
@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"$-7\r\n*9999999999\r\n",
        b"",
        b"+OK\r\n" * 9,
        b":1\r\n" * 9,
        b"*0\r\n" * 9,
        b"$-1\r\n" * 9,
        b"$3\r\n\xff:1\r\n" * 9,
        b"*2\r\n$1\r\n0\r\n*1\r\n:1\r\n" * 9,
    ],
)
async def test_what_speaks_another_protocol_is_unknown(
    estates: Estates, babbling: Callable[[bytes], AbstractContextManager[int]], check: Check, said: bytes
) -> None:
    """Any other server on the port is no Redis."""
    with babbling(said) as port:
        outcome = await see(estates, SecretStr(f"redis://127.0.0.1:{port}/0"), check)
    assert outcome.verdict is Verdict.UNKNOWN
