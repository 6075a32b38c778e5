"""The WAL is put into the archive once, whole, and never over anything else."""

import hashlib
import os
import sys
import time
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner
from pydantic import SecretStr

from cli.archive_wal import command
from tasks.backups.damage import Damaged
from tasks.backups.wal_archive import WalArchive
from tests.tasks.backups.base.world import World
from tminus.errors import CouldNotObserve, NotConfigured, Refused, UsageError


@pytest.fixture
def segment(world: World) -> Path:
    """A segment as the server archived it."""
    return world.server.at.folder / "archive" / world.switch()


@pytest.fixture
def archive(world: World, request: pytest.FixtureRequest) -> WalArchive:
    """One of the test's own."""
    return WalArchive.open(world.estate().environment, "backups", f"archive-{request.node.name}"[:60])


def test_it_is_put_once_and_comes_back(world: World, archive: WalArchive, segment: Path, tmp_path: Path) -> None:
    """Encrypted; a second time it is there already, and nothing is written."""
    assert archive.put(segment, world.recipients) == "stored"
    assert archive.put(segment, world.recipients) == "was there"
    assert archive.names() == [segment.name]
    fetched = archive.fetch(segment.name, tmp_path / "wal", SecretStr(str(world.identity)))
    assert fetched is not None
    assert fetched.head is not None
    assert (tmp_path / "wal").read_bytes() == segment.read_bytes()
    with pytest.raises(NotConfigured, match="no backups"):
        archive.fetch(segment.name, tmp_path / "again", None)


def test_other_content_is_never_written_over(world: World, archive: WalArchive, segment: Path, tmp_path: Path) -> None:
    """Of a segment and of a history; what is there stays."""
    history = tmp_path / "00000002.history"
    history.write_text("1\t0/5000098\tone\n")
    archive.put(history, world.recipients)
    history.write_text("1\t0/6000098\tanother\n")
    with pytest.raises(Refused, match="not written over"):
        archive.put(history, world.recipients)
    archive.put(segment, ())
    altered = tmp_path / segment.name
    content = bytearray(segment.read_bytes())
    content[300] ^= 1
    altered.write_bytes(bytes(content))
    with pytest.raises(Refused, match="an archive of its own"):
        archive.put(altered, world.recipients)


def test_what_is_none_of_the_wal_is_refused(world: World, archive: WalArchive, segment: Path, tmp_path: Path) -> None:
    """Another file, a segment under another's name, one that is cut off, one that is not there."""
    (tmp_path / "passwords").write_text("x")
    with pytest.raises(UsageError, match="archive_command"):
        archive.put(tmp_path / "passwords", world.recipients)
    other = tmp_path / "0000000100000000000000EE"
    other.write_bytes(segment.read_bytes())
    with pytest.raises(CouldNotObserve, match="not what its name says"):
        archive.put(other, world.recipients)
    cut = tmp_path / segment.name
    cut.write_bytes(segment.read_bytes()[:-1])
    with pytest.raises(CouldNotObserve, match="cut off"):
        archive.put(cut, world.recipients)
    with pytest.raises(CouldNotObserve, match="cannot be read"):
        archive.put(tmp_path / "0000000100000000000000EF", world.recipients)
    assert archive.names() == []


def test_what_is_not_there_is_none_and_what_was_altered_is_damaged(
    world: World, archive: WalArchive, segment: Path, tmp_path: Path
) -> None:
    """The two must not be taken for one another: at the first recovery rightly ends."""
    key = SecretStr(str(world.identity))
    assert archive.fetch(segment.name, tmp_path / "wal", key) is None
    archive.put(segment, world.recipients)
    client, section = world.estate().s3("backups")
    where = {"Bucket": section.bucket, "Key": f"{archive.folder}{segment.name}"}
    stored = bytearray(client.get_object(Bucket=section.bucket, Key=where["Key"])["Body"].read())
    stored[-1] ^= 1
    client.put_object(Bucket=section.bucket, Key=where["Key"], Body=bytes(stored))
    with pytest.raises(Damaged, match="damaged"):
        archive.fetch(segment.name, tmp_path / "wal", key)
    assert not (tmp_path / "wal").exists()


SEAL = SecretStr("a" * 32)


@pytest.mark.parametrize("put_by", [None, SecretStr("b" * 32)])
def test_what_somebody_else_put_there_is_not_restored_from(
    world: World, archive: WalArchive, segment: Path, tmp_path: Path, put_by: SecretStr | None
) -> None:
    """It decrypts, its pages and every hash agree: whoever may write to the bucket has the public key too."""
    client, section = world.estate().s3("backups")
    ours = WalArchive(client, section.bucket, archive.folder, SEAL)
    history = tmp_path / "00000002.history"
    history.write_text("1\t0/5000098\tone\n")
    for file in (segment, history):
        ours.put(file, world.recipients)
        assert ours.fetch(file.name, tmp_path / "wal", SecretStr(str(world.identity))) is not None
    elsewhere = f"{archive.folder}forged"
    WalArchive(client, section.bucket, elsewhere, put_by).put(segment, world.recipients)
    forged = WalArchive(client, section.bucket, elsewhere, SEAL)
    with pytest.raises(Damaged, match="another seal" if put_by else "has no seal"):
        forged.fetch(segment.name, tmp_path / "wal", SecretStr(str(world.identity)))


