"""Who still uses the old login: by the server's own log and its sessions, read by a rotator that is no superuser."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from tasks.rotators import postgres_log
from tasks.rotators.rotator import Census, Turn
from tests.conftest import Estates, PostgresServer
from tests.tasks.rotators.pair import Pair, made_pair, rotated
from tminus.clock import now
from tminus.errors import CouldNotObserve

_LONG_ENOUGH = 200  # looks, 25 ms apart


async def census_when(pair: Pair, turn: Turn, so: Callable[[Census], bool], **policy: object) -> Census:
    """The census as soon as it is so: the log is written by a process of its own, a moment later."""
    users = pair.rotates(**policy)
    for _ in range(_LONG_ENOUGH):
        found = await users.census(turn, turn.old)
        if so(found):
            return found
        await asyncio.sleep(0.025)
    raise AssertionError(f"it never was so: {found}")


def seen(times: int) -> Callable[[Census], bool]:
    """That many log-ins."""
    return lambda census: sum(use.times for use in census.uses) == times


@pytest.mark.parametrize("form", ["jsonlog", "csvlog"])
async def test_the_weekly_batch_is_seen_by_the_log(told_pair: Pair, form: str) -> None:
    """It came and went between two looks, twice; whoever came before the new one was current is not counted."""
    told_pair.log_in(told_pair.turn.old, application_name="before").close()
    await asyncio.sleep(0.01)
    turn = told_pair.now(promoted=now())
    with written_as(told_pair, form):
        for _ in range(2):
            told_pair.log_in(turn.old, application_name="weekly batch").close()
        found = await census_when(told_pair, turn, seen(2))
    [use] = found.uses
    assert (use.who, use.times) == ("weekly batch@127.0.0.1", 2)
    assert turn.promoted is not None
    assert turn.promoted <= use.last <= now()
    assert found.last == use.last
    assert found.blind == ""
    assert form in found.where


async def test_nobody_is_told_from_nothing_seen(told_pair: Pair) -> None:
    """Where nobody used it, the census says from when on it would have seen it: since the new one is current."""
    turn = told_pair.now(promoted=now() - timedelta(milliseconds=50))
    await rotated(told_pair)
    found = await census_when(told_pair, turn, seen(0))
    assert turn.promoted is not None
    assert abs(found.since - turn.promoted) < timedelta(seconds=1)
    assert list(found.uses) == []
    assert found.last is None


async def test_a_pool_that_stays_open_uses_it_now(told_pair: Pair) -> None:
    """However long ago it logged in."""
    with told_pair.log_in(told_pair.turn.old, application_name="pool"):
        await asyncio.sleep(0.01)
        found = await census_when(told_pair, told_pair.now(promoted=now()), seen(1))
    assert found.uses[0].who == "pool@127.0.0.1"
    assert now() - found.uses[0].last < timedelta(seconds=5)


async def test_who_will_be_cut_off_is_known_before(told_pair: Pair) -> None:
    """Before the new one is current, as after a leak, the log is read one cycle back."""
    told_pair.log_in(told_pair.turn.old, application_name="report").close()
    found = await census_when(told_pair, told_pair.turn, seen(1), cycle="1d")
    assert [use.who for use in found.uses] == ["report@127.0.0.1"]


async def test_a_log_that_was_silent_for_a_while_says_since_when_it_tells(told_pair: Pair) -> None:
    """Log-ins that were not told of count from when they are again; nobody is taken for absent meanwhile."""
    turn = told_pair.now(promoted=now())
    with told_pair.server.connect() as connection:
        for value in ("off", "on"):
            connection.execute(f"ALTER SYSTEM SET log_connections = {value}")
            connection.execute("SELECT pg_reload_conf()")
            while connection.execute("SELECT pg_conf_load_time()").fetchone() is None or _is(told_pair) != value:
                await asyncio.sleep(0.01)
            if value == "off":
                with pytest.raises(CouldNotObserve, match="needs log_connections = on"):
                    await told_pair.rotates().census(turn, turn.old)
        connection.execute("ALTER SYSTEM RESET log_connections")
    assert turn.promoted is not None
    began = turn.promoted
    found = await census_when(told_pair, turn, lambda census: census.since > began + timedelta(milliseconds=5))
    assert found.since <= now()
    assert "of which the log does not tell" in found.blind


def _is(pair: Pair) -> str:
    """What log_connections is for a session that begins now."""
    [(value,)] = pair.sql("SHOW log_connections")
    return str(value)


@contextmanager
def written_as(pair: Pair, form: str) -> Iterator[None]:
    """The server says that its log is in this form alone."""
    with pair.server.connect() as connection:
        connection.execute(f"ALTER SYSTEM SET log_destination = '{form}'")
        connection.execute("SELECT pg_reload_conf()")
        while pair.sql("SHOW log_destination") != [(form,)]:
            pass
        try:
            yield
        finally:
            connection.execute("ALTER SYSTEM RESET log_destination")
            connection.execute("SELECT pg_reload_conf()")


async def test_a_log_that_does_not_tell_is_no_silence(pair: Pair) -> None:
    """Each setting that it would take is named."""
    with pytest.raises(
        CouldNotObserve, match=r"logging_collector = on .*, log_destination with jsonlog or csvlog, log_co"
    ):
        await pair.rotates().census(pair.turn, pair.turn.old)


@pytest.mark.parametrize(
    ("revoked", "grant"),
    [
        ("REVOKE pg_monitor FROM {rotator}", "GRANT pg_monitor TO {rotator}"),
        (
            "REVOKE EXECUTE ON FUNCTION pg_read_binary_file(text, bigint, bigint, boolean) FROM {rotator}",
            "GRANT EXECUTE ON FUNCTION pg_read_binary_file",
        ),
    ],
)
async def test_a_log_that_may_not_be_read(told_pair: Pair, revoked: str, grant: str) -> None:
    """The GRANT that is missing is said."""
    told_pair.sql(revoked)
    with pytest.raises(CouldNotObserve, match=grant.format(rotator=told_pair.rotator)):
        await told_pair.rotates().census(told_pair.now(promoted=now()), told_pair.turn.old)


async def test_a_log_too_long_to_be_read(told_pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is counted by halves: how long it is and what would mend it is said."""
    monkeypatch.setattr(postgres_log, "_MOST", 100)
    with pytest.raises(CouldNotObserve, match="100 are read at most; log less"):
        await told_pair.rotates().census(told_pair.now(promoted=now()), told_pair.turn.old)


