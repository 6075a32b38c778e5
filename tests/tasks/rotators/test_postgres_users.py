"""Two logins that take turns, on a real PostgreSQL, changed by a rotator that is no superuser."""

import asyncio
import logging
import secrets
from datetime import timedelta

import psycopg
import pytest
from pydantic import SecretStr, ValidationError

from tasks.rotators.rotator import Done, NotYet
from tests.tasks.rotators.pair import EARLIER, END_THE_WAITING, LATER, Pair, rotated, state
from tminus.clock import now
from tminus.errors import CouldNotObserve, Refused


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
