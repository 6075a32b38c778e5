"""The trading service's log-ins: two that take turns behind the owner of its tables, the current one kept as a secret.

What a database administrator does once, before `tminus rotate` can.
"""

import json

import psycopg
from psycopg import sql
from pydantic import JsonValue, SecretStr
from ruamel.yaml import YAML

from deployments.rehearsal.addresses import HOST, AwsAddress, PostgresAddress, made_up
from deployments.rehearsal.aws import put_secret
from deployments.rehearsal.binaries import CHECKOUT

SHIPPED = CHECKOUT / "runbooks" / "tradesense" / "secrets.yaml"
SECRET = "tradesense/database"  # noqa: S105 - its name
OWNER, USERS, ROTATOR = "trading", ("trading_a", "trading_b"), "rotator"
_SHORT: dict[str, JsonValue] = {"overlap": "4s", "cycle": "2s", "switched_off": "0s"}
_MADE = (
    "ALTER ROLE {owner} NOLOGIN",
    "CREATE ROLE {first} LOGIN PASSWORD {password} IN ROLE {owner}",
    "CREATE ROLE {second} NOLOGIN IN ROLE {owner}",
    "ALTER ROLE {first} SET role = {owner}",
    "CREATE ROLE {rotator} LOGIN CREATEROLE PASSWORD {rotators}",
    "GRANT {owner}, {first}, {second} TO {rotator} WITH ADMIN OPTION, INHERIT FALSE, SET FALSE",
    "GRANT pg_monitor, pg_signal_backend TO {rotator}",
    "GRANT EXECUTE ON FUNCTION pg_read_binary_file(text, bigint, bigint, boolean) TO {rotator}",
)


def rotator_dsn(postgres: PostgresAddress, password: SecretStr) -> SecretStr:
    """As whom `tminus rotate` logs in."""
    return SecretStr(f"postgresql://{ROTATOR}:{password.get_secret_value()}@{HOST}:{postgres.port}/{postgres.database}")


def take_turns(postgres: PostgresAddress, aws: AwsAddress, rotator: SecretStr) -> None:
    """Takes its login from the owner of the tables, and gives it to the first of the two.

    Its password is known to Secrets Manager alone; `rotator` is that of whom `tminus rotate` logs in as.
    """
    password, (first, second) = made_up(), USERS
    names = {"owner": OWNER, "first": first, "second": second, "rotator": ROTATOR}
    with psycopg.connect(postgres.dsn("postgres").get_secret_value()) as connection:
        said = {name: sql.Identifier(role) for name, role in names.items()}
        verifiers = {
            "password": sql.Literal(_verifier(connection, first, password)),
            "rotators": sql.Literal(_verifier(connection, ROTATOR, rotator)),
        }
        for statement in _MADE:
            connection.execute(sql.SQL(statement).format(**said, **verifiers))
    value = {"username": first, "password": password.get_secret_value(), "engine": "postgres"}
    where = {"host": HOST, "port": postgres.port, "dbname": postgres.database}
    put_secret(aws, SECRET, SecretStr(json.dumps({**value, **where})))


def _verifier(connection: "psycopg.Connection[tuple[object, ...]]", user: str, password: SecretStr) -> str:
    """What the server keeps of a password, so that no log of it can hold the password itself."""
    clear = password.get_secret_value().encode()
    return connection.pgconn.encrypt_password(clear, user.encode(), b"scram-sha-256").decode()


def book() -> JsonValue:
    """What the rehearsal's own book of secrets says: as TradeSense's, with seconds where that has days."""
    known: dict[str, JsonValue] = YAML(typ="safe").load(SHIPPED)
    rotations = known["rotations"]
    database = rotations["database"] if isinstance(rotations, dict) else None
    shortened = {**(database if isinstance(database, dict) else {}), **_SHORT}
    return {**known, "rotations": {"database": shortened}}
