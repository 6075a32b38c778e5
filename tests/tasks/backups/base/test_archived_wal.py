"""WAL in the archive that is missing, another's or damaged: recovery ends there without an error, and it is noticed."""

import hashlib
from pathlib import Path

import pytest
from pydantic import SecretStr

from tasks.backups.damage import Damaged
from tasks.backups.restore_base import restore_to
from tasks.backups.wal_archive import WalArchive
from tests.sampling import few
from tests.tasks.backups.base.damages import Good
from tests.tasks.backups.base.world import World, measured
from tminus.backups.wal_names import Segment, parse_lsn
from tminus.outcome import Verdict


class Shelf:
    """An archive of a test's own, with what the good one has."""

    def __init__(self, good: Good, name: str) -> None:
        self.good, self.name = good, name
        self.client, section = good.world.estate().s3("backups")
        self.bucket, self.prefix = section.bucket, section.prefix
        for one in good.wal:
            source = {"Bucket": self.bucket, "Key": f"{self.prefix}/wal/{one}"}
            self.client.copy_object(Bucket=self.bucket, Key=self.key(one), CopySource=source)
        point = good.manifest.restore_point
        assert point is not None
        first = Segment.holding(1, parse_lsn(point.lsn))
        self.after = [one for one in good.wal if one > first.name()]
        assert len(self.after) >= 3, good.wal

    def key(self, name: str) -> str:
        """Of an object."""
        return f"{self.prefix}/{self.name}/{name}"

    def lose(self, name: str) -> None:
        """One segment is no more."""
        self.client.delete_object(Bucket=self.bucket, Key=self.key(name))

    def plain(self, name: str, folder: Path) -> bytes:
        """A good segment's content."""
        archive = WalArchive(self.client, self.bucket, f"{self.prefix}/wal")
        archive.fetch(name, folder / name, SecretStr(str(self.good.world.identity)))
        return (folder / name).read_bytes()

    def put(self, name: str, content: bytes) -> None:
        """Unencrypted, with every hash agreeing."""
        told = hashlib.sha256(content).hexdigest()
        metadata = {"tminus-plain-sha256": told, "tminus-sha256": told}
        self.client.put_object(Bucket=self.bucket, Key=self.key(name), Body=content, Metadata=metadata)


@pytest.fixture
def shelf(good: Good, request: pytest.FixtureRequest) -> Shelf:
    """It begins as a good one."""
    return Shelf(good, f"wal-{request.node.name}"[:60])


async def looked(world: World, good: Good, shelf: Shelf) -> tuple[Verdict, dict[str, str], str]:
    """What a verification makes of it."""
    outcome, seen = await world.verify(good.manifest, good.needed_at, good.store(wal=shelf.name))
    return outcome.verdict, measured(seen), " ".join([*seen.details, seen.because])


@pytest.mark.long
async def test_the_archive_as_it_was_passes(world: World, good: Good, shelf: Shelf) -> None:
    """So it is the damage that is noticed."""
    assert (await looked(world, good, shelf))[0] is Verdict.PASS


@pytest.mark.long
async def test_a_segment_that_is_missing_is_named(world: World, good: Good, shelf: Shelf) -> None:
    """With those after it there: what they hold cannot be restored."""
    shelf.lose(shelf.after[0])
    verdict, found, said = await looked(world, good, shelf)
    assert verdict is Verdict.FAIL
    assert found["wal_missing"] == "1"
    assert found["tables_differ"] == "0"
    assert shelf.after[0] in said


@pytest.mark.long
async def test_a_segment_of_another_place(world: World, good: Good, shelf: Shelf, tmp_path: Path) -> None:
    """The next one's content under its name, its hashes agreeing."""
    shelf.put(shelf.after[0], shelf.plain(shelf.after[1], tmp_path))
    verdict, found, said = await looked(world, good, shelf)
    assert verdict is Verdict.FAIL
    assert found["wal_missing"] == "1"
    assert "not what its name says" in said


