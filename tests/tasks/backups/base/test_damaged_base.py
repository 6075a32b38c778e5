"""What is wrong with a base backup is found in the data that were restored, also where every hash agrees with it."""

import struct
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from tests.sampling import few
from tests.tasks.backups.base.damages import PAGE, Copy, Good
from tests.tasks.backups.base.world import World, measured
from tminus.backups.contents import PostgresContents
from tminus.outcome import Verdict

_LP_UNUSED = 0


def _tuple(page: bytearray, number: int) -> int:
    """Where a page's item begins: https://www.postgresql.org/docs/current/storage-page-layout.html."""
    [pointer] = struct.unpack_from("<I", page, 24 + 4 * (number - 1))
    return int(pointer & 0x7FFF)


def _flip(number: int, at: int) -> Callable[[bytearray], None]:
    def change(page: bytearray) -> None:
        page[_tuple(page, number) + at] ^= 0x01

    return change


def _zero(page: bytearray) -> None:
    page[:] = bytes(PAGE)


def _header(page: bytearray) -> None:
    [lower] = struct.unpack_from("<H", page, 12)  # pd_lower: the end of the line pointers
    struct.pack_into("<H", page, 12, lower - 8)


def _lose_a_row(page: bytearray) -> None:
    struct.pack_into("<I", page, 24, _LP_UNUSED)


def _paged(relation: str, block: int, change: Callable[[bytearray], None], *, valid: bool) -> Callable[[Copy], None]:
    def damage(copy: Copy) -> None:
        name = copy.toast(relation.removesuffix(".toast")) if relation.endswith(".toast") else relation
        copy.page(copy.path(name), block, change, valid=valid)

    return damage


def _lose(copy: Copy) -> None:
    copy.path("documents").unlink()


def _cut(copy: Copy) -> None:
    path = copy.path("documents")
    path.write_bytes(path.read_bytes()[:PAGE])


def _swap(copy: Copy) -> None:
    one, other = copy.path("documents_pkey"), copy.path("documents_by_hash")
    first, second = one.read_bytes(), other.read_bytes()
    one.write_bytes(second)
    other.write_bytes(first)


def _lose_label(copy: Copy) -> None:
    (copy.folder / "backup_label").unlink()


def _alter_control(copy: Copy) -> None:
    path = copy.folder / "global" / "pg_control"
    content = bytearray(path.read_bytes())
    content[100] ^= 0x01
    path.write_bytes(bytes(content))


def _lose_commits(copy: Copy) -> None:
    path = copy.folder / "pg_xact" / "0000"
    path.write_bytes(bytes(path.stat().st_size))


def _lose_the_map(copy: Copy) -> None:
    for path in (copy.folder / "base").glob("*/pg_filenode.map"):
        path.unlink()


