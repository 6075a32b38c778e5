"""TradeSense's PostgreSQL: a real primary and a real standby, with the tables that its figures come from."""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import psycopg

from bench.worlds.postgres_cases import CASES
from bench.worlds.world import Case, Sections, World, fault
from deployments.rehearsal.binaries import postgres_folder
from deployments.rehearsal.postgres import Postgres
from deployments.rehearsal.processes import Processes
from tminus.unprivileged import unprivileged

_SECRET = "TMINUS_WORLD_POSTGRES"  # noqa: S105 - the name of a variable
_CROWD = 85  # connections, of the 97 that ordinary roles may open
_POLL = 0.01  # seconds
_TABLES = """
    CREATE TABLE users (id int PRIMARY KEY, created_at timestamptz NOT NULL, active_at timestamptz, password text);
    CREATE TABLE sessions (id int PRIMARY KEY, user_id int REFERENCES users, started_at timestamptz, length interval);
    CREATE TABLE revenue (day date PRIMARY KEY, cents bigint NOT NULL);
    CREATE TABLE tickets (id int PRIMARY KEY, severity text, opened_at timestamptz, closed_at timestamptz);
    CREATE TABLE logins (id int PRIMARY KEY, at timestamptz NOT NULL, succeeded bool NOT NULL);
    INSERT INTO users SELECT i, now() - i * interval '1 hour', now() - i * interval '10 minutes', '$argon2id$v=19$' || i
        FROM generate_series(1, 200) i;
    INSERT INTO sessions SELECT i, i, now() - i * interval '5 minutes', interval '12 minutes'
        FROM generate_series(1, 150) i;
    INSERT INTO revenue SELECT current_date - i, 100000 - i * 100 FROM generate_series(0, 29) i;
    INSERT INTO tickets SELECT i, 'low', now() - interval '2 days', now() - interval '1 day'
        FROM generate_series(1, 20) i;
    INSERT INTO logins SELECT i, now() - i * interval '1 minute', i % 50 <> 0 FROM generate_series(1, 500) i;
    CREATE EXTENSION pg_stat_statements;
"""
_SET, _RESET = "ALTER SYSTEM SET {} = '{}'", "ALTER SYSTEM RESET {}"
_WRITTEN = "SELECT setting FROM pg_file_settings WHERE sourcefile LIKE '%%postgresql.auto.conf'"
_ARCHIVER = "SELECT last_archived_time, last_failed_time FROM pg_stat_archiver"
_CLIENTS = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"


