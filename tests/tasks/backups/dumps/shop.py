"""A live PostgreSQL with a small shop in it, backed up into S3; and what tests do to its backups."""

import contextlib
import hashlib
import io
import os
import secrets
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pyrage
from pydantic import SecretStr

from deployments.rehearsal.binaries import postgres_folder
from deployments.rehearsal.postgres import Postgres
from tasks.backup_store import BackupStore
from tasks.backups import postgres_cluster
from tasks.backups.asked import Asked, Scratch, Seen, TakeAsked
from tasks.backups.stored_file import upload
from tasks.backups.take_postgres import DumpTaker
from tasks.backups.verify_postgres_dump import DumpVerifier
from tasks.estate import Estate
from tasks.giving_up import in_thread
from tests.conftest import S3Server, made_release
from tminus.backups.aspects import expected
from tminus.backups.book import PostgresDump
from tminus.backups.manifest import BackupManifest
from tminus.clock import now
from tminus.environment import Environment, Impact

HERE = Path(__file__).parent
BEFORE = {"age", "missing", "overdue", "shrunk", "manifest"}  # which a verifier does not measure
IDENTITY, DSN, KEY, SECRET = "TMINUS_SHOP_IDENTITY", "TMINUS_SHOP_DSN", "TMINUS_SHOP_KEY", "TMINUS_SHOP_SECRET"
BOOK = PostgresDump.model_validate(
    {
        "kind": "postgres.dump",
        "title": "The shop",
        "owner": "devops",
        "bucket": "backups",
        "every": "24h",
        "rpo": "26h",
        "rto": "10m",
        "database": "shop",
        "invariants": [
            {"title": "The ledger sums to zero", "sql": "SELECT sum(amount) FROM shop.ledger", "expect": "= 0"},
            {
                "title": "Every order has an account",
                "sql": "SELECT count(*) FROM shop.orders WHERE account_id NOT IN (SELECT id FROM shop.accounts)",
                "expect": "= 0",
            },
        ],
    }
)


@dataclass
class Shop:
    """The live server, the bucket, the keys, and the one good backup."""

    server: Postgres
    s3: S3Server
    folder: Path
    identity: pyrage.x25519.Identity
    manifest: BackupManifest | None = None
    plain: bytes = b""

    @property
    def recipient(self) -> str:
        """The public key."""
        return str(self.identity.to_public())

    def secrets(self) -> dict[str, str]:
        """What the environment file refers to."""
        taker = self.server.address.dsn("postgres", database="shop").get_secret_value()
        at = self.s3.at.address
        return {
            IDENTITY: str(self.identity),
            DSN: psycopg.conninfo.make_conninfo(taker, user="tminus_taker", password="taker"),
            KEY: at.access_key_id,
            SECRET: at.secret_access_key.get_secret_value(),
        }

    def estate(self, identity: str = f"env:{IDENTITY}", endpoint: str = "") -> Estate:
        """An environment with the database, the bucket and the keys."""
        section = self.s3.section(lambda _: f"env:{KEY}", "shops")
        bucket = {**section, "secret_key": f"env:{SECRET}"} | ({"endpoint": endpoint} if endpoint else {})
        environment = Environment.model_validate(
            {
                "environment": "test",
                "kind": "rehearsal",
                "ledger": {"sqlite": str(self.folder / "ledger.sqlite")},
                "prefect": {"api": "http://127.0.0.1:1/api"},
                "state": str(self.folder / "state"),
                "allows": frozenset(Impact),
                "postgres": {"shop": {"dsn": f"env:{DSN}"}},
                "buckets": {"backups": bucket},
                "backups": {
                    "recipients": [self.recipient],
                    "identity": identity,
                    "scratch": str(self.folder / "scratch"),
                },
            }
        )
        return Estate(environment, made_release(), "nightly", self.folder)

    def store(self, estate: Estate | None = None) -> BackupStore:
        """The bucket."""
        return BackupStore.open(estate or self.estate(), "backups")

    def connect(self, database: str = "shop") -> "psycopg.Connection[tuple[object, ...]]":
        """A superuser's connection to the live server."""
        dsn = self.server.address.dsn("postgres", database=database).get_secret_value()
        return psycopg.connect(dsn, autocommit=True)

    async def take(self, backup: str = "", *, encrypted: bool = True) -> BackupManifest:
        """Takes a backup of the live database."""
        async with self.estate() as estate:
            asked = TakeAsked(
                estate=estate,
                system="shop",
                name="database",
                store=BOOK,
                bucket=self.store(estate),
                backup=backup or f"database-{secrets.token_hex(4)}",
                recipients=(self.recipient,) if encrypted else (),
                folder=self.folder,
            )
            return await DumpTaker().take(asked)

    async def verify(
        self, manifest: BackupManifest, estate: Estate | None = None, disk: int = 10**9, jobs: int = 2
    ) -> Seen:
        """Verifies a backup in a scratch of its own, with so many jobs of pg_restore."""
        verifier = DumpVerifier()
        verifier.jobs = jobs
        name = f"tminus-scratch-{secrets.token_hex(4)}"
        folder = self.folder / name
        folder.mkdir(mode=0o700)
        try:
            async with estate or self.estate() as opened:
                store = self.store(opened)
                asked = Asked(opened, "database", BOOK, store, manifest, now(), Scratch(name, folder, disk))
                return await verifier.verify(asked)
        finally:
            shutil.rmtree(folder)

    def with_file(self, plain: bytes, *, encrypted: bool = True) -> BackupManifest:
        """The good backup's manifest made consistent with another file: only its contents are still those counted."""
        key = f"shops/database/{secrets.token_hex(6)}/dump"
        recipients = (self.recipient,) if encrypted else ()
        file = upload(self.store(), key, io.BytesIO(plain), recipients, name="dump")
        assert self.manifest is not None
        return self.manifest.model_copy(update={"files": (file,)})

    def stored(self, manifest: BackupManifest) -> bytes:
        """The file's bytes as they lie in the bucket."""
        key = manifest.file("dump").key
        return self.s3.client().get_object(Bucket=self.s3.at.address.bucket, Key=key)["Body"].read()

    def overwrite(self, manifest: BackupManifest, stored: bytes) -> None:
        """Puts other bytes where the file lies, and leaves the manifest."""
        key = manifest.file("dump").key
        self.s3.client().put_object(Bucket=self.s3.at.address.bucket, Key=key, Body=stored)

    def dump(self, *options: str, database: str = "shop") -> bytes:
        """pg_dump of the live server."""
        dsn = self.server.address.dsn("postgres", database=database).get_secret_value()
        argv = [str(postgres_folder() / "pg_dump"), "--format=custom", *options, "--dbname", dsn]
        return subprocess.run(argv, check=True, capture_output=True).stdout

    @contextlib.contextmanager
    def altered(self, *statements: str) -> Iterator[None]:
        """In the block the live database is a copy of itself in which these statements were done."""
        with self.connect("postgres") as connection:
            connection.execute("ALTER DATABASE shop RENAME TO shop_kept")
            connection.execute("CREATE DATABASE shop OWNER shop TEMPLATE shop_kept")
            connection.execute((HERE / "shop_database.sql").read_bytes())
        try:
            with self.connect() as connection:
                for statement in statements:
                    connection.execute(statement.encode())
            yield
        finally:
            with self.connect("postgres") as connection:
                connection.execute("DROP DATABASE shop WITH (FORCE)")
                connection.execute("ALTER DATABASE shop_kept RENAME TO shop")


