"""Opening a ledger: which one, what goes wrong, in words without its password, and a server that comes back."""

import signal
import sqlite3
import threading
import traceback
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from psycopg.conninfo import make_conninfo
from pydantic import SecretStr, ValidationError

from deployments.rehearsal.binaries import postgres_folder
from deployments.rehearsal.ports import free_port
from deployments.rehearsal.postgres import Postgres
from deployments.rehearsal.processes import Child, Processes
from tests.conftest import PostgresServer
from tests.tminus.ledger.conftest import Ledger, postgres_ledger, sqlite_ledger
from tests.tminus.ledger.other_process import other_process
from tests.tminus.ledger.test_lease import eventually
from tminus.environment import Environment
from tminus.environment import Ledger as Settings
from tminus.errors import LedgerError, LedgerUnreachable, NoLedger, UsageError
from tminus.lease import Heartbeat
from tminus.ledger.opening import VARIABLE, named_ledger, open_ledger
from tminus.ledger.postgres import PostgresStore
from tminus.ledger.sqlite import SqliteStore
from tminus.ledger.store import Entry, Store
from tminus.unprivileged import unprivileged

CHAIN = "tradesense-2-0-0"
_PASSWORD = "canary-of-the-ledger"


class StoppablePostgres:
    """A PostgreSQL that can be stopped and started again."""

    def __init__(self, processes: Processes, folder: Path) -> None:
        self.at = Postgres.plan(folder, standby=False)
        self._processes, self._folder = processes, folder
        (self._child,) = self.at.start(processes)

    def open(self) -> Store:
        """A store on it."""
        return PostgresStore(self.at.address.dsn("postgres"))

    def stop(self) -> None:
        """Ends it, and every session with it."""
        self._child.end(within=10)

    def start(self) -> Child:
        """Starts it on the same files and port."""
        prefix, folder = unprivileged(self._folder).prefix, str(postgres_folder() / "postgres")
        argv = [*prefix, folder, "-D", str(self._folder / "primary"), "-c", f"port={self.at.address.port}"]
        self._child = self._processes.start(
            "postgres",
            argv,
            cwd=self._folder,
            log=self._folder / "again.log",
            ready=self.at._accepts,
            stop_signal=signal.SIGINT,
        )
        return self._child


@pytest.fixture
def stoppable(tmp_path: Path) -> Iterator[StoppablePostgres]:
    """A PostgreSQL of this test's own."""
    with Processes() as processes:
        yield StoppablePostgres(processes, tmp_path / "postgres")


