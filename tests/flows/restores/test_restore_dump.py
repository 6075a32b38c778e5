"""Lost orders brought back: chosen, approved by another person, saved, restored beside, switched, taken back."""

import re
import subprocess
import sys
from pathlib import Path
from time import sleep

import pytest

from tasks.restores import pg_restore
from tasks.restores.live_postgres import LivePostgres
from tests.flows.restores.room import Room
from tminus import events as ev
from tminus.backups.contents import PostgresContents
from tminus.clock import now

GONE, THERE = 0, 900  # orders, in what is live and in the backup


def test_the_whole_way(room: Room) -> None:
    """The orders are back, with their owner's rights; what was live stays, is saved besides, and can be had again."""
    before = room.value("SELECT datacl::text FROM pg_database WHERE datname = current_database()")
    chain = room.asked()
    approved = room.approved(chain)
    assert approved.exit_code == 0, approved.output

    done = room.restore("--resume")
    assert done.exit_code == 0, done.output
    assert room.databases() == {"", "_before"}
    assert room.orders() == THERE
    assert room.verdicts(chain) == dict.fromkeys(("halted", "save", "beside", "halted-still", "switch"), "pass")
    assert room.value("SELECT datacl::text FROM pg_database WHERE datname = current_database()") == before
    assert room.value("SELECT current_setting('work_mem')") == "8MB"
    words = "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = current_database()"
    assert room.value(words) == "The shop's own words"
    [intended] = [one for one in room.events(chain) if isinstance(one, ev.StepIntended)]
    assert intended.undo is not None
    assert room.orders(intended.undo["kept"]) == GONE
    with room.connect() as connection:  # what is written after the switch
        connection.execute("UPDATE shop.orders SET amount = 1")

    shown = room.say("status", chain)
    assert (shown.exit_code, "done: database is database-" in shown.output) == (0, True), shown.output
    back = room.restore("database", "--undo", "--yes", key="lead")
    assert back.exit_code == 0, back.output
    assert re.search(r"all that was written in the \d+ s since then leaves live", back.output)
    assert room.databases() == {"", "_undone"}
    assert room.orders() == GONE
    assert room.holder() is None
    assert room.restore("database", "--undo", "--yes", key="lead").exit_code == 0
    assert room.orders() == GONE


def test_it_says_first_what_will_be_lost(room: Room) -> None:
    """Which backup, when it was verified, the seconds before the instant and until now; and it changes nothing."""
    at = now()
    found = room.restore("database", at.isoformat(), "--dry-run")
    assert found.exit_code == 0, found.output
    assert re.search(
        r"backup +database-\d{8}T\d{6}Z\S+, taken .* UTC: the newest at or before that instant", found.output
    )
    assert "never: nobody has restored it yet" in found.output
    assert re.search(r"loses +\d+ s between there and the instant asked, \d+ s between there and now", found.output)
    assert "by its newest mark, 7" in found.output
    assert room.databases() == {""}
    assert room.holder() is None


@pytest.mark.parametrize(
    ("instant", "sentence"),
    [
        ("2026-11-22T18:00:00", "has no zone"),
        ("yesterday", "is no time"),
        ("2999-01-01T00:00:00Z", "s to come"),
        ("2001-01-01T00:00:00Z", "no backup at or before 2001-01-01 00:00:00 UTC; the oldest of 1 is database-"),
    ],
)
def test_what_cannot_be_meant_exits_2(room: Room, instant: str, sentence: str) -> None:
    """With the reason, and nothing changed."""
    found = room.restore("database", instant, "--yes", key="asker")
    assert found.exit_code == 2
    assert sentence in found.output
    assert room.databases() == {""}
    assert room.holder() is None


def test_nobody_approves_their_own(room: Room) -> None:
    """Nor does one without the role; a restore that nobody else said yes to does nothing."""
    chain = room.asked()
    own = room.approved(chain, by="asker")
    assert own.exit_code == 3
    assert "asked for this restore, and nobody approves their own" in own.output
    assert room.approved(chain, by="other").exit_code == 3

    no = room.say("reject", chain, "--reason", "wait", key="lead")
    assert no.exit_code == 0, no.output
    ended = room.restore("--resume")
    assert ended.exit_code == 1
    assert "said no: wait" in ended.output
    assert room.databases() == {""}
    assert room.holder() is None


@pytest.mark.long
def test_while_anybody_trades_nothing_is_switched(room: Room) -> None:
    """It is looked at before anything is made, and again right before the switch; the copy waits for that."""
    chain = room.asked()
    room.approved(chain)
    with room.trading():
        found = room.restore("--resume")
        assert found.exit_code == 3
        assert "trading is not proven to be halted" in found.output
        assert room.databases() == {""}
    room.killed(chain, "after step.ended beside")
    with room.trading():
        sleep(0)
        found = room.restore("--resume")
        assert found.exit_code == 3
        assert room.databases() == {"", "_restored"}
        assert room.orders() == GONE
        assert room.holder() == chain
    assert room.restore("--resume").exit_code == 0
    assert room.orders() == THERE


