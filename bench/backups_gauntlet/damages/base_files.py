"""Base backups in which a file is gone, cut, swapped, of another time or of another system."""

from abc import abstractmethod
from pathlib import Path
from typing import ClassVar

from bench.backups_gauntlet.base_copy import BASE_TAR, BaseCopy
from bench.backups_gauntlet.damage import BASE, Damage, Mode
from bench.backups_gauntlet.trial import Trial
from tests.tasks.backups.base.damages import PAGE, Copy

_TABLE = ("tables_differ",)
_UP = ("restored", "tables_differ")


class InTar(Damage, abstract=True):
    """A file in the tar is another, or gone."""

    stores: ClassVar[tuple[str, ...]] = (BASE,)

    @abstractmethod
    def change(self, copy: Copy) -> None:
        """Damages what was unpacked."""

    def do(self, trial: Trial, *, consistent: bool) -> None:
        """See Damage."""
        base = BaseCopy(trial)
        self.change(base.files)
        base.pack(consistent=consistent)


class LostTableFile(InTar):
    """The file of a table is missing."""

    notices: ClassVar[tuple[str, ...]] = _TABLE

    def change(self, copy: Copy) -> None:
        """See InTar."""
        copy.path("documents").unlink()


class CutTableFile(InTar):
    """The file of a table ends after its first page."""

    notices: ClassVar[tuple[str, ...]] = _TABLE

    def change(self, copy: Copy) -> None:
        """See InTar."""
        path = copy.path("documents")
        path.write_bytes(path.read_bytes()[:PAGE])


class SwappedIndexFiles(InTar):
    """Two indexes have each other's files."""

    notices: ClassVar[tuple[str, ...]] = ("indexes_broken",)

    def change(self, copy: Copy) -> None:
        """See InTar."""
        _swap(copy.path("documents_pkey"), copy.path("documents_by_hash"))


class SwappedToastFiles(InTar):
    """A table's large values are another table's rows."""

    notices: ClassVar[tuple[str, ...]] = ("tables_differ",)

    def change(self, copy: Copy) -> None:
        """See InTar."""
        _swap(copy.path(copy.toast("documents")), copy.path("documents_pkey"))


class LostCommits(InTar):
    """What says which transactions committed is zeros: rows of them are not there."""

    notices: ClassVar[tuple[str, ...]] = _UP

    def change(self, copy: Copy) -> None:
        """See InTar."""
        path = copy.folder / "pg_xact" / "0000"
        path.write_bytes(bytes(path.stat().st_size))


class LostLabel(InTar):
    """backup_label is missing, without which recovery begins at a wrong place and says nothing."""

    notices: ClassVar[tuple[str, ...]] = ("restored",)

    def change(self, copy: Copy) -> None:
        """See InTar."""
        (copy.folder / "backup_label").unlink()


class AlteredControl(InTar):
    """A bit of pg_control is another."""

    notices: ClassVar[tuple[str, ...]] = ("restored",)

    def change(self, copy: Copy) -> None:
        """See InTar."""
        path = copy.folder / "global" / "pg_control"
        content = bytearray(path.read_bytes())
        content[100] ^= 0x01
        path.write_bytes(bytes(content))


class LostMap(InTar):
    """The map from catalogues to files is missing."""

    notices: ClassVar[tuple[str, ...]] = ("restored",)

    def change(self, copy: Copy) -> None:
        """See InTar."""
        for path in (copy.folder / "base").glob("*/pg_filenode.map"):
            path.unlink()


class LostInnerManifest(InTar):
    """The tar ends neatly, and too early: without its last file."""

    modes: ClassVar[tuple[Mode, ...]] = ("plain",)

    def change(self, copy: Copy) -> None:
        """See InTar."""
        (copy.folder / "backup_manifest").unlink()


class OnlyInnerManifestTells(Damage):
    """A file in the tar is another, and only pg_basebackup's own manifest was left as it was."""

    stores: ClassVar[tuple[str, ...]] = (BASE,)
    modes: ClassVar[tuple[Mode, ...]] = ("consistent",)
    notices: ClassVar[tuple[str, ...]] = ("files_corrupt",)

    def do(self, trial: Trial, *, consistent: bool) -> None:
        """See Damage."""
        base = BaseCopy(trial)
        path = base.files.path("documents_by_tag")
        content = bytearray(path.read_bytes())
        content[-1] ^= 0x01
        path.write_bytes(bytes(content))
        base.pack(consistent=False)
        trial.put_file(trial.plain(BASE_TAR), BASE_TAR, consistent=consistent)


class AnotherSystem(Damage):
    """The backup is of a server with another system identifier than it should be of."""

    stores: ClassVar[tuple[str, ...]] = (BASE,)
    modes: ClassVar[tuple[Mode, ...]] = ("consistent",)
    notices: ClassVar[tuple[str, ...]] = ("restored",)

    def do(self, trial: Trial, *, consistent: bool) -> None:  # noqa: ARG002 - it is recorded so
        """See Damage."""
        origin = trial.manifest.origin.model_copy(update={"identity": "7000000000000000001"})
        trial.manifest = trial.manifest.model_copy(update={"origin": origin})
        trial.trust()


class AnotherTarOrder(Damage):
    """The tar has its files in another order."""

    stores: ClassVar[tuple[str, ...]] = (BASE,)
    modes: ClassVar[tuple[Mode, ...]] = ("consistent",)
    harmful: ClassVar[bool] = False

    def do(self, trial: Trial, *, consistent: bool) -> None:
        """See Damage."""
        BaseCopy(trial).pack(consistent=consistent, reverse=True)


class LostFreeSpaceMap(Damage):
    """The map of free space of a table is missing, which PostgreSQL makes anew."""

    stores: ClassVar[tuple[str, ...]] = (BASE,)
    modes: ClassVar[tuple[Mode, ...]] = ("consistent",)
    harmful: ClassVar[bool] = False

    def do(self, trial: Trial, *, consistent: bool) -> None:
        """See Damage."""
        base = BaseCopy(trial)
        path = base.files.path("documents")
        path.with_name(f"{path.name}_fsm").unlink(missing_ok=True)
        base.pack(consistent=consistent)


class Stray(Damage):
    """A file of another program's lies in the tar."""

    stores: ClassVar[tuple[str, ...]] = (BASE,)
    modes: ClassVar[tuple[Mode, ...]] = ("consistent",)
    harmful: ClassVar[bool] = False

    def do(self, trial: Trial, *, consistent: bool) -> None:
        """See Damage. The inner manifest names every file that is its own, so this one is named as well."""
        base = BaseCopy(trial)
        _name_in_manifest(base.files, "monitoring.txt", b"left here by a monitoring program\n")
        base.pack(consistent=consistent)


def _name_in_manifest(copy: Copy, name: str, content: bytes) -> None:
    import json

    (copy.folder / name).write_bytes(content)
    path = copy.folder / "backup_manifest"
    manifest = json.loads(path.read_text())
    manifest["Files"].append({**manifest["Files"][0], "Path": name})
    path.write_text(json.dumps(manifest))


def _swap(one: Path, other: Path) -> None:
    first, second = one.read_bytes(), other.read_bytes()
    one.write_bytes(second)
    other.write_bytes(first)
