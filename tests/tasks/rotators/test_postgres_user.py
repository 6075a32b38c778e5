"""A single login, whose password is changed in place on a real PostgreSQL, by a rotator that is no superuser."""

import logging
from datetime import timedelta

import psycopg
import pytest
from pydantic import SecretStr

from tasks.rotators.postgres_user import PostgresUser
from tasks.rotators.rotator import Done
from tests.tasks.rotators.pair import EARLIER, Pair, state
from tminus.clock import now
from tminus.errors import CouldNotObserve, Refused


def rotates(pair: Pair, **changed: object) -> PostgresUser:
    """The policy of the first login of a pair."""
    users = pair.rotates()
    plain = users.model_dump(include={"title", "owner", "secret", "every", "server", "can", "cannot"})
    return PostgresUser.model_validate({**plain, "user": pair.a, **changed})


async def test_the_old_password_works_until_the_last_step(pair: Pair) -> None:
    """Made and rehearsed it changes nothing; tested it is the login's, once and twice."""
    user, turn = rotates(pair), pair.turn
    way = await user.plan(pair.now(way={}))
    assert (way["user"], way["refused"][:24]) == (pair.a, "log-ins with the old pas")
    new = await user.create(turn)
    for _ in range(2):
        assert "it still has the old one" in str(await user.set(turn, new))
        assert pair.opens(turn.old)
        assert not pair.opens(new)
    for _ in range(2):
        assert await user.test(turn, new) == Done(f"{pair.a} has its new password, and logged in with it")
    assert (await user.set(turn, new)).already  # type: ignore[union-attr]  # a NotYet would fail here as well
    assert pair.opens(new)
    assert not pair.opens(turn.old)


async def test_undone_the_old_password_is_back(pair: Pair) -> None:
    """Before the change nothing is to be done; after it, and after it was current, the old one opens again."""
    user, turn = rotates(pair), pair.turn
    assert (await user.undo(turn, None)).already
    new = await user.create(turn)
    for promoted in (None, now()):
        await user.set(turn, new)
        assert (await user.undo(turn, new)).already
        await user.test(turn, new)
        late = pair.now(promoted=promoted)
        assert (await user.on(late, new)).already
        assert [(await user.undo(late, new)).already for _ in range(2)] == [False, True]
        assert pair.opens(turn.old)
        assert not pair.opens(new)
    assert state(pair, pair.a) == (True, True, "")


async def test_a_new_password_that_does_not_open_is_taken_back(pair: Pair) -> None:
    """Where nobody can log in with the new one, the old one is put back before anybody is told."""
    user, turn = rotates(pair), pair.turn
    new = await user.create(turn)
    pair.sql("GRANT CONNECT ON DATABASE trading TO {rotator}; REVOKE CONNECT ON DATABASE trading FROM PUBLIC")
    try:
        with pytest.raises(Refused, match="permission denied for database"):
            await user.test(turn, new)
    finally:
        pair.sql("GRANT CONNECT ON DATABASE trading TO PUBLIC")
    assert pair.opens(turn.old)
    assert state(pair, pair.a) == (True, True, "")


async def test_what_the_login_may_is_proven_before_anything_is_changed(pair: Pair) -> None:
    """So that the proof takes no time while log-ins are refused."""
    turn = pair.turn
    new = await rotates(pair).create(turn)
    with pytest.raises(Refused, match="must be able to do this and cannot"):
        await rotates(pair, can=["CREATE ROLE somebody"]).set(turn, new)
    with pytest.raises(Refused, match="must not be able to do this and can"):
        await rotates(pair, cannot=[f"TABLE {pair.name}_orders"]).set(turn, new)
    pair.sql("REVOKE {a} FROM {rotator}")
    with pytest.raises(CouldNotObserve, match="ADMIN option"):
        await rotates(pair).set(turn, new)
    assert pair.opens(turn.old)


async def test_another_login_is_refused(pair: Pair) -> None:
    """The book's and the secret's are the same, and a later rotation is not overtaken."""
    user = rotates(pair)
    with pytest.raises(Refused, match=f"has the username '{pair.a}', not '{pair.b}'"):
        await rotates(pair, user=pair.b).plan(pair.turn)
    new = await user.create(pair.turn)
    with pytest.raises(Refused, match="is of 'trading'"):
        await user.set(pair.turn, new.changed(new.of, {"username": "trading"}))
    await user.test(pair.turn, new)
    for step in (user.set, user.test, user.undo):
        with pytest.raises(Refused, match="which is later than"):
            await step(pair.now(rotation=EARLIER), new)
    assert pair.opens(new)


async def test_what_leaked_ends_with_its_sessions(pair: Pair) -> None:
    """Who will be cut off is known before; all end, since whose clock says when a session began may be off."""
    user, turn = rotates(pair), pair.now(at_once=True)
    new = await user.create(turn)
    with pair.log_in(turn.old, application_name="thief") as session:
        found = await user.census(turn, new)
        assert [use.who for use in found.uses] == ["thief@127.0.0.1"]
        await user.test(turn, new)
        turn = pair.now(at_once=True, promoted=now())
        assert isinstance(await user.off(turn, new), Done)
        with pytest.raises(psycopg.OperationalError):
            session.execute("SELECT 1")
    with pair.log_in(new) as fresh:
        assert isinstance(await user.drop(turn, new), Done)
        with pytest.raises(psycopg.OperationalError):
            fresh.execute("SELECT 1")


async def test_afterwards_there_is_nothing_to_wait_for(pair: Pair) -> None:
    """The old one has no users, which is said with what that cannot tell; pools stay open."""
    user = rotates(pair)
    new = await user.create(pair.turn)
    with pair.log_in(pair.turn.old) as pool:
        await user.test(pair.turn, new)
        turn = pair.now(promoted=now())
        found = await user.census(turn, new)
        assert (list(found.uses), found.since) == ([], turn.promoted)
        assert "who is refused" in found.blind
        assert user.keep(turn) == timedelta(0)
        assert [(await step(turn, new)).already for step in (user.off, user.drop)] == [True, True]  # type: ignore[union-attr]
        assert pool.execute("SELECT 1").fetchone() == (1,)


async def test_the_password_is_told_nowhere(pair: Pair, caplog: pytest.LogCaptureFixture) -> None:
    """Neither in a record at DEBUG nor in a refusal."""
    caplog.set_level(logging.DEBUG)
    user = rotates(pair)
    new = await user.create(pair.turn)
    await user.set(pair.turn, new)
    await user.test(pair.turn, new)
    wrong = new.changed(new.of, {"password": SecretStr("a password that is wrong")})
    with pytest.raises(Refused, match="refuses") as refused:
        await user.test(pair.turn, wrong)
    told = f"{caplog.text}{refused.value}{refused.value.__cause__}{new!r}"
    for document in (new, wrong, pair.turn.old):
        assert document.secret("password").get_secret_value() not in told
