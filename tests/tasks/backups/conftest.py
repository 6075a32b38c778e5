"""A backup of a real database with a real pg_dump, to moto's S3."""

from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import SecretStr

from deployments.rehearsal.binaries import postgres_folder
from deployments.rehearsal.trading_schema import create_trading_schema, seed_trading_rows
from tasks.actions.backup import Backup
from tasks.estate import Estate
from tests.conftest import Estates, PostgresServer, S3Server
from tminus.backups.manifest import BackupManifest

BACKUP = Backup(database="main", bucket="backups", purpose="restore-point", restore_point=True)


@pytest.fixture(scope="module")
def trading(postgres_server: PostgresServer) -> PostgresServer:
    """The trading service's tables with some rows in them."""
    dsn = postgres_server.at.address.dsn("trading").get_secret_value()
    create_trading_schema(dsn)
    seed_trading_rows(dsn, accounts=50)
    return postgres_server


@pytest.fixture
def tools(tmp_path: Path) -> Callable[[str], Path]:
    """A folder in which pg_dump is a script that wraps the real one."""

    def wrapped(script: str) -> Path:
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        (folder / "pg_dump").write_text(script.format(folder=folder, real=postgres_folder() / "pg_dump"))
        (folder / "pg_dump").chmod(0o755)
        return folder

    return wrapped


@pytest.fixture
def opened(estates: Estates, trading: PostgresServer, s3_server: S3Server) -> Callable[..., Estate]:
    """Makes the estate with that database and a bucket prefix of the test's own."""

    def make(binaries: Path | None = None, dsn: SecretStr | None = None, **bucket: str) -> Estate:
        section = {**s3_server.section(estates.secret, f"backups/{estates.folder.name}"), **bucket}
        database = {"dsn": estates.secret(dsn or trading.dsn), "bin": binaries}
        return estates.make(postgres={"main": database}, buckets={"backups": section})

    return make


def keys(s3_server: S3Server, estates: Estates) -> list[str]:
    """What is in the bucket under the test's prefix."""
    found = s3_server.client().list_objects_v2(
        Bucket=s3_server.at.address.bucket, Prefix=f"backups/{estates.folder.name}/"
    )
    return sorted(entry["Key"] for entry in found.get("Contents", []))


def manifest(s3_server: S3Server, estates: Estates) -> BackupManifest:
    """The only manifest there."""
    [key] = [key for key in keys(s3_server, estates) if key.endswith(".manifest.json")]
    body = s3_server.client().get_object(Bucket=s3_server.at.address.bucket, Key=key)["Body"]
    return BackupManifest.model_validate_json(body.read())
