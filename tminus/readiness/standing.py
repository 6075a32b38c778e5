"""What stands beside a sweep's evidence: statements and waivers of people, frozen baselines, and earlier sweeps."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from tminus import events as ev
from tminus.chain_names import readiness_chain
from tminus.clock import now
from tminus.ledger.store import Store
from tminus.people import People
from tminus.personal_key import verified
from tminus.readiness.book import Attested
from tminus.record_parts import read_event

WARN_BEFORE = timedelta(days=14)
CLOCKS_DIFFER = timedelta(minutes=5)
"""How far ahead of ours another machine's clock may be before what it says is not believed."""
_Said = TypeVar("_Said", ev.LineAttested, ev.LineWaived)


class Standing:
    """A system's readiness chain, as its events tell it.

    What a person says counts only with the signature of the key that people.yaml has for them now, and only with a
    role that they have now.

    Of what one person said twice about a line the latest by its own signed time counts, however often the other is
    written down again; what is said to be of the future does not count.

    Attributes:
        begun: each sweep, whether it ended or not, the earliest first.
        sweeps: how each sweep ended, the earliest first.
    """

    def __init__(self, chain: str, events: Sequence[ev.Event], people: People | None) -> None:
        self.chain = chain
        self._people = people
        self._attested: dict[str, ev.LineAttested] = {}
        self._waived: dict[str, ev.LineWaived] = {}
        self._baselines: dict[tuple[str, str, str, str], ev.BaselineFrozen] = {}
        self.begun: list[ev.SweepBegan] = []
        self.sweeps: list[ev.SweepEnded] = []
        self._doubtful: dict[tuple[str, str], tuple[datetime, str]] = {}
        for event in events:
            self._take(event)

    @classmethod
    def read(cls, store: Store, system: str, environment: str, people: People | None) -> "Standing":
        """What the ledger holds; nothing where there is no such chain. Raises LedgerError."""
        chain = readiness_chain(system, environment)
        events = [read_event(one) for one in store.read(chain)] if store.head(chain) else []
        return cls(chain, events, people)

    def attested(self, ref: str, wanted: Attested, at: datetime) -> ev.LineAttested | None:
        """The statement that holds then: in these words, by somebody with that role."""
        found = self._attested.get(ref)
        if found is None or found.until <= at:
            return None
        return found if (found.role, found.statement) == (wanted.role, wanted.statement) else None

    def lapsed(self, ref: str) -> ev.LineAttested | None:
        """The last statement about a line, whether it still holds or not."""
        return self._attested.get(ref)

    def waived(self, ref: str, digest: str, roles: Sequence[str], at: datetime) -> ev.LineWaived | None:
        """The waiver that holds then: of what the line asks now, by somebody with one of these roles."""
        found = self._waived.get(ref)
        if found is None or found.until <= at or found.digest != digest:
            return None
        return found if found.role in roles else None

    def baseline(self, ref: str, digest: str, measurement: str, period: str) -> ev.BaselineFrozen | None:
        """The value frozen for a period, of what the line measures now."""
        return self._baselines.get((ref, digest, measurement, period))

    def doubtful(self, at: datetime) -> tuple[str, ...]:
        """What would hold then and does not count, and why, in words; of each line what was said last.

        What was stated anew and counts is no longer named, nor what would have ended by then.
        """
        return tuple(said for until, said in self._doubtful.values() if until > at)

    def _take(self, event: ev.Event) -> None:
        match event:
            case ev.LineAttested():
                self._attested |= self._counting(self._attested.get(event.ref), event)
            case ev.LineWaived():
                self._waived |= self._counting(self._waived.get(event.ref), event)
            case ev.BaselineFrozen() if event.value.value != 0:  # no change can be told from none
                self._baselines.setdefault((event.ref, event.digest, event.measurement, event.period), event)
            case ev.SweepBegan():
                self.begun.append(event)
            case ev.SweepEnded():
                self.sweeps.append(event)
            case _:
                pass

    def _counting(self, before: _Said | None, said: _Said) -> dict[str, _Said]:
        """Ref → what counts once this was said too; nothing where it does not."""
        what = (said.type, said.ref)
        why = self._why_not(said)
        if why:
            day = f"{said.at:%Y-%m-%d}"
            self._doubtful[what] = (
                said.until,
                f"{said.ref}: {said.person} {why}, so what they said at {day} does not count",
            )
            return {}
        if before is None or said.at > before.at:  # else it is written down again, and replaces nothing
            self._doubtful.pop(what, None)
        return {said.ref: _later(before, said)}

    def _why_not(self, said: ev.LineAttested | ev.LineWaived) -> str:
        person = self._people.by_id(said.person) if self._people else None
        if person is None:
            return "is nobody in people.yaml"
        if said.at > now() + CLOCKS_DIFFER:
            return "says it in the future"
        if said.role not in person.roles:
            return f"has no longer the role {said.role}"
        if not verified(self.chain, said, person):
            return "is not proven by their key of today"
        return ""


def _later(one: _Said | None, other: _Said) -> _Said:
    return other if one is None or other.at >= one.at else one
