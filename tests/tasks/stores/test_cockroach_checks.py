"""CockroachDB's checks on clusters that answer otherwise than the healthy one."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from deployments.rehearsal.vendors.cockroach import CockroachFake
from deployments.rehearsal.vendors.cockroach_state import ClusterState, Schedule
from deployments.rehearsal.vendors.cockroach_wire import Answer, Session, SqlError
from tasks.check import Check
from tasks.checks.cockroach import Backups, Nodes, Replication
from tasks.checks.sql import Query
from tasks.cockroach_recurrence import longest_gap
from tests.conftest import Estates
from tminus.outcome import Outcome, Verdict

NODES = Nodes.model_validate({"database": "main", "expect": {"live": "= all"}})
RANGES = Replication.model_validate({"database": "main", "expect": {"unavailable": "= 0", "replicas": ">= 3"}})
BACKUPS = Backups.model_validate({"database": "main", "expect": {"newest": "< 2 h", "encrypted": "= yes"}})
KEPT = Backups.model_validate({"database": "main", "expect": {"retention": ">= 30 d"}})


async def see(estates: Estates, fake: CockroachFake, check: Check) -> Outcome:
    """The outcome of a check."""
    with fake.running() as dsn:
        async with estates.make(cockroach={"main": {"dsn": estates.secret(SecretStr(dsn))}}) as estate:
            return await check.observe(estate)


class Answering(CockroachFake):
    """A cluster that answers some statements in a way of its own."""

    def __init__(self, otherwise: Callable[[str], Answer | None]) -> None:
        super().__init__()
        self.otherwise = otherwise

    def means(self, sql: str, session: Session) -> Answer:
        """Otherwise, or as always."""
        return self.otherwise(sql) or super().means(sql, session)


@pytest.mark.parametrize("check", [NODES, RANGES, BACKUPS], ids=["nodes", "replication", "backups"])
@pytest.mark.parametrize(
    "answer",
    [
        Answer("SELECT", (("node_id", "TEXT"), ("membership", "TEXT")), [("seven", None)]),
        Answer("SELECT", (("surprise", "JSONB"),), [({"\u2603": 10**40},)]),
        Answer("SELECT", (("node_id", "NUMERIC"),), [("1e400",)]),
        Answer("SELECT"),
    ],
    ids=["wrong types", "other columns", "huge", "no rows at all"],
)
async def test_answers_of_another_kind_are_unknown(estates: Estates, check: Check, answer: Answer) -> None:
    """No answer that makes no sense passes, fails or crashes."""
    outcome = await see(estates, Answering(lambda sql: answer if sql.startswith("SELECT") else None), check)
    assert outcome.verdict is Verdict.UNKNOWN
    assert outcome.summary


async def test_a_version_without_the_variable_is_looked_at_all_the_same(estates: Estates) -> None:
    """Before version 25.4 the internals were open, and nobody could set what opens them."""

    def otherwise(sql: str) -> Answer | None:
        if "allow_unsafe_internals" in sql:
            raise SqlError("42704", 'unrecognized configuration parameter "allow_unsafe_internals"')
        return None

    fake = Answering(otherwise)
    fake.state.restricted = False
    assert (await see(estates, fake, NODES)).verdict is Verdict.PASS
    assert (await see(estates, fake, RANGES)).verdict is Verdict.PASS


async def test_a_role_that_may_not_look_is_told_what_to_grant(estates: Estates) -> None:
    """42501 is unknown, with the privilege that is missing."""

    def otherwise(sql: str) -> Answer | None:
        if "gossip" in sql:
            raise SqlError("42501", "only users with the VIEWCLUSTERMETADATA privilege")
        return None

    outcome = await see(estates, Answering(otherwise), NODES)
    assert outcome.verdict is Verdict.UNKNOWN
    assert "GRANT SYSTEM VIEWCLUSTERMETADATA" in outcome.summary


async def test_a_query_of_internals_may_see_them(estates: Estates) -> None:
    """A book's query of crdb_internal is run in a session that allows itself to."""
    query = "SELECT value FROM crdb_internal.cluster_settings WHERE variable = 'sql.log.slow_query.latency_threshold'"
    fake = CockroachFake()
    fake.gives(query, "100ms")
    given = {"database": "main", "on": "cockroach", "query": query, "expect": {"milliseconds": "<= 1 s"}}
    outcome = await see(estates, fake, Query.model_validate(given))
    assert outcome.verdict is Verdict.PASS, outcome.summary


