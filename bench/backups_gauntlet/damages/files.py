"""Damage to a file of a backup, whatever is in it: to the last file that the manifest names."""

from abc import abstractmethod
from typing import ClassVar

from bench.backups_gauntlet.damage import AOF, BASE, DUMP, OBJECTS, RDB, Damage, Mode
from bench.backups_gauntlet.place import BACKUPS
from bench.backups_gauntlet.trial import Trial

# What tells that a file restores to something else, or to nothing.
_TOLD = ("restored", "tables_differ", "schema_differs", "databases_differ", "objects_differ", "files_corrupt")
_PAGE = 8192


def main_file(trial: Trial) -> str:
    """The file that everything hangs on; a base backup's last one is WAL, and the first is its tar."""
    return trial.manifest.files[0 if trial.kind == BASE else -1].name


class Bytes(Damage, abstract=True):
    """Bytes of a file are others: plainly as they lie in the bucket, or before they were encrypted."""

    notices: ClassVar[tuple[str, ...]] = _TOLD

    @abstractmethod
    def change(self, data: bytes) -> bytes:
        """The file with its damage."""

    def do(self, trial: Trial, *, consistent: bool) -> None:
        """See Damage."""
        name = main_file(trial)
        if consistent:
            trial.put_file(self.change(trial.plain(name)), name, consistent=True)
        else:
            trial.put_file(b"", name, consistent=False, stored=self.change(trial.stored(name)))


def flipped(data: bytes, at: int, bit: int = 1) -> bytes:
    """With one bit another."""
    return data[:at] + bytes([data[at] ^ bit]) + data[at + 1 :]


