"""Two logins of CockroachDB that take turns, on a fake: no real one is to be had here, and the product says so."""

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from pydantic import SecretStr

from deployments.rehearsal.vendors.cockroach import CockroachFake
from deployments.rehearsal.vendors.cockroach_roles import LiveSession, Role, RoleState
from deployments.rehearsal.vendors.cockroach_wire import SqlError
from tasks.rotators.cockroach_users import CockroachUsers
from tasks.rotators.rotator import Done, NotYet, Turn
from tasks.rotators.vocabulary import ROTATORS
from tests.conftest import Estates
from tminus.errors import CouldNotObserve, Refused
from tminus.rotations.document import Document

CAN, CANNOT = "SELECT count(*) FROM orders", "SELECT count(*) FROM payroll"


@dataclass(frozen=True)
class Cluster:
    """The fake, and a rotation on it."""

    fake: CockroachFake
    dsn: str
    turn: Turn

    @property
    def roles(self) -> RoleState:
        """Who is there."""
        return self.fake.state.roles

    def opens(self, document: Document) -> bool:
        """Whether one can log in with what a secret says."""
        user, password = document.name("username"), document.secret("password").get_secret_value()
        try:
            psycopg.connect(make_conninfo(self.dsn, user=user, password=password)).close()
        except psycopg.OperationalError:
            return False
        return True

    def rotates(self, **changed: object) -> CockroachUsers:
        """The book's entry."""
        plain = {
            "title": "Orders",
            "owner": "DB_LEAD",
            "secret": "orders/database",
            "every": "90d",
            "server": "main",
            "owner_role": "orders",
            "users": ["orders_a", "orders_b"],
            "can": [CAN],
            "cannot": [CANNOT],
        }
        return CockroachUsers.model_validate({**plain, **changed})


def _turn(estates: Estates, dsn: str, proven_on: tuple[str, ...] = ("v24.3",)) -> Turn:
    section = {"dsn": estates.secret(SecretStr(dsn)), "rotation_proven_on": list(proven_on)}
    old = Document(SecretStr(json.dumps({"username": "orders_a", "password": "first"})), "orders (AWSCURRENT)")
    way = {"user": "orders_b", "old_user": "orders_a"}
    return Turn(estates.make(cockroach={"main": section}), "orders", "2027-orders", "1" * 32, way, old)


@pytest.fixture
def cluster(estates: Estates) -> Iterator[Cluster]:
    """`orders_a` is in use, `orders_b` cannot log in yet; both are members of `orders`."""
    fake = CockroachFake()
    verifier = psycopg.pq.PGconn.connect(b"host=").encrypt_password(b"first", b"orders_a", b"scram-sha-256").decode()
    fake.state.roles = RoleState(
        {
            "orders": Role(),
            "orders_a": Role(can_login=True, verifier=verifier, member_of={"orders"}),
            "orders_b": Role(member_of={"orders"}),
        }
    )
    fake.gives(CAN, 7)
    fake.gives(CANNOT, SqlError("42501", "no SELECT on payroll"))
    with fake.running() as dsn:
        yield Cluster(fake, dsn, _turn(estates, dsn))


def _done(asked: Done | NotYet) -> Done:
    assert isinstance(asked, Done), asked
    return asked


async def test_a_whole_turn_with_every_step_twice(cluster: Cluster) -> None:
    """At no step both logins are refused, and at the end the old one has nothing left."""
    users, turn = cluster.rotates(), cluster.turn
    assert await users.plan(replace(turn, way={})) == turn.way
    new = await users.create(turn)
    assert (new.name("username"), cluster.opens(new), cluster.opens(turn.old)) == ("orders_b", False, True)
    assert [_done(await users.set(turn, new)).already for _ in range(2)] == [False, True]
    for _ in range(2):
        assert "was refused all 1" in _done(await users.test(turn, new)).said
    assert (cluster.opens(new), cluster.opens(turn.old)) == (True, True)
    assert [_done(await users.off(turn, new)).already for _ in range(2)] == [False, True]
    assert not cluster.opens(turn.old)
    assert [(await users.on(turn, new)).already for _ in range(2)] == [False, True]
    assert cluster.opens(turn.old)
    await users.off(turn, new)
    for _ in range(2):
        _done(await users.drop(turn, new))
    assert cluster.roles.roles["orders_a"] == Role(member_of={"orders"})
    assert cluster.opens(new)


