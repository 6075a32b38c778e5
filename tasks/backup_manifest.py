"""Where a launch's backups are in a bucket, and how old one counts."""

from datetime import datetime

from tminus.backups.manifest import SUFFIX, BackupManifest


def folder(prefix: str, database: str, launch: str | None = None) -> str:
    """Where a database's manifests are, of one launch or of all."""
    return "/".join([*prefix.strip("/").split("/"), database, *([launch] if launch else []), ""]).lstrip("/")


def manifest_key(prefix: str, database: str, launch: str, purpose: str, take: int = 1) -> str:
    """The one key of this launch's backup for this purpose: a second attempt finds the first one's.

    Where a backup got too old and is taken again, the next take has the next key.
    """
    return f"{folder(prefix, database, launch)}{purpose}{'' if take == 1 else f'.{take}'}{SUFFIX}"


def dump_key(prefix: str, database: str, launch: str, purpose: str, attempt: str) -> str:
    """A key of one attempt's own, so that none writes over another's dump."""
    return f"{folder(prefix, database, launch)}{purpose}-{attempt[:16]}.dump"


def counted_rows(manifest: BackupManifest) -> dict[str, int]:
    """Rows by table (`schema.name`) of a PostgreSQL database's backup; nothing for any other."""
    contents = manifest.contents
    return {name: one.rows for name, one in contents.tables.items()} if contents.of == "postgres" else {}


def effective_time(manifest: BackupManifest, stored: datetime) -> datetime:
    """When the backup counts as taken: the older of what it says and when it was stored."""
    return min(manifest.taken_at, stored)
