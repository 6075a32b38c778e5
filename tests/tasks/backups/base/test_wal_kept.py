"""A base backup that is kept, and without the WAL after it: told by a listing, before anything is restored."""

from datetime import timedelta

import pytest

from tasks.backups.asked import manifest_key
from tasks.backups.wal_kept import missing_since_oldest
from tests.tasks.backups.base.damages import Good
from tests.tasks.backups.base.test_archived_wal import Shelf, shelf  # noqa: F401 - the fixture
from tests.tasks.backups.base.world import World
from tminus import events as ev
from tminus.backups.catalogue import Catalogue, Listed
from tminus.backups.manifest import digest
from tminus.clock import now


def listed(good: Good, days: float) -> Listed:
    """The good backup once more, so many days ago; its manifest lies in the bucket."""
    at = now() - timedelta(days=days)
    manifest = good.manifest.model_copy(update={"backup": f"main-{days}-days-ago", "taken_at": at})
    bucket = good.bucket()
    key = manifest_key(bucket.prefix, "main", manifest.backup)
    bucket.put_text(key, manifest.text())
    taken = ev.BackupTaken(
        store="main",
        kind="postgres.base",
        backup=manifest.backup,
        manifest_digest=digest(manifest.text()),
        size=1,
        taken_at=at,
    )
    return Listed(manifest.backup, key, 1, at, taken)


async def told(world: World, good: Good, shelf: Shelf, *days: float) -> tuple[list[str], list[str]]:  # noqa: F811
    """What is measured and said of backups of so many days ago, the newest first."""
    found = Catalogue(tuple(listed(good, one) for one in days), ())
    async with world.estate() as estate:
        measured, lines = missing_since_oldest(
            estate, good.bucket(), found, "tradesense", "main", good.store(wal=shelf.name)
        )
    return [str(one) for one in measured], lines


async def test_an_archive_without_a_gap_is_well(world: World, good: Good, shelf: Shelf) -> None:  # noqa: F811
    """And the segments are as large as the server's."""
    assert good.manifest.origin.wal_segment == 16 << 20
    assert await told(world, good, shelf, 0, 1) == (["wal_missing 0"], [])


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.long
async def test_what_an_older_backup_needs_and_is_gone_is_named(
    world: World,
    good: Good,
    shelf: Shelf,  # noqa: F811 - the fixture's value
    which: int,
) -> None:
    """Also where it is the first that follows the backup, as where a lifecycle rule keeps WAL for too short a time."""
    shelf.lose(shelf.after[which])
    measured, [line] = await told(world, good, shelf, 0, 1, 29)
    assert measured == ["wal_missing 1"]
    assert line.startswith(f"the WAL segment {shelf.after[which]} is missing: main-29-days-ago")


async def test_what_only_a_backup_that_should_be_gone_needs_is_not_missed(
    world: World,
    good: Good,
    shelf: Shelf,  # noqa: F811
) -> None:
    """Its WAL is as old as it is; nor is anything told of the newest, whose restore tells it."""
    shelf.lose(shelf.after[0])
    assert await told(world, good, shelf, 0, 31) == ([], [])
    assert await told(world, good, shelf, 0) == ([], [])