async def test_a_login_that_is_not_there_is_made(cluster: Cluster) -> None:
    """With the owner's role, also where an earlier try was killed after it made the login."""
    for left in (None, Role()):
        cluster.roles.roles.pop("orders_b", None)
        if left is not None:
            cluster.roles.roles["orders_b"] = left
        new = await cluster.rotates().create(cluster.turn)
        _done(await cluster.rotates().set(cluster.turn, new))
        assert cluster.roles.roles["orders_b"].member_of == {"orders"}
        assert cluster.opens(new)


async def test_undo_leaves_the_old_one_alone(cluster: Cluster) -> None:
    """The new login is worthless; where the old one cannot log in any more, nothing is undone."""
    users, turn = cluster.rotates(), cluster.turn
    assert (await users.undo(turn, None)).already
    new = await users.create(turn)
    _done(await users.set(turn, new))
    assert [(await users.undo(turn, new)).already for _ in range(2)] == [False, True]
    assert (cluster.opens(new), cluster.opens(turn.old)) == (False, True)
    _done(await users.set(turn, new))
    await users.off(turn, new)
    with pytest.raises(Refused, match="nobody could"):
        await users.undo(turn, new)
    assert cluster.opens(new)


@pytest.mark.parametrize("proven_on", [(), ("v23.2",)])
async def test_what_no_real_server_answered_is_not_sent(
    cluster: Cluster, estates: Estates, proven_on: tuple[str, ...]
) -> None:
    """Until somebody vouches for the cluster's version, nothing is changed, and it is said why."""
    turn = _turn(estates, cluster.dsn, proven_on)
    new = await cluster.rotates().create(turn)
    for step in (cluster.rotates().plan(turn), cluster.rotates().set(turn, new), cluster.rotates().undo(turn, new)):
        with pytest.raises(Refused, match=r"no real CockroachDB v24\.3.*rotation_proven_on"):
            await step
    assert not cluster.roles.roles["orders_b"].can_login


async def test_a_cluster_that_would_hash_the_hash(cluster: Cluster) -> None:
    """Where it takes a verifier for a password, nothing is sent to it."""
    name = "server.user_login.store_client_pre_hashed_passwords.enabled"
    cluster.fake.state.settings[name] = "false"
    with pytest.raises(Refused, match=name):
        await cluster.rotates().plan(cluster.turn)
    with pytest.raises(Refused, match=name):
        await cluster.rotates().set(cluster.turn, await cluster.rotates().create(cluster.turn))


@pytest.mark.parametrize("had", ["owned", "granted", "defaults"])
async def test_what_one_login_has_alone(cluster: Cluster, had: str) -> None:
    """It would be lost with the rotation; defaults that both have are none."""
    users, turn = cluster.rotates(), cluster.turn
    new = await users.create(turn)
    cluster.roles.defaults = [(user, "statement_timeout=30s") for user in ("orders_a", "orders_b")]
    _done(await users.set(turn, new))
    getattr(cluster.roles, had).append(("orders_a", "public.invoices"))
    with pytest.raises(Refused, match=r"orders_a .*public\.invoices"):
        await users.test(turn, new)


async def test_rights_are_proven_by_use(cluster: Cluster) -> None:
    """A login that cannot do what it must, or can do what it must not, fails the test."""
    users, turn = cluster.rotates(), cluster.turn
    new = await users.create(turn)
    _done(await users.set(turn, new))
    cluster.fake.gives(CANNOT, 3)
    with pytest.raises(Refused, match="must not be able"):
        await users.test(turn, new)
    cluster.fake.gives(CAN, SqlError("42501", "no SELECT"))
    with pytest.raises(Refused, match="must be able"):
        await users.test(turn, new)


