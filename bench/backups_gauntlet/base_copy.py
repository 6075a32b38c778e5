"""A good base backup's files, unpacked to be damaged, and packed again."""

import io
import shutil
import tarfile
from functools import cached_property
from pathlib import Path

from bench.backups_gauntlet.lives.bases import LiveBase
from bench.backups_gauntlet.place import BACKUPS, sha256
from bench.backups_gauntlet.trial import Trial
from tests.tasks.backups.base.damages import Copy

BASE_TAR = "base.tar"
MANIFEST = "backup_manifest"
_unpacked: dict[str, Path] = {}


class BaseCopy:
    """The tar of a trial's base backup.

    Args:
        trial: of which it is.
    """

    def __init__(self, trial: Trial) -> None:
        live = trial.live
        assert isinstance(live, LiveBase)
        self._trial = trial
        self._world = live.world

    @cached_property
    def files(self) -> Copy:
        """The files in a folder; what is pristine is unpacked once for each backup."""
        place, backup = self._trial.place, self._trial.good.manifest.backup
        if backup not in _unpacked:
            folder = place.new_folder("pristine")
            unpack(self._trial.plain(BASE_TAR), folder)
            _unpacked[backup] = folder
        folder = place.new_folder("copy") / "data"
        shutil.copytree(_unpacked[backup], folder, symlinks=True)
        return Copy(folder, self._world)

    def pack(self, *, consistent: bool, reverse: bool = False) -> None:
        """Puts it back into the bucket; where it is consistent the backup's own manifest agrees with it too."""
        copy = self.files
        if consistent:
            copy.make_consistent()
        folders = sorted(one for one in copy.folder.rglob("*") if one.is_dir())
        files = sorted((one for one in copy.folder.rglob("*") if not one.is_dir()), reverse=reverse)
        into = io.BytesIO()
        with tarfile.open(fileobj=into, mode="w") as tar:
            for path in (*folders, *sorted(files, key=lambda one: one.name == MANIFEST)):
                tar.add(path, str(path.relative_to(copy.folder)), recursive=False)
        self._trial.put_file(into.getvalue(), BASE_TAR, consistent=consistent)
        shutil.rmtree(copy.folder.parent)


def unpack(tar: bytes, folder: Path) -> None:
    """All of a tar, into a folder; raises tarfile.TarError where it is none."""
    with tarfile.open(fileobj=io.BytesIO(tar), mode="r:") as files:
        files.extractall(folder, filter="tar")


def wal_names(trial: Trial) -> list[str]:
    """The segments in the archive, in order."""
    return sorted(key.rpartition("/")[2] for key in trial.place.keys(f"{trial.prefix}/wal"))


class Archived:
    """One file of the archive of a trial: what it holds, and what its metadata says of that."""

    def __init__(self, trial: Trial, name: str) -> None:
        self._place = trial.place
        self._key = f"{trial.prefix}/wal/{name}"
        self._folder = f"{trial.prefix}/wal"

    def plain(self) -> bytes:
        """Decrypted."""
        return self._place.unseal(self._place.get(self._key))

    def put(self, plain: bytes, *, consistent: bool, name: str = "") -> None:
        """Puts another content there, or under another name; the metadata agrees where it is to be consistent."""
        stored = self._place.seal(plain)
        head = self._place.s3.head_object(Bucket=BACKUPS, Key=self._key)
        metadata = dict(head["Metadata"])
        if consistent:
            metadata |= {"tminus-plain-sha256": sha256(plain), "tminus-sha256": sha256(stored)}
        self._place.put(f"{self._folder}/{name}" if name else self._key, stored, metadata)

    def remove(self) -> None:
        """Removes it."""
        self._place.remove(self._key)
