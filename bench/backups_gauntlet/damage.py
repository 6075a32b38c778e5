"""What a damage is, and whether it was caught. A damage is registered by being defined in `damages/`."""

import importlib
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from bench.backups_gauntlet.trial import Trial
from tminus import events as ev
from tminus.backups.aspects import ASPECTS_OF
from tminus.outcome import Verdict

Mode = Literal["plain", "consistent"]
BOTH: tuple[Mode, ...] = ("plain", "consistent")
DUMP, BASE, RDB, AOF, OBJECTS = "postgres.dump", "postgres.base", "redis.rdb", "redis.aof", "s3.objects"
STORES = (DUMP, BASE, RDB, AOF, OBJECTS)
_FOUND: "list[type[Damage]]" = []
# What each aspect is in a good backup here, said by this bench and not by what it judges.
_WORDS: Mapping[str, str] = {"manifest": "recorded", "readable_without_key": "no", "restored": "yes"}
_MOST: Mapping[str, float] = {"age": 25 * 3600, "shrunk": 50, "restore_time": 600, "loss": 2 * 3600}


class Damage(ABC):
    """One kind of damage, done to a good backup; the docstring says what it is.

    Attributes:
        stores: which stores it applies to.
        modes: `plain`: nothing else is changed. `consistent`: sizes and hashes are made to agree with it, in the
            manifest and in the backup's own files, and the ledger has the new manifest's digest; only what was counted
            from the live store is as it was. A damage to what has no hash anywhere has only one of them.
        notices: the aspects one of which must tell it.
        plainly: the same where it was not made consistent; as `notices` where it is empty.
        harmful: whether data, or a promise, is lost by it; what is not harmful must pass.
        unknown: why it may make looking impossible, so that `unknown` is right as well.
    """

    stores: ClassVar[tuple[str, ...]] = STORES
    modes: ClassVar[tuple[Mode, ...]] = BOTH
    notices: ClassVar[tuple[str, ...]] = ()
    plainly: ClassVar[tuple[str, ...]] = ("files_damaged",)
    harmful: ClassVar[bool] = True
    unknown: ClassVar[str] = ""

    def __init_subclass__(cls, *, abstract: bool = False) -> None:
        super().__init_subclass__()
        if not abstract:
            _FOUND.append(cls)

    @abstractmethod
    def do(self, trial: Trial, *, consistent: bool) -> None:
        """Does it."""

    @classmethod
    def title(cls) -> str:
        """In words."""
        return (cls.__doc__ or cls.__name__).splitlines()[0].strip().rstrip(".")

    @classmethod
    def promised(cls, mode: Mode, store: str) -> tuple[str, ...]:
        """The aspects one of which must tell it, of those that the store has."""
        found = cls.plainly if mode == "plain" and cls.plainly else cls.notices
        return tuple(one for one in found if one in ASPECTS_OF[store])


def damages(store: str = "") -> list[type[Damage]]:
    """Every kind that applies to a store; all of them where none is given."""
    import bench.backups_gauntlet.damages as package

    for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        importlib.import_module(module.name)
    return [one for one in _FOUND if not store or store in one.stores]


@dataclass(frozen=True)
class Came:
    """How one damage came out.

    Attributes:
        wrong: the aspects that are not as in a good backup, as this bench reads the measurements.
        rivals: what others said of the same files: True where they noticed.
        broke: what went wrong in the bench itself, where that is so.
    """

    kind: str
    title: str
    store: str
    mode: str
    harmful: bool
    promised: tuple[str, ...]
    may_be_unknown: bool
    verdict: str
    wrong: tuple[str, ...]
    summary: str
    took: float
    rivals: dict[str, bool]
    broke: str = ""

    @property
    def right(self) -> bool:
        """A harmful one was told by the aspect that is promised; a harmless one passed."""
        if self.broke:
            return False
        if not self.harmful:
            return self.verdict == Verdict.PASS
        told = self.verdict == Verdict.FAIL and bool(set(self.promised) & set(self.wrong))
        return told or (self.may_be_unknown and self.verdict == Verdict.UNKNOWN)

    @property
    def line(self) -> str:
        """For people."""
        said = f"{self.verdict} ({', '.join(self.wrong) or 'nothing wrong'})"
        wanted = f"promised {' or '.join(self.promised)}" if self.harmful else "harmless"
        mark = "   " if self.right else "!! "
        return f"{mark}{self.store:14} {self.mode:10} {self.title}: {said}; {wanted}; {self.took:.1f} s"


def wrong_aspects(verified: ev.BackupVerified) -> tuple[str, ...]:
    """What was measured and is not as in a good backup."""
    wrong = []
    for one in verified.outcome.found:
        if one.quantity is None:
            bad = one.word != _WORDS.get(one.name)
        else:
            bad = float(one.quantity.value) > _MOST.get(one.name, 0)
        if bad:
            wrong.append(one.name)
    return tuple(wrong)
