"""`tminus archive-wal`: what PostgreSQL's archive_command runs for each segment of its WAL."""

from pathlib import Path

import click

_FILE = click.Path(path_type=Path)


@click.command("archive-wal")
@click.argument("path", type=_FILE)
@click.option("--environment", required=True, type=_FILE, help="The environment file.")
@click.option("--bucket", required=True, help="A bucket's name in the environment's `buckets` section.")
@click.option("--wal", default="wal", show_default=True, help="The prefix in it: `wal` of the store in backups.yaml.")
@click.option("--unencrypted", is_flag=True, help="Store it as it is, though the environment names no recipients.")
def command(path: Path, environment: Path, bucket: str, wal: str, unencrypted: bool) -> None:
    """Stores one file of PostgreSQL's WAL in a bucket.

    It is encrypted to the environment's `backups.recipients`.
    In postgresql.conf: archive_command = 'tminus archive-wal %p --environment FILE --bucket NAME'. It exits 0 only when
    the file is there whole, so PostgreSQL keeps it until then; with the same content it may be run again. A file that
    is there with other content is never written over: one server's archive is no other's. Where the environment names a
    `backups.seal`, the file is sealed with it. The server's account must be able to read the environment file and the
    secrets that the bucket's section and the seal refer to.
    """
    from tasks.backups.wal_archive import WalArchive
    from tminus.environment import Environment
    from tminus.errors import UsageError
    from tminus.yaml_source import Source

    place = Source.read(environment).load(Environment)
    recipients = place.backups.recipients if place.backups else ()
    if not recipients and not unencrypted:
        raise UsageError(
            f"{environment}: backups.recipients names no key to encrypt the WAL to; name one, or give --unencrypted"
        )
    archive = WalArchive.open(place, bucket, wal)
    done = archive.put(path, recipients)
    click.echo(f"{archive.url(path.name)}: {done}")
