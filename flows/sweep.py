"""A sweep: every line of a checklist looked at once, the evidence written down section by section."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from flows.looking import look_once
from tasks.check import Check
from tasks.estate import Estate
from tminus import events as ev
from tminus.chain_names import readiness_chain, sweep_chain
from tminus.clock import now
from tminus.ledger.store import Entry, Store
from tminus.outcome import Outcome
from tminus.readiness.baseline import against_baseline
from tminus.readiness.book import Checklist, Line, Section
from tminus.readiness.judging import Judged, judge_lines
from tminus.readiness.launched import evidence_of_people_and_launches
from tminus.readiness.score import Score, score, sentence
from tminus.readiness.standing import Standing
from tminus.runbook import Spec

log = logging.getLogger(__name__)

AT_ONCE = 32  # looks at one system at a time: what hangs there holds up nothing elsewhere, and is not flooded
THREADS = 128  # for clients that block; each system can take AT_ONCE of them at most
_BATCH = 500  # lines in one event


class Sweep:
    """One look at every line of a system's checklist, or of some of its sections.

    Args:
        store: the ledger.
        checklist: the lines.
        environment: where.
        digest: of the checklist's files.
        standing: what people said before it.
        sections: the sections swept, by name; all of them where it is empty.
    """

    def __init__(
        self,
        store: Store,
        checklist: Checklist,
        environment: str,
        digest: str,
        standing: Standing,
        sections: Sequence[str] = (),
    ) -> None:
        self._store = store
        self._checklist = checklist
        self._environment = environment
        self._digest = digest
        self._standing = standing
        self._only = tuple(sections)
        self._begun = now()
        self._evidence: dict[str, tuple[Outcome, ...]] = {}
        self._looking: dict[str, asyncio.Semaphore] = {}
        self._gathered: dict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self.chain = sweep_chain(checklist.system, environment, self._begun)

    @property
    def sections(self) -> list[Section]:
        """The sections that are swept."""
        return [section for _, section in self._checklist.sections() if not self._only or section.section in self._only]

    async def begin(self) -> None:
        """Writes that it began; also takes up what launches and sign-offs say. Raises LedgerError."""
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(THREADS))
        began = ev.SweepBegan(
            system=self._checklist.system,
            environment=self._environment,
            digest=self._digest,
            lines=sum(len(section.lines) for section in self.sections),
            sections=self._only,
        )
        await asyncio.to_thread(self._open, began)
        self._evidence |= await asyncio.to_thread(
            evidence_of_people_and_launches, self._store, self._checklist, self._environment, self._begun
        )

    async def look(self, estate: Estate, section: Section) -> list[Judged]:
        """Looks at every line of a section, at all of them at once, and writes down what was seen."""
        looked = await asyncio.gather(*(self._line(estate, line) for line in section.lines if line.checks))
        self._evidence |= dict(looked)
        self._gathered[section.place].set()
        asked = {line.ref: line.digest for line in section.lines}
        seen = [ev.LineSeen(ref=ref, digest=asked[ref], outcomes=outcomes) for ref, outcomes in looked]
        parts = [
            ev.LinesSeen(section=section.place, lines=tuple(seen[n : n + _BATCH])) for n in range(0, len(seen), _BATCH)
        ]
        await self._write(self.chain, *parts)
        await self._others_gathered(section)
        return judge_lines(self._checklist, self._evidence, self._standing, now(), only=section)

    async def _others_gathered(self, section: Section) -> None:
        """Waits for the evidence of lines elsewhere that judge some of these too."""
        judges = {self._checklist.judged_by(line).ref for line in section.lines if line.same_as}
        for other in self.sections:
            if any(line.ref in judges for line in other.lines):
                await self._gathered[other.place].wait()

    async def end(self) -> Score:
        """Judges everything, and writes how it ended into the sweep's chain and the system's."""
        found = score([one for one in self.judged() if one.section in self.sections])
        ended = ev.SweepEnded(
            sweep=self.chain,
            sections=self._only,
            counts=found.counts,
            blocking=found.blocking,
            ready=found.ready and not self._only,
            sentence=sentence(self._checklist.system, found),
        )
        standing = readiness_chain(self._checklist.system, self._environment)
        await asyncio.to_thread(
            self._store.append, *(Entry(chain, ev.write(ended)) for chain in (self.chain, standing))
        )
        return found

    def judged(self) -> list[Judged]:
        """Every line of the checklist, as it stands by what was seen so far."""
        return judge_lines(self._checklist, self._evidence, self._standing, now())

    async def _line(self, estate: Estate, line: Line) -> tuple[str, tuple[Outcome, ...]]:
        looks = [self._check(estate, spec, line) for spec in line.checks if isinstance(spec, Check)]
        # What breaks in one check, be it a fault of tminus, is told where that check stands and stops no other.
        came = await asyncio.gather(*looks, return_exceptions=True)
        outcomes = tuple(_outcome(one, spec) for one, spec in zip(came, line.checks, strict=True))
        judged, frozen = against_baseline(line, outcomes, self._standing, self._begun)
        if frozen is not None:
            await self._write(readiness_chain(self._checklist.system, self._environment), frozen)
        return line.ref, judged

    async def _check(self, estate: Estate, check: Check, line: Line) -> Outcome:
        async with self.queue(check):
            return await look_once(estate, check, line.timeout)

    def queue(self, check: Check) -> asyncio.Semaphore:
        """Where a check waits for its turn: with those that ask the same system, and with no others."""
        return self.queue_of(check.asks())

    def queue_of(self, system: str) -> asyncio.Semaphore:
        """The queue of one system."""
        return self._looking.setdefault(system, asyncio.Semaphore(AT_ONCE))

    def _open(self, began: ev.SweepBegan) -> None:
        standing = readiness_chain(self._checklist.system, self._environment)
        self._store.open_chain(self.chain, Entry(self.chain, ev.write(began)))
        if self._store.head(standing) is None:
            self._store.open_chain(standing)

    async def _write(self, chain: str, *events: ev.Event) -> None:
        if events:
            await asyncio.to_thread(self._store.append, *(Entry(chain, ev.write(event)) for event in events))


def _outcome(came: Outcome | BaseException, check: Spec) -> Outcome:
    if isinstance(came, Outcome):
        return came
    if not isinstance(came, Exception):
        raise came
    log.error("%s broke", check.kind, exc_info=came)
    said = f"{check.kind} broke ({type(came).__name__}), which is a fault of tminus; its log has the details"
    return Outcome.unknown(said).model_copy(update={"at": now()})