def test_a_seal_of_one_file_is_no_others(world: World, archive: WalArchive, segment: Path, tmp_path: Path) -> None:
    """Nor can its content be changed under it."""
    client, section = world.estate().s3("backups")
    ours = WalArchive(client, section.bucket, archive.folder, SEAL)
    history = tmp_path / "00000002.history"
    history.write_text("1\t0/5000098\tone\n")
    ours.put(history, ())
    source = {"Bucket": section.bucket, "Key": f"{ours.folder}{history.name}"}
    client.copy_object(Bucket=section.bucket, Key=f"{ours.folder}00000003.history", CopySource=source)
    with pytest.raises(Damaged, match="another seal"):
        ours.fetch("00000003.history", tmp_path / "wal", None)
    head = client.head_object(Bucket=section.bucket, Key=source["Key"])["Metadata"]
    text = b"1\t0/1\tanother\n"
    told = {**head, "tminus-plain-sha256": hashlib.sha256(text).hexdigest()}
    client.put_object(Bucket=section.bucket, Key=source["Key"], Body=text, Metadata=told)
    with pytest.raises(Damaged, match="another seal"):
        ours.fetch(history.name, tmp_path / "wal", None)


def test_a_seal_that_could_be_guessed_is_refused(world: World) -> None:
    """Of fewer than 32 characters; with how a good one is made."""
    place = world.estate().environment
    assert place.backups is not None
    short = place.backups.model_copy(update={"seal": world.estates.secret(SecretStr("secret"))})
    with pytest.raises(NotConfigured, match="openssl rand"):
        WalArchive.open(place.model_copy(update={"backups": short}), "backups", "wal")


def environment(world: World, folder: Path, endpoint: str = "") -> Path:
    """An environment file, as archive-wal reads it; its secrets are in the variables of this process."""
    section = dict(world.s3.section(world.estates.secret, "archived-by-command"))
    section["endpoint"] = endpoint or section["endpoint"]
    bucket = ", ".join(f"{name}: '{value}'" for name, value in section.items())
    path = folder / "environment.yaml"
    path.write_text(
        f"environment: test\nkind: rehearsal\nstate: {folder}\nledger: {{sqlite: {folder}/ledger.sqlite}}\n"
        f"prefect: {{api: 'http://127.0.0.1:1/api'}}\nbuckets: {{backups: {{{bucket}}}}}\n"
        f"backups: {{recipients: [{world.recipients[0]}], scratch: {folder}}}\n"
    )
    return path


def test_as_an_archive_command_it_ends_with_0_only_where_it_is_stored(
    world: World, segment: Path, tmp_path: Path
) -> None:
    """S3 that is silent, a file that is none, an environment without keys: each is another status, and says why."""
    good = ["--environment", str(environment(world, tmp_path)), "--bucket", "backups"]
    run = CliRunner().invoke
    assert run(command, [str(segment), *good]).exit_code == 0
    assert run(command, [str(segment), *good]).exit_code == 0
    assert run(command, [str(tmp_path / "x"), *good]).exit_code != 0
    assert run(command, [str(segment), *good[:2], "--bucket", "none"]).exit_code != 0
    silent = tmp_path / "silent"
    silent.mkdir()
    nowhere = environment(world, silent, "http://127.0.0.1:1")
    said = run(command, [str(segment), "--environment", str(nowhere), "--bucket", "backups"])
    assert said.exit_code != 0
    assert "S3 did not answer" in str(said.exception)


def test_the_server_itself_archives_by_it(world: World, tmp_path: Path) -> None:
    """PostgreSQL runs it for each segment that it closes, and takes its word."""
    file = environment(world, tmp_path)
    program = f"{sys.executable} -c 'from cli.archive_wal import command; command()'"
    secrets = " ".join(f"{name}='{os.environ[name]}'" for name in _named(file))
    script = tmp_path / "archive.sh"
    checkout = Path(__file__).parents[4]
    script.write_text(
        f'#!/bin/sh\nwal=$PWD/$1\ncd {checkout}\n{secrets} exec {program} "$wal" --environment {file} '
        "--bucket backups\n"
    )
    script.chmod(0o755)
    archive = WalArchive.open(world.estate().environment.model_copy(), "backups", "wal")
    archive.folder = "archived-by-command/wal/"
    with psycopg.connect(world.dsn, autocommit=True) as connection:
        try:
            connection.execute(f"ALTER SYSTEM SET archive_command = '{script} %p'".encode())
            connection.execute("SELECT pg_reload_conf()")
            time.sleep(0.2)
            connection.execute("SELECT pg_logical_emit_message(true, 'test', 'so that there is something')")
            [name] = connection.execute("SELECT pg_walfile_name(pg_switch_wal())").fetchone() or [""]
            deadline = time.monotonic() + 60
            while name not in archive.names():
                assert time.monotonic() < deadline
                time.sleep(0.2)
        finally:
            connection.execute("ALTER SYSTEM RESET archive_command")
            connection.execute("SELECT pg_reload_conf()")
    fetched = archive.fetch(str(name), tmp_path / "wal", SecretStr(str(world.identity)))
    assert fetched is not None


def _named(file: Path) -> list[str]:
    return [part.split("'")[0] for part in file.read_text().split("env:")[1:]]
