"""The fake of CockroachDB, asked by psycopg as any client would ask it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import psycopg
import pytest

from deployments.rehearsal.vendors.cockroach import CockroachFake

Connection = psycopg.Connection[tuple[object, ...]]
ALLOWED = "SET allow_unsafe_internals = true"


@pytest.fixture
def fake() -> CockroachFake:
    """A healthy cluster."""
    return CockroachFake()


@pytest.fixture
def connection(fake: CockroachFake) -> Iterator[Connection]:
    """A session of it."""
    with fake.running() as dsn, psycopg.connect(dsn, autocommit=True) as session:
        yield session


def test_values_keep_their_types(fake: CockroachFake, connection: Connection) -> None:
    """What was registered comes back as it went in, NULL and several rows too."""
    at = datetime(2026, 11, 20, 11, 30, tzinfo=UTC)
    values = (7, True, 1.5, Decimal("2.50"), "it's", at, timedelta(hours=30, seconds=1.25), {"a": [1]}, None)
    for value in values:
        fake.gives("SELECT x", value)
        assert connection.execute("SELECT x ;").fetchall() == [(value,)]
    fake.gives("SELECT x", [(1, "a"), (2, None)])
    assert connection.execute("SELECT   x").fetchall() == [(1, "a"), (2, None)]
    fake.gives("SELECT x", [])
    assert connection.execute("SELECT x").fetchall() == []


def test_a_pipeline_goes_on_after_its_next_sync(fake: CockroachFake, connection: Connection) -> None:
    """An error passes over what follows in its pipeline, and nothing after that."""
    fake.gives("SELECT x", 1)
    with pytest.raises(psycopg.errors.SyntaxError), connection.pipeline():  # noqa: PT012 - all three are one pipeline
        connection.execute("SELECT x")
        connection.execute("SELEKT")
        connection.execute("SELECT x")
    with connection.pipeline() as pipeline:
        first = connection.execute("SELECT x")
        pipeline.sync()
        second = connection.execute("SELECT x", prepare=True)
    assert (first.fetchone(), second.fetchone()) == ((1,), (1,))


def test_a_failed_transaction_takes_nothing_but_its_end(fake: CockroachFake, connection: Connection) -> None:
    """As with the real one, until it is rolled back."""
    fake.gives("SELECT x", 1)
    connection.execute("BEGIN READ ONLY")
    with pytest.raises(psycopg.errors.UndefinedTable):
        connection.execute("SELECT a FROM crdb_internal.nothing")
    with pytest.raises(psycopg.errors.InFailedSqlTransaction):
        connection.execute("SELECT x")
    connection.execute("ROLLBACK")
    assert connection.execute("SELECT x").fetchone() == (1,)


@pytest.mark.parametrize(
    ("sql", "error"),
    [
        ("SHOW SCHEDULE FOR BACKUPS", psycopg.errors.SyntaxError),
        ("SELECT 1; SELECT 2", psycopg.errors.SyntaxError),
        ("SELECT next FROM [SHOW SCHEDULES FOR BACKUP]", psycopg.errors.UndefinedColumn),
        ("SELECT path FROM [SHOW BACKUPS]", psycopg.errors.SyntaxError),
        ("SELECT alive FROM crdb_internal.gossip_nodes", psycopg.errors.UndefinedColumn),
        ("SELECT locality->>'region' FROM crdb_internal.gossip_nodes", psycopg.errors.InvalidParameterValue),
        ("SET no_such_variable = 1", psycopg.errors.UndefinedObject),
        ("SHOW CLUSTER SETTING no.such", psycopg.errors.UndefinedObject),
        ("SELECT path FROM [SHOW BACKUPS IN 'external://elsewhere']", psycopg.errors.UndefinedObject),
    ],
)
def test_what_it_does_not_know_it_refuses(connection: Connection, sql: str, error: type[psycopg.Error]) -> None:
    """It guesses nothing: a misspelt statement, table or column is an error with the real one's SQLSTATE."""
    connection.execute(ALLOWED)
    with pytest.raises(error):
        connection.execute(sql.encode())


def test_internals_are_closed_until_a_session_opens_them(connection: Connection) -> None:
    """As since version 25.4."""
    query = "SELECT node_id, is_live FROM crdb_internal.gossip_nodes"
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(query)
    connection.execute(ALLOWED)
    assert connection.execute(query).fetchall() == [(1, True), (2, True), (3, True)]


def test_a_whole_statement_has_all_its_columns(connection: Connection) -> None:
    """SHOW alone gives every column, in the order of the real one."""
    cursor = connection.execute("SHOW SCHEDULES FOR BACKUP")
    assert [column.name for column in cursor.description or ()][:4] == ["id", "label", "schedule_status", "next_run"]
    assert len(cursor.fetchall()) == 2


def test_binary_results_are_refused(fake: CockroachFake, connection: Connection) -> None:
    """It says so instead of sending text that would be read as binary."""
    fake.gives("SELECT x", 1)
    with pytest.raises(psycopg.errors.FeatureNotSupported):
        connection.execute("SELECT x", binary=True)
