"""Applications that live in PostgreSQL, for bench.rotation: what each owns, what it was given, as whom it logs in.

Everything that an application may do it has by its NOLOGIN owner role; its logins have settings of their own.
"""

import json
from collections.abc import Iterable

from psycopg import Connection, sql
from psycopg.rows import TupleRow

from bench.rotation_place import Place
from deployments.rehearsal.addresses import HOST, made_up

QUERY = (
    "WITH written AS (UPDATE orders SET quantity = quantity + 1 WHERE id = 1 RETURNING id) "
    "SELECT count(rate), (SELECT count(*) FROM written) FROM orders JOIN rates USING (symbol)"
)
"""Reads and writes what is owned, reads the granted columns, and finds both by the login's own search_path."""
_SHARED = """
    CREATE SCHEMA shared;
    CREATE TABLE shared.rates (symbol text PRIMARY KEY, rate numeric NOT NULL, note text);
    INSERT INTO shared.rates VALUES ('EURUSD', 1.1, 'made up');
    CREATE FUNCTION shared.doubled(n int) RETURNS int LANGUAGE sql AS 'SELECT 2 * n';
    REVOKE EXECUTE ON FUNCTION shared.doubled(int) FROM PUBLIC;
"""
_APPLICATION = """
    CREATE ROLE {owner} NOLOGIN;
    CREATE SCHEMA {owner} AUTHORIZATION {owner};
    CREATE TABLE {owner}.orders (id bigserial PRIMARY KEY, symbol text NOT NULL, quantity bigint NOT NULL);
    ALTER TABLE {owner}.orders OWNER TO {owner};
    INSERT INTO {owner}.orders (symbol, quantity) SELECT 'EURUSD', g FROM generate_series(1, 20) g;
    GRANT USAGE ON SCHEMA shared TO {owner};
    GRANT SELECT (symbol, rate) ON shared.rates TO {owner};
    GRANT EXECUTE ON FUNCTION shared.doubled(int) TO {owner};
    ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA {owner} GRANT SELECT ON TABLES TO tminus;
    CREATE ROLE {login} LOGIN PASSWORD {password} CONNECTION LIMIT 50 IN ROLE {owner};
    ALTER ROLE {login} SET statement_timeout = '9s';
    ALTER ROLE {login} IN DATABASE {database} SET search_path = {owner}, shared;
"""


def make_shared(at: Place) -> None:
    """What all applications read."""
    with at.superuser() as connection:
        connection.execute(_SHARED)


def make_applications(at: Place, owners: Iterable[str]) -> None:
    """Each with a login of its own, whose password is in Secrets Manager under the owner's name."""
    with at.superuser() as connection:
        for owner in owners:
            _make(at, connection, owner)


def _make(at: Place, connection: "Connection[TupleRow]", owner: str) -> None:
    login, password = f"{owner}_a", made_up()
    names = {
        "owner": sql.Identifier(owner),
        "login": sql.Identifier(login),
        "database": sql.Identifier(at.postgres.address.database),
        "password": sql.Literal(password.get_secret_value()),
    }
    with connection.transaction():
        connection.execute("SET LOCAL log_statement = none")
        connection.execute(sql.SQL(_APPLICATION).format(**names))
    address = at.postgres.address
    put_first(
        at,
        owner,
        {
            "username": login,
            "password": password.get_secret_value(),
            "host": HOST,
            "port": address.port,
            "dbname": address.database,
        },
    )


def put_first(at: Place, secret: str, fields: dict[str, str | int]) -> None:
    """A new secret with its first value."""
    at.secrets.create_secret(Name=secret, SecretString=json.dumps(fields))
