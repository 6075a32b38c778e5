"""A pair of logins of a server's, made for one test, and the rotator that is no superuser."""

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo
from pydantic import SecretStr

from tasks.estate import Estate
from tasks.rotators.postgres_users import PostgresUsers
from tasks.rotators.rotator import Done, Turn
from tests.conftest import Estates, PostgresServer
from tminus.rotations.document import Document

_Session = psycopg.Connection[tuple[object, ...]]
_MADE = """
CREATE ROLE {owner} NOLOGIN;
CREATE ROLE {a} LOGIN PASSWORD {password};
CREATE ROLE {b} NOLOGIN;
GRANT {owner} TO {a}, {b};
ALTER ROLE {a} SET role = {owner};
CREATE ROLE {rotator} LOGIN CREATEROLE PASSWORD {password};
GRANT {owner}, {a}, {b} TO {rotator} WITH ADMIN OPTION, INHERIT FALSE, SET FALSE;
GRANT pg_monitor, pg_signal_backend TO {rotator};
GRANT EXECUTE ON FUNCTION pg_read_binary_file(text, bigint, bigint, boolean) TO {rotator};
CREATE TABLE {orders} (id int);
ALTER TABLE {orders} OWNER TO {owner};
CREATE TABLE {payroll} (id int);
"""

LATER = "2026-06-01T10:00:00Z-database"
EARLIER = "2025-12-01T10:00:00Z-database"
END_THE_WAITING = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{0}' AND wait_event_type = 'Lock'"""
STATE = """
    SELECT rolcanlogin, rolpassword IS NOT NULL, coalesce(shobj_description(oid, 'pg_authid'), '')
    FROM pg_authid WHERE rolname = '{0}'"""


@dataclass(frozen=True)
class Pair:
    """Two logins `a` and `b` behind `owner`; `a` is in use and knows its password, `b` cannot log in yet."""

    server: PostgresServer
    estate: Estate
    name: str
    password: str = field(repr=False)
    turn: Turn

    @property
    def a(self) -> str:
        """The login in use."""
        return f"{self.name}_a"

    @property
    def b(self) -> str:
        """The other one."""
        return f"{self.name}_b"

    @property
    def owner(self) -> str:
        """The role of both."""
        return f"{self.name}_owner"

    @property
    def rotator(self) -> str:
        """Who rotates."""
        return f"{self.name}_rotator"

    def rotates(self, **changed: object) -> PostgresUsers:
        """The policy, with `changed` fields."""
        plain = {
            "title": "The shop's database",
            "owner": "DB_LEAD",
            "secret": "shop/database",
            "every": "90d",
            "server": "main",
            "owner_role": self.owner,
            "users": [self.a, self.b],
            "can": [f"TABLE {self.name}_orders"],
            "cannot": [f"TABLE {self.name}_payroll"],
        }
        return PostgresUsers.model_validate({**plain, **changed})

    def now(self, **changed: object) -> Turn:
        """The turn, with `changed` fields."""
        return replace(self.turn, **changed)  # type: ignore[arg-type]  # a test names fields of a Turn

    def sql(self, text: str) -> list[tuple[object, ...]]:
        """What a superuser gets for it; `{a}`, `{b}`, `{owner}` and so on stand for this pair's names."""
        with self.server.connect() as connection:
            cursor = connection.execute(self.named(text))
            return cursor.fetchall() if cursor.description else []

    def named(self, text: str) -> "sql.Composed":
        """The text with this pair's names in it."""
        names = ("a", "b", "owner", "rotator", "orders", "payroll")
        known = {one: sql.Identifier(f"{self.name}_{one}") for one in names}
        return sql.SQL(text).format(**known, password=sql.Literal(self.password))  # type: ignore[arg-type]  # of a test

    def conninfo(self, user: str, password: str, database: str = "trading", **more: str) -> str:
        """How to log in."""
        port = str(self.server.at.address.port)
        where = {"host": "127.0.0.1", "port": port, "user": user, "password": password, "dbname": database}
        return make_conninfo("", **where, **more)

    def log_in(self, document: Document, **more: str) -> "_Session":
        """A session with what a secret says."""
        password = document.secret("password").get_secret_value()
        return psycopg.connect(self.conninfo(document.name("username"), password, **more), autocommit=True)

    def opens(self, document: Document) -> bool:
        """Whether one can log in with what a secret says."""
        try:
            self.log_in(document).close()
        except psycopg.OperationalError:
            return False
        return True


@contextmanager
def made_pair(server: PostgresServer, estates: Estates) -> Iterator[Pair]:
    """A pair with names of its own, gone at the end."""
    name, password = f"shop{secrets.token_hex(4)}", secrets.token_urlsafe(16)
    pair = Pair(server, estates.make(), name, password, Turn(estates.make(), "database", "", "", {}, _of(name, "")))
    rotator = SecretStr(pair.conninfo(pair.rotator, password))
    estate = estates.make(postgres={"main": {"dsn": estates.secret(server.dsn), "rotator": estates.secret(rotator)}})
    way = {"user": pair.b, "old_user": pair.a}
    turn = Turn(estate, "database", "2026-03-01T10:00:00Z-database", "1" * 32, way, _of(pair.a, password))
    pair = replace(pair, estate=estate, turn=turn)
    pair.sql(_MADE)
    try:
        yield pair
    finally:
        _gone(pair)


def _of(user: str, password: str) -> Document:
    value = {"username": user, "password": password, "engine": "postgres", "port": 5432}
    return Document(SecretStr(json.dumps(value)), "shop/database (AWSCURRENT)")


def _gone(pair: Pair) -> None:
    with pair.server.connect() as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename LIKE %s", (f"{pair.name}%",)
        )
        like = connection.execute("SELECT rolname FROM pg_roles WHERE rolname LIKE %s", (f"{pair.name}%",)).fetchall()
        for (role,) in like:
            connection.execute(sql.SQL("DROP OWNED BY {} CASCADE").format(sql.Identifier(str(role))))
        connection.execute(pair.named("DROP TABLE IF EXISTS {payroll}"))
        for role in sorted((str(role) for (role,) in like), key=lambda role: role != pair.rotator):
            connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))


def state(pair: Pair, user: str) -> tuple[object, ...]:
    """Whether it can log in, whether it has a password, and what is said of it."""
    [row] = pair.sql(STATE.format(user))
    return row


async def rotated(pair: Pair) -> Document:
    """The new value, set and tested."""
    users = pair.rotates()
    new = await users.create(pair.turn)
    assert isinstance(await users.set(pair.turn, new), Done)
    assert isinstance(await users.test(pair.turn, new), Done)
    return new