@pytest.mark.long
def test_who_is_connected_is_sent_away(room: Room) -> None:
    """Sessions that are no trading, and come back at once, do not stand in the way of the rename."""
    chain = room.asked()
    room.approved(chain)
    dsn = room.shop.server.address.dsn("postgres", database=room.database).get_secret_value()
    again = (
        "import psycopg, sys\nwhile True:\n    try:\n        with psycopg.connect(sys.argv[1]) as c:\n"
        "            c.execute('SELECT pg_sleep(60)')\n    except psycopg.Error:\n        pass\n"
    )
    eager = subprocess.Popen([sys.executable, "-c", again, dsn])
    try:
        done = room.restore("--resume")
    finally:
        eager.kill()
        eager.wait()
    assert done.exit_code == 0, done.output
    assert room.orders() == THERE


def test_a_copy_that_is_not_what_was_backed_up_is_not_switched(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """The copy is looked at as a verification does; it goes, and the live store is as it was."""
    filled = pg_restore.fill

    async def short(server: LivePostgres, database: str, dump: Path | int, wanted: PostgresContents) -> str:
        came = await filled(server, database, dump, wanted)
        async with server.connect(database) as connection:
            await connection.execute("DELETE FROM shop.ledger WHERE id = (SELECT min(id) FROM shop.ledger)")
        return came

    monkeypatch.setattr(pg_restore, "fill", short)
    chain = room.asked()
    room.approved(chain)
    found = room.restore("--resume")
    assert found.exit_code == 1
    assert "is not what was backed up" in found.output
    assert "ledger" in found.output
    assert room.databases() == {""}
    assert room.orders() == GONE
    assert room.holder() is None


@pytest.mark.long
def test_given_up(room: Room) -> None:
    """What was made beside goes, the environment is free, and nobody can approve it any more."""
    chain = room.asked()
    room.approved(chain)
    room.killed(chain, "after step.ended beside")
    assert room.databases() == {"", "_restored"}
    found = room.restore("--give-up", key="other")
    assert found.exit_code == 0, found.output
    assert room.databases() == {""}
    assert room.holder() is None
    assert room.orders() == GONE


@pytest.mark.long
def test_what_was_live_was_dropped(room: Room) -> None:
    """Nothing is held for a way back that is none, nobody is sent away for it, and one under way can be given up."""
    chain = room.asked(unsaved="it is empty")
    room.approved(chain)
    assert room.restore("--resume").exit_code == 0
    [intended] = [one for one in room.events(chain) if isinstance(one, ev.StepIntended)]
    assert intended.undo is not None
    with room.connect("postgres") as connection:
        connection.execute(f'DROP DATABASE "{intended.undo["kept"]}"'.encode())
    with room.connect() as trader:
        found = room.restore("database", "--undo", "--yes", key="lead")
        assert (found.exit_code, "somebody dropped it" in found.output) == (1, True), found.output
        assert room.holder() is None
        back = room.ordered_back(chain)  # as where it is dropped right after it was looked for
        assert room.restore("--resume").exit_code == 1
        assert room.holder() == back
        ended = room.restore("--give-up", key="other")
        assert (ended.exit_code, "gave it up" in ended.output) == (0, True), ended.output
        assert trader.execute("SELECT count(*) FROM shop.orders").fetchone() == (THERE,)
    assert room.holder() is None


def test_a_lost_database_comes_back(room: Room) -> None:
    """Nothing can be saved then, which is said and approved, and nothing is there to be kept."""
    with room.connect("postgres") as connection:
        connection.execute(f"DROP DATABASE {room.database} WITH (FORCE)".encode())
    found = room.restore("database", now().isoformat(), "--dry-run", "--unsaved", "it was dropped")
    assert found.exit_code == 0, found.output
    assert "nothing: it was dropped" in found.output
    chain = room.asked(unsaved="it was dropped")
    room.approved(chain)
    done = room.restore("--resume")
    assert done.exit_code == 0, done.output
    assert room.databases() == {""}
    assert room.orders() == THERE


def test_no_secret_is_told(room: Room) -> None:
    """Neither the ledger nor what is printed holds a password or a key."""
    chain = room.asked()
    room.approved(chain)
    done = room.restore("--resume")
    everything = done.output + "".join(ev.write(one) for one in room.events(chain))
    for name, value in room.secrets().items():
        if name != "TMINUS_LEDGER":
            assert value not in everything, name
    assert room.shop.server.address.dsn("postgres").get_secret_value() not in everything
