"""A system's backups as its chain in the ledger tells them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from tminus import events as ev
from tminus.chain_names import backups_chain
from tminus.ledger.store import Store
from tminus.outcome import Verdict
from tminus.record_parts import read_event

LEFT_BEHIND = timedelta(days=1)
"""A scratch place that is older is nobody's any more, and may hold customers' data."""


@dataclass(frozen=True)
class Verified:
    """What one verification said of one store: of its newest backup, and of an older one where it looked at one."""

    backups: tuple[ev.BackupVerified, ...]

    @property
    def worst(self) -> ev.BackupVerified:
        """The one that did not pass, the newest backup's first; else the newest's."""
        bad = [one for one in self.newest_first if not one.outcome.verdict.final]
        return (bad or self.newest_first)[0]

    @property
    def newest(self) -> ev.BackupVerified:
        """What it said of the newest backup."""
        return self.newest_first[0]

    @property
    def left(self) -> tuple[str, ...]:
        """Older backups that failed when they were last looked at, and lay in the bucket still."""
        return self.backups[-1].still_failed

    @property
    def verdict(self) -> Verdict:
        """Of the worst; `fail` too as long as one is left that failed before."""
        return Verdict.FAIL if self.left else self.worst.outcome.verdict

    @property
    def newest_first(self) -> list[ev.BackupVerified]:
        """All, that of the newest backup first."""
        return sorted(self.backups, key=lambda one: not one.newest)


class History:
    """The events of one chain of backups.

    Attributes:
        chain: its name.
        taken: every backup that was taken, the earliest first.
        verified: every backup that was looked at, the earliest first.
        compared: every comparison of stores, the earliest first.
        ended: the last verification that came to its end.
        broke_off: verifications that began and did not end, by name.
        cut: all that broke off, also those of which that was written down since.
        announced: backups whose manifest was about to be stored, by name; whether it is there, nobody wrote down.
        scratches: scratch places that were planned and are not known to be gone.
        left_at_end: whether some of them were left behind when the last verification ended.
    """

    def __init__(self, chain: str, events: Iterable[ev.Event]) -> None:
        self.chain = chain
        self.taken: list[ev.BackupTaken] = []
        self.verified: list[ev.BackupVerified] = []
        self.compared: list[ev.StoresCompared] = []
        self.ended: ev.VerificationEnded | None = None
        self.broke_off: dict[str, ev.VerificationBegan] = {}
        self.cut: set[str] = set()
        self.announced: dict[str, ev.BackupTaken] = {}
        self.left_at_end = False
        self.scratches: dict[str, ev.ScratchPlanned] = {}
        for event in events:
            self._take(event)

    @classmethod
    def read(cls, store: Store, system: str, environment: str) -> "History":
        """What the ledger holds; nothing where there is no such chain. Raises LedgerError."""
        chain = backups_chain(system, environment)
        return cls(chain, [read_event(one) for one in store.read(chain)] if store.head(chain) else [])

    def taken_of(self, store: str) -> list[ev.BackupTaken]:
        """The backups that were taken of a store, the earliest first."""
        once = {one.backup: one for one in self.taken if one.store == store}
        return sorted(once.values(), key=lambda one: one.taken_at)

    def left_behind(self, at: datetime) -> list[ev.ScratchPlanned]:
        """The scratch places that are nobody's any more, and are not known to be gone."""
        return [one for one in self.scratches.values() if at - one.at > LEFT_BEHIND]

    def verifications_of(self, store: str) -> list[Verified]:
        """The verifications that said something of a store, the earliest first."""
        found: dict[str, list[ev.BackupVerified]] = {}
        for one in self.verified:
            if one.store == store:
                found.setdefault(one.verification, []).append(one)
        return [Verified(tuple(some)) for some in found.values()]

    def is_paged(self, store: str) -> bool:
        """Whether a page about it may be open: a verification that broke off may have taken none back."""
        for one in reversed(self.verifications_of(store)):
            if one.verdict is not Verdict.PASS:
                return True
            if one.newest.verification not in self.cut:
                return False
        return False

    def comparisons_of(self, group: str) -> list[ev.StoresCompared]:
        """The comparisons of a group of stores, the earliest first."""
        return [one for one in self.compared if one.group == group]

    def stores(self) -> Sequence[str]:
        """Every store that it knows of."""
        return sorted({one.store for one in self.taken} | {one.store for one in self.verified})

    def _take(self, event: ev.Event) -> None:
        match event:
            case ev.BackupAnnounced():
                self.announced[event.taken.backup] = event.taken
            case ev.BackupTaken():
                self.taken.append(event)
                self.announced.pop(event.backup, None)
            case ev.BackupVerified():
                self.verified.append(event)
            case ev.VerificationBegan():
                self.broke_off[event.verification] = event
                self.cut.add(event.verification)
            case ev.StoresCompared():
                self.compared.append(event)
            case ev.VerificationEnded():
                self.broke_off.pop(event.verification, None)
                if not event.broke_off:
                    self.ended = event
                    self.cut.discard(event.verification)
                    self.left_at_end = bool(self.left_behind(event.at))
            case ev.ScratchPlanned():
                self.scratches[event.scratch] = event
            case ev.ScratchGone():
                self.scratches.pop(event.scratch, None)
            case _:
                pass
