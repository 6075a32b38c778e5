"""The outside systems of bench.rotation_kill, looked into by code that is not the product's: what opens, what is left.

PostgreSQL is real; the vendor of API keys is a fake (KeyVendor), which keeps its keys in this process. Users of Redis
are in bench.rotation_kill_users, keys that sign tokens in bench.rotation_kill_tokens.
"""

import base64
import hashlib
import hmac
import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from secrets import token_urlsafe

import httpx
import psycopg
from psycopg import sql

from bench.rotation_place import Place
from deployments.rehearsal.addresses import HOST
from deployments.rehearsal.in_thread import served
from tests.tasks.rotators.key_vendor import ADMIN, KeyVendor, policy

Fields = Mapping[str, str | int]
Section = Mapping[str, object]
ROTATOR = "kill_rotator"
_REFUSED = ("password authentication failed", "is not permitted to log in")
_MADE = """
    CREATE ROLE {owner} NOLOGIN;
    CREATE ROLE {a} LOGIN PASSWORD {password};
    CREATE ROLE {b} NOLOGIN;
    GRANT {owner} TO {a}, {b};
    ALTER ROLE {a} SET role = {owner};
    GRANT {owner}, {a}, {b} TO {rotator} WITH ADMIN OPTION, INHERIT FALSE, SET FALSE;
    CREATE TABLE {orders} (id int);
    ALTER TABLE {orders} OWNER TO {owner};
    CREATE TABLE {payroll} (id int);
"""
_ROTATOR = """
    CREATE ROLE {rotator} LOGIN CREATEROLE PASSWORD {password};
    GRANT pg_monitor, pg_signal_backend TO {rotator};
"""


class Outside(ABC):
    """Where one history's secret opens something.

    Attributes:
        first: its first value.
        entry: what the book says of it besides names and times.
        sections: what the environment file says of it.
    """

    first: Fields
    entry: Section
    sections: Section

    @abstractmethod
    def opens(self, fields: Fields) -> bool | None:
        """Whether somebody who uses it now is let in; None where nobody answers."""

    @abstractmethod
    def alive(self, fields: Fields) -> bool | None:
        """The same, without its being used: by a look at what the system keeps."""

    @abstractmethod
    def unknown(self, known: Sequence[Fields]) -> int:
        """How many credentials of this secret there are, be they switched off or not, that are none of these."""


class Logins(Outside):
    """Two logins of PostgreSQL that take turns.

    Args:
        at: where PostgreSQL is.
        name: what the logins begin with.
    """

    def __init__(self, at: Place, name: str) -> None:
        self._at = at
        self._users = (f"{name}_a", f"{name}_b")
        password = token_urlsafe(16)
        names = {one: sql.Identifier(f"{name}_{one}") for one in ("a", "b", "owner", "orders", "payroll")}
        with at.superuser() as connection:
            made = sql.SQL(_MADE).format(**names, rotator=sql.Identifier(ROTATOR), password=sql.Literal(password))
            connection.execute(made)
        self.first = {"username": f"{name}_a", "password": password, "engine": "postgres"}
        self.entry = {
            "kind": "postgres.users",
            "server": "main",
            "owner_role": f"{name}_owner",
            "users": list(self._users),
            "can": [f"TABLE {name}_orders"],
            "cannot": [f"TABLE {name}_payroll"],
            "census": "sessions",
        }
        self.sections = {"postgres": {"main": {"dsn": "env:TMINUS_KILL_DSN", "rotator": "env:TMINUS_KILL_ROTATOR"}}}

    def opens(self, fields: Fields) -> bool | None:
        """See Outside: a log-in."""
        address = self._at.postgres.address
        try:
            psycopg.connect(
                host=HOST,
                port=address.port,
                dbname=address.database,
                user=str(fields["username"]),
                password=str(fields["password"]),
                connect_timeout=3,
            ).close()
        except psycopg.OperationalError as e:
            return False if any(said in str(e) for said in _REFUSED) else None
        return True

    def alive(self, fields: Fields) -> bool | None:
        """See Outside: the verifier that the server keeps is of this password, and the login may log in."""
        kept = self._kept()
        if kept is None:
            return None
        can_login, verifier = kept.get(str(fields["username"]), (False, ""))
        return can_login and _is_of(verifier, str(fields["password"]))

    def unknown(self, known: Sequence[Fields]) -> int:
        """See Outside: logins with a password that is none of these."""
        kept = self._kept() or {}
        return sum(
            bool(verifier)
            and not any(one["username"] == user and _is_of(verifier, str(one["password"])) for one in known)
            for user, (_, verifier) in kept.items()
        )

    def _kept(self) -> dict[str, tuple[bool, str]] | None:
        asked = "SELECT rolname, rolcanlogin, coalesce(rolpassword, '') FROM pg_authid WHERE rolname = ANY(%s)"
        try:
            with self._at.superuser() as connection:
                rows = connection.execute(asked, (list(self._users),)).fetchall()
        except psycopg.OperationalError:
            return None
        return {str(user): (bool(can_login), str(verifier)) for user, can_login, verifier in rows}


