"""Two logins that take turns, on a real PostgreSQL, changed by a rotator that is no superuser."""

import asyncio
import logging
import secrets
from datetime import timedelta

import psycopg
import pytest
from pydantic import SecretStr, ValidationError

from tasks.rotators import postgres_rights
from tasks.rotators.rotator import Done, NotYet
from tests.conftest import Estates
from tests.tasks.rotators.pair import Pair
from tminus.clock import now
from tminus.errors import CouldNotObserve, Refused
from tminus.rotations.document import Document

LATER = "2026-06-01T10:00:00Z-database"
EARLIER = "2025-12-01T10:00:00Z-database"
END_THE_WAITING = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{0}' AND wait_event_type = 'Lock'"""
STATE = """
    SELECT rolcanlogin, rolpassword IS NOT NULL, coalesce(shobj_description(oid, 'pg_authid'), '')
    FROM pg_authid WHERE rolname = '{0}'"""


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


async def test_a_whole_turn_with_every_step_twice(pair: Pair) -> None:
    """At no step both logins are refused; at the end the old one has nothing left, and the mark is the new one's."""
    users, turn = pair.rotates(), pair.turn
    assert await users.plan(pair.now(way={})) == {"user": pair.b, "old_user": pair.a}
    new = await users.create(turn)
    assert not pair.opens(new)
    assert await users.set(turn, new) == Done(f"{pair.b} has a new password and can log in")
    assert (await users.set(turn, new)).already  # type: ignore[union-attr]  # a NotYet would fail here as well
    for _ in range(2):
        assert isinstance(await users.test(turn, new), Done)
    assert pair.opens(turn.old)
    turn = pair.now(promoted=now())
    assert [await users.off(turn, new), await users.off(turn, new)] == [
        Done(f"{pair.a} cannot log in"),
        Done(f"{pair.a} cannot log in", already=True),
    ]
    assert not pair.opens(turn.old)
    assert [(await users.on(turn, new)).already, (await users.on(turn, new)).already] == [False, True]
    assert pair.opens(turn.old)
    await users.off(turn, new)
    for _ in range(2):
        assert await users.drop(turn, new) == Done(f"{pair.a} has no password, no session, and cannot log in")
    assert state(pair, pair.a) == (False, False, f"tminus rotation {turn.rotation}, over")
    assert state(pair, pair.b) == (True, True, f"tminus rotation {turn.rotation}")
    assert pair.opens(new)


async def test_and_the_next_one_takes_the_other_login(pair: Pair) -> None:
    """After a turn the roles are changed about, and what each makes belongs to the owner."""
    pair.sql("GRANT CREATE ON SCHEMA public TO {owner}")
    users, first = pair.rotates(), await rotated(pair)
    await users.off(pair.turn, first)
    await users.drop(pair.turn, first)
    turn = pair.now(rotation=LATER, old=first, way={})
    turn = pair.now(rotation=LATER, old=first, way=await users.plan(turn))
    assert turn.way == {"user": pair.a, "old_user": pair.b}
    second = await users.create(turn)
    await users.set(turn, second)
    await users.test(turn, second)
    with pair.log_in(second) as session:
        session.execute("CREATE TABLE made_here (id int)")
        owner = session.execute("SELECT tableowner FROM pg_tables WHERE tablename = 'made_here'").fetchone()
    assert owner == (pair.owner,)
    assert pair.opens(first)


async def test_a_login_that_is_not_there_is_made(pair: Pair) -> None:
    """The first rotation of what was a single login makes the second, by a rotator that is no superuser."""
    pair.sql("DROP ROLE {b}")
    new = await rotated(pair)
    assert pair.opens(new)
    assert state(pair, pair.b) == (True, True, f"tminus rotation {pair.turn.rotation}")


