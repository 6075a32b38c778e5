"""Whether a text is one SQL statement that reads, told without a database."""

from collections.abc import Sequence

from tasks.sql_tokens import Token, tokens

READS = ("SELECT", "SHOW", "WITH", "VALUES", "TABLE")
"""The words that a statement may begin with."""

_LONGEST = 20_000  # characters
_WRITES = {
    *("ALTER", "ANALYZE", "BACKUP", "CALL", "CANCEL", "COPY", "CREATE", "DELETE", "DO", "DROP", "EXECUTE", "GRANT"),
    *("IMPORT", "INSERT", "LOCK", "MERGE", "PAUSE", "REFRESH", "REINDEX", "RESTORE", "RESUME", "REVOKE", "SET"),
    *("TRUNCATE", "UPDATE", "UPSERT", "VACUUM"),
}


def one_that_reads(sql: str) -> str:
    """The text itself; raises ValueError, in words for who wrote the book, where it is not one reading statement.

    This finds honest mistakes. What holds against all others is the read-only transaction that it is run in.
    """
    if len(sql) > _LONGEST or "\0" in sql:
        raise ValueError(f"a query is text of at most {_LONGEST} characters")
    statements = _statements(sql)
    if len(statements) != 1:
        raise ValueError(f"a query is one statement, and this has {len(statements)}")
    [statement] = statements
    begins = next((token for token in statement if token.text != "("), statement[0])
    if begins.kind != "word" or begins.text not in READS:
        raise ValueError(f"a query begins with {', '.join(READS)}, and this begins with {begins.text[:40]!r}")
    if (written := _written(statement)) is not None:
        raise ValueError(f"a query only reads, and this has {written}")
    return sql


def setting_shown(sql: str) -> str | None:
    """The setting's name where the text is `SHOW name`, in small letters; None where it is anything else."""
    shown = [token.text for token in tokens(sql) if token.text != ";"]
    return shown[1].lower() if len(shown) == 2 and shown[0] == "SHOW" else None  # noqa: PLR2004 - two words


def _statements(sql: str) -> list[list[Token]]:
    """What stands between semicolons, empty statements left out."""
    found: list[list[Token]] = [[]]
    for token in tokens(sql):
        if token.kind == "sign" and token.text == ";":
            found.append([])
        else:
            found[-1].append(token)
    return [statement for statement in found if statement]


def _written(statement: Sequence[Token]) -> str | None:
    """The word by which something would be written: inside parentheses, after WITH's queries, or SELECT … INTO."""
    for before, token, after in zip(statement, statement[1:], [*statement[2:], Token("sign", "")], strict=False):
        if token.kind != "word":
            continue
        if token.text in _WRITES and before.kind == "sign" and before.text in "([)" and after.kind in {"word", "name"}:
            return token.text
        if token.text == "INTO":
            return "INTO"
    return None
