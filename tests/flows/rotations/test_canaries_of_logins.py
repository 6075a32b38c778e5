"""Passwords of logins, planted and looked for wherever anything is written down: none is found."""

import json
import secrets

import psycopg
import pytest
import redis
from pydantic import SecretStr

from deployments.rehearsal.vendors.cockroach import CockroachFake
from deployments.rehearsal.vendors.cockroach_roles import Role, RoleState
from deployments.rehearsal.vendors.cockroach_wire import SqlError
from tests.conftest import Estates, PostgresServer, RedisServer
from tests.flows.rotations.overheard import Overheard, edit, entry
from tests.flows.rotations.searching import in_files
from tests.tasks.rotators.pair import Pair, made_pair


def verifier(password: str, user: str) -> str:
    """What a server keeps of a password; made without one."""
    made = psycopg.pq.PGconn.connect(b"host=").encrypt_password(password.encode(), user.encode(), b"scram-sha-256")
    return made.decode()


def gave(pair: Pair, password: str) -> None:
    """The login in use has a password that nothing else has."""
    pair.sql(f"ALTER ROLE {{a}} PASSWORD '{verifier(password, pair.a)}'")


def test_a_login_of_postgresql(house: Overheard, estates: Estates, telling_server: PostgresServer) -> None:
    """A whole rotation; the server logs every statement, and no password is in its log either."""
    first = f"canary-{secrets.token_urlsafe(24)}"
    with made_pair(telling_server, estates) as pair:
        gave(pair, first)
        house.hold(json.dumps({"username": pair.a, "password": first, "engine": "postgres"}))
        reference = estates.secret(SecretStr(pair.conninfo(pair.rotator, pair.password)))
        where = {"main": {"dsn": estates.secret(telling_server.dsn), "rotator": reference}}
        edit(house.room.folder / "environment.yaml", {"postgres": where})
        rights = {"can": [f"TABLE {pair.name}_orders"], "cannot": [f"TABLE {pair.name}_payroll"]}
        users = {"server": "main", "owner_role": pair.owner, "users": [pair.a, pair.b]}
        entry(house.room, kind="postgres.users", **users, **rights)
        pair.sql("ALTER ROLE {a} SET statement_timeout = 60000")
        house.rotated()
        log = telling_server.at.folder / "primary" / "log"
        house.elsewhere += [log, telling_server.at.folder / "primary.log"]
        assert any(b"ALTER ROLE" in content for content in in_files(log).values())
        assert house.leaks() == []


@pytest.mark.long
def test_a_single_login_of_postgresql(house: Overheard, estates: Estates, telling_server: PostgresServer) -> None:
    """Whose password is changed in place."""
    with made_pair(telling_server, estates) as pair:
        first = f"canary-{secrets.token_urlsafe(24)}"
        gave(pair, first)
        house.hold(json.dumps({"username": pair.a, "password": first}))
        reference = estates.secret(SecretStr(pair.conninfo(pair.rotator, pair.password)))
        where = {"main": {"dsn": estates.secret(telling_server.dsn), "rotator": reference}}
        edit(house.room.folder / "environment.yaml", {"postgres": where})
        rights = {"can": [f"TABLE {pair.name}_orders"], "cannot": [f"TABLE {pair.name}_payroll"]}
        entry(house.room, kind="postgres.user", server="main", user=pair.a, **rights)
        house.rotated()
        assert house.leaks() == []


@pytest.mark.long
def test_a_user_of_redis(house: Overheard, estates: Estates, redis_pair: RedisServer) -> None:
    """Its secret holds the password twice: as it is, and in an address."""
    first, user, at = f"canary-{secrets.token_urlsafe(24)}", f"app_{secrets.token_hex(4)}", redis_pair.at.address
    admins = [
        redis.Redis("127.0.0.1", port, password=at.password.get_secret_value())
        for port in (at.port, at.replica_port)
        if port is not None
    ]
    for admin in admins:
        may = ["+get", "+set", "+multi", "+discard", "+client"]
        admin.acl_setuser(user, enabled=True, passwords=[f"+{first}"], commands=may, keys=["*"])
    address = f"redis://{user}:{first}@127.0.0.1:{at.port}/0"
    house.hold(json.dumps({"username": user, "password": first, "url": address}))
    edit(house.room.folder / "environment.yaml", {"redis": {"main": {"url": estates.secret(redis_pair.dsn)}}})
    rights = {"can": ["SET tminus:probe 1"], "cannot": ["FLUSHALL"]}
    entry(house.room, kind="redis.user", server="main", user=user, **rights)
    try:
        house.rotated()
        house.elsewhere += list(redis_pair.at.folder.rglob("*.log"))
        assert house.leaks() == []
    finally:
        for admin in admins:
            admin.acl_deluser(user)
            admin.close()


@pytest.mark.long
def test_a_login_of_cockroachdb(house: Overheard, estates: Estates, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the fake; no statement that it was sent has a password either."""
    first, fake, sent = f"canary-{secrets.token_urlsafe(24)}", CockroachFake(), []
    means = fake.means
    monkeypatch.setattr(fake, "means", lambda sql, session: (sent.append(sql), means(sql, session))[1])
    fake.state.roles = RoleState(
        {
            "orders": Role(),
            "orders_a": Role(can_login=True, verifier=verifier(first, "orders_a"), member_of={"orders"}),
            "orders_b": Role(member_of={"orders"}),
        }
    )
    fake.gives("SELECT count(*) FROM orders", 7)
    fake.gives("SELECT count(*) FROM payroll", SqlError("42501", "no SELECT on payroll"))
    house.hold(json.dumps({"username": "orders_a", "password": first}))
    with fake.running() as dsn:
        section = {"dsn": estates.secret(SecretStr(dsn)), "rotation_proven_on": ["v24.3"]}
        edit(house.room.folder / "environment.yaml", {"cockroach": {"main": section}})
        rights = {"can": ["SELECT count(*) FROM orders"], "cannot": ["SELECT count(*) FROM payroll"]}
        users = {"server": "main", "owner_role": "orders", "users": ["orders_a", "orders_b"]}
        entry(house.room, kind="cockroach.users", **users, **rights)
        house.rotated()
    assert any("SCRAM-SHA-256$" in one for one in sent)
    house.room.folder.joinpath("statements.log").write_text("\n".join(sent), "utf-8")
    assert house.leaks() == []