async def test_a_log_is_read_piece_by_piece(told_pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """However small the pieces, a line cut in two is not lost."""
    turn = told_pair.now(promoted=now())
    told_pair.log_in(turn.old, application_name="batch").close()
    await census_when(told_pair, turn, seen(1))
    monkeypatch.setattr(postgres_log, "_CHUNK", 999)
    assert [use.times for use in (await told_pair.rotates().census(turn, turn.old)).uses] == [1]


TELLS = {
    "log_directory": "log",
    "logging_collector": "on",
    "log_destination": "stderr, csvlog",
    "log_connections": "on",
    "log_min_messages": "warning",
    "lc_messages": "C.UTF-8",
}


@pytest.mark.parametrize(
    "said",
    [
        {"log_connections": "receipt,authorization"},
        {"log_connections": "all"},
        {"lc_messages": ""},
        {"lc_messages": "en_GB.UTF-8"},
        {"log_min_messages": "error"},
    ],
)
def test_settings_that_tell(said: dict[str, str]) -> None:
    """As PostgreSQL writes them, before and from version 18 on."""
    assert postgres_log._form({**TELLS, **said}, "rotator") == "csvlog"


@pytest.mark.parametrize(
    ("said", "needed"),
    [
        ({"log_connections": ""}, "log_connections = on"),
        ({"log_connections": "receipt,setup_durations"}, "log_connections = on"),
        ({"lc_messages": "de_DE.UTF-8"}, "lc_messages = 'C'"),
        ({"log_min_messages": "fatal"}, "log_min_messages = warning"),
        ({"log_destination": "stderr"}, "jsonlog or csvlog"),
        ({"logging_collector": "off"}, "logging_collector = on"),
    ],
)
def test_settings_that_do_not(said: dict[str, str], needed: str) -> None:
    """Each alone is enough to miss a log-in, and is named."""
    with pytest.raises(CouldNotObserve, match=needed):
        postgres_log._form({**TELLS, **said}, "rotator")


async def test_of_a_long_log_only_the_end_is_read(told_pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """As far back as the new one is current, and no further."""
    monkeypatch.setattr(postgres_log, "_CHUNK", 4096)
    monkeypatch.setattr(postgres_log, "_APART", timedelta(milliseconds=100))
    with told_pair.log_in(told_pair.turn.old) as session:
        for _ in range(40):
            session.execute(f"SELECT '{'x' * 4000}'")
    await asyncio.sleep(0.2)
    turn = told_pair.now(promoted=now())
    told_pair.log_in(turn.old, application_name="batch").close()
    found = await census_when(told_pair, turn, seen(1))
    assert [use.who for use in found.uses] == ["batch@127.0.0.1"]
    assert abs(found.since - turn.promoted) < timedelta(seconds=1) if turn.promoted else False
    assert int(found.where.split(", ")[1].split()[0]) < 40 * 4000


async def test_what_leaked_is_cut_off_though_no_log_tells_of_it(pair: Pair) -> None:
    """The sessions are told, and why there is no more; otherwise a log that is asked for is waited for."""
    with pair.log_in(pair.turn.old, application_name="pool"):
        found = await pair.rotates().census(pair.now(at_once=True, way={}), pair.turn.old)
    assert [use.who for use in found.uses] == ["pool@127.0.0.1"]
    assert "the server's log does not tell who logs in; it needs" in found.blind


async def test_sessions_alone_say_what_they_cannot_see(pair: Pair) -> None:
    """Where the book asks for no more: who is there now, and that nobody else would be seen."""
    with pair.log_in(pair.turn.old, application_name="pool"), pair.log_in(pair.turn.old, application_name="pool"):
        found = await pair.rotates(census="sessions").census(pair.now(promoted=now()), pair.turn.old)
    assert [(use.who, use.times) for use in found.uses] == [("pool@127.0.0.1", 2)]
    assert "came and went between two looks" in found.blind


async def test_sessions_that_may_not_be_seen(pair: Pair) -> None:
    """A rotator that sees only its own sessions does not take the others' for none."""
    pair.sql("REVOKE pg_monitor FROM {rotator}")
    with pair.log_in(pair.turn.old), pytest.raises(CouldNotObserve, match="GRANT pg_read_all_stats TO"):
        await pair.rotates(census="sessions").census(pair.now(promoted=now()), pair.turn.old)


async def test_log_ins_at_a_standby_are_said_to_be_out_of_sight(
    postgres_pair: PostgresServer, estates: Estates
) -> None:
    """The same passwords open a standby, whose sessions and log are its own."""
    with made_pair(postgres_pair, estates) as pair:
        found = await pair.rotates(census="sessions").census(pair.now(promoted=now()), pair.turn.old)
    assert "log-ins at its standbys (standby@127.0.0.1)" in found.blind


async def test_the_servers_log_holds_no_password(told_pair: Pair) -> None:
    """With every statement logged: the verifier is there, and no password, of the old login or the new."""
    new = await rotated(told_pair)
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(told_pair.conninfo(told_pair.b, "wrong"))
    folder = Path(str(told_pair.sql("SHOW data_directory")[0][0])) / "log"
    for _ in range(_LONG_ENOUGH):
        told = "".join(path.read_text("utf-8") for path in folder.iterdir())
        if f'ALTER ROLE \\"{told_pair.b}\\" LOGIN PASSWORD' in told and "password authentication failed" in told:
            break
        await asyncio.sleep(0.025)
    assert "SCRAM-SHA-256$4096:" in told
    assert new.secret("password").get_secret_value() not in told
