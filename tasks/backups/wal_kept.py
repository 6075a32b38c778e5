"""What the archive of a server's WAL has after a base backup: after one that is restored, and after the oldest kept."""

from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import SecretStr

from tasks.backup_store import BackupStore
from tasks.backups.catalogue import read_manifest
from tasks.backups.damage import Damaged
from tasks.backups.stored_file import identity_for
from tasks.backups.wal_archive import WalArchive
from tasks.estate import Estate
from tminus.backups.book import PostgresBase
from tminus.backups.catalogue import Catalogue
from tminus.backups.manifest import BackupManifest, RestorePoint
from tminus.backups.wal_names import DEFAULT_SIZE, Fork, Segment, history_name, parse_history, parse_lsn, timelines
from tminus.backups.wal_plan import WalPlan, plan
from tminus.clock import now
from tminus.expectation import Measurement

_TRIED = 3  # backups whose manifest is read for one that can be relied on
_NAMED = 3  # segments that are named


def after_point(archive: WalArchive, point: RestorePoint, size: int, identity: SecretStr | None) -> WalPlan:
    """Along which timeline the archive goes on from a backup's point, how far, and what is missing on the way.

    `size` are the bytes of a segment. Raises CouldNotObserve. Blocks.
    """
    timeline, position = point.timeline, parse_lsn(point.lsn)
    start = Segment.holding(timeline, position, size)
    names = archive.names(Segment(timeline, start.number - 1).name(size))
    newer = [one for one in timelines(names) if one > timeline]
    with TemporaryDirectory(prefix="tminus-") as folder:
        histories = {one: _history(archive, Path(folder) / history_name(one), identity) for one in newer}
    return plan(names, histories, timeline, position, size)


def missing_since_oldest(
    estate: Estate, bucket: BackupStore, found: Catalogue, system: str, name: str, store: PostgresBase
) -> tuple[list[Measurement], list[str]]:
    """How many segments are missing between the oldest backup that is kept and the archive's end, with a line for some.

    A backup before such a gap goes back to no instant behind it. Nothing is measured where there is no backup but the
    newest, of which its own restore tells it. Raises CouldNotObserve, NotConfigured, MissingSecret. Blocks.
    """
    oldest = _oldest(bucket, found, system, name, store)
    if oldest is None or oldest.restore_point is None:
        return [], []
    size = oldest.origin.wal_segment or DEFAULT_SIZE
    archive = WalArchive.open(estate.environment, store.bucket, store.wal)
    gaps = after_point(archive, oldest.restore_point, size, identity_for(estate, oldest)).missing
    lines = [
        f"the WAL segment {one.name(size)} is missing: {oldest.backup} and what follows it go back to no instant after "
        f"it, until the next backup"
        for one in gaps[:_NAMED]
    ]
    more = [f"and {len(gaps) - _NAMED} more"] if len(gaps) > _NAMED else []
    return [Measurement.number("wal_missing", len(gaps))], [*lines, *more]


def _oldest(
    bucket: BackupStore, found: Catalogue, system: str, name: str, store: PostgresBase
) -> BackupManifest | None:
    """The manifest of the oldest within `keep`, but for the newest; of what is older the WAL may be gone too."""
    kept = [one for one in found.complete[1:] if one.recorded is not None and now() - one.at < store.keep]
    for listed in list(reversed(kept))[:_TRIED]:
        manifest = read_manifest(bucket, listed, system, name, store).manifest
        if manifest is not None and manifest.restore_point is not None:
            return manifest
    return None


def _history(archive: WalArchive, into: Path, identity: SecretStr | None) -> tuple[Fork, ...]:
    """The forks that led to a timeline; none where the archive has no history of it, or one that is damaged."""
    try:
        if archive.fetch(into.name, into, identity) is None:
            return ()
        return parse_history(into.read_text("utf-8", "replace"))
    except Damaged:
        return ()