def make_shop(server: Postgres, s3: S3Server, folder: Path) -> Shop:
    """Fills the live server."""
    shop = Shop(server, s3, folder, pyrage.x25519.Identity.generate())
    with shop.connect("postgres") as connection:
        for statement in (HERE / "shop_roles.sql").read_text().split(";\n"):
            if statement.strip():
                connection.execute(statement.encode())
        connection.execute((HERE / "shop_database.sql").read_bytes())
    with shop.connect() as connection:
        connection.execute("SET lc_monetary = 'C'")
        connection.execute((HERE / "shop_schema.sql").read_bytes())
        connection.execute("SET search_path = shop; REFRESH MATERIALIZED VIEW per_tier; ANALYZE")
    return shop


def copied_clusters(folder: Path) -> Callable[..., object]:
    """A `make` that copies one data folder, instead of initialising each: initdb takes half a second."""
    kept = folder / "data"

    async def make(planned: postgres_cluster.Cluster, encoding: str = "UTF8") -> None:
        if not kept.exists():
            await postgres_cluster.make(planned, encoding)
            await in_thread(shutil.copytree, planned.data, kept)
        else:
            await in_thread(shutil.copytree, kept, planned.data)
            postgres_cluster.own(planned, planned.data, *planned.data.rglob("*"))

    return make


def failing(seen: Seen) -> set[str]:
    """The aspects that are not as expected."""
    wanted = expected("postgres.dump", BOOK)
    return {one.name for one in seen.found if one.name in wanted and not wanted[one.name].holds(one)}


def unmeasured(seen: Seen) -> set[str]:
    """The aspects that were not looked at: what makes a verification unknown, where nothing failed."""
    return set(expected("postgres.dump", BOOK)) - BEFORE - {one.name for one in seen.found}


def digest(content: bytes) -> str:
    """SHA-256."""
    return hashlib.sha256(content).hexdigest()


def made_up_secret() -> SecretStr:
    """Nothing that opens anything."""
    return SecretStr(os.urandom(8).hex())
