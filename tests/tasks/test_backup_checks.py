"""The check of backups, against moto's S3: fresh ones, and ones with a single fault each."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tasks.actions.backup import Backup as MakeBackup
from tasks.backup_manifest import effective_time, manifest_key
from tasks.checks.backups import Backup
from tests.conftest import LAUNCH, Estates, PostgresServer, S3Server
from tminus.backups.contents import PostgresContents, TableContents
from tminus.backups.manifest import BackupManifest, ForLaunch, Origin, RestorePoint, StoredFile
from tminus.clock import now
from tminus.outcome import Outcome, Verdict

CONTENT = b"what pg_dump wrote"
TABLES = {"public.accounts": 2, "public.orders": 3}
SOUND = {
    "backups": ">= 1",
    "age": "< 6 h",
    "size": "> 0 B",
    "tables": ">= 2",
    "rows": ">= 5",
    "encrypted": "= yes",
    "intact": "= yes",
    "restore_point": "= yes",
}


def contents(rows: Mapping[str, int]) -> PostgresContents:
    """Tables of so many rows."""
    tables = {name: TableContents(rows=count, checksum="0") for name, count in rows.items()}
    return PostgresContents(schema_lines={}, tables=tables, sequences={}, encoding="UTF8")


@dataclass(frozen=True)
class Shelf:
    """A prefix of a bucket, to put backups on and to check them."""

    server: S3Server
    estates: Estates
    prefix: str
    bucket: str

    def put(
        self,
        *,
        age: timedelta = timedelta(),
        launch: str = LAUNCH,
        purpose: str = "restore-point",
        sha256: str = hashlib.sha256(CONTENT).hexdigest(),
        restore_point: bool = True,
        size: int = len(CONTENT),
        database: str = "main",
        tables: Mapping[str, int] = TABLES,
    ) -> BackupManifest:
        """A backup as the action leaves it, as old as its manifest says; no checksum kept by S3."""
        key = f"{self.prefix}/main/{launch}/{purpose}-{sha256[:16]}.dump"
        etag = self.server.client().put_object(Bucket=self.bucket, Key=key, Body=CONTENT)["ETag"]
        made = BackupManifest(
            backup=purpose,
            system="tradesense",
            store=database,
            kind="postgres.dump",
            taken_at=now() - age,
            finished_at=now() - age,
            origin=Origin(identity="7", version="18.6", database="trading", wal_lsn="0/16B3748"),
            files=(StoredFile(name="dump", key=key, size=size, sha256=sha256, plain_sha256=sha256, etag=etag),),
            restore_point=RestorePoint(name="tminus", lsn="0/16B3748") if restore_point else None,
            contents=contents(tables),
            made_for=ForLaunch(launch=launch, purpose=purpose),
        )
        self.write(manifest_key(self.prefix, "main", launch, purpose), made.text())
        return made

    def write(self, key: str, body: bytes) -> None:
        """Puts an object."""
        self.server.client().put_object(Bucket=self.bucket, Key=key, Body=body)

    async def check(self, *, bucket: str | None = None, endpoint: str | None = None, **given: object) -> Outcome:
        """The outcome of the check; `given` are its parameters."""
        section = dict(self.server.section(self.estates.secret, self.prefix, bucket or self.bucket))
        section |= {"endpoint": endpoint} if endpoint else {}
        plain = {"bucket": "backups", "database": "main", "holds": sorted(TABLES), "expect": SOUND}
        check = Backup.model_validate({**plain, **given})
        async with self.estates.make(buckets={"backups": section}) as estate:
            return await check.observe(estate)


@pytest.fixture
def shelf(s3_server: S3Server, estates: Estates) -> Shelf:
    """An empty prefix of a bucket that encrypts by default."""
    return Shelf(s3_server, estates, f"checks/{estates.folder.name}", s3_server.at.address.bucket)


@pytest.fixture
def plain_shelf(s3_server: S3Server, estates: Estates) -> Shelf:
    """The same in a bucket that does not encrypt."""
    name = f"plain-{hashlib.sha256(estates.folder.name.encode()).hexdigest()[:12]}"
    s3_server.client().create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    return Shelf(s3_server, estates, "checks", name)


async def test_what_the_action_makes_passes(shelf: Shelf, estates: Estates, postgres_server: PostgresServer) -> None:
    """A backup just made is fresh, encrypted, intact by S3's own checksum and by ours, with a restore point."""
    section = shelf.server.section(estates.secret, shelf.prefix)
    database = {"dsn": estates.secret(postgres_server.dsn)}
    async with estates.make(postgres={"main": database}, buckets={"backups": section}) as estate:
        made = await MakeBackup(database="main", bucket="backups", purpose="check", restore_point=True).act(estate, 1)
    plain = {name: limit for name, limit in SOUND.items() if name not in {"tables", "rows"}}
    outcome = await shelf.check(since="launch", purpose="check", download=True, holds=[], expect=plain)
    assert outcome.verdict is Verdict.PASS, outcome.summary
    assert made.details[0].removeprefix("manifest ") in outcome.details[0]