async def test_a_username_that_is_neither(pair: Pair) -> None:
    """It is refused with both names, before anything is touched."""
    old = pair.turn.old.changed("shop/database (AWSCURRENT)", {"username": "trading"})
    with pytest.raises(Refused, match=f"'trading'.*{pair.a}.*{pair.b}"):
        await pair.rotates().plan(pair.now(old=old))


def test_three_roles_are_three(pair: Pair) -> None:
    """A book that says one of them twice is refused, and so is one that proves nothing."""
    with pytest.raises(ValidationError, match="three roles"):
        pair.rotates(users=[pair.a, pair.a])
    with pytest.raises(ValidationError, match="can"):
        pair.rotates(can=[])
    with pytest.raises(ValidationError, match="cannot"):
        pair.rotates(cannot=[])


async def test_the_settings_are_the_current_logins(pair: Pair) -> None:
    """Of all databases and of one, lists too, the limit and the end; what only the other has is taken away."""
    pair.sql("GRANT SET ON PARAMETER app.region TO {rotator}")
    pair.sql("""ALTER ROLE {a} SET search_path = "$user", 'sh op', public""")
    pair.sql("ALTER ROLE {a} IN DATABASE trading SET app.region = 'eu, us'; ALTER ROLE {a} SET work_mem = '7MB'")
    pair.sql("ALTER ROLE {a} CONNECTION LIMIT 17 VALID UNTIL '2099-05-01 10:00:00.5+02'")
    pair.sql("ALTER ROLE {b} SET work_mem = '5MB'; ALTER ROLE {b} IN DATABASE postgres SET lock_timeout = '1s'")
    await rotated(pair)
    asked = """
        SELECT r.rolconnlimit, r.rolvaliduntil, array(SELECT setdatabase || ' ' || o FROM pg_db_role_setting s,
        unnest(setconfig) o WHERE s.setrole = r.oid ORDER BY 1) FROM pg_roles r WHERE rolname = '{0}'"""
    [one], [other] = pair.sql(asked.format(pair.a)), pair.sql(asked.format(pair.b))
    assert one == other
    assert one[0] == 17
    assert len(one[2]) == 4  # type: ignore[arg-type]  # an array of text


async def test_a_setting_that_only_a_superuser_gives(pair: Pair) -> None:
    """It is named, with the GRANT that mends it; the login without it would not be the same."""
    users = pair.rotates()
    new = await users.create(pair.turn)
    pair.sql("ALTER ROLE {a} SET app.secret = 'not to be told'")
    with pytest.raises(Refused, match=r"GRANT SET ON PARAMETER app\.secret TO") as refused:
        await users.set(pair.turn, new)
    assert "not to be told" not in f"{refused.value} {refused.value.__cause__}"
    assert state(pair, pair.b) == (False, False, "")


async def test_a_login_that_ends_soon_lends_its_end_to_nobody(pair: Pair) -> None:
    """The new password would end with it, long before its time; where the old one leaked that is no reason to wait."""
    users = pair.rotates()
    new = await users.create(pair.turn)
    pair.sql("ALTER ROLE {a} VALID UNTIL '2001-02-03 04:05Z'")
    with pytest.raises(Refused, match=r"until 2001-02-03 04:05 UTC, .* to last 90d"):
        await users.set(pair.turn, new)
    assert isinstance(await users.set(pair.now(at_once=True), new), Done)
    turn = pair.turn
    for ends in ("'infinity'", "'2999-01-01'"):
        await users.undo(turn, new)
        turn = pair.now(rotation=f"{turn.rotation}-next")
        pair.sql(f"ALTER ROLE {{a}} VALID UNTIL {ends}")
        assert isinstance(await users.set(turn, new), Done)


