"""A base backup is restored and its data agree; where the WAL after it is gone, a listing tells it before that."""

from datetime import timedelta

import pytest

from tasks.backups.asked import manifest_key
from tasks.backups.wal_kept import missing_since_oldest
from tests.tasks.backups.base.damages import Good
from tests.tasks.backups.base.test_archived_wal import Shelf, shelf  # noqa: F401 - the fixture
from tests.tasks.backups.base.world import ELSEWHERE, World, measured
from tminus import events as ev
from tminus.backups.aspects import ASPECTS_OF
from tminus.backups.catalogue import Catalogue, Listed
from tminus.backups.contents import PostgresContents
from tminus.backups.manifest import digest
from tminus.clock import now
from tminus.outcome import Verdict


async def test_a_good_backup_passes(world: World, good: Good) -> None:
    """What is measured is all that the kind promises; nothing of it is wrong, and nothing is lost but some seconds."""
    outcome, seen = await world.verify(good.manifest, good.needed_at)
    assert outcome.verdict is Verdict.PASS, (outcome.summary, seen.details)
    assert set(measured(seen)) == set(ASPECTS_OF["postgres.base"]) - ELSEWHERE
    assert seen.because == ""
    assert any("the WAL after the backup has no seal" in line for line in seen.details)
    loss = next(one.quantity for one in seen.found if one.name == "loss")
    assert loss is not None
    assert 0 <= loss.value < 1


def test_the_backup_is_whole_by_itself(good: Good) -> None:
    """Beside the tar lies the WAL until its point, all of it encrypted; what recovery empties is not counted."""
    names = good.manifest.names
    assert names[0] == "base.tar"
    assert all(name.startswith("wal/") for name in names[1:])
    assert good.manifest.encrypted_to == good.world.recipients
    assert isinstance(good.manifest.contents, PostgresContents)
    assert "public.cache" not in good.manifest.contents.tables
    assert "public.cache_id_seq" not in good.manifest.contents.sequences
    assert good.manifest.contents.moving == ()
    assert good.manifest.restore_point is not None
    with good.bucket().opened(good.manifest.file("base.tar").key) as stored:
        assert stored.read(4096).startswith(b"age-encryption.org/v1")
    left = good.world.estates.folder / "take-main-good"
    assert [path for path in left.rglob("*") if path.is_file()] == []


@pytest.mark.long
async def test_without_its_archive_it_is_restored_to_its_point(world: World, good: Good) -> None:
    """What came later is lost, and the loss says so."""
    store = good.store(wal="nowhere")
    outcome, seen = await world.verify(good.manifest, good.needed_at, store)
    found = measured(seen)
    assert found["tables_differ"] == "0"
    assert found["restored"] == "yes"
    assert found["wal_missing"] == "0"
    assert outcome.verdict is Verdict.PASS, "the mark before is young enough here"


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
    catalogue = Catalogue(tuple(listed(good, one) for one in days), ())
    async with world.estate() as estate:
        found, lines = missing_since_oldest(
            estate, good.bucket(), catalogue, "tradesense", "main", good.store(wal=shelf.name)
        )
    return [str(one) for one in found], lines


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
    found, [line] = await told(world, good, shelf, 0, 1, 29)
    assert found == ["wal_missing 1"]
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