def test_the_variable_names_the_ledger(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """TMINUS_LEDGER names a file, or where a DSN is kept; anything else is refused with what to write instead."""
    made = tmp_path / "made" / "here.sqlite"
    monkeypatch.setenv(VARIABLE, f"sqlite:{made}")
    with pytest.raises(NoLedger, match="there is no ledger"):
        named_ledger()
    assert not made.parent.exists()
    SqliteStore(made).close()
    with closing(open_ledger(named_ledger())) as store:
        assert isinstance(store, SqliteStore)
        assert store.chains() == []
    monkeypatch.setenv(VARIABLE, "env:LEDGER_DSN")
    assert named_ledger() == Settings(postgres="env:LEDGER_DSN")
    for wrong in ("sqlite:", f"postgresql://me:{_PASSWORD}@db/ledger", "ledger.sqlite"):
        monkeypatch.setenv(VARIABLE, wrong)
        with pytest.raises(UsageError, match=f"{VARIABLE}.*to sqlite:PATH, or env:NAME") as raised:
            named_ledger()
        assert _PASSWORD not in "".join(traceback.format_exception(raised.value))
    monkeypatch.delenv(VARIABLE)
    with pytest.raises(UsageError, match=f"set {VARIABLE} to sqlite:PATH"):
        named_ledger()


def test_production_wants_postgres() -> None:
    """An environment of kind production with a ledger in a file is refused, with the reason."""
    plain = {"environment": "prod", "prefect": {"api": "http://prefect:4200/api"}, "state": "/var/lib/tminus"}
    with pytest.raises(ValidationError, match="production wants postgres, since a file on one machine is lost with it"):
        Environment.model_validate({**plain, "kind": "production", "ledger": {"sqlite": "ledger.sqlite"}})
    kept = Environment.model_validate({**plain, "kind": "production", "ledger": {"postgres": "env:LEDGER_DSN"}})
    assert kept.ledger.postgres == "env:LEDGER_DSN"
    with pytest.raises(ValidationError, match="a ledger is either sqlite: PATH or postgres: SECRET-REFERENCE"):
        Settings()


def test_a_file_that_is_no_ledger_is_said_and_left_alone(tmp_path: Path) -> None:
    """A folder, a file of something else, a folder that cannot be made: each is named, and nothing is changed."""
    text = tmp_path / "text.sqlite"
    text.write_text("this is no database, and it is longer than a page's header" * 20)
    for path in (tmp_path, text, text / "below" / "ledger.sqlite"):
        with pytest.raises(LedgerUnreachable, match="cannot be opened") as raised:
            SqliteStore(path)
        assert str(path) in str(raised.value)
    assert text.read_text().startswith("this is no database")


def test_a_ledger_locked_by_another_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A writer that never ends is waited for, and then named as the ledger not answering; afterwards all is well."""
    monkeypatch.setattr("tminus.ledger.sqlite._BUSY", 0.1)
    made = sqlite_ledger(tmp_path)
    store = made.open()
    store.open_chain(CHAIN)
    with closing(sqlite3.connect(made.place, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(LedgerUnreachable, match="does not answer: database is locked"):
            store.append(Entry(CHAIN, "{}"))
        assert store.read(CHAIN) == []
        other.execute("ROLLBACK")
    assert store.append(Entry(CHAIN, "{}"))[0].seq == 1
    made.close()


def test_an_append_is_on_the_disk_when_it_returns(tmp_path: Path) -> None:
    """SQLite syncs its write-ahead log at every commit."""
    made = sqlite_ledger(tmp_path)
    store = made.open()
    assert store.look("PRAGMA journal_mode", {}) == [("wal",)]
    assert store.look("PRAGMA synchronous", {}) == [(2,)]
    made.close()


@pytest.mark.parametrize("dsn", [f"postgresql://me:{_PASSWORD}@[db/ledger", f"host=db pasword={_PASSWORD}"])
def test_a_dsn_that_cannot_be_read_never_shows(dsn: str) -> None:
    """A broken connection string is refused; it stands neither in the message nor in the traceback."""
    with pytest.raises(UsageError, match="no PostgreSQL connection string") as raised:
        PostgresStore(SecretStr(dsn))
    assert _PASSWORD not in "".join(traceback.format_exception(raised.value))


def test_a_server_that_is_not_there_is_named_without_its_password() -> None:
    """A connection that is refused says which server, which port and why, and not with what password."""
    port = free_port()
    with pytest.raises(LedgerUnreachable, match=rf"127\.0\.0\.1:{port}/ledger does not answer.*refused") as raised:
        PostgresStore(SecretStr(f"postgresql://me:{_PASSWORD}@127.0.0.1:{port}/ledger"))
    assert _PASSWORD not in "".join(traceback.format_exception(raised.value))


def test_a_database_that_cannot_hold_every_text_is_refused(postgres_server: PostgresServer) -> None:
    """Hashes are of UTF-8 texts, so a database in another encoding is refused with what to do."""
    with postgres_server.connect() as connection:
        connection.execute("CREATE DATABASE ascii_ledger ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0")
    dsn = make_conninfo(postgres_server.at.address.dsn("postgres").get_secret_value(), dbname="ascii_ledger")
    with pytest.raises(LedgerError, match="ascii_ledger has the encoding SQL_ASCII; make one with UTF8"):
        PostgresStore(SecretStr(dsn))


def test_a_role_that_may_only_use_the_tables_needs_no_more(postgres_server: PostgresServer) -> None:
    """Where the tables are, no right to make any is needed; where they are not, the refusal is called a refusal."""
    made = postgres_ledger(postgres_server)
    schema = made.place
    dsn = make_conninfo(
        postgres_server.at.address.dsn("trading").get_secret_value(), options=f"-c search_path={schema}"
    )
    made.alter("GRANT USAGE ON SCHEMA {schema} TO trading", schema=schema)
    with pytest.raises(LedgerError, match=r"refuses: permission denied.* 42501") as raised:
        PostgresStore(SecretStr(dsn))
    assert not isinstance(raised.value, LedgerUnreachable)
    made.open().open_chain(CHAIN)
    made.alter("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO trading", schema=schema)
    with closing(PostgresStore(SecretStr(dsn))) as store:
        assert store.append(Entry(CHAIN, "{}"))[0].seq == 1
    made.close()


def test_many_first_users_at_once(ledger: Ledger) -> None:
    """Processes that open a ledger for the first time at the same moment all get it."""
    with ExitStack() as stack:
        others = [stack.enter_context(other_process(ledger.variables)) for _ in range(3)]
        raised: list[Exception] = []

        def use() -> None:
            try:
                ledger.open().chains()
            except LedgerError as e:
                raised.append(e)

        threads = [threading.Thread(target=use) for _ in range(4)]
        for other in others:
            other.tell("take", CHAIN, 1)
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not raised
        assert [other.says() for other in others] == [
            f"LedgerError: no launch is called '{CHAIN}'; `tminus status` lists them"
        ] * 3


def test_a_stopped_server_is_unreachable_and_used_again_when_it_is_back(stoppable: StoppablePostgres) -> None:
    """While PostgreSQL is down every use says so; once it is back the same store simply works, and nothing is lost."""
    with closing(stoppable.open()) as store:
        store.open_chain(CHAIN, Entry(CHAIN, "1"))
        changes = store.changes()
        stoppable.stop()
        for use in (
            lambda: store.append(Entry(CHAIN, "lost")),
            lambda: store.read(CHAIN),
            lambda: store.lease(CHAIN),
            lambda: changes.wait(0.1),
            stoppable.open,
        ):
            with pytest.raises(LedgerUnreachable, match="does not answer"):
                use()
        stoppable.start()
        assert store.append(Entry(CHAIN, "2"))[0].seq == 2
        assert changes.wait(0.1)
        assert not changes.wait(0.1)
        changes.close()


@pytest.mark.long
def test_a_restart_between_two_uses_is_not_noticed(stoppable: StoppablePostgres) -> None:
    """A server that was restarted while nobody used it does not fail the next use."""
    with closing(stoppable.open()) as store:
        store.open_chain(CHAIN)
        for times in (1, 2):
            stoppable.stop()
            stoppable.start()
            assert store.append(Entry(CHAIN, "{}"))[0].seq == times


def test_a_renewal_is_tried_again_while_the_server_restarts(
    stoppable: StoppablePostgres, caplog: pytest.LogCaptureFixture
) -> None:
    """A lease outlives a restart of the ledger's server: the heartbeat tries again until it answers."""
    with closing(stoppable.open()) as store:
        store.open_chain(CHAIN)
        token = store.take_lease(CHAIN, "me", 3)
        assert token is not None
        with Heartbeat(stoppable.open(), CHAIN, token, 3) as heartbeat:
            stoppable.stop()
            assert eventually(lambda: "the lease was not renewed" in caplog.text)
            stoppable.start()
            before = _ends(store)
            assert eventually(lambda: _ends(store) > before)
            assert not heartbeat.lost.is_set()
            store.append(Entry(CHAIN, "{}", token=token))


def _ends(store: Store) -> float:
    return float(str(store.look("SELECT lease_until FROM chain", {})[0][0]))


def test_a_conductor_stopped_inside_a_transaction_does_not_hold_its_chain(postgres_server: PostgresServer) -> None:
    """PostgreSQL ends a transaction whose owner fell silent, so that a successor gets at the chain."""
    made = postgres_ledger(postgres_server)
    silent, successor = made.open(), made.open()
    silent.open_chain(CHAIN)
    assert silent.look("SHOW idle_in_transaction_session_timeout", {}) == [("5s",)]
    with pytest.raises(LedgerUnreachable), silent._locked() as within:  # noqa: PT012 - the silence is in the middle
        within.run("SET LOCAL idle_in_transaction_session_timeout = '100ms'", {})
        within.run("UPDATE chain SET seq = 99 WHERE chain = :chain", {"chain": CHAIN})
        assert successor.take_lease(CHAIN, "successor", 60) == 1
        within.run("SELECT 1", {})
    assert successor.append(Entry(CHAIN, "{}", token=1))[0].seq == 1
    made.close()