@pytest.mark.parametrize(
    ("drifts", "named"),
    [
        ("GRANT SELECT ON {payroll} TO {a}", "_a alone has SELECT on table"),
        ("GRANT SELECT (id) ON {payroll} TO {b}", "_b alone has SELECT on column id of table"),
        ("GRANT CREATE ON SCHEMA public TO {a}", "_a alone has CREATE on schema public"),
        ("GRANT CREATE ON DATABASE postgres TO {a}", "_a alone has CREATE on database postgres"),
        ("GRANT EXECUTE ON FUNCTION pg_switch_wal() TO {a}", "_a alone has EXECUTE on function pg_switch_wal"),
        ("ALTER DEFAULT PRIVILEGES FOR ROLE {owner} GRANT SELECT ON TABLES TO {a}", "_a alone has SELECT on default"),
        (
            "ALTER DEFAULT PRIVILEGES FOR ROLE {a} GRANT SELECT ON TABLES TO {owner}",
            "_a itself owns default privileges",
        ),
        ("ALTER TABLE {payroll} OWNER TO {a}", "_a itself owns table"),
        ("GRANT pg_read_all_data TO {a}", r"_a alone is a member of pg_read_all_data \(inherit, set\)"),
        ("GRANT {a} TO trading", "_a alone has the member trading"),
        ("REVOKE {owner} FROM {b}", "_b may not SET ROLE"),
        ("GRANT {owner} TO {b} WITH INHERIT FALSE", "_b alone is a member of"),
        ("ALTER ROLE {owner} LOGIN", "_owner can log in"),
        ("ALTER ROLE {b} NOINHERIT", "_b alone does not inherit"),
        ("ALTER ROLE {b} CREATEDB", "_b alone may create databases"),
        ("ALTER ROLE {b} BYPASSRLS", "_b has the power of BYPASSRLS"),
        ("ALTER TABLE {orders} ENABLE ROW LEVEL SECURITY; CREATE POLICY one ON {orders} TO {a}", "named by policy one"),
    ],
)
async def test_what_only_one_of_them_has_is_refused(pair: Pair, drifts: str, named: str) -> None:
    """Rotating would lose it: it is named, and nothing is changed; a test after the fact refuses as well."""
    users = pair.rotates()
    new = await users.create(pair.turn)
    pair.sql(drifts)
    with pytest.raises(Refused, match=named):
        await users.set(pair.turn, new)
    assert state(pair, pair.b) == (False, False, "")


async def test_what_is_in_another_database_drifts_too(pair: Pair) -> None:
    """Of databases that the rotator is not in, what depends on one login alone is known."""
    dsn = pair.server.at.address.dsn("postgres", database="postgres").get_secret_value()
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(pair.named("CREATE TABLE {payroll} (id int); GRANT SELECT ON {payroll} TO {a}"))
        try:
            with pytest.raises(Refused, match=f"{pair.a} alone is named by pg_class .* of the database postgres"):
                await rotated(pair)
        finally:
            connection.execute(pair.named("DROP TABLE {payroll}"))


async def test_what_both_have_is_no_drift(pair: Pair) -> None:
    """The same grant to both, and whoever may only grant the roles, stand in nobody's way."""
    pair.sql("GRANT SELECT ON {payroll} TO {a}, {b}; GRANT {a} TO trading WITH ADMIN TRUE, INHERIT FALSE, SET FALSE")
    pair.sql("GRANT {a} TO {rotator} WITH INHERIT TRUE, SET TRUE")
    users = pair.rotates(cannot=["CREATE ROLE somebody"])
    new = await users.create(pair.turn)
    assert isinstance(await users.set(pair.turn, new), Done)
    assert isinstance(await users.test(pair.turn, new), Done)


