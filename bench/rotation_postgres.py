"""Applications that live in PostgreSQL, for bench.rotation: what each owns, what it was given, as whom it logs in.

Everything that an application may do it has by its NOLOGIN owner role; its logins have settings of their own.
"""

from collections.abc import Iterable

from psycopg import Connection, sql
from psycopg.rows import TupleRow
from pydantic import SecretStr

from bench.rotation_place import Place
from deployments.rehearsal.addresses import HOST, made_up

QUERY = "SELECT count(*) FROM orders WHERE id = 1"
"""What every log-in asks: of what is owned, found by the login's own search_path. It costs the server little."""
_CAN = (
    "WITH written AS (UPDATE {0}.orders SET quantity = quantity + 1 WHERE id = 1 RETURNING id) "
    "SELECT count(rate), (SELECT count(*) FROM written) FROM {0}.orders JOIN shared.rates USING (symbol)"
)
_SHARED = """
    CREATE SCHEMA shared;
    CREATE TABLE shared.rates (symbol text PRIMARY KEY, rate numeric NOT NULL, note text);
    INSERT INTO shared.rates VALUES ('EURUSD', 1.1, 'made up');
    CREATE FUNCTION shared.doubled(n int) RETURNS int LANGUAGE sql AS 'SELECT 2 * n';
    REVOKE EXECUTE ON FUNCTION shared.doubled(int) FROM PUBLIC;
    CREATE ROLE rotator LOGIN CREATEROLE PASSWORD {password};
    GRANT pg_monitor TO rotator;
    GRANT EXECUTE ON FUNCTION pg_read_binary_file(text, bigint, bigint, boolean) TO rotator;
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
    GRANT {owner} TO rotator WITH ADMIN TRUE, INHERIT FALSE, SET FALSE;
    CREATE ROLE {login} LOGIN PASSWORD {password} CONNECTION LIMIT 50 IN ROLE {owner};
    GRANT {login} TO rotator WITH ADMIN TRUE, INHERIT FALSE, SET FALSE;
    ALTER ROLE {login} SET role = {owner};
    ALTER ROLE {login} SET statement_timeout = '9s';
    ALTER ROLE {login} IN DATABASE {database} SET search_path = {owner}, shared;
"""


def make_shared(at: Place) -> SecretStr:
    """What all applications read, and whoever rotates their logins: no superuser. Returns how it connects."""
    password = made_up()
    with at.superuser() as connection:
        connection.execute(sql.SQL(_SHARED).format(password=sql.Literal(password.get_secret_value())))
    address = at.postgres.address
    return SecretStr(f"postgresql://rotator:{password.get_secret_value()}@{HOST}:{address.port}/{address.database}")


def make_applications(at: Place, owners: Iterable[str]) -> None:
    """Each with a login of its own, `…_a`, whose password is in Secrets Manager under the owner's name."""
    with at.superuser() as connection:
        for owner in owners:
            password = made_up()
            _make(at, connection, owner, password)
            address = at.postgres.address
            where = {"host": HOST, "port": address.port, "dbname": address.database}
            at.put_first(owner, {"username": f"{owner}_a", "password": password.get_secret_value(), **where})


def _make(at: Place, connection: "Connection[TupleRow]", owner: str, password: SecretStr) -> None:
    names = {
        "owner": sql.Identifier(owner),
        "login": sql.Identifier(f"{owner}_a"),
        "database": sql.Identifier(at.postgres.address.database),
        "password": sql.Literal(password.get_secret_value()),
    }
    with connection.transaction():
        connection.execute(sql.SQL(_APPLICATION).format(**names))


def policy(owner: str) -> dict[str, object]:
    """What the book says of one besides what it says of all."""
    return {
        "kind": "postgres.users",
        "server": "trading",
        "owner_role": owner,
        "users": [f"{owner}_a", f"{owner}_b"],
        "can": [_CAN.format(owner), "SELECT doubled(2)"],
        "cannot": ["SELECT note FROM shared.rates", "SELECT passwd FROM pg_shadow"],
    }
