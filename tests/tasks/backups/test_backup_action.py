"""The backup action, with a real pg_dump, a real PostgreSQL and moto's S3."""

import asyncio
import hashlib
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pyrage
import pytest
from pydantic import SecretStr

from deployments.rehearsal.binaries import postgres_folder
from tasks.action import Fence, State
from tasks.backup_manifest import counted_rows
from tasks.backups.encryption import HEAD, readable_without_key
from tasks.estate import Estate
from tests.conftest import LAUNCH, Estates, PostgresServer, S3Server
from tests.tasks.backups.conftest import BACKUP, keys, manifest
from tminus.errors import ActionFailed
from tminus.systems.backups import Backups

RECORDING = (
    '#!/bin/sh\n[ "$1" = --version ] || {{ echo "$@" > {folder}/argv; echo x >> {folder}/runs; }}\nexec {real} "$@"\n'
)
FAILING = (
    '#!/bin/sh\n[ "$1" = --version ] && exec {real} --version\necho "disk full; PGPASSWORD=$PGPASSWORD" >&2\nexit 1\n'
)


@pytest.fixture
def busy(trading: PostgresServer) -> Iterator[None]:
    """Orders keep arriving in the background."""
    stop = threading.Event()

    def trade() -> None:
        with trading.connect() as connection:
            while not stop.is_set():
                connection.execute(
                    "INSERT INTO orders (account_id, symbol, side, quantity, price, service_version) "
                    "SELECT id, 'EURUSD', 'buy', 1, 1, '1.9.0' FROM accounts LIMIT 20"
                )

    thread = threading.Thread(target=trade)
    thread.start()
    yield
    stop.set()
    thread.join()


async def test_a_backup_is_absent_then_done(
    opened: Callable[..., Estate], s3_server: S3Server, estates: Estates
) -> None:
    """Before there is none; after, the manifest says what, when, where in the WAL, and names a dump that is there."""
    async with opened() as estate:
        assert (await BACKUP.state(estate)).state is State.ABSENT
        assert await BACKUP.plan_undo(estate) is None
        seen = await BACKUP.act(estate, 1)
        assert (await BACKUP.state(estate)).state is State.DONE
    made = manifest(s3_server, estates)
    assert made.made_for is not None
    assert (made.made_for.launch, made.made_for.purpose, made.store) == (LAUNCH, "restore-point", "main")
    assert made.restore_point is not None
    assert made.restore_point.name.endswith(f"-{LAUNCH}-restore-point")
    assert counted_rows(made)["public.accounts"] >= 50
    assert made.file("dump").key in keys(s3_server, estates)
    assert {found.name for found in seen.found} == {"size", "tables", "rows"}
    assert BACKUP.fence is Fence.IDEMPOTENCY_KEY


async def test_the_rows_counted_are_the_rows_dumped(
    opened: Callable[..., Estate], s3_server: S3Server, estates: Estates, trading: PostgresServer, busy: None
) -> None:
    """While orders keep arriving: restored, each table has exactly the rows that the manifest says."""
    async with opened() as estate:
        await BACKUP.act(estate, 1)
    made = manifest(s3_server, estates)
    dump = estates.folder / "fetched.dump"
    s3_server.client().download_file(s3_server.at.address.bucket, made.file("dump").key, str(dump))
    with trading.connect() as connection:
        connection.execute("CREATE DATABASE restored")
    dsn = trading.at.address.dsn("postgres", database="restored").get_secret_value()
    try:
        restore = [str(postgres_folder() / "pg_restore"), "--dbname", dsn, "--no-owner", str(dump)]
        await asyncio.to_thread(lambda: subprocess.run(restore, check=True))
        with psycopg.connect(dsn) as connection:
            for table, rows in counted_rows(made).items():
                query = psycopg.sql.SQL("SELECT count(*) FROM {}").format(psycopg.sql.Identifier(*table.split(".")))
                assert connection.execute(query).fetchone() == (rows,), table
    finally:
        with trading.connect() as connection:
            connection.execute("DROP DATABASE restored WITH (FORCE)")


async def test_a_second_attempt_finds_the_first(
    opened: Callable[..., Estate], tools: Callable[[str], Path], s3_server: S3Server, estates: Estates
) -> None:
    """Doing it twice dumps once; another purpose of the same launch is another backup."""
    folder = tools(RECORDING)
    async with opened(folder) as estate:
        first = await BACKUP.act(estate, 1)
        assert await BACKUP.act(estate, 2) == first
        assert (folder / "runs").read_text().split() == ["x"]
        await BACKUP.model_copy(update={"purpose": "post-launch"}).act(estate, 2)
    assert len(keys(s3_server, estates)) == 4


async def test_two_at_once_leave_one_backup(
    opened: Callable[..., Estate], s3_server: S3Server, estates: Estates
) -> None:
    """Two conductors without a common lock both dump; one manifest wins, and the loser's dump is removed."""
    async with opened() as one, opened() as other:
        moved = other.environment.model_copy(update={"state": estates.folder / "another-machine"})
        other.environment = moved
        seen = await asyncio.gather(BACKUP.act(one, 1), BACKUP.act(other, 2))
    assert seen[0] == seen[1]
    assert len(keys(s3_server, estates)) == 2


