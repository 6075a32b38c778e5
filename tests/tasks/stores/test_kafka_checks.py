"""Kafka's checks where the cluster is not as it should be, and what they must never do to it."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from deployments.rehearsal.vendors.kafka import KafkaFake
from tasks import kafka_lag, kafka_topics
from tasks.check import Check
from tasks.checks.kafka import Brokers, Lag, Settings, Topics, _read
from tasks.kafka_lag import Behind
from tests.conftest import Estates
from tminus.outcome import Outcome, Verdict

pytest.importorskip("confluent_kafka")

BROKERS = Brokers.model_validate({"expect": {"brokers": ">= 1"}})
TOPICS = Topics.model_validate({"topics": ["orders"], "expect": {"present": "= all"}})
LAG = Lag.model_validate({"group": "risk", "topics": ["orders"], "expect": {"lag": "< 10"}})
KEPT = Settings.model_validate({"topic": "orders", "setting": "retention.ms", "expect": {"retention": "= 7 d"}})
PRODUCE, FETCH, LIST_OFFSETS, OFFSET_FETCH = 0, 1, 2, 9
JOINS_OR_COMMITS = {8, 11, 12, 13, 14, 19, 68}  # commit, join, heartbeat, leave, sync, create topics, new heartbeat
OFFSETS = st.integers(0, 10_000)


@pytest.fixture(scope="module")
def cluster() -> Iterator[KafkaFake]:
    """Three brokers with one topic, in which nothing is."""
    fake = KafkaFake()
    with fake.running():
        fake.mock.topic("orders", 1, 3)
        fake.mock.topic("empty", 1, 3)
        yield fake


async def see(estates: Estates, check: Check, bootstrap: str) -> Outcome:
    """The outcome of a check."""
    async with estates.make(kafka={"bootstrap": bootstrap}) as estate:
        return await check.observe(estate)


def produce(fake: KafkaFake, count: int, written: float) -> None:
    """Messages in the topic's one partition, as old as that (Unix, seconds)."""
    from confluent_kafka import Producer

    producer = Producer({"bootstrap.servers": fake.bootstrap})
    for _ in range(count):
        producer.produce("orders", b"an order of a customer", partition=0, timestamp=int(written * 1000))
    assert producer.flush(5) == 0


async def test_looking_joins_no_group_and_commits_nothing(estates: Estates, cluster: KafkaFake) -> None:
    """All messages are read over by assignment, so that no consumer of the group has to give anything up."""
    produce(cluster, 3, time.time() - 3600)
    cluster.state.members["risk"] = 1
    cluster.asked.clear()
    outcome = await see(estates, LAG, cluster.bootstrap)
    measured = {found.name: str(found) for found in outcome.found}
    assert measured["lag"].startswith("lag ")
    assert measured["members"] == "members 1"
    assert {LIST_OFFSETS, OFFSET_FETCH, FETCH} <= set(cluster.asked)
    assert not JOINS_OR_COMMITS & set(cluster.asked)
    assert PRODUCE not in cluster.asked
    assert "customer" not in outcome.model_dump_json()


async def test_a_group_that_never_read_is_behind_by_all_there_is(estates: Estates, cluster: KafkaFake) -> None:
    """Nothing committed counts from the first message that is still there, and its age is that message's."""
    produce(cluster, 20, time.time() - 7200)
    limit = {"group": "new", "topics": ["orders"], "expect": {"lag": "< 10", "behind": "< 1 h", "members": ">= 1"}}
    outcome = await see(estates, Lag.model_validate(limit), cluster.bootstrap)
    assert outcome.verdict is Verdict.FAIL
    assert all(name in outcome.summary for name in ("lag ", "behind ", "members 0"))


async def test_nothing_read_of_nothing_is_unknown(estates: Estates, cluster: KafkaFake) -> None:
    """An empty topic and a group that nobody ever saw prove no consumer."""
    check = Lag.model_validate({"group": "ghost", "topics": ["empty"], "expect": {"lag": "= 0", "behind": "= 0 ms"}})
    outcome = await see(estates, check, cluster.bootstrap)
    assert outcome.verdict is Verdict.UNKNOWN
    assert "nothing to compare" in outcome.summary


async def test_a_topic_is_never_made_by_looking(estates: Estates, cluster: KafkaFake) -> None:
    """Asked about one that is not there, the checks say so, and it still is not."""
    missing = Topics.model_validate({"topics": ["no-such"], "expect": {"present": "= all", "replication": ">= 1"}})
    behind = Lag.model_validate({"group": "risk", "topics": ["no-such"], "expect": {"lag": "= 0"}})
    unset = Settings.model_validate({"topic": "no-such", "setting": "retention.ms", "expect": {"retention": "> 1 h"}})
    for check in (missing, behind, unset):
        assert (await see(estates, check, cluster.bootstrap)).verdict is Verdict.FAIL
    every = Topics.model_validate({"topics": "all", "expect": {"present": "= 2"}})
    assert (await see(estates, every, cluster.bootstrap)).verdict is Verdict.PASS