async def test_no_backup_fails(shelf: Shelf) -> None:
    """Where nothing was ever backed up, that was seen: a failure, not an unknown, whatever is expected."""
    for name, limit in SOUND.items():
        outcome = await shelf.check(expect={name: limit})
        assert outcome.verdict is Verdict.FAIL, name
    assert "no backup under s3://" in outcome.summary


@pytest.mark.parametrize(
    ("fault", "broken"),
    [
        (lambda shelf: shelf.put(age=timedelta(days=3)), "age"),
        (lambda shelf: shelf.put(restore_point=False), "restore_point"),
        (lambda shelf: shelf.put(size=len(CONTENT) + 1), "intact"),
        (lambda shelf: shelf.write(shelf.put().file("dump").key, b"what pg_dumb wrote"), "intact"),
        (
            lambda shelf: shelf.server.client().delete_object(Bucket=shelf.bucket, Key=shelf.put().file("dump").key),
            "intact",
        ),
    ],
    ids=["stale", "no restore point", "cut short", "replaced by as many bytes", "dump gone"],
)
async def test_one_fault_away_from_sound_fails(shelf: Shelf, fault: Callable[[Shelf], object], broken: str) -> None:
    """A sound backup passes; with this one fault it fails, and by that."""
    shelf.put()
    assert (await shelf.check()).verdict is Verdict.PASS
    fault(shelf)
    outcome = await shelf.check()
    assert outcome.verdict is Verdict.FAIL
    assert broken in outcome.summary


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ({"tables": {}}, "holds 0 of 2, expected = all: it holds no row of public.accounts, public.orders"),
        ({"tables": {"public.accounts": 2, "public.orders": 0}}, "it holds no row of public.orders"),
        ({"tables": {"public.staff": 900, "public.accounts": 9}}, "holds 1 of 2"),
        ({"database": "staging"}, "same_database no, expected = yes: it is of database 'staging'"),
    ],
    ids=["an empty database", "an empty table", "another database", "another database by its name"],
)
async def test_a_backup_of_something_else_fails_though_nobody_asked(
    shelf: Shelf, fault: dict[str, object], said: str
) -> None:
    """However young, encrypted and intact: what is not a backup of this database's rows does not pass for one."""
    shelf.put(**fault)  # type: ignore[arg-type]
    outcome = await shelf.check(expect={"age": "< 6 h", "encrypted": "= yes", "intact": "= yes"})
    assert outcome.verdict is Verdict.FAIL
    assert said in outcome.summary


def test_tables_that_are_expected_are_named() -> None:
    """`holds` has nothing to count without names."""
    with pytest.raises(ValidationError, match="so name tables"):
        Backup.model_validate({"bucket": "backups", "database": "main", "expect": {"holds": "= all"}})


async def test_a_bucket_that_does_not_encrypt_fails(plain_shelf: Shelf) -> None:
    """S3 must say that the dump is encrypted."""
    plain_shelf.put()
    outcome = await plain_shelf.check()
    assert outcome.verdict is Verdict.FAIL
    assert "encrypted no" in outcome.summary


