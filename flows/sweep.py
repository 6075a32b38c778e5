"""A sweep: every line of a checklist looked at once, the evidence written down section by section."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence

from flows.of_release import reads_of_release
from flows.queues import Queues
from tasks.check import Check
from tasks.estate import Estate
from tminus import events as ev
from tminus.chain_names import readiness_chain, sweep_chain
from tminus.clock import now
from tminus.errors import Refused, UsageError
from tminus.ledger.store import Entry, Store
from tminus.outcome import Outcome
from tminus.readiness.baseline import against_baseline
from tminus.readiness.book import Checklist, Line, Section
from tminus.readiness.judging import Judged, judge_lines
from tminus.readiness.launched import evidence_of_people_and_launches
from tminus.readiness.opened import Opened
from tminus.readiness.score import score, sentence
from tminus.readiness.standing import Standing
from tminus.wording import nearest

_BATCH = 500  # lines in one event


class Sweep:
    """One look at every line of a system's checklist, or of some of its sections.

    Args:
        store: the ledger.
        opened: the checklist, and where it is looked at.
        standing: what people said before it.
        sections: the sections swept, by name; all of them where it is empty. Raises UsageError for an unknown one.
    """

    def __init__(self, store: Store, opened: Opened, standing: Standing, sections: Sequence[str] = ()) -> None:
        self._store = store
        self._opened = opened
        self._checklist = opened.checklist
        self._standing = standing
        self._only = tuple(sections)
        known = [section.section for _, section in self._checklist.sections()]
        for name in sections:
            if name not in known:
                raise UsageError(f"{self._checklist.system} has no section {name!r}{nearest(name, known)}")
        self.sections = [one for _, one in self._checklist.sections() if not sections or one.section in sections]
        self._lines = _looked_at(self._checklist, self.sections)
        self._section_of = {line.ref: one for one, lines in self._lines.items() for line in lines}
        self._begun = now()
        self._evidence: dict[str, tuple[Outcome, ...]] = {}
        self._gathered: dict[int, asyncio.Event] = defaultdict(asyncio.Event)
        environment = opened.environment.environment
        self._standing_chain = readiness_chain(self._checklist.system, environment)
        self.chain = sweep_chain(self._checklist.system, environment, self._begun)
        self.queues = Queues(
            check
            for lines in self._lines.values()
            for line in lines
            for check in line.checks
            if isinstance(check, Check)
        )

    async def begin(self) -> None:
        """Writes that it began; also takes up what launches and sign-offs say. Raises LedgerError."""
        self.queues.have_threads()
        began = ev.SweepBegan(
            sweep=self.chain,
            system=self._checklist.system,
            environment=self._opened.environment.environment,
            digests={"checklist": self._opened.digest, **self._opened.digests},
            lines=sum(len(section.lines) for section in self.sections),
            sections=self._only,
        )
        await asyncio.to_thread(self._open, began)
        self._evidence |= await asyncio.to_thread(
            evidence_of_people_and_launches, self._store, self._checklist, self._opened.whose, self._begun
        )

    async def look(self, estate: Estate, section: Section) -> list[Judged]:
        """Looks at every line of a section, at all of them at once, and writes down what was seen."""
        seen = await asyncio.gather(*(self._line(estate, line) for line in self._lines[id(section)] if line.checks))
        self._evidence |= {one.ref: one.outcomes for one in seen}
        self._gathered[id(section)].set()
        places: dict[str, list[ev.LineSeen]] = defaultdict(list)
        for one in seen:
            places[one.ref.rpartition("/")[0]].append(one)
        parts = [
            ev.LinesSeen(section=place, lines=tuple(lines[n : n + _BATCH]))
            for place, lines in places.items()
            for n in range(0, len(lines), _BATCH)
        ]
        await self._write(self.chain, *parts)
        await self._others_gathered(section)
        return judge_lines(self._checklist, self._evidence, self._standing, now(), only=section)

    async def _others_gathered(self, section: Section) -> None:
        """Waits for the evidence of lines elsewhere that judge some of these too."""
        judges = (self._checklist.judged_by(line).ref for line in section.lines if line.same_as)
        for gathered in {self._section_of[ref] for ref in judges if ref in self._section_of}:
            await self._gathered[gathered].wait()

    async def end(self) -> ev.SweepEnded:
        """Judges everything, and writes how it ended into the sweep's chain and the system's."""
        swept = {id(section) for section in self.sections}
        judged = judge_lines(self._checklist, self._evidence, self._standing, now())
        found = score([one for one in judged if id(one.section) in swept])
        ended = ev.SweepEnded(
            sweep=self.chain,
            sections=self._only,
            counts=found.counts,
            blocking=found.blocking,
            ready=found.ready and not self._only,
            sentence=sentence(self._checklist.system, found, self._only),
        )
        both = [Entry(chain, ev.write(ended)) for chain in (self.chain, self._standing_chain)]
        await asyncio.to_thread(self._store.append, *both)
        return ended

    async def _line(self, estate: Estate, line: Line) -> ev.LineSeen:
        checks = [check for check in line.checks if isinstance(check, Check)]
        with reads_of_release() as read:
            outcomes = await asyncio.gather(*(self.queues.look(estate, check, line.timeout) for check in checks))
        judged, frozen = against_baseline(line, tuple(outcomes), self._standing, self._begun)
        if frozen is not None:
            await self._write(self._standing_chain, frozen)
        return ev.LineSeen(ref=line.ref, digest=line.digest, outcomes=judged, of_release=bool(read))

    def _open(self, began: ev.SweepBegan) -> None:
        body = ev.write(began)
        self._store.open_chain(self.chain, Entry(self.chain, body))
        if self._store.head(self._standing_chain) is None:
            self._make_standing_chain()
        self._store.append(Entry(self._standing_chain, body))

    def _make_standing_chain(self) -> None:
        try:
            self._store.open_chain(self._standing_chain)
        except Refused:  # another first sweep made it meanwhile
            return

    async def _write(self, chain: str, *events: ev.Event) -> None:
        if events:
            await asyncio.to_thread(self._store.append, *(Entry(chain, ev.write(event)) for event in events))


def _looked_at(checklist: Checklist, sections: Sequence[Section]) -> dict[int, tuple[Line, ...]]:
    """A section's `id` → the lines looked at for it: its own, and those of sections not swept that judge some of them.

    By identity, since a name that two sections share would lose the lines of one of them.
    """
    found = {id(section): section.lines for section in sections}
    swept = {line.ref for section in sections for line in section.lines}
    for section in sections:
        judges = {one.ref: one for one in map(checklist.judged_by, section.lines) if one.ref not in swept}
        swept |= judges.keys()
        found[id(section)] += tuple(judges.values())
    return found
