"""The query's check against a real PostgreSQL: what a book could write, and what a server could answer."""

import asyncio

import psycopg
import pytest
from pydantic import ValidationError

from tasks.checks.sql import Query
from tests.conftest import Estates, PostgresServer
from tminus.outcome import Outcome, Verdict


async def ask(estates: Estates, server: PostgresServer, query: str, *, within: str = "5s", **expect: str) -> Outcome:
    """The outcome of one query."""
    check = Query.model_validate({"database": "main", "query": query, "within": within, "expect": expect})
    async with estates.make(postgres={"main": {"dsn": estates.secret(server.dsn)}}) as estate:
        return await check.observe(estate)


def unchecked(query: str) -> Query:
    """A check whose query nobody looked at, as if the tokenizer had been fooled."""
    plain = Query.model_validate({"database": "main", "query": "SELECT 1", "expect": {"rows": ">= 0"}})
    return plain.model_copy(update={"query": query})


def test_a_book_with_two_statements_is_refused() -> None:
    """It is refused where it is written, with the reason."""
    with pytest.raises(ValidationError, match="a query is one statement, and this has 2"):
        Query.model_validate({"database": "main", "query": "SELECT 1; SELECT 2", "expect": {"value": "= 1"}})


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("COMMIT; CREATE TABLE escaped (i int)", "SyntaxError"),
        ("CREATE TABLE escaped (i int)", "only allowed to read"),
        ("SELECT 1 INTO escaped", "only allowed to read"),
        ("WITH a AS (SELECT set_config('transaction_read_only', 'off', true)) SELECT * FROM a", "refuses the query"),
    ],
)
async def test_nothing_is_written_even_unchecked(
    estates: Estates, postgres_server: PostgresServer, query: str, said: str
) -> None:
    """The protocol takes one statement only, and the transaction only reads, whatever the text."""
    with postgres_server.connect() as connection:
        connection.execute("GRANT CREATE ON SCHEMA public TO tminus")
        try:
            async with estates.make(postgres={"main": {"dsn": estates.secret(postgres_server.dsn)}}) as estate:
                outcome = await unchecked(query).observe(estate)
        finally:
            connection.execute("REVOKE CREATE ON SCHEMA public FROM tminus")
        assert connection.execute("SELECT to_regclass('public.escaped')").fetchone() == (None,)
    assert outcome.verdict is Verdict.UNKNOWN
    assert said in outcome.summary


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("SELECT NULL", "NULL"),
        ("SELECT 1 WHERE false", "0 rows"),
        ("SELECT generate_series(1, 2)", "2 rows of 1 columns"),
        ("SELECT 1, 2", "1 rows of 2 columns"),
        ("SELECT 'NaN'::float8", "NaN"),
        ("SELECT 1/0", "DivisionByZero 22012"),
        ("SELECT 'infinity'::timestamptz", "refuses the query (DataError"),
        ("SELECT 'secret-of-a-customer'::int", "InvalidTextRepresentation"),
        ("SELECT x FROM nowhere", 'relation "nowhere" does not exist'),
        ("SELECT generate_series(1, 20000)", "more than 10000 rows"),
        ("SELECT pg_sleep(9)", "took longer than 0.2s"),
    ],
)
async def test_what_is_no_value_is_unknown(
    estates: Estates, postgres_server: PostgresServer, query: str, said: str
) -> None:
    """It says why, in words that hold no data."""
    outcome = await ask(estates, postgres_server, query, within="200ms", value=">= 0")
    assert outcome.verdict is Verdict.UNKNOWN
    assert said in outcome.summary
    assert "secret-of-a-customer" not in outcome.summary


async def test_a_server_that_ends_nothing_in_time_is_waited_for_no_longer(
    estates: Estates, postgres_server: PostgresServer
) -> None:
    """A query that names statement_timeout runs without one, and is ended from this side."""
    query = "SELECT pg_sleep(20) /* statement_timeout */"
    outcome = await asyncio.wait_for(ask(estates, postgres_server, query, within="100ms", rows=">= 1"), 10)
    assert outcome.verdict is Verdict.UNKNOWN
    assert "took longer than" in outcome.summary
    with postgres_server.connect() as connection:
        running = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(20)%' AND state = 'active'"
        assert connection.execute(running).fetchone() == (0,)


async def test_the_servers_own_timeout_is_seen(estates: Estates, postgres_server: PostgresServer) -> None:
    """The check's own limit never stands in for a setting that nobody made."""
    for query in ("SHOW statement_timeout", "SELECT current_setting('statement_timeout')"):
        outcome = await ask(estates, postgres_server, query, value="= 0")
        assert outcome.verdict is Verdict.PASS, outcome.summary
    outcome = await ask(estates, postgres_server, "SHOW statement_timeout", seconds="<= 30 s")
    assert outcome.verdict is Verdict.FAIL


async def test_percent_signs_and_dollars_are_text(estates: Estates, postgres_server: PostgresServer) -> None:
    """Nothing in a query is a placeholder."""
    outcome = await ask(
        estates, postgres_server, "SELECT count(*) FROM (VALUES ('a%s')) t(x) WHERE x LIKE 'a%'", value="= 1"
    )
    assert outcome.verdict is Verdict.PASS, outcome.summary


async def test_another_style_of_intervals_is_said(estates: Estates, postgres_server: PostgresServer) -> None:
    """What psycopg cannot read is unknown, not a crash."""
    alter = "ALTER ROLE tminus {} intervalstyle{}"
    with postgres_server.connect() as connection:
        connection.execute(alter.format("SET", " = 'iso_8601'").encode())
        try:
            outcome = await ask(estates, postgres_server, "SELECT interval '1 day'", seconds="> 0 s")
        finally:
            connection.execute(alter.format("RESET", "").encode())
    assert outcome.verdict is Verdict.UNKNOWN
    assert "IntervalStyle" in outcome.summary


async def test_rows_are_all_that_is_asked_of_several(estates: Estates, postgres_server: PostgresServer) -> None:
    """Where only their number is expected, any rows will do."""
    assert (await ask(estates, postgres_server, "SELECT 1, 2 WHERE false", rows="= 0")).verdict is Verdict.PASS
    assert (await ask(estates, postgres_server, "VALUES (1, 2), (3, NULL)", rows="= 2")).verdict is Verdict.PASS


async def test_a_word_is_only_evidence_where_it_is_expected(estates: Estates, postgres_server: PostgresServer) -> None:
    """A text that is not what was expected is shown; one that nobody expects is not."""
    failed = await ask(estates, postgres_server, "SELECT 'staging'", word="= production")
    assert failed.summary == "word staging, expected = production"
    counted = await ask(estates, postgres_server, "SELECT 'a customer'", rows="= 1")
    assert "customer" not in counted.model_dump_json()


async def test_a_role_that_may_not_read_is_unknown(estates: Estates, postgres_server: PostgresServer) -> None:
    """It says which SQLSTATE, so that somebody can grant it."""
    with postgres_server.connect() as connection, psycopg.ClientCursor(connection) as cursor:
        cursor.execute("CREATE TABLE IF NOT EXISTS closed (i int)")
        cursor.execute("REVOKE pg_read_all_data FROM tminus")
        try:
            outcome = await ask(estates, postgres_server, "SELECT count(*) FROM closed", value="= 0")
        finally:
            cursor.execute("GRANT pg_read_all_data TO tminus")
            cursor.execute("DROP TABLE closed")
    assert outcome.verdict is Verdict.UNKNOWN
    assert "InsufficientPrivilege 42501" in outcome.summary