async def test_a_right_that_got_lost_after_set_fails_the_test(pair: Pair) -> None:
    """Not `SELECT 1`: each thing that the login must do is done, and each that it must not is tried."""
    users = pair.rotates()
    new = await users.create(pair.turn)
    await users.set(pair.turn, new)
    pair.sql("ALTER TABLE {orders} OWNER TO trading")
    with pytest.raises(Refused, match=r"must be able to do this and cannot \(42501\): TABLE"):
        await users.test(pair.turn, new)
    pair.sql("ALTER TABLE {orders} OWNER TO {owner}; GRANT SELECT ON {payroll} TO PUBLIC")
    with pytest.raises(Refused, match="must not be able to do this and can: TABLE"):
        await users.test(pair.turn, new)
    pair.sql("REVOKE SELECT ON {payroll} FROM PUBLIC; GRANT SELECT ON {payroll} TO {b}")
    with pytest.raises(Refused, match="are not alike"):
        await users.test(pair.turn, new)
    pair.sql("REVOKE SELECT ON {payroll} FROM {b}; ALTER ROLE {b} RESET role")
    with pytest.raises(Refused, match=f"acts as {pair.b}, not as {pair.owner}"):
        await users.test(pair.turn, new)
    pair.sql("ALTER ROLE {b} SET role = {owner}; ALTER ROLE {owner} CREATEROLE")
    with pytest.raises(Refused, match=f"{pair.owner} can do what no login must"):
        await users.test(pair.turn, new)


async def test_what_fails_for_another_reason_is_no_refusal(pair: Pair) -> None:
    """A mistyped table proves nothing; neither can a statement bring a second with it that would stay."""
    users = pair.rotates(cannot=["SELECT FROM no_such_table"])
    new = await users.create(pair.turn)
    await users.set(pair.turn, new)
    with pytest.raises(Refused, match="with 42501, and ends with 42P01"):
        await users.test(pair.turn, new)
    pair.sql("INSERT INTO {orders} VALUES (2)")
    two = f"COMMIT; TRUNCATE {pair.name}_orders"
    with pytest.raises(Refused, match=r"cannot \(42601\)"):
        await pair.rotates(can=[two]).test(pair.turn, new)
    assert pair.sql("SELECT id FROM {orders}") == [(2,)]


