"""Backups of objects of which a content is another; where that is consistent, the list says what it is now."""

import json
from abc import abstractmethod
from typing import ClassVar

from bench.backups_gauntlet.damage import OBJECTS, Damage, Mode
from bench.backups_gauntlet.lives.objects import LiveObjects
from bench.backups_gauntlet.object_contents import Contents
from bench.backups_gauntlet.place import sha256
from bench.backups_gauntlet.trial import Trial

_DIFFER = ("objects_differ",)
_KEY = "shop/invoice/003.txt"


class OfContent(Damage, abstract=True):
    """One content is another."""

    stores: ClassVar[tuple[str, ...]] = (OBJECTS,)
    notices: ClassVar[tuple[str, ...]] = _DIFFER
    plainly: ClassVar[tuple[str, ...]] = _DIFFER
    of: ClassVar[str] = _KEY

    @abstractmethod
    def change(self, plain: bytes) -> bytes:
        """What lies there instead."""

    def do(self, trial: Trial, *, consistent: bool) -> None:
        """See Damage."""
        contents = Contents(trial)
        line = contents.line(self.of)
        contents.put(line, self.change(contents.plain(line)), consistent=consistent)
        if consistent:
            contents.relist(consistent=True)


class ChangedObjectByte(OfContent):
    """One byte of an object is another."""

    def change(self, plain: bytes) -> bytes:
        """See OfContent."""
        return plain[:-1] + bytes([plain[-1] ^ 1])


class CutObject(OfContent):
    """An object ends after two thirds."""

    def change(self, plain: bytes) -> bytes:
        """See OfContent."""
        return plain[: len(plain) * 2 // 3]


class EmptyObject(OfContent):
    """An object is empty."""

    def change(self, plain: bytes) -> bytes:  # noqa: ARG002 - whatever it was
        """See OfContent."""
        return b""


class AnotherVersion(OfContent):
    """An object is the version before the one that was current."""

    of: ClassVar[str] = "shop/invoice/005.txt"

    def change(self, plain: bytes) -> bytes:  # noqa: ARG002 - whatever it was
        """See OfContent."""
        return b"invoice 5 of the shop" * 40


class StaleObjectMark(OfContent):
    """The mark among the objects is older than what may be lost."""

    notices: ClassVar[tuple[str, ...]] = ("loss",)
    plainly: ClassVar[tuple[str, ...]] = ("loss",)
    of: ClassVar[str] = "shop/tminus/marker.json"

    def change(self, plain: bytes) -> bytes:  # noqa: ARG002 - whatever it was
        """See OfContent."""
        return json.dumps({"number": 1, "at": "2026-01-01T00:00:00+00:00"}).encode()


class OfPool(Damage, abstract=True):
    """What lies where a content should be is no content of ours; no list can agree with that."""

    stores: ClassVar[tuple[str, ...]] = (OBJECTS,)
    modes: ClassVar[tuple[Mode, ...]] = ("plain",)
    plainly: ClassVar[tuple[str, ...]] = _DIFFER

    @abstractmethod
    def stored(self, trial: Trial, before: bytes) -> bytes | None:
        """The bytes that lie there; None for none."""

    def do(self, trial: Trial, *, consistent: bool) -> None:  # noqa: ARG002
        """See Damage."""
        contents = Contents(trial)
        key = contents.key(contents.line(_KEY))
        after = self.stored(trial, trial.place.get(key))
        if after is None:
            trial.place.remove(key)
        else:
            trial.place.put(key, after)


class MissingObject(OfPool):
    """A content is not there."""

    def stored(self, trial: Trial, before: bytes) -> bytes | None:  # noqa: ARG002
        """See OfPool."""
        return None


class FlippedObject(OfPool):
    """A bit of a content is another, as it lies in the bucket."""

    def stored(self, trial: Trial, before: bytes) -> bytes | None:  # noqa: ARG002
        """See OfPool."""
        return before[:-1] + bytes([before[-1] ^ 1])


class CutStoredObject(OfPool):
    """A content is cut off, as it lies in the bucket."""

    def stored(self, trial: Trial, before: bytes) -> bytes | None:  # noqa: ARG002
        """See OfPool."""
        return before[:-9]


class UnencryptedObject(OfPool):
    """A content is not encrypted: anybody can read it."""

    plainly: ClassVar[tuple[str, ...]] = ("readable_without_key",)

    def stored(self, trial: Trial, before: bytes) -> bytes | None:
        """See OfPool."""
        return trial.place.unseal(before)


class AnothersObject(OfPool):
    """A content is encrypted to somebody else's key."""

    def stored(self, trial: Trial, before: bytes) -> bytes | None:
        """See OfPool."""
        return trial.place.seal(trial.place.unseal(before), other=True)


class StrayObject(Damage):
    """A content that no list names lies among the others."""

    stores: ClassVar[tuple[str, ...]] = (OBJECTS,)
    modes: ClassVar[tuple[Mode, ...]] = ("plain",)
    harmful: ClassVar[bool] = False

    def do(self, trial: Trial, *, consistent: bool) -> None:  # noqa: ARG002
        """See Damage."""
        digest = sha256(b"of no list")
        trial.place.put(f"{trial.prefix}/store.objects/plain/{digest[:2]}/{digest}", b"of no list")


class DeletedSince(Damage):
    """A live object was deleted since: the backup still has it, as it must."""

    stores: ClassVar[tuple[str, ...]] = (OBJECTS,)
    modes: ClassVar[tuple[Mode, ...]] = ("plain",)
    harmful: ClassVar[bool] = False

    def do(self, trial: Trial, *, consistent: bool) -> None:  # noqa: ARG002
        """See Damage."""
        assert isinstance(trial.live, LiveObjects)
        trial.live.drop("invoice/010.txt")