def _is_of(verifier: str, password: str) -> bool:
    """Whether a SCRAM-SHA-256 verifier is of a password. Source: RFC 5803, section 2, and RFC 5802, section 3."""
    if not verifier.startswith("SCRAM-SHA-256$"):
        return False
    _, salted, keys = verifier.split("$")
    rounds, salt = salted.split(":")
    salted_password = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(salt), int(rounds))
    client = hmac.digest(salted_password, b"Client Key", "sha256")
    return hashlib.sha256(client).digest() == base64.b64decode(keys.split(":")[0])


def make_rotator(at: Place, password: str) -> None:
    """Who changes logins there, and is no superuser."""
    with at.superuser() as connection:
        names = {"rotator": sql.Identifier(ROTATOR), "password": sql.Literal(password)}
        connection.execute(sql.SQL(_ROTATOR).format(**names))


@dataclass
class Keys(Outside):
    """API keys of a vendor.

    Attributes:
        url: where the vendor is.
    """

    vendor: KeyVendor
    url: str
    first: Fields = field(init=False)
    entry: Section = field(init=False)
    sections: Section = field(init=False)

    def __post_init__(self) -> None:
        self.vendor.made("of another team")
        key = self.vendor.made("in use")
        self._others = {self.vendor.keys[0].id}
        self.first = {"key": key.value, "id": key.id}
        self.sections = {"endpoints": {"vendor": {"url": self.url}}}
        self.entry = policy("vendor", "env:TMINUS_KILL_VENDOR")

    def opens(self, fields: Fields) -> bool | None:
        """See Outside: a request."""
        try:
            status = httpx.get(f"{self.url}/v1/orders", headers={"X-Api-Key": str(fields["key"])}, trust_env=False)
        except httpx.TransportError:
            return None
        return status.status_code == httpx.codes.OK

    def alive(self, fields: Fields) -> bool | None:
        """See Outside."""
        return any(one.value == fields["key"] and not one.disabled for one in self.vendor.alive)

    def unknown(self, known: Sequence[Fields]) -> int:
        """See Outside: keys that are not revoked."""
        values = {one["key"] for one in known}
        return sum(one.value not in values and one.id not in self._others for one in self.vendor.alive)


@contextmanager
def keys() -> Iterator[Keys]:
    """A vendor of its own, while the block lasts."""
    vendor = KeyVendor()
    with served(vendor.app()) as url:
        yield Keys(vendor, url)


def fields_of(text: str) -> Fields:
    """What a version in Secrets Manager says."""
    read: Fields = json.loads(text)
    return read


ENVIRONMENT_OF_VENDOR = {"TMINUS_KILL_VENDOR": ADMIN}