# What → how, and what must notice it where every hash agrees. Checksums of pages are on.
CONSISTENT: dict[str, tuple[Callable[[Copy], None], str]] = {
    "a bit of a row": (_paged("documents", 0, _flip(1, 24), valid=False), "tables_differ"),
    "a row of another content, its page's checksum valid": (
        _paged("documents", 0, _flip(1, 24), valid=True),
        "tables_differ",
    ),
    "a row that is gone, its page's checksum valid": (_paged("documents", 0, _lose_a_row, valid=True), "tables_differ"),
    "a page's header": (_paged("documents", 0, _header, valid=False), "tables_differ"),
    "a page's header, its checksum valid": (_paged("documents", 0, _header, valid=True), "tables_differ"),
    "a page of zeros": (_paged("documents", 0, _zero, valid=False), "tables_differ"),
    "a bit of a value in TOAST": (_paged("documents.toast", 0, _flip(1, 60), valid=False), "tables_differ"),
    "a value in TOAST, valid": (_paged("documents.toast", 0, _flip(1, 60), valid=True), "tables_differ"),
    "a bit of an index": (_paged("documents_pkey", 1, _flip(5, 8), valid=False), "indexes_broken"),
    "an index of another order, valid": (_paged("documents_pkey", 1, _flip(5, 9), valid=True), "indexes_broken"),
    "an index without a row, valid": (_paged("documents_pkey", 1, _lose_a_row, valid=True), "indexes_broken"),
    "an index of zeros": (_paged("documents_pkey", 1, _zero, valid=False), "indexes_broken"),
    "a bit of a GIN index": (_paged("documents_by_tag", 1, _flip(1, 8), valid=False), "files_corrupt"),
    "a bit of a GiST index": (_paged("documents_by_span", 1, _flip(1, 8), valid=False), "files_corrupt"),
    "a bit of a hash index": (_paged("documents_by_hash", 1, _flip(1, 8), valid=False), "files_corrupt"),
    "a table's file that is lost": (_lose, "tables_differ"),
    "a table's file that is cut": (_cut, "tables_differ"),
    "two files that changed places": (_swap, "indexes_broken"),
    "commits that are lost": (_lose_commits, "tables_differ"),
    "backup_label that is lost": (_lose_label, "restored"),
    "pg_control altered": (_alter_control, "restored"),
    "a bit of the catalogue": (_paged("pg_class", 0, _flip(1, 60), valid=False), "restored"),
    "an index of the catalogue, valid": (
        _paged("pg_catalog.pg_amop_opr_fam_index", 1, _flip(5, 9), valid=True),
        "indexes_broken",
    ),
    "the map of catalogues that is lost": (_lose_the_map, "restored"),
}
_SOUND = {"restored": "yes"}


@pytest.mark.parametrize(
    "what",
    few(CONSISTENT, "a row that is gone, its page's checksum valid"),
)
@pytest.mark.long
async def test_damage_that_every_hash_agrees_with(world: World, good: Good, what: str) -> None:
    """The tar's hashes and pg_basebackup's own manifest are those of the damaged files."""
    damage, notices = CONSISTENT[what]
    copy = good.copy()
    damage(copy)
    copy.make_consistent()
    outcome, seen = await world.verify(good.with_base(copy.tar()), good.needed_at)
    found = measured(seen)
    assert outcome.verdict is Verdict.FAIL, (outcome.summary, seen.details)
    assert found[notices] != _SOUND.get(notices, "0"), (found, seen.details)
    assert seen.because
    assert found["files_damaged"] == "0"


# Without checksums of pages a bit in an index that is no B-tree can be told only by pg_basebackup's own manifest.
UNSUMMED = ("a bit of a row", "a page's header", "a page of zeros", "a bit of a value in TOAST", "an index of zeros")


@pytest.mark.parametrize("what", UNSUMMED)
@pytest.mark.long
async def test_damage_where_pages_have_no_checksums(plain_world: World, plain_good: Good, what: str) -> None:
    """The data are held against what was counted, and the indexes against the data."""
    damage, notices = CONSISTENT[what]
    copy = plain_good.copy()
    damage(copy)
    copy.make_consistent()
    outcome, seen = await plain_world.verify(plain_good.with_base(copy.tar()), plain_good.needed_at)
    found = measured(seen)
    assert outcome.verdict is Verdict.FAIL, (outcome.summary, seen.details)
    assert found.get(notices) != "0", (found, seen.details)


@pytest.mark.long
async def test_a_copy_without_damage_passes(world: World, good: Good) -> None:
    """So it is the damage that is noticed, and not how the copy was made."""
    copy = good.copy()
    copy.make_consistent()
    outcome, seen = await world.verify(good.with_base(copy.tar()), good.needed_at)
    assert outcome.verdict is Verdict.PASS, (outcome.summary, seen.details)


@pytest.mark.long
async def test_pg_verifybackup_names_the_file(world: World, good: Good) -> None:
    """Where pg_basebackup's own manifest was not made to agree."""
    copy = good.copy()
    path = copy.path("documents_by_tag")
    copy.page(path, 1, _flip(1, 8), valid=True)
    outcome, seen = await world.verify(good.with_base(copy.tar()), good.needed_at)
    assert outcome.verdict is Verdict.FAIL
    assert measured(seen)["files_corrupt"] == "1"
    assert path.name in seen.because


