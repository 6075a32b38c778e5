"""The platform's own nightly backup job, which a launch only looks at: pg_dump to S3, with a manifest beside it."""

import hashlib
import os
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import boto3
import psycopg

from deployments.rehearsal.addresses import AwsAddress, PostgresAddress
from deployments.rehearsal.binaries import postgres_folder
from tminus.backups.contents import PostgresContents, TableContents
from tminus.backups.manifest import BackupManifest, ForLaunch, Origin, StoredFile

_FOLDER = "backups/main/nightly/"
_PLACE = (
    "SELECT pg_export_snapshot(), pg_current_wal_lsn()::text, current_setting('server_version'), "
    "system_identifier::text FROM pg_control_system()"
)
_TABLES = "SELECT schemaname, tablename FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"


def back_up(postgres: PostgresAddress, aws: AwsAddress, folder: Path, age: timedelta) -> None:
    """Makes one backup that says it was taken `age` ago."""
    dump = folder / "nightly.dump"
    with psycopg.connect(postgres.dsn("tminus").get_secret_value()) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        placed = connection.execute(_PLACE).fetchone()
        if placed is None:
            raise RuntimeError("PostgreSQL does not say where its WAL stands")
        snapshot, lsn, version, identifier = map(str, placed)
        tables = {
            f"{schema}.{table}": TableContents(rows=_rows(connection, schema, table), checksum="")
            for schema, table in connection.execute(_TABLES)
        }
        _dump(postgres, dump, snapshot)
    content = dump.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    key = f"{_FOLDER}nightly-{digest[:16]}.dump"
    s3 = boto3.client(
        "s3",
        endpoint_url=aws.url,
        region_name=aws.region,
        aws_access_key_id=aws.access_key_id,
        aws_secret_access_key=aws.secret_access_key.get_secret_value(),
    )
    stored = s3.put_object(Bucket=aws.bucket, Key=key, Body=content, ServerSideEncryption="AES256")
    manifest = BackupManifest(
        backup="nightly",
        system="tradesense",
        store="main",
        kind="postgres.dump",
        taken_at=datetime.now(UTC) - age,
        finished_at=datetime.now(UTC) - age,
        origin=Origin(identity=identifier, version=version, database=postgres.database, wal_lsn=lsn),
        files=(
            StoredFile(
                name="dump", key=key, size=len(content), sha256=digest, plain_sha256=digest, etag=stored["ETag"]
            ),
        ),
        contents=PostgresContents(schema_lines={}, tables=tables, sequences={}, encoding=""),
        made_for=ForLaunch(launch="nightly", purpose="nightly"),
    )
    key = f"{_FOLDER}nightly.manifest.json"
    s3.put_object(Bucket=aws.bucket, Key=key, Body=manifest.text(), ServerSideEncryption="AES256")


def _rows(connection: "psycopg.Connection[tuple[object, ...]]", schema: str, table: str) -> int:
    query = psycopg.sql.SQL("SELECT count(*) FROM {}.{}").format(
        psycopg.sql.Identifier(schema), psycopg.sql.Identifier(table)
    )
    found = connection.execute(query).fetchone()
    return int(str(found[0])) if found else 0


def _dump(postgres: PostgresAddress, target: Path, snapshot: str) -> None:
    password = postgres.passwords["tminus"].get_secret_value()
    argv = [
        str(postgres_folder() / "pg_dump"),
        "-Fc",
        f"--snapshot={snapshot}",
        "-f",
        str(target),
        postgres.url("tminus"),
    ]
    done = subprocess.run(argv, env={**os.environ, "PGPASSWORD": password}, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"pg_dump failed: {done.stderr[-500:]}")
