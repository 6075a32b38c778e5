"""What is wrong with a store's backups together: too old, missing, kept too long, too small."""

from datetime import timedelta
from typing import ClassVar

from bench.backups_gauntlet.damage import DUMP, OBJECTS, RDB, Damage, Mode
from bench.backups_gauntlet.trial import Trial

# What a catalogue tells is the same code for each kind of store; three of them stand for all.
_SOME = (DUMP, RDB, OBJECTS)


class Stopped(Damage):
    """No backup was taken for three days."""

    stores: ClassVar[tuple[str, ...]] = _SOME
    modes: ClassVar[tuple[Mode, ...]] = ("consistent",)
    notices: ClassVar[tuple[str, ...]] = ("age",)

    def do(self, trial: Trial, *, consistent: bool) -> None:  # noqa: ARG002 - it is recorded so
        """See Damage."""
        at = trial.manifest.taken_at - timedelta(days=3)
        trial.manifest = trial.manifest.model_copy(update={"taken_at": at})
        trial.trust()


class MissingDay(Damage):
    """One day of the promised thirty has no backup; plainly the ledger knows that it was taken, consistently not."""

    stores: ClassVar[tuple[str, ...]] = _SOME
    notices: ClassVar[tuple[str, ...]] = ("missing",)
    plainly: ClassVar[tuple[str, ...]] = ("missing",)

    def do(self, trial: Trial, *, consistent: bool) -> None:
        """See Damage."""
        for day in (1, 2, 3, 4, 5):
            if day != 3 or not consistent:
                trial.earlier(day, there=day != 3)


class ExpiredTooEarly(Damage):
    """What should be kept for thirty days was removed after ten, by a rule of the bucket."""

    stores: ClassVar[tuple[str, ...]] = _SOME
    modes: ClassVar[tuple[Mode, ...]] = ("plain",)
    plainly: ClassVar[tuple[str, ...]] = ("missing",)

    def do(self, trial: Trial, *, consistent: bool) -> None:  # noqa: ARG002
        """See Damage."""
        for day in range(1, 20):
            trial.earlier(day, there=day < 10)


class KeptTooLong(Damage):
    """A backup of forty days ago is still there."""

    stores: ClassVar[tuple[str, ...]] = _SOME
    modes: ClassVar[tuple[Mode, ...]] = ("plain",)
    plainly: ClassVar[tuple[str, ...]] = ("overdue",)

    def do(self, trial: Trial, *, consistent: bool) -> None:  # noqa: ARG002
        """See Damage."""
        for day in (*range(1, 30), 40):
            trial.earlier(day)


class CutEarlier(Damage):
    """An earlier backup lost half of its file."""

    stores: ClassVar[tuple[str, ...]] = _SOME
    modes: ClassVar[tuple[Mode, ...]] = ("plain",)
    plainly: ClassVar[tuple[str, ...]] = ("missing",)

    def do(self, trial: Trial, *, consistent: bool) -> None:  # noqa: ARG002
        """See Damage."""
        name = trial.earlier(1)
        trial.place.put(f"{trial.prefix}/store/{name}/file", b"x" * (trial.recorded[-1].size // 2))


class Shrunk(Damage):
    """The backup is a third of what those before it were."""

    stores: ClassVar[tuple[str, ...]] = _SOME
    modes: ClassVar[tuple[Mode, ...]] = ("consistent",)
    notices: ClassVar[tuple[str, ...]] = ("shrunk",)

    def do(self, trial: Trial, *, consistent: bool) -> None:  # noqa: ARG002
        """See Damage."""
        for day in range(1, 6):
            trial.earlier(day, size=3 * trial.recorded[-1].size)


class GoodHistory(Damage):
    """Thirty days of backups of about the same size."""

    stores: ClassVar[tuple[str, ...]] = _SOME
    modes: ClassVar[tuple[Mode, ...]] = ("plain",)
    harmful: ClassVar[bool] = False

    def do(self, trial: Trial, *, consistent: bool) -> None:  # noqa: ARG002
        """See Damage."""
        usual = trial.recorded[-1].size
        for day in range(1, 30):
            trial.earlier(day, size=usual + (day * 37) % (usual // 10 + 1))