async def test_the_past_is_set_for_the_transaction_before_anything_is_read(estates: Estates) -> None:
    """CockroachDB refuses AS OF SYSTEM TIME in a statement of an explicit transaction, so no query can say it."""
    said: list[str] = []

    def otherwise(sql: str) -> Answer | None:
        said.append(sql)
        return None

    fake = Answering(otherwise)
    fake.gives("SELECT count(*) FROM accounts", 3)
    given_ = {
        "database": "main",
        "on": "cockroach",
        "query": "SELECT count(*) FROM accounts",
        "expect": {"value": "= 3"},
    }
    outcome = await see(estates, fake, Query.model_validate({**given_, "as_of": "1m"}))
    assert outcome.verdict is Verdict.PASS, outcome.summary
    ran = list(dict.fromkeys(said))
    assert ran[1] == "SET TRANSACTION AS OF SYSTEM TIME '-60s'"
    assert ran[0].startswith("BEGIN")


@pytest.mark.parametrize(
    "changed",
    [
        {"query": "SELECT count(*) FROM accounts AS OF  SYSTEM TIME '-10s'"},
        {"on": "postgres", "as_of": "10s"},
        {"as_of": "0s"},
        {"as_of": "500ms"},
    ],
)
def test_a_past_that_cannot_be_set_is_a_mistake_in_the_book(changed: dict[str, str]) -> None:
    """It is said before the launch, not by the database on the day."""
    usual = {
        "database": "main",
        "on": "cockroach",
        "query": "SELECT count(*) FROM accounts",
        "expect": {"value": "= 3"},
    }
    assert Query.model_validate(usual)
    with pytest.raises(ValidationError, match="as_of"):
        Query.model_validate({**usual, **changed})


@pytest.mark.parametrize(("shown", "verdict"), [("30000", "pass"), ("0", "fail"), ("300000", "fail")])
async def test_a_timeout_is_shown_in_milliseconds(estates: Estates, shown: str, verdict: str) -> None:
    """CockroachDB shows a plain number, where PostgreSQL shows a unit; 0 is no timeout at all."""
    fake = CockroachFake()
    fake.state.variables["statement_timeout"] = shown
    given_ = {
        "database": "main",
        "on": "cockroach",
        "query": "SHOW statement_timeout",
        "expect": {"seconds": "<= 30 s"},
    }
    assert (await see(estates, fake, Query.model_validate(given_))).verdict == verdict


async def test_a_node_without_figures_leaves_ranges_unknown(estates: Estates) -> None:
    """What one live node does not say could be the range that is lost."""
    fake = CockroachFake()
    stores = fake.state.store_status
    fake.state.store_status = lambda: stores()[:2]  # type: ignore[method-assign]
    outcome = await see(estates, fake, RANGES)
    assert outcome.verdict is Verdict.UNKNOWN
    assert "node 3" in outcome.summary


async def test_what_a_dead_node_said_last_does_not_count(estates: Estates) -> None:
    """Its figures are from before it died; those of the living ones tell."""
    fake = CockroachFake()
    fake.state.nodes[2].is_live, fake.state.nodes[2].unavailable = False, 9
    assert (await see(estates, fake, RANGES)).verdict is Verdict.PASS


async def test_a_decommissioned_node_is_no_member(estates: Estates) -> None:
    """It belongs to nothing any more."""
    fake = CockroachFake()
    fake.state.nodes[2].membership, fake.state.nodes[2].is_live = "decommissioned", False
    outcome = await see(estates, fake, NODES)
    assert outcome.verdict is Verdict.PASS
    assert "live 2 of 2" in outcome.summary