async def test_sessions_of_the_old_login(cluster: Cluster) -> None:
    """They are the census, they are waited for, and where it leaked they are ended; one that ended counts no more."""
    users, turn = cluster.rotates(), cluster.turn
    new = await users.create(turn)
    _done(await users.set(turn, new))
    cluster.roles.sessions = {
        "1a": LiveSession("orders_a"),
        "2b": LiveSession("orders_a", status="CLOSED"),
        "3c": LiveSession("somebody"),
    }
    seen = await users.census(turn, new)
    assert [(one.who, one.times) for one in seen.uses] == [("batch@10.0.0.7", 1)]
    assert "VIEWACTIVITY" in seen.blind
    for step in (users.off, users.drop):
        waits = await step(turn, new)
        assert isinstance(waits, NotYet)
        assert "1 of batch@10.0.0.7" in waits.why
    assert cluster.opens(turn.old)
    leaked = replace(turn, at_once=True)
    cluster.roles.dies = False
    assert isinstance(await users.off(leaked, new), NotYet)
    assert not cluster.opens(turn.old)
    cluster.roles.dies = True
    _done(await users.off(leaked, new))
    assert set(cluster.roles.sessions) == {"2b", "3c"}


async def test_a_login_in_use_is_not_taken(cluster: Cluster) -> None:
    """Somebody uses the other login: its password is not changed under them."""
    cluster.roles.sessions = {"1a": LiveSession("orders_b")}
    with pytest.raises(Refused, match="orders_b is not the current login and is in use"):
        await cluster.rotates().set(cluster.turn, await cluster.rotates().create(cluster.turn))


async def test_undo_switches_off_only_what_it_switched_on(cluster: Cluster) -> None:
    """Somebody gave the other login a password and uses it: it goes on to be let in."""
    users, turn = cluster.rotates(), cluster.turn
    theirs = replace(turn, rotation="2027-theirs")
    given = await users.create(theirs)
    _done(await users.set(theirs, given))
    new = await users.create(turn)
    assert (await users.undo(turn, new)).already
    assert cluster.opens(given)


async def test_roles_that_are_not_as_they_must_be(cluster: Cluster) -> None:
    """A current login that is gone, or is no member of the owner, is nothing to begin from."""
    new = await cluster.rotates().create(cluster.turn)
    cluster.roles.roles["orders_a"].member_of.clear()
    with pytest.raises(Refused, match="no member of orders"):
        await cluster.rotates().set(cluster.turn, new)
    del cluster.roles.roles["orders_a"]
    with pytest.raises(CouldNotObserve, match="no role 'orders_a'"):
        await cluster.rotates().set(cluster.turn, new)


async def test_the_password_is_shown_nowhere(
    cluster: Cluster, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a log record nor a statement has it: what is sent is a verifier."""
    sent: list[str] = []
    means = cluster.fake.means
    monkeypatch.setattr(cluster.fake, "means", lambda sql, session: (sent.append(sql), means(sql, session))[1])
    with cluster.fake.running() as dsn, caplog.at_level(logging.DEBUG):
        section = cluster.turn.estate.environment.cockroach["main"]
        monkeypatch.setenv(section.dsn.removeprefix("env:"), dsn)
        new = await cluster.rotates().create(cluster.turn)
        _done(await cluster.rotates().set(cluster.turn, new))
        _done(await cluster.rotates().test(cluster.turn, new))
    password = new.secret("password").get_secret_value()
    assert any("SCRAM-SHA-256$" in one for one in sent)
    assert password not in "\n".join(sent) + caplog.text + repr(new)


def test_it_is_in_the_vocabulary() -> None:
    """A book may name it."""
    assert ROTATORS["cockroach.users"] is CockroachUsers
