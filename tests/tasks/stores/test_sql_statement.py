"""One statement that reads is told from everything else, without a database."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.sql_statement import one_that_reads, setting_shown
from tasks.sql_tokens import tokens

TEXT = st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\0"), max_size=60)
SQL = st.text(alphabet="SELECTINTO '\"$;-/*()[]eE\\\nabc1", max_size=60)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1",
        "  select 1 ;  ",
        "SELECT 1; -- that is all",
        "-- first a word\nSELECT ';' AS semicolon",
        "SELECT E'it''s \\' ; DROP TABLE users' ",
        "SELECT $$; DELETE FROM users$$, $tag$ $$ ; $tag$",
        'SELECT "DROP TABLE; x" FROM t',
        "/* one /* two */ ; DROP */ SHOW ALL",
        "(SELECT 1) UNION (SELECT 2)",
        "WITH a AS (SELECT 1) SELECT * FROM a",
        "VALUES (1), (2)",
        "TABLE users",
        "SHOW CLUSTER SETTING version",
        "SELECT count(*) FROM [SHOW SCHEDULES FOR BACKUP]",
        "SELECT (update) FROM changes",
        "SELECT value FROM s WHERE variable = 'sql.log.slow_query.latency_threshold'",
        "SELECT 1::int8, x->>'a;b', B'1', U&'\\0061;' FROM t$1",
    ],
)
def test_what_reads_is_taken(sql: str) -> None:
    """Strings, comments, quoted names and dollar quotes may hold whatever they like."""
    assert one_that_reads(sql) == sql


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("", "this has 0"),
        (" ; -- nothing\n;", "this has 0"),
        ("SELECT 1; SELECT 2", "this has 2"),
        ("SELECT ';'; DROP TABLE users", "this has 2"),
        ("SELECT $a$ $b$ $a$; DROP TABLE users; --$b$", "this has 2"),
        ("SELECT 'a\\'; DROP TABLE users; --'", "this has 2"),
        ("SELECT E'a\\\\'; DROP TABLE users", "this has 2"),
        ("DELETE FROM users", "begins with 'DELETE'"),
        ("EXPLAIN ANALYZE DELETE FROM users", "begins with 'EXPLAIN'"),
        ("COPY users TO '/tmp/users'", "begins with 'COPY'"),
        ('"SELECT" 1', "begins with"),
        ("()", "begins with"),
        ("WITH gone AS (DELETE FROM users RETURNING id) SELECT count(*) FROM gone", "this has DELETE"),
        ("WITH a AS (SELECT 1) INSERT INTO t SELECT * FROM a", "this has INSERT"),
        ("WITH a AS MATERIALIZED (UPDATE t SET x = 1) SELECT 1", "this has UPDATE"),
        ("SELECT * FROM [INSERT INTO t VALUES (1) RETURNING id]", "this has INSERT"),
        ("SELECT 1 INTO t", "this has INTO"),
        ("SELECT 'open", "a string does not end"),
        ("SELECT $x$ open", "that begins with $x$ does not end"),
        ('SELECT "open', "a quoted name does not end"),
        ("SELECT 1 /* /* */", "a comment does not end"),
        ("SELECT '\0'", "at most 20000 characters"),
        ("SELECT " + "1" * 30_000, "at most 20000 characters"),
    ],
)
def test_what_does_more_is_refused(sql: str, said: str) -> None:
    """Several statements, other statements, and hidden writes are refused with the reason."""
    with pytest.raises(ValueError, match=said.replace("$", "\\$")):
        one_that_reads(sql)


@given(TEXT)
def test_what_is_quoted_changes_nothing(text: str) -> None:
    """Whatever stands in a string, a name, a dollar quote or a comment: it stays one statement."""
    doubled, named = text.replace("'", "''"), text.replace('"', '""')
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    plain = text.replace("$", "").replace("*", "").replace("/", "")
    one_that_reads(f"SELECT '{doubled}', \"{named}\", E'{escaped}', $q${plain}$q$ /* {plain} */")


@given(SQL)
def test_any_text_is_taken_or_refused(text: str) -> None:
    """No text ends in anything but an answer or a reason, and what is taken has one statement."""
    try:
        one_that_reads(text)
    except ValueError:
        return
    signs = [token for token in tokens(text) if token.kind == "sign" and token.text == ";"]
    assert list(tokens(text))[-len(signs) :] == signs or not signs or text.lstrip().startswith(";")


def test_a_setting_that_is_shown_is_known() -> None:
    """Only `SHOW name` shows a setting."""
    assert setting_shown("SHOW Statement_Timeout;") == "statement_timeout"
    assert setting_shown("SHOW CLUSTER SETTING version") is None
    assert setting_shown("SELECT 1") is None