async def test_keys_in_a_schedule_never_become_evidence(estates: Estates) -> None:
    """Not where they are in plain text, and not where the collection cannot be listed."""
    key = "AWS_SECRET_ACCESS_KEY=hunter2"
    command = f"BACKUP INTO 's3://vatic/backups?AWS_ACCESS_KEY_ID=AKIA&{key}' WITH OPTIONS (kms = 'aws-kms:///a?{key}')"
    fake = CockroachFake(ClusterState(schedules=[Schedule(1, "@daily", command)]))
    for check in (BACKUPS, KEPT):
        outcome = await see(estates, fake, check)
        assert "hunter2" not in outcome.model_dump_json()
    assert outcome.verdict is Verdict.UNKNOWN
    assert "cannot be listed" in " ".join(outcome.details)


async def test_a_collection_whose_keys_are_redacted_is_not_measured(estates: Estates) -> None:
    """The rest is; what was not looked at is unknown where it is expected."""
    command = (
        "BACKUP INTO 's3://vatic/backups?AWS_SECRET_ACCESS_KEY=redacted' WITH OPTIONS (encryption_passphrase = '*')"
    )
    fake = CockroachFake()
    for schedule in fake.state.schedules:
        schedule.command = command
    assert (await see(estates, fake, BACKUPS)).verdict is Verdict.PASS
    outcome = await see(estates, fake, KEPT)
    assert outcome.verdict is Verdict.UNKNOWN
    assert "not measured: retention" in outcome.summary


async def test_words_in_names_encrypt_nothing(estates: Estates) -> None:
    """A collection that is called kms is not encrypted by that."""
    fake = CockroachFake()
    for schedule in fake.state.schedules:
        schedule.command = "BACKUP INTO 'external://kms' /* kms */ WITH OPTIONS (detached)"
    outcome = await see(estates, fake, BACKUPS)
    assert outcome.verdict is Verdict.FAIL
    assert "encrypted no" in outcome.summary


async def test_a_path_that_is_no_time_leaves_retention_unmeasured(estates: Estates) -> None:
    """Newer forms of the list are not guessed at."""
    rows = Answer("SELECT", (("path", "TEXT"),), [("/a/b/c",)])
    outcome = await see(estates, Answering(lambda sql: rows if "SHOW BACKUPS" in sql else None), KEPT)
    assert outcome.verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("recurrence", "hours"),
    [
        ("@hourly", 1),
        ("@daily", 24),
        ("@weekly", 168),
        ("@monthly", 31 * 24),
        ("@yearly", 366 * 24),
        ("*/5 * * * *", 1 / 12),
        ("0 */6 * * *", 6),
        ("0 2,5 * * *", 21),
        ("0 2 * * 1-5", 72),
        ("0 0 1,15 * *", 17 * 24),
    ],
)
def test_the_longest_gap_counts(recurrence: str, hours: float) -> None:
    """Also where runs come in clusters."""
    assert longest_gap(recurrence) == timedelta(hours=hours)


@given(st.text(max_size=30))
def test_any_recurrence_has_a_gap_or_none(text: str) -> None:
    """Whatever stands there."""
    try:
        assert longest_gap(text) > timedelta(0)
    except ValueError as e:
        assert "no recurrence" in str(e)  # noqa: PT017 - either will do


async def test_times_without_a_zone_are_in_utc(estates: Estates) -> None:
    """As versions before 23.1 give them."""
    fake = CockroachFake()
    at = (datetime.now(UTC) - timedelta(minutes=5)).replace(tzinfo=None)
    rows = Answer("SELECT", (("status", "TEXT"), ("created", "TIMESTAMP")), [("succeeded", at)])
    outcome = await see(estates, Answering(lambda sql: rows if "SHOW JOBS" in sql else None), BACKUPS)
    assert outcome.verdict is Verdict.PASS, outcome.summary
    assert "newest 0.08" in outcome.summary
    assert fake


@pytest.mark.parametrize("said", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\xff" * 64, b""])
async def test_what_speaks_another_protocol_is_unknown(
    estates: Estates, babbling: Callable[[bytes], AbstractContextManager[int]], said: bytes
) -> None:
    """Any other server on the port is no CockroachDB."""
    with babbling(said) as port:
        dsn = SecretStr(f"postgresql://tminus@127.0.0.1:{port}/vatic?sslmode=disable")
        async with estates.make(cockroach={"main": {"dsn": estates.secret(dsn)}}) as estate:
            outcome = await NODES.observe(estate)
    assert outcome.verdict is Verdict.UNKNOWN
