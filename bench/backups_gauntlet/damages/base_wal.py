"""Base backups whose WAL is not what was written: in the backup itself, and in the archive after it."""

from abc import abstractmethod
from typing import ClassVar

from bench.backups_gauntlet.base_copy import Archived, wal_names
from bench.backups_gauntlet.damage import BASE, Damage, Mode
from bench.backups_gauntlet.trial import Trial
from tminus.backups.wal_names import parse_lsn, show_lsn

_WAL = ("wal_missing",)
_HEADER = 40  # bytes of a segment before its first record
_SYSTEM_ID = slice(24, 32)  # of a segment's first page: xlp_sysid in access/xlog_internal.h


class InArchive(Damage, abstract=True):
    """A segment of the archive is another, or gone: one in the middle of what follows the backup."""

    stores: ClassVar[tuple[str, ...]] = (BASE,)
    notices: ClassVar[tuple[str, ...]] = _WAL
    plainly: ClassVar[tuple[str, ...]] = _WAL

    @abstractmethod
    def change(self, trial: Trial, names: list[str], *, consistent: bool) -> None:
        """Damages it; the last of the names is the archive's newest segment."""

    def do(self, trial: Trial, *, consistent: bool) -> None:
        """See Damage."""
        names = wal_names(trial)
        assert len(names) > 2, names
        self.change(trial, names, consistent=consistent)


class MissingSegment(InArchive):
    """A segment is missing, and later ones are there."""

    modes: ClassVar[tuple[Mode, ...]] = ("plain",)

    def change(self, trial: Trial, names: list[str], *, consistent: bool) -> None:  # noqa: ARG002 - no hash covers it
        """See InArchive."""
        Archived(trial, names[-2]).remove()


class AnotherTimeline(InArchive):
    """A segment is there under the name of another timeline only."""

    def change(self, trial: Trial, names: list[str], *, consistent: bool) -> None:
        """See InArchive."""
        one = Archived(trial, names[-2])
        one.put(one.plain(), consistent=consistent, name=f"00000002{names[-2][8:]}")
        one.remove()


class SwappedSegments(InArchive):
    """Two segments lie under each other's names."""

    def change(self, trial: Trial, names: list[str], *, consistent: bool) -> None:
        """See InArchive."""
        one, other = Archived(trial, names[-2]), Archived(trial, names[-1])
        first, second = one.plain(), other.plain()
        one.put(second, consistent=consistent)
        other.put(first, consistent=consistent)


class FlippedSegment(InArchive):
    """A bit of a segment's first record is another."""

    def change(self, trial: Trial, names: list[str], *, consistent: bool) -> None:
        """See InArchive."""
        one = Archived(trial, names[-2])
        content = bytearray(one.plain())
        content[60] ^= 0x01
        one.put(bytes(content), consistent=consistent)


class ZeroedSegment(InArchive):
    """A segment is zeros."""

    def change(self, trial: Trial, names: list[str], *, consistent: bool) -> None:
        """See InArchive."""
        one = Archived(trial, names[-2])
        one.put(bytes(len(one.plain())), consistent=consistent)


class CutSegment(InArchive):
    """A segment ends in its middle."""

    def change(self, trial: Trial, names: list[str], *, consistent: bool) -> None:
        """See InArchive."""
        one = Archived(trial, names[-2])
        plain = one.plain()
        one.put(plain[: len(plain) // 2], consistent=consistent)


class AnotherSystemsSegment(InArchive):
    """A segment is another server's."""

    def change(self, trial: Trial, names: list[str], *, consistent: bool) -> None:
        """See InArchive."""
        one = Archived(trial, names[-2])
        content = bytearray(one.plain())
        content[_SYSTEM_ID] = (7_000_000_000_000_000_001).to_bytes(8, "little")
        one.put(bytes(content), consistent=consistent)


class LostWalOfEarlier(Damage):
    """The WAL after an earlier backup was removed, and all that the newest one needs is there."""

    stores: ClassVar[tuple[str, ...]] = (BASE,)
    modes: ClassVar[tuple[Mode, ...]] = ("plain",)
    plainly: ClassVar[tuple[str, ...]] = _WAL

    def do(self, trial: Trial, *, consistent: bool) -> None:  # noqa: ARG002 - no hash covers it
        """See Damage."""
        point = trial.manifest.restore_point
        assert point is not None
        earlier = parse_lsn(point.lsn) - 3 * (trial.manifest.origin.wal_segment or 0)
        trial.earlier(1, point=point.model_copy(update={"lsn": show_lsn(earlier)}))


class LostOwnWal(Damage):
    """The WAL that belongs to the backup itself is missing, and the archive does not have it."""

    stores: ClassVar[tuple[str, ...]] = (BASE,)
    notices: ClassVar[tuple[str, ...]] = ("restored",)

    def do(self, trial: Trial, *, consistent: bool) -> None:
        """See Damage."""
        for name in [one for one in trial.manifest.names if one.startswith("wal/")]:
            trial.lose_file(name, consistent=consistent)
        for name in wal_names(trial):
            Archived(trial, name).remove()


class CutOwnWal(Damage):
    """The WAL that belongs to the backup itself has no record, and the archive does not have it."""

    stores: ClassVar[tuple[str, ...]] = (BASE,)
    notices: ClassVar[tuple[str, ...]] = ("restored",)

    def do(self, trial: Trial, *, consistent: bool) -> None:
        """See Damage."""
        for name in [one for one in trial.manifest.names if one.startswith("wal/")]:
            plain = trial.plain(name)
            trial.put_file(plain[:_HEADER] + bytes(len(plain) - _HEADER), name, consistent=consistent)
        for name in wal_names(trial):
            Archived(trial, name).remove()


class NothingArchived(Damage):
    """Nothing came to the archive after the backup: it is whole by itself, and no longer than its promise ago."""

    stores: ClassVar[tuple[str, ...]] = (BASE,)
    modes: ClassVar[tuple[Mode, ...]] = ("plain",)
    harmful: ClassVar[bool] = False

    def do(self, trial: Trial, *, consistent: bool) -> None:  # noqa: ARG002 - no hash covers it
        """See Damage."""
        for name in wal_names(trial):
            Archived(trial, name).remove()


class WalOfBefore(Damage):
    """The archive also has WAL from before the backup."""

    stores: ClassVar[tuple[str, ...]] = (BASE,)
    modes: ClassVar[tuple[Mode, ...]] = ("consistent",)
    harmful: ClassVar[bool] = False

    def do(self, trial: Trial, *, consistent: bool) -> None:
        """See Damage."""
        first = wal_names(trial)[0]
        earlier = f"{first[:8]}{int(first[8:], 16) - 2:016X}"
        one = Archived(trial, first)
        one.put(one.plain(), consistent=consistent, name=earlier)