class Truncated(Bytes):
    """The file ends after two thirds."""

    def change(self, data: bytes) -> bytes:
        """See Bytes."""
        return data[: len(data) * 2 // 3]


class CutAtTheEnd(Bytes):
    """The last bytes of the file are missing."""

    stores: ClassVar[tuple[str, ...]] = (RDB, AOF, OBJECTS)

    def change(self, data: bytes) -> bytes:
        """See Bytes."""
        return data[:-5]


class FlippedHeader(Bytes):
    """One bit of the file's header is another."""

    def change(self, data: bytes) -> bytes:
        """See Bytes."""
        return flipped(data, 2, 4)


class FlippedMiddle(Bytes):
    """One bit in the middle of the file is another."""

    stores: ClassVar[tuple[str, ...]] = (DUMP, RDB, OBJECTS)

    def change(self, data: bytes) -> bytes:
        """See Bytes."""
        return flipped(data, len(data) * 4 // 5)


class ZeroedStretch(Bytes):
    """A stretch of the file, up to a page, is zeros."""

    def change(self, data: bytes) -> bytes:
        """See Bytes."""
        at, length = len(data) // 2, min(len(data) // 10, _PAGE)
        while not any(data[at : at + length]):  # in a tar much is zeros anyway
            at += length
        return data[:at] + bytes(length) + data[at + length :]


class RepeatedStretch(Bytes):
    """A stretch of the file is there twice, and what should follow it is not."""

    stores: ClassVar[tuple[str, ...]] = (DUMP, RDB, OBJECTS)

    def change(self, data: bytes) -> bytes:
        """See Bytes."""
        half, length = len(data) // 2, len(data) // 8
        return data[:half] + data[half - length : half] + data[half + length :]


class OnlyTheBeginning(Bytes):
    """Nothing but the first bytes of the file is there."""

    def change(self, data: bytes) -> bytes:
        """See Bytes."""
        return data[:9]


class SomethingElse(Bytes):
    """Some text lies where the file should be."""

    def change(self, data: bytes) -> bytes:
        """See Bytes."""
        return b"-- PostgreSQL database dump complete\n" + data[:0]


class LostFile(Damage):
    """The file is not there."""

    modes: ClassVar[tuple[Mode, ...]] = ("plain",)

    def do(self, trial: Trial, *, consistent: bool) -> None:
        """See Damage."""
        trial.lose_file(main_file(trial), consistent=consistent)


class HalfUploaded(Damage):
    """The file's upload in parts was begun and never completed."""

    modes: ClassVar[tuple[Mode, ...]] = ("plain",)

    def do(self, trial: Trial, *, consistent: bool) -> None:
        """See Damage."""
        name = main_file(trial)
        key, body = trial.file(name).key, trial.stored(name)
        trial.lose_file(name, consistent=consistent)
        begun = trial.place.s3.create_multipart_upload(Bucket=BACKUPS, Key=key)["UploadId"]
        trial.place.s3.upload_part(Bucket=BACKUPS, Key=key, UploadId=begun, PartNumber=1, Body=body[: len(body) // 2])


class Unencrypted(Damage):
    """The file is not encrypted: anybody can read it."""

    notices: ClassVar[tuple[str, ...]] = ("readable_without_key",)
    plainly: ClassVar[tuple[str, ...]] = ("readable_without_key",)

    def do(self, trial: Trial, *, consistent: bool) -> None:
        """See Damage."""
        name = main_file(trial)
        plain = trial.plain(name)
        trial.put_file(plain, name, consistent=consistent, stored=plain)


class AnothersKey(Damage):
    """The file is encrypted to somebody else's key: ours does not open it."""

    notices: ClassVar[tuple[str, ...]] = ("restored",)

    def do(self, trial: Trial, *, consistent: bool) -> None:
        """See Damage."""
        name = main_file(trial)
        plain = trial.plain(name)
        trial.put_file(plain, name, consistent=consistent, stored=trial.place.seal(plain, other=True))


class WrongKey(Damage):
    """The environment has a private key that is none of this backup's."""

    modes: ClassVar[tuple[Mode, ...]] = ("plain",)
    notices: ClassVar[tuple[str, ...]] = ("restored",)
    plainly: ClassVar[tuple[str, ...]] = ()
    unknown: ClassVar[str] = "nothing can be read with it, and the backup may well be good"

    def do(self, trial: Trial, *, consistent: bool) -> None:  # noqa: ARG002 - nothing of the backup is changed
        """See Damage."""
        trial.wrong_key = True


class YesterdaysFile(Damage):
    """Yesterday's file lies under today's name."""

    notices: ClassVar[tuple[str, ...]] = _TOLD

    def do(self, trial: Trial, *, consistent: bool) -> None:
        """See Damage."""
        if trial.kind == AOF and len(trial.manifest.files) > 1:
            self._all(trial, consistent=consistent)
            return
        name = main_file(trial)
        plain = trial.place.unseal(trial.place.get(trial.older.manifest.file(name).key))
        trial.put_file(plain, name, consistent=consistent)

    def _all(self, trial: Trial, *, consistent: bool) -> None:
        """Append-only files of several parts belong together."""
        for one in trial.manifest.files:
            if one.name in trial.older.manifest.names:
                plain = trial.place.unseal(trial.place.get(trial.older.manifest.file(one.name).key))
                trial.put_file(plain, one.name, consistent=consistent)


class EncryptedAnew(Damage):
    """The same content was encrypted once more, to the same key."""

    modes: ClassVar[tuple[Mode, ...]] = ("consistent",)
    harmful: ClassVar[bool] = False

    def do(self, trial: Trial, *, consistent: bool) -> None:
        """See Damage."""
        name = main_file(trial)
        trial.put_file(trial.plain(name), name, consistent=consistent)


class WrittenAnew(Damage):
    """The file was written over since, with the same content encrypted once more: it is not the one that was taken."""

    modes: ClassVar[tuple[Mode, ...]] = ("plain",)

    def do(self, trial: Trial, *, consistent: bool) -> None:
        """See Damage."""
        name = main_file(trial)
        trial.put_file(trial.plain(name), name, consistent=consistent)


class SomethingBeside(Damage):
    """An object that belongs to nothing lies beside the backups."""

    modes: ClassVar[tuple[Mode, ...]] = ("plain",)
    harmful: ClassVar[bool] = False

    def do(self, trial: Trial, *, consistent: bool) -> None:  # noqa: ARG002 - nothing of the backup is changed
        """See Damage."""
        trial.place.put(f"{trial.prefix}/README.txt", b"whoever lives here")