@pytest.mark.long
async def test_a_backup_that_is_cut_off(world: World, good: Good, tmp_path: Path) -> None:
    """The tar without its end, stored as if it were whole."""
    tar = good.copy().tar()
    content = tar.read_bytes()
    tar.write_bytes(content[: len(content) * 2 // 3])
    outcome, seen = await world.verify(good.with_base(tar), good.needed_at)
    assert outcome.verdict is Verdict.FAIL
    assert measured(seen)["restored"] == "no"
    assert "cut off" in seen.because


@pytest.mark.long
async def test_a_tar_that_ends_too_early_but_neatly(world: World, good: Good) -> None:
    """Without backup_manifest, which is its last file."""
    copy = good.copy()
    (copy.folder / "backup_manifest").unlink()
    outcome, seen = await world.verify(good.with_base(copy.tar()), good.needed_at)
    assert outcome.verdict is Verdict.FAIL
    assert measured(seen)["restored"] == "no"


@pytest.mark.long
async def test_what_was_stored_was_changed_since(world: World, good: Good) -> None:
    """The object is another one than the manifest says: it is not run, however well it would restore."""
    copy = good.copy()
    other = good.with_base(copy.tar()).file("base.tar")
    differing = other.model_copy(update={"sha256": "0" * 64, "plain_sha256": "0" * 64})
    outcome, seen = await world.verify(good.with_files(differing), good.needed_at)
    assert outcome.verdict is Verdict.FAIL
    assert measured(seen)["files_damaged"] == "1"
    assert measured(seen)["restored"] == "no"
    assert "tables_differ" not in measured(seen)


@pytest.mark.long
async def test_an_older_base_under_the_name_of_todays(world: World, good: Good) -> None:
    """With the WAL it would come to the same data, so it says by itself from when it is."""
    before = await world.take("main-older")
    manifest = good.with_files(before.file("base.tar"))
    outcome, seen = await world.verify(manifest, good.needed_at)
    assert outcome.verdict is Verdict.FAIL
    assert "another base backup" in seen.because


@pytest.mark.long
async def test_another_systems_base_under_this_name(world: World, good: Good) -> None:
    """By the system identifier in its pg_control."""
    origin = good.manifest.origin.model_copy(update={"identity": "7000000000000000001"})
    outcome, seen = await world.verify(good.manifest.model_copy(update={"origin": origin}), good.needed_at)
    assert outcome.verdict is Verdict.FAIL
    assert "another system" in seen.because


@pytest.mark.long
async def test_contents_that_were_altered_in_the_manifest(world: World, good: Good) -> None:
    """One row more than there is: whoever counts cannot be told what to find."""
    contents = good.manifest.contents
    assert isinstance(contents, PostgresContents)
    tables = dict(contents.tables)
    tables["public.documents"] = tables["public.documents"].model_copy(update={"rows": 401})
    manifest = good.manifest.model_copy(update={"contents": contents.model_copy(update={"tables": tables})})
    outcome, seen = await world.verify(manifest, good.needed_at)
    assert outcome.verdict is Verdict.FAIL
    assert measured(seen)["tables_differ"] == "1"
    assert "documents" in seen.because


@pytest.mark.long
async def test_what_moved_while_it_was_counted_is_not_known(world: World, good: Good) -> None:
    """It is neither a pass nor a fail; what did not move must still agree."""
    contents = good.manifest.contents
    assert isinstance(contents, PostgresContents)
    moving = contents.model_copy(update={"moving": ("public.busy_entries",)})
    outcome, seen = await world.verify(good.manifest.model_copy(update={"contents": moving}), good.needed_at)
    assert outcome.verdict is Verdict.UNKNOWN
    assert "tables_differ" not in measured(seen)
    assert "busy_entries" in " ".join(seen.details)


@pytest.mark.long
async def test_a_mark_that_is_too_old_fails(world: World, good: Good) -> None:
    """However well it restores."""
    outcome, seen = await world.verify(good.manifest, good.needed_at + timedelta(minutes=6))
    assert outcome.verdict is Verdict.FAIL
    assert measured(seen)["loss"].startswith("36")