async def test_a_setting_that_does_not_exist_fails(estates: Estates, cluster: KafkaFake) -> None:
    """A misspelt one is not there, whatever is expected of it."""
    check = Settings.model_validate({"topic": "orders", "setting": "retention", "expect": {"value": ">= 0"}})
    outcome = await see(estates, check, cluster.bootstrap)
    assert outcome.verdict is Verdict.FAIL
    assert "it has no setting 'retention'" in outcome.summary


async def test_a_partition_without_leader_leaves_the_lag_unknown(estates: Estates, cluster: KafkaFake) -> None:
    """Its end cannot be asked for."""
    cluster.mock.leader("orders", 0, -1)
    try:
        outcome = await see(estates, LAG, cluster.bootstrap)
    finally:
        cluster.mock.leader("orders", 0, 1)
    assert outcome.verdict is Verdict.UNKNOWN
    assert "without leader" in outcome.summary


@pytest.mark.parametrize(("trouble", "verdict"), [(15, Verdict.UNKNOWN), (69, Verdict.FAIL)])
async def test_a_coordinator_that_moves_says_nothing_of_members(
    estates: Estates, cluster: KafkaFake, trouble: int, verdict: Verdict
) -> None:
    """COORDINATOR_NOT_AVAILABLE passes by itself; GROUP_ID_NOT_FOUND is a group without members."""
    produce(cluster, 1, time.time())
    cluster.state.troubles["risk"] = trouble
    check = Lag.model_validate({"group": "risk", "topics": ["orders"], "expect": {"members": ">= 1"}})
    try:
        outcome = await see(estates, check, cluster.bootstrap)
    finally:
        cluster.state.troubles.clear()
    assert outcome.verdict is verdict, outcome.summary


@pytest.mark.parametrize("check", [BROKERS, TOPICS, LAG, KEPT], ids=["brokers", "topics", "lag", "settings"])
@pytest.mark.parametrize("said", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x00\x00\x00\x08" + b"\xff" * 8, b""])
async def test_what_speaks_another_protocol_is_unknown(
    estates: Estates,
    babbling: Callable[[bytes], AbstractContextManager[int]],
    monkeypatch: pytest.MonkeyPatch,
    check: Check,
    said: bytes,
) -> None:
    """Any other server on the port is no Kafka."""
    for module in (kafka_lag, kafka_topics):
        monkeypatch.setattr(module, "WITHIN", 0.3)
    with babbling(said) as port:
        outcome = await see(estates, check, f"127.0.0.1:{port}")
    assert outcome.verdict is Verdict.UNKNOWN
    assert outcome.summary.startswith("kafka")


@pytest.mark.parametrize("bootstrap", ["", ",", "no-port", "127.0.0.1:none", "127.0.0.1:99999", "[::1]:1"])
async def test_an_address_that_is_none_is_unknown(estates: Estates, bootstrap: str) -> None:
    """It is said at once, before a client tries for as long as it may."""
    outcome = await see(estates, BROKERS, bootstrap)
    assert outcome.verdict is Verdict.UNKNOWN
    assert "no broker takes a connection" in outcome.summary


async def test_without_the_library_it_is_skipped(estates: Estates, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says how to get it."""
    monkeypatch.setitem(sys.modules, "confluent_kafka", None)
    outcome = await see(estates, BROKERS, "127.0.0.1:1")
    assert outcome.verdict is Verdict.SKIPPED
    assert "pip install 'tminus[kafka]'" in outcome.summary


async def test_without_a_section_it_is_skipped(estates: Estates) -> None:
    """The environment names no Kafka."""
    async with estates.make() as estate:
        assert (await BROKERS.observe(estate)).verdict is Verdict.SKIPPED


def test_no_topics_is_a_mistake_in_the_book() -> None:
    """An empty list would pass whatever there is."""
    with pytest.raises(ValidationError):
        Topics.model_validate({"topics": [], "expect": {"present": "= all"}})


@given(st.one_of(st.none(), OFFSETS), OFFSETS, OFFSETS)
def test_a_lag_is_never_negative(committed: int | None, one: int, other: int) -> None:
    """Whatever offsets a cluster gives, in whatever order."""
    low, high = sorted((one, other))
    usable = kafka_lag._usable(committed, low, high)
    behind = Behind("orders", 0, usable, low, high)
    assert 0 <= behind.messages <= high - low
    assert behind.age_ms == (None if behind.messages else 0)


@pytest.mark.parametrize(
    ("setting", "text", "said"),
    [
        ("retention.ms", "604800000", "retention 168 h"),
        ("retention.ms", "604800000", "seconds 604800 s"),
        ("max.message.bytes", "1048588", "bytes 1048588 B"),
        ("retention.bytes", "-1", "bytes 9223372036854775807 B"),
        ("cleanup.policy", "compact,delete", "word compact,delete"),
        ("min.cleanable.dirty.ratio", "0.5", "word 0.5"),
        ("partitions", "9" * 30, f"word {'9' * 30}"),
    ],
)
def test_a_setting_is_read_by_its_name(setting: str, text: str, said: str) -> None:
    """Times and sizes by what their names end with; -1 is no limit."""
    assert said in [str(found) for found in _read(setting, text)]


def test_no_limit_on_time_is_longer_than_any() -> None:
    """It counts from 1970."""
    hours = next(found.quantity for found in _read("retention.ms", "-1") if found.name == "retention")
    assert hours is not None
    assert hours.value > 24 * 365 * 50