class PostgresWorld(World):
    """A real primary and standby. Books' own tables can be added with `execute`, and be broken with `statement`."""

    system: ClassVar[str] = "postgres"
    real: ClassVar[bool] = True
    cases: ClassVar[tuple[Case, ...]] = CASES

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.server = Postgres.plan(folder / "postgres")

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Both servers; the primary is started a second time, with pg_stat_statements loaded."""
        with Processes() as self._processes:
            [self._primary, _] = self.server.start(self._processes)
            self.execute(
                "ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'",
                "ALTER SYSTEM SET statement_timeout = '30s'",
                "ALTER SYSTEM SET idle_in_transaction_session_timeout = '60s'",
            )
            self._restart()
            self.execute(_TABLES)
            self._forget_statements()
            yield

    def sections(self) -> Sections:
        """The database, by the role that a launch uses."""
        return {"postgres": {"main": {"dsn": f"env:{_SECRET}"}}}

    def secrets(self) -> dict[str, str]:
        """Its connection string."""
        return {_SECRET: self.server.address.dsn("tminus").get_secret_value()}

    def execute(self, *statements: str, standby: bool = False) -> None:
        """Runs statements as the superuser, each text a transaction of its own."""
        with self._connected(standby=standby) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    @fault
    def statement(self, breaks: str, mends: str) -> Iterator[None]:
        """Rows are as the first statement makes them, and as before after the second."""
        self.execute(breaks)
        yield
        self.execute(mends)

    @fault
    def setting(self, name: str, value: str) -> Iterator[None]:
        """A setting of the server has another value, for every session from now on."""
        before = self._asked(f"{_WRITTEN} AND name = %s", name)
        self._set(name, value)
        yield
        self._set(name, str(before[0][0]) if before else "")

    @fault
    def connections_taken(self) -> Iterator[None]:
        """Somebody holds nearly all the connections there are."""
        with contextlib.ExitStack() as crowd:
            for _ in range(_CROWD):
                crowd.enter_context(self._connected())
            yield
        while self._asked(_CLIENTS) != [(1,)]:
            time.sleep(_POLL)

    @fault
    def transaction_open(self) -> Iterator[None]:
        """Somebody began a transaction, and went away."""
        with self._connected() as connection:
            connection.execute("BEGIN")
            time.sleep(1.1)
            yield

    @fault
    def queries_slow(self) -> Iterator[None]:
        """A statement takes long on average."""
        self.execute("SELECT pg_sleep(0.15)")
        yield
        self._forget_statements()

    @fault
    def nothing_is_counted(self) -> Iterator[None]:
        """Nobody counts statements any more, and those of before are forgotten."""
        self._set("pg_stat_statements.track", "none")
        self.execute("SELECT pg_stat_statements_reset()")
        yield
        self._set("pg_stat_statements.track", "")
        self._forget_statements()

    @fault
    def nothing_is_archived(self) -> Iterator[None]:
        """No change was ever kept outside."""
        self.execute("SELECT pg_stat_reset_shared('archiver')")
        yield
        self._archive()

    @fault
    def archiving_fails(self) -> Iterator[None]:
        """The last change could not be kept outside: there is no room."""
        self._set("archive_command", "false")
        self._archive(fails=True)
        yield
        self._set("archive_command", "")
        self._archive()

    @fault
    def archiving_is_off(self) -> Iterator[None]:
        """Since its last restart the server keeps nothing outside."""
        self.execute(_SET.format("archive_mode", "off"))
        self._restart()
        yield
        self.execute(_RESET.format("archive_mode"))
        self._restart()

    def _archive(self, *, fails: bool = False) -> None:
        """Until the archiver kept something once more, or failed to."""
        [before] = self._asked(_ARCHIVER)
        self.execute("SELECT pg_logical_emit_message(true, 'world', '')", "SELECT pg_switch_wal()")
        while self._asked(_ARCHIVER)[0][fails] == before[fails]:
            time.sleep(_POLL)

    @fault
    def standby_gone(self) -> Iterator[None]:
        """The standby no longer streams."""
        [[before]] = self._asked("SELECT current_setting('primary_conninfo')", standby=True)
        self._set("primary_conninfo", "", standby=True)
        self._await(0)
        yield
        self._set("primary_conninfo", str(before), standby=True)
        self._await(1)

    @fault
    def replay_paused(self) -> Iterator[None]:
        """The standby takes everything, and replays nothing."""
        self.execute("SELECT pg_wal_replay_pause()", standby=True)
        while self._asked("SELECT pg_get_wal_replay_pause_state()", standby=True) != [("paused",)]:
            time.sleep(_POLL)
        yield
        self.execute("SELECT pg_wal_replay_resume()", standby=True)

    def _forget_statements(self) -> None:
        """Counts statements anew, as on a server that is asked something all the time."""
        self.execute("SELECT pg_stat_statements_reset()", *["SELECT count(*) FROM pg_database"] * 20)

    def _restart(self) -> None:
        self._primary.end(within=5)
        data, port = self.server.folder / "primary", self.server.address.port
        prefix = unprivileged(self.server.folder).prefix
        argv = [*prefix, str(postgres_folder() / "postgres"), "-D", str(data), "-c", f"port={port}"]
        log = self.server.folder / "again.log"
        self._primary = self._processes.start("postgres again", argv, log=log, ready=self._answers)
        self._await(1)

    def _answers(self) -> bool:
        with contextlib.suppress(psycopg.OperationalError):
            return self._asked("SELECT true") == [(True,)]
        return False

    def _await(self, streaming: int) -> None:
        """Until so many standbys stream."""
        while self._asked("SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'") != [(streaming,)]:
            time.sleep(_POLL)

    def configure(self, name: str, value: str) -> None:
        """A setting has this value from now on."""
        self._set(name, value)

    def _set(self, name: str, value: str, *, standby: bool = False) -> None:
        """Until new sessions have it; an empty value is that of the other files."""
        reloaded = self._asked("SELECT pg_conf_load_time()", standby=standby)
        self.execute(_SET.format(name, value) if value else _RESET.format(name), standby=standby)
        self.execute("SELECT pg_reload_conf()", standby=standby)
        while self._asked("SELECT pg_conf_load_time()", standby=standby) == reloaded:
            time.sleep(_POLL)

    def _asked(self, query: str, *given: str, standby: bool = False) -> list[tuple[object, ...]]:
        with self._connected(standby=standby) as connection:
            return connection.execute(query.encode(), given or None).fetchall()

    def _connected(self, *, standby: bool = False) -> psycopg.Connection[tuple[object, ...]]:
        dsn = self.server.address.dsn("postgres", standby=standby).get_secret_value()
        return psycopg.connect(dsn, autocommit=True)
