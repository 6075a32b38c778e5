"""A base backup of a server that is written to all the while is restored, and its data agree."""

import pytest

from tests.tasks.backups.base.damages import Good
from tests.tasks.backups.base.world import ELSEWHERE, World, measured
from tminus.backups.aspects import ASPECTS_OF
from tminus.backups.contents import PostgresContents
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
