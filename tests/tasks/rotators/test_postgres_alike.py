"""Two logins of a real PostgreSQL are each other's double, and may what they must: what only one has is refused."""

import psycopg
import pytest
from pydantic import SecretStr

from tasks.rotators import postgres_rights
from tasks.rotators.rotator import Done
from tests.conftest import Estates
from tests.tasks.rotators.pair import Pair, rotated, state
from tminus.errors import CouldNotObserve, Refused


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