async def test_only_reading_the_dump_finds_a_wrong_sum(shelf: Shelf) -> None:
    """Where S3 keeps no SHA-256, a manifest with a wrong one is found by downloading."""
    shelf.put(sha256="0" * 64)
    assert (await shelf.check()).verdict is Verdict.PASS
    outcome = await shelf.check(download=True)
    assert outcome.verdict is Verdict.FAIL
    assert "intact" in outcome.summary


async def test_a_clock_that_runs_ahead_makes_no_backup_young(shelf: Shelf) -> None:
    """A manifest from the future counts from when S3 stored the dump."""
    shelf.put(age=timedelta(days=-30))
    outcome = await shelf.check()
    [age] = [found.quantity for found in outcome.found if found.name == "age"]
    assert outcome.verdict is Verdict.PASS
    assert age is not None
    assert age.value >= 0


async def test_an_old_backup_stored_again_hides_no_newer_one(shelf: Shelf) -> None:
    """The newest is the one taken last, not the one stored last."""
    shelf.put(purpose="nightly", launch="earlier")
    shelf.put(age=timedelta(days=3), purpose="restored-from-tape", launch="earlier")
    assert (await shelf.check()).verdict is Verdict.PASS


async def test_another_launch_or_purpose_does_not_count(shelf: Shelf) -> None:
    """Asked for this launch's backup, or one for a purpose, others are not taken for it."""
    shelf.put(launch="another-launch", purpose="nightly")
    assert (await shelf.check()).verdict is Verdict.PASS
    assert (await shelf.check(purpose="nightly")).verdict is Verdict.PASS
    assert (await shelf.check(since="launch")).verdict is Verdict.FAIL
    assert (await shelf.check(purpose="post-launch")).verdict is Verdict.FAIL


async def test_what_cannot_be_read_is_unknown(shelf: Shelf) -> None:
    """A manifest that is none, a bucket that is not there, and S3 not answering: unknown, and says which."""
    shelf.write(f"{shelf.prefix}/main/{LAUNCH}/broken.manifest.json", b'{"format": "tminus-backup/1"}')
    broken = await shelf.check()
    missing = await shelf.check(bucket="no-such-bucket")
    silent = await shelf.check(endpoint="http://127.0.0.1:1")
    assert [outcome.verdict for outcome in (broken, missing, silent)] == [Verdict.UNKNOWN] * 3
    assert "broken.manifest.json cannot be read" in broken.summary
    assert "NoSuchBucket" in missing.summary


async def test_a_missing_key_is_unknown_and_named_by_its_reference(shelf: Shelf) -> None:
    """Without its access key the check says which reference leads nowhere."""
    section = {**shelf.server.section(shelf.estates.secret, shelf.prefix), "secret_key": "env:TMINUS_NOT_SET"}
    check = Backup.model_validate({"bucket": "backups", "database": "main", "expect": SOUND})
    async with shelf.estates.make(buckets={"backups": section}) as estate:
        outcome = await check.observe(estate)
    assert outcome.verdict is Verdict.UNKNOWN
    assert "env:TMINUS_NOT_SET" in outcome.summary


@given(st.timedeltas(), st.timedeltas())
def test_a_backup_is_never_younger_than_either_time(one: timedelta, other: timedelta) -> None:
    """For all pairs of times, the older counts."""
    zero = now()
    try:
        taken, stored = zero + one, zero + other
    except OverflowError:
        return
    template = BackupManifest(
        backup="b",
        system="s",
        store="d",
        kind="postgres.dump",
        taken_at=taken,
        finished_at=taken,
        origin=Origin(identity="1", version="18"),
        files=(StoredFile(name="dump", key="k", size=1, sha256="0" * 64, plain_sha256="0" * 64, etag="e"),),
        contents=contents({}),
    )
    assert effective_time(template, stored) <= taken
    assert effective_time(template, stored) <= stored