async def test_a_lock_of_somebody_elses_is_no_lost_right(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether the login may is not known then, and asked again."""
    monkeypatch.setattr(postgres_rights, "_PATIENCE", "SELECT set_config('lock_timeout', '50ms', false)")
    users = pair.rotates()
    new = await users.create(pair.turn)
    await users.set(pair.turn, new)
    with pair.server.connect() as holds, holds.transaction(force_rollback=True):
        holds.execute(pair.named("LOCK {orders}"))
        with pytest.raises(CouldNotObserve, match=r"waits for others \(LockNotAvailable\): TABLE"):
            await users.test(pair.turn, new)
    assert isinstance(await users.test(pair.turn, new), Done)


async def test_a_compressed_clock_stays_on_this_machine(pair: Pair, estates: Estates) -> None:
    """The new password is not sent to a server elsewhere in a rehearsal."""
    rotator = SecretStr(pair.conninfo(pair.rotator, pair.password))
    section = {"dsn": estates.secret(SecretStr("host=192.0.2.1 dbname=x")), "rotator": estates.secret(rotator)}
    estate = estates.make(clock={"hour": "2s"}, postgres={"main": section})
    new = await pair.rotates().create(pair.turn)
    with pytest.raises(CouldNotObserve, match="leads off this machine"):
        await pair.rotates().test(pair.now(estate=estate), new)


async def test_sessions_hold_the_switching_off(pair: Pair) -> None:
    """A pool that is still open is not cut: it is named, and asked after an hour later."""
    users, new = pair.rotates(), await rotated(pair)
    turn = pair.now(promoted=now())
    with pair.log_in(turn.old, application_name="batch") as session:
        before = now()
        waits = await users.off(turn, new)
        assert isinstance(waits, NotYet)
        assert waits.why == f"sessions of {pair.a} live: 1 of batch@127.0.0.1"
        assert timedelta(minutes=59) < waits.until - before < timedelta(minutes=61)
        assert isinstance(await users.drop(turn, new), NotYet)
        assert session.execute("SELECT 1").fetchone() == (1,)
        assert pair.opens(turn.old)


async def test_what_leaked_is_cut_off_at_once(pair: Pair) -> None:
    """Its sessions are ended, and nobody logs in with it again."""
    users, new = pair.rotates(), await rotated(pair)
    turn = pair.now(promoted=now(), at_once=True)
    assert users.keep(turn) == timedelta(0)
    with pair.log_in(turn.old, application_name="thief") as session:
        assert await users.off(turn, new) == Done(f"{pair.a} cannot log in")
        with pytest.raises(psycopg.OperationalError):
            session.execute("SELECT 1")
    assert not pair.opens(turn.old)
    assert isinstance(await users.drop(turn, new), Done)
    assert pair.opens(new)


async def test_undone_before_it_is_current(pair: Pair) -> None:
    """At each step the new login ends up with nothing, twice as well, and the old one never is touched."""
    users = pair.rotates()
    assert (await users.undo(pair.turn, None)).already
    new = await users.create(pair.turn)
    assert (await users.undo(pair.turn, new)).already
    before = state(pair, pair.a)
    for number, steps in enumerate((users.set, users.test)):
        turn = pair.now(rotation=f"{pair.turn.rotation}-{number}")
        await users.set(turn, new)
        await steps(turn, new)
        assert [(await users.undo(turn, new)).already for _ in range(2)] == [False, True]
        assert state(pair, pair.b) == (False, False, f"tminus rotation {turn.rotation}, over")
        with pytest.raises(Refused, match="taken away already"):
            await users.set(turn, new)
    assert state(pair, pair.a) == before
    assert pair.opens(pair.turn.old)


async def test_undone_after_it_was_current(pair: Pair) -> None:
    """Switched on again the old login works; while it is off, the only one that works is not taken away."""
    users, new = pair.rotates(), await rotated(pair)
    turn = pair.now(promoted=now())
    await users.off(turn, new)
    with pytest.raises(Refused, match=f"{pair.a} cannot log in any more"):
        await users.undo(turn, new)
    await users.on(turn, new)
    assert not (await users.undo(turn, new)).already
    assert pair.opens(turn.old)
    assert not pair.opens(new)


async def test_a_later_rotation_is_not_overtaken(pair: Pair) -> None:
    """Whoever comes late, of an earlier rotation, changes nothing at any step."""
    users, new = pair.rotates(), await rotated(pair)
    late = pair.now(rotation=EARLIER)
    for step in (users.set, users.undo):
        with pytest.raises(Refused, match="which is later than"):
            await step(late, new)
    pair.sql("COMMENT ON ROLE {a} IS 'tminus rotation " + LATER + "'")
    for step in (users.off, users.on, users.drop):
        with pytest.raises(Refused, match="which is later than"):
            await step(pair.turn, new)
    assert pair.opens(new)
    assert pair.opens(pair.turn.old)


async def test_a_login_in_use_gets_no_new_password(pair: Pair) -> None:
    """Whoever was given the other login behind the book's back would be cut off: named, and refused."""
    pair.sql("ALTER ROLE {b} LOGIN PASSWORD {password}")
    users = pair.rotates()
    new = await users.create(pair.turn)
    with (
        psycopg.connect(pair.conninfo(pair.b, pair.password, application_name="report")),
        pytest.raises(Refused, match="in use: 1 of report@"),
    ):
        await users.set(pair.turn, new)


async def test_what_people_wrote_of_a_role_stays(pair: Pair) -> None:
    """The mark is a line of its own beneath."""
    pair.sql("COMMENT ON ROLE {b} IS E'the shop\\'s\\nsecond login'")
    users, new = pair.rotates(), await rotated(pair)
    assert str(state(pair, pair.b)[2]).startswith("the shop's\nsecond login\ntminus rotation ")
    await users.undo(pair.turn, new)
    assert state(pair, pair.b)[2] == f"the shop's\nsecond login\ntminus rotation {pair.turn.rotation}, over"


async def test_a_session_that_outlived_its_login_hinders_nobody(pair: Pair) -> None:
    """Of a rotation that was undone pools may live on; the login can be given its next password beneath them."""
    users, first = pair.rotates(), await rotated(pair)
    with pair.log_in(first) as pool:
        await users.undo(pair.turn, first)
        turn = pair.now(rotation=LATER)
        second = await users.create(turn)
        assert isinstance(await users.set(turn, second), Done)
        assert pool.execute("SELECT 1").fetchone() == (1,)


async def test_two_at_once_set_it_once(pair: Pair) -> None:
    """The second finds it done."""
    users = pair.rotates()
    new = await users.create(pair.turn)
    both = await asyncio.gather(users.set(pair.turn, new), users.set(pair.turn, new))
    assert sorted(done.already for done in both if isinstance(done, Done)) == [False, True]
    assert pair.opens(new)


async def test_broken_off_in_the_middle_nothing_stays(pair: Pair) -> None:
    """The server ends the rotator's session while it changes the login: all of it is taken back, and done again."""
    users = pair.rotates()
    new = await users.create(pair.turn)
    with pair.server.connect() as holds, holds.transaction(force_rollback=True):
        holds.execute(pair.named("ALTER ROLE {b} CONNECTION LIMIT 9"))
        setting = asyncio.create_task(users.set(pair.turn, new))
        while not pair.sql(END_THE_WAITING.format(pair.rotator)):
            await asyncio.sleep(0.01)
        with pytest.raises(CouldNotObserve, match="postgres main"):
            await setting
    assert state(pair, pair.b) == (False, False, "")
    assert isinstance(await users.set(pair.turn, new), Done)
    assert pair.opens(new)


async def test_a_rotator_that_may_not_says_so(pair: Pair) -> None:
    """The server's own words, and nothing half done."""
    users = pair.rotates()
    new = await users.create(pair.turn)
    pair.sql("REVOKE {b} FROM {rotator}")
    with pytest.raises(CouldNotObserve, match="ADMIN option"):
        await users.set(pair.turn, new)
    assert state(pair, pair.b) == (False, False, "")


async def test_the_password_is_in_no_record_of_ours(pair: Pair, caplog: pytest.LogCaptureFixture) -> None:
    """At DEBUG of every logger, through the whole turn, refusals and all."""
    caplog.set_level(logging.DEBUG)
    users, new = pair.rotates(), await rotated(pair)
    wrong = new.changed(new.of, {"password": SecretStr(secrets.token_urlsafe(32))})
    with pytest.raises(Refused, match=r"refuses \w+_b: ") as refused:
        await users.test(pair.turn, wrong)
    await users.off(pair.turn, new)
    told = caplog.text + repr(refused.value) + str(refused.value.__cause__) + repr(new)
    for document in (new, wrong, pair.turn.old):
        assert document.secret("password").get_secret_value() not in told


async def test_whoever_has_what_leaked_cannot_stop_it(pair: Pair) -> None:
    """Neither a grant that the old login made to itself nor a lock that a session of it holds keeps it on."""
    users, turn = pair.rotates(), pair.now(at_once=True)
    new = await users.create(turn)
    pair.sql("GRANT SELECT ON {payroll} TO {a}")
    assert isinstance(await users.set(turn, new), Done)
    assert isinstance(await users.test(turn, new), Done)
    turn = pair.now(at_once=True, promoted=now())
    with pair.log_in(turn.old) as thief:
        thief.execute(f"SELECT pg_advisory_lock(hashtextextended('tminus rotation {pair.owner}', 0))")
        assert isinstance(await users.off(turn, new), Done)
        assert isinstance(await users.drop(turn, new), Done)
    assert not pair.opens(turn.old)
    assert pair.opens(new)