@pytest.mark.parametrize("what", ["timeline", "system"])
@pytest.mark.long
async def test_a_segment_of_another_timeline_or_system(
    world: World, good: Good, shelf: Shelf, tmp_path: Path, what: str
) -> None:
    """Each page says of which timeline it is, and the first of which system."""
    content = bytearray(shelf.plain(shelf.after[0], tmp_path))
    if what == "timeline":
        for at in range(0, len(content), 8192):
            content[at + 4 : at + 8] = (2).to_bytes(4, "little")
    else:
        content[24:32] = (7000000000000000001).to_bytes(8, "little")
    shelf.put(shelf.after[0], bytes(content))
    verdict, found, _ = await looked(world, good, shelf)
    assert verdict is Verdict.FAIL
    assert found["wal_missing"] == "1"


@pytest.mark.parametrize("which", few([0, -1], -1))
@pytest.mark.parametrize("where", few(["the first record", "the last record"], "the last record"))
@pytest.mark.long
async def test_a_bit_of_the_wal(world: World, good: Good, shelf: Shelf, tmp_path: Path, which: int, where: str) -> None:
    """In a record of a segment in the middle, and of the last one, where nothing follows that would be missed."""
    name = shelf.after[which]
    content = bytearray(shelf.plain(name, tmp_path))
    assert int.from_bytes(content[16:20], "little") == 0, "it begins with a record of its own"
    written = len(bytes(content).rstrip(b"\0"))  # what follows in a segment that was closed is zeros
    content[40 + 26 if where == "the first record" else written - 1] ^= 0x01
    shelf.put(name, bytes(content))
    verdict, found, said = await looked(world, good, shelf)
    assert verdict is Verdict.FAIL, said
    assert found["wal_missing"] == "1", said


@pytest.mark.long
async def test_a_segment_that_is_cut_off(world: World, good: Good, shelf: Shelf, tmp_path: Path) -> None:
    """Its hashes agree."""
    shelf.put(shelf.after[0], shelf.plain(shelf.after[0], tmp_path)[: 3 << 20])
    verdict, found, said = await looked(world, good, shelf)
    assert verdict is Verdict.FAIL
    assert found["wal_missing"] == "1"
    assert "cut off" in said


@pytest.mark.long
async def test_wal_of_a_stranger_timeline_is_not_followed(
    world: World, good: Good, shelf: Shelf, tmp_path: Path
) -> None:
    """A newer timeline that left before the backup's point, and one without a history: named, and left alone."""
    shelf.put("00000002.history", b"1\t0/1000000\tbefore\n")
    for timeline in (2, 3):
        name = f"{timeline:08X}{shelf.after[-1][8:]}"
        shelf.put(name, shelf.plain(shelf.after[-1], tmp_path))
    verdict, _, said = await looked(world, good, shelf)
    assert verdict is Verdict.PASS, said
    assert "2, 3" in said


@pytest.mark.long
async def test_an_instant_is_restored_to(world: World, good: Good, shelf: Shelf) -> None:
    """With what committed until then, and nothing later; which mark and commit that is, is said."""
    before = good.manifest.finished_at
    where = world.asked(good.manifest, before, good.store(wal=shelf.name))
    async with where as asked, restore_to(asked, before) as restored:
        assert restored.found.reached.last_commit is not None
        assert restored.found.reached.last_commit <= before
        async with restored.found.server.connect("trading") as connection:
            [(newest,)] = await (await connection.execute("SELECT max(number) FROM tminus.marker")).fetchall()
    assert good.manifest.marker is not None
    assert newest == good.manifest.marker.number


@pytest.mark.long
async def test_an_instant_behind_a_gap_is_not_reached(world: World, good: Good, shelf: Shelf, tmp_path: Path) -> None:
    """And each segment in the way is named: one that is missing, and one that is not what was archived."""
    shelf.put(shelf.after[0], shelf.plain(shelf.after[0], tmp_path)[: 3 << 20])
    shelf.lose(shelf.after[1])
    async with world.asked(good.manifest, good.needed_at, good.store(wal=shelf.name)) as asked:
        with pytest.raises(Damaged, match=f"{shelf.after[0]} is cut off") as raised:
            async with restore_to(asked, good.needed_at):
                pytest.fail("it was not reached")
    assert f"the WAL segment {shelf.after[1]} is missing" in str(raised.value)