async def test_no_password_in_argv_evidence_or_manifest(
    opened: Callable[..., Estate],
    tools: Callable[[str], Path],
    s3_server: S3Server,
    estates: Estates,
    trading: PostgresServer,
) -> None:
    """The password travels in the environment of pg_dump and nowhere else."""
    folder = tools(RECORDING)
    async with opened(folder) as estate:
        said = [BACKUP.describe(estate), (await BACKUP.act(estate, 1)).model_dump_json()]
        said.append((await BACKUP.state(estate)).model_dump_json())
    said += [(folder / "argv").read_text(), manifest(s3_server, estates).model_dump_json()]
    password = trading.at.address.passwords["tminus"].get_secret_value()
    assert not [text for text in said if password in text]


async def test_a_dump_that_fails_says_why_and_leaves_nothing(
    opened: Callable[..., Estate],
    tools: Callable[[str], Path],
    s3_server: S3Server,
    estates: Estates,
    trading: PostgresServer,
) -> None:
    """It may be tried again; what pg_dump printed is shown without the password."""
    async with opened(tools(FAILING)) as estate:
        with pytest.raises(ActionFailed, match="disk full") as raised:
            await BACKUP.act(estate, 1)
        assert (await BACKUP.state(estate)).state is State.ABSENT
    assert not raised.value.began
    assert trading.at.address.passwords["tminus"].get_secret_value() not in str(raised.value)
    assert keys(s3_server, estates) == []


async def test_nothing_began_where_it_cannot_begin(
    opened: Callable[..., Estate], estates: Estates, trading: PostgresServer
) -> None:
    """No tool, no server, no right to write a restore point, no bucket: each may be tried again, and says what."""
    empty = estates.folder / "empty"
    empty.mkdir()
    nowhere = SecretStr(trading.dsn.get_secret_value().replace(f":{trading.at.address.port}/", ":1/"))
    for estate, what in (
        (opened(empty), "no pg_dump of PostgreSQL"),
        (opened(dsn=nowhere), "no connection"),
        (opened(dsn=trading.at.address.dsn("trading")), "InsufficientPrivilege"),
        (opened(endpoint="http://127.0.0.1:1"), "is it up"),
        (opened(bucket="no-such-bucket"), "NoSuchBucket"),
    ):
        async with estate:
            with pytest.raises(ActionFailed, match=what) as raised:
                await BACKUP.act(estate, 1)
        assert not raised.value.began, what


async def test_where_s3_does_not_answer_the_state_is_unknown(opened: Callable[..., Estate]) -> None:
    """Neither done nor absent is claimed of what cannot be looked at."""
    async with opened(endpoint="http://127.0.0.1:1") as estate:
        assert (await BACKUP.state(estate)).state is State.UNKNOWN


@pytest.mark.parametrize("left", [None, b"half of it"], ids=["gone", "cut short"])
async def test_a_backup_without_its_whole_dump_is_made_again(
    opened: Callable[..., Estate],
    s3_server: S3Server,
    estates: Estates,
    trading: PostgresServer,
    left: bytes | None,
) -> None:
    """A manifest without its dump is no backup; the next attempt puts a whole one in its place."""
    bucket = s3_server.at.address.bucket
    async with opened() as estate:
        await BACKUP.act(estate, 1)
        lost = manifest(s3_server, estates)
        if left is None:
            s3_server.client().delete_object(Bucket=bucket, Key=lost.file("dump").key)
        else:
            s3_server.client().put_object(Bucket=bucket, Key=lost.file("dump").key, Body=left)
        assert (await BACKUP.state(estate)).state is State.ABSENT
        with trading.connect() as connection:  # else two dumps made within one second are the same
            connection.execute("INSERT INTO accounts (email, password_hash) VALUES (gen_random_uuid(), '')")
        await BACKUP.act(estate, 2)
        assert (await BACKUP.state(estate)).state is State.DONE
    assert counted_rows(manifest(s3_server, estates))["public.accounts"] == counted_rows(lost)["public.accounts"] + 1


def test_describe_is_the_command_that_will_run(opened: Callable[..., Estate], estates: Estates) -> None:
    """The dry run shows pg_dump's options and the manifest's key."""
    said = BACKUP.describe(opened())
    assert "pg_dump --format=custom --no-password" in said
    assert f"/main/{LAUNCH}/restore-point.manifest.json" in said


async def test_where_the_environment_names_keys_the_dump_is_encrypted_to_them(
    opened: Callable[..., Estate], s3_server: S3Server, estates: Estates
) -> None:
    """What lies in the bucket nobody reads without the key, and with it it is the dump."""
    key = pyrage.x25519.Identity.generate()
    async with opened() as estate:
        section = Backups(recipients=(str(key.to_public()),), scratch=estates.folder)
        estate.environment = estate.environment.model_copy(update={"backups": section})
        assert "here to 1 age key" in BACKUP.describe(estate)
        await BACKUP.act(estate, 1)
    made = manifest(s3_server, estates)
    file = made.file("dump")
    stored = s3_server.client().get_object(Bucket=s3_server.at.address.bucket, Key=file.key)["Body"].read()
    assert made.encrypted_to == section.recipients
    assert readable_without_key(stored[:HEAD]) == "no"
    plain = pyrage.decrypt(stored, [key])
    assert plain.startswith(b"PGDMP")
    assert (hashlib.sha256(stored).hexdigest(), hashlib.sha256(plain).hexdigest()) == (file.sha256, file.plain_sha256)
