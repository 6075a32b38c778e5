"""`tminus operate backup`: a real pg_dump into S3, approved by one person, recorded, and never beside a launch."""

import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner
from pydantic import SecretStr

from cli.main import main
from deployments.rehearsal.binaries import postgres_folder
from tests.cli.operating import Shop
from tests.conftest import Estates, PostgresServer, S3Server
from tests.tminus.readiness.room import person
from tminus import events as ev
from tminus.errors import LedgerUnreachable
from tminus.ledger.sqlite import SqliteStore
from tminus.ledger.store import Entry
from tminus.ledger.verifying import verify
from tminus.operations import why_not_approved, with_digest
from tminus.outcome import Verdict
from tminus.people import People
from tminus.record_parts import read_event

SLOW = '#!/bin/sh\n[ "$1" = --version ] && exec {real} --version\necho $$ > {folder}/pid\nexec sleep 60\n'


@pytest.fixture
def shop(
    estates: Estates, postgres_server: PostgresServer, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> Shop:
    """A system with a database and a bucket."""
    for name in ("TMINUS_LEDGER", "TMINUS_KEY", "TMINUS_ENVIRONMENT", "TMINUS_PEOPLE"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    shop = Shop(estates.folder, "http://127.0.0.1:1")
    place(shop, estates, s3_server, dsn=estates.secret(postgres_server.dsn))
    return shop


def place(shop: Shop, estates: Estates, s3_server: S3Server, **database: str) -> None:
    """Writes the environment file with that database and a bucket prefix of the test's own."""
    section = s3_server.section(estates.secret, f"backups/{estates.folder.name}")
    buckets = {"backups": {name: str(value) for name, value in section.items()}}
    shop.set(postgres={"main": {**database}}, buckets=buckets)


def given(shop: Shop, key: str = "lead", step: str = "restore-point") -> list[str]:
    """The options, all but `--yes`."""
    return [*shop.where, *shop.book, *shop.people, "--step", step, "--reason", "before the migration", *shop.key(key)]


def recorded(shop: Shop) -> list[ev.Event]:
    """The only operation's events."""
    with closing(SqliteStore(shop.ledger)) as store:
        (chain,) = [chain for chain in store.chains() if chain.startswith("operation-")]
        assert not verify(store, chain).faults
        return [read_event(one) for one in store.read(chain)]


def held_by(shop: Shop) -> str | None:
    """What holds the environment."""
    with closing(SqliteStore(shop.ledger)) as store:
        return store.locked_by("here")


def keys(s3_server: S3Server, shop: Shop) -> list[str]:
    """What is in the bucket."""
    prefix = f"backups/{shop.folder.name}/"
    found = s3_server.client().list_objects_v2(Bucket=s3_server.at.address.bucket, Prefix=prefix)
    return [entry["Key"] for entry in found.get("Contents", [])]


def test_a_backup_is_taken_and_recorded(shop: Shop, s3_server: S3Server) -> None:
    """Approved by name, intended before and looked at after; the environment is free again, the dump is there."""
    done = shop.operate("backup", *given(shop), typed="y\n")
    assert done.exit_code == 0, done.output
    assert "pg_dump" in done.output
    assert "Lead, do you approve this, now?" in done.output
    began, said, intended, ended, over = recorded(shop)
    assert isinstance(began, ev.OperationBegan)
    assert isinstance(said, ev.OperationApproved)
    assert isinstance(intended, ev.StepIntended)
    assert isinstance(ended, ev.StepEnded)
    assert isinstance(over, ev.OperationEnded)
    told = (said.person, said.role, said.digest, said.reason)
    assert told == ("lead", "engineering_lead", began.digest, "before the migration")
    assert why_not_approved(began, said) == ""
    assert intended.before.startswith("absent: ")
    assert ended.outcome.verdict is Verdict.PASS
    assert over.done
    assert held_by(shop) is None
    assert any(began.operation in key and key.endswith(".manifest.json") for key in keys(s3_server, shop))


def test_a_no_and_a_strangers_key_change_nothing(shop: Shop, s3_server: S3Server) -> None:
    """1 for a no, 3 for somebody without one of the book's roles and for a key of nobody."""
    assert shop.operate("backup", *given(shop), typed="n\n").exit_code == 1
    refused = shop.operate("backup", *given(shop, "manager"), "--yes")
    assert (refused.exit_code, "may not approve a backup of shop" in refused.stderr) == (3, True)
    person(shop.folder, "stranger", "engineering_lead")
    assert shop.operate("backup", *given(shop, "stranger"), "--yes").exit_code == 3
    assert keys(s3_server, shop) == []
    with closing(SqliteStore(shop.ledger)) as store:
        assert store.chains() == []


def test_never_beside_a_launch(shop: Shop, s3_server: S3Server) -> None:
    """Where a launch holds the environment it is refused by that launch's name, and writes nothing."""
    with closing(SqliteStore(shop.ledger)) as store:
        store.open_locked("here", "shop-launch-1", Entry("shop-launch-1", "{}"))
    refused = shop.operate("backup", *given(shop), "--yes")
    assert (refused.exit_code, "here is held by shop-launch-1" in refused.stderr) == (3, True)
    assert keys(s3_server, shop) == []
    with closing(SqliteStore(shop.ledger)) as store:
        assert store.chains() == ["shop-launch-1"]


def test_which_backup_must_be_said(shop: Shop) -> None:
    """The book has two; an unknown name lists them."""
    options = [word for word in given(shop) if word not in {"--step", "restore-point"}]
    for more in ([], ["--step", "nightly"]):
        wrong = shop.operate("backup", *options, *more, "--yes")
        assert (wrong.exit_code, "restore-point, second-backup" in wrong.stderr) == (2, True)


def test_what_does_not_work_is_recorded_and_frees_the_environment(
    shop: Shop, estates: Estates, s3_server: S3Server
) -> None:
    """A database that does not answer: exit code 1, the reason in the ledger, and no secret in either."""
    place(shop, estates, s3_server, dsn=estates.secret(SecretStr("postgresql://tminus:hunter2@127.0.0.1:1/x")))
    done = shop.operate("backup", *given(shop), "--yes")
    assert done.exit_code == 1, done.output
    *_, ended, over = recorded(shop)
    assert isinstance(ended, ev.StepEnded)
    assert isinstance(over, ev.OperationEnded)
    assert (ended.outcome.verdict, over.done, held_by(shop)) == (Verdict.FAIL, False, None)
    assert "hunter2" not in done.output + "".join(ev.write(event) for event in recorded(shop))


@pytest.mark.long
def test_one_that_broke_off_is_looked_at_and_frees_the_environment(
    shop: Shop, estates: Estates, s3_server: S3Server, postgres_server: PostgresServer
) -> None:
    """Its process is killed in the middle; `--settle` says what is there, does nothing again, and frees the place.

    While what it had started lives on, nothing is freed; the exit code says that no backup is there.
    """
    book = shop.folder / "runbooks" / "shop" / "launch.yaml"
    book.write_text(book.read_text("utf-8").replace("timeout: 1m", "timeout: 6s"), "utf-8")
    tools = shop.folder / "bin"
    tools.mkdir()
    (tools / "pg_dump").write_text(SLOW.format(folder=tools, real=postgres_folder() / "pg_dump"))
    (tools / "pg_dump").chmod(0o755)
    place(shop, estates, s3_server, dsn=estates.secret(postgres_server.dsn), bin=str(tools))
    argv = [sys.executable, "-m", "cli.main", "operate", "backup", *given(shop), "--yes"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as child:
        orphan = begun(tools / "pid")
        beside = shop.operate("backup", *given(shop), "--yes")
        living = shop.operate("backup", *given(shop), "--settle")
        child.send_signal(signal.SIGKILL)
        child.wait()
    assert (beside.exit_code, "it ends by itself" in beside.stderr) == (3, True)
    assert (living.exit_code, "it ends by itself" in living.stderr) == (3, True)
    for words in (["--settle"], ["--yes"]):
        orphaned = shop.operate("backup", *given(shop), *words)
        assert (orphaned.exit_code, "a dump is being made" in orphaned.stderr) == (3, True)
    assert held_by(shop) is not None

    os.kill(orphan, signal.SIGKILL)
    done = shop.operate("backup", *given(shop), "--settle")
    assert done.exit_code == 1, done.output
    assert "broke off; here is free again" in done.output
    *_, ended, over = recorded(shop)
    assert isinstance(ended, ev.StepEnded)
    assert isinstance(over, ev.OperationEnded)
    assert (over.done, held_by(shop)) == (False, None)


def test_one_that_broke_off_behind_its_last_act_left_a_backup(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only its end is missing: `--settle` finds the backup, and exits 0."""

    def dies(*_: object) -> None:
        raise LedgerUnreachable("gone")

    with monkeypatch.context() as dying:
        dying.setattr("flows.operation.close_operation", dies)
        assert shop.operate("backup", *given(shop), "--yes").exit_code == 1
    assert held_by(shop) is not None
    done = shop.operate("backup", *given(shop), "--settle")
    assert (done.exit_code, "broke off; here is free again" in done.output, held_by(shop)) == (0, True, None)


@pytest.mark.parametrize("launched", [False, True])
def test_where_nothing_broke_off_there_is_nothing_to_settle(shop: Shop, launched: bool) -> None:
    """Exit code 0 and a sentence that says who holds the environment, which stays as it is."""
    if launched:
        with closing(SqliteStore(shop.ledger)) as store:
            store.open_locked("here", "shop-launch-1", Entry("shop-launch-1", "{}"))
    done = shop.operate("backup", *given(shop), "--settle")
    said = "there is nothing to settle: here is held by " + ("shop-launch-1" if launched else "nobody")
    assert (done.exit_code, said in done.output) == (0, True)
    assert held_by(shop) == ("shop-launch-1" if launched else None)


def begun(pid: Path) -> int:
    """The process that the backup started, once it runs."""
    for _ in range(300):
        if pid.exists() and (said := pid.read_text("utf-8").strip()):
            return int(said)
        time.sleep(0.1)
    pytest.fail("no backup began")


def test_an_approval_of_something_else_does_not_count(shop: Shop) -> None:
    """Whoever changes what was approved, or the answer, or its person, is found by the signature or the digest."""
    assert shop.operate("backup", *given(shop), "--yes").exit_code == 0
    began, said, *_ = recorded(shop)
    assert isinstance(began, ev.OperationBegan)
    assert isinstance(said, ev.OperationApproved)
    changed = with_digest(began.model_copy(update={"does": "drop everything"}))
    assert "approved something else" in why_not_approved(changed, said)
    assert "not proven" in why_not_approved(began, said.model_copy(update={"person": "manager"}))
    assert "not proven" in why_not_approved(began, said.model_copy(update={"reason": "other"}))
    nobody = began.model_copy(update={"people": People(people=()).model_dump_json()})
    assert "not proven" in why_not_approved(nobody, said)


def test_the_record_of_an_operation_verifies(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """`tminus ledger verify` finds it whole, and `tminus status` takes it for no launch."""
    assert shop.operate("backup", *given(shop), "--yes").exit_code == 0
    began, *_ = recorded(shop)
    assert isinstance(began, ev.OperationBegan)
    monkeypatch.setenv("TMINUS_LEDGER", f"sqlite:{shop.ledger}")
    verified = CliRunner().invoke(main, ["ledger", "verify", began.operation, "--offline"])
    assert verified.exit_code == 0, verified.output
    assert "No launch is in this ledger" in CliRunner().invoke(main, ["status"]).output
