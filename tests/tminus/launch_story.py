"""Launches as real chains in a SQLite ledger: the same stories for every view that tells of one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

from tasks.check import Check
from tasks.checks.watch import ReleaseWatch
from tasks.vocabulary import KINDS
from tests.tminus.story_documents import T0, created_launch
from tminus import events as ev
from tminus.digests import decision_digest, evidence_digest, facts_of
from tminus.expectation import Expectation, Measurement
from tminus.frozen import Frozen
from tminus.ledger.directory import listing
from tminus.ledger.sqlite import SqliteStore
from tminus.ledger.store import Entry
from tminus.outcome import Observation, Outcome, Verdict, judge
from tminus.record import Record
from tminus.runbook import Quorum, Step
from tminus.watch_tests import Limits, OldVersion

LAUNCH = "tradesense-2-0-0-1"
HOUR = timedelta(seconds=5)
_GOOD: Mapping[str, Measurement] = {
    "critical": Measurement.number("critical", 0),
    "high": Measurement.number("high", 0),
    "age": Measurement.number("age", 5.25, "h"),
    "encrypted": Measurement(name="encrypted", word="yes"),
    "healthy": Measurement.number("healthy", 6, of=6),
    "p95": Measurement.number("p95", 41.5, "ms"),
    "present": Measurement.number("present", 2, of=2),
    "new_signatures": Measurement.number("new_signatures", 0),
}


def _good(name: str, expected: Expectation) -> Measurement:
    """Something that is as expected: what the stories know to be likely, or what just fits."""
    if name in _GOOD:
        return _GOOD[name]
    if expected.limit_text == "all":
        return Measurement.number(name, 3, of=3)
    if expected.limit is None:
        return Measurement(name=name, word=expected.limit_text)
    factor = {"<": Decimal("0.5"), ">": Decimal(2)}.get(expected.sign, Decimal(1))
    return Measurement.number(name, expected.limit.value * factor, expected.limit.unit)


_PEOPLE = {
    "engineering_lead": "engineering-1",
    "devops_lead": "devops-1",
    "security_lead": "security-1",
    "product_manager": "product-1",
}


def good_sample(at: datetime, number: int) -> ev.Sample:
    """An interval in which the new version does well; `number` makes its figures vary."""
    wobble = (number * 7) % 5
    return ev.Sample(
        at=at, requests=58 + wobble, failed=0, slow=0, slower_than_before=2, p95_ms=38 + 2 * wobble, probes=6
    )


def bad_sample(at: datetime, number: int) -> ev.Sample:
    """An interval in which a fifth of the requests fails."""
    wobble = (number * 7) % 5
    failed = 9 + wobble
    return ev.Sample(at=at, requests=58, failed=failed, slow=0, slower_than_before=2, p95_ms=44 + 2 * wobble, probes=6)


def missing_sample(at: datetime, _number: int) -> ev.Sample:
    """An interval that could not be looked at."""
    return ev.Sample(at=at, requests=0, failed=0, slow=0, slower_than_before=0, missing=True)


@dataclass
class Story:
    """A launch being told: every method appends events at `at`, and moves it on."""

    store: SqliteStore
    frozen: Frozen
    record: Record
    at: datetime

    @classmethod
    def begin(cls, folder: Path, *, title: str = "tradesense 2.0.0", hour: str = "5s", launch: str = LAUNCH) -> "Story":
        """Creates the launch, a few seconds before T-4h."""
        real = HOUR if hour == "5s" else timedelta(hours=1)
        created = created_launch(folder, title, hour, launch, T0 - 4 * real - timedelta(seconds=3))
        store = SqliteStore(folder / "ledger.sqlite")
        store.open_locked(created.environment_name, launch, Entry(launch, ev.write(created)), listing=listing("opened"))
        story = cls(store, Frozen(created, KINDS), Record(), created.at)
        story.record.add(store.read(launch))
        return story

    def write(self, *events: ev.Event) -> None:
        """Appends, and takes up."""
        launch = self.frozen.created.launch
        self.store.append(*(Entry(launch, ev.write(event)) for event in events))
        self.record.add(self.store.read(launch, after=self.record.seq))

    def wait(self, seconds: float) -> datetime:
        """Lets time pass."""
        self.at += timedelta(seconds=seconds)
        return self.at

    def real(self, length: timedelta) -> timedelta:
        """A length of the countdown on the story's clock."""
        return self.frozen.environment.clock.real(length)

    def schedule(self) -> None:
        """Every phase's run is asked for."""
        for number, phase in enumerate(self.frozen.runbook.phases):
            due = T0 + self.real(phase.offset)
            self.write(ev.PhaseScheduled(at=self.wait(0.05), phase=phase.phase, due=due, run=f"run-{number}", token=0))

    def start(self, phase: str) -> None:
        """A phase is taken up a moment after it is due."""
        due = T0 + self.real(self.frozen.runbook.phase(phase).offset)
        self.at = max(self.at, due) + timedelta(seconds=0.3)
        self.write(ev.PhaseStarted(at=self.at, phase=phase, holder='{"pid":1}', token=1, run="run"))

    def end(self, phase: str) -> None:
        """Every step of it is settled, and the head is anchored."""
        self.write(ev.PhaseEnded(at=self.wait(0.02), phase=phase))
        last = self.record.stored[-1]
        where = f"s3://tradesense-backups/heads/{self.frozen.created.launch}/{phase}"
        self.write(ev.HeadAnchored(at=self.wait(0.03), seq=last.seq, hash=last.hash, where=where))

    def step(self, identity: str) -> Step:
        """A step of the book."""
        return next(step for step in self.frozen.runbook.steps() if step.id == identity)

    def check(self, identity: str, took: float = 0.12, **found: Measurement) -> None:
        """A check looks, finds what is good except for what is given, and is judged."""
        spec = self.step(identity).does
        assert isinstance(spec, Check)
        attempt = self.record.step(identity).attempt + 1
        self.write(ev.StepStarted(at=self.at, step=identity, attempt=attempt))
        seen = Observation(
            found=tuple(found.get(name) or _good(name, expected) for name, expected in spec.expect.items()),
            where="http://127.0.0.1:8080",
            details=("127.0.0.1:8101 well", "127.0.0.1:8102 well", "127.0.0.1:8103 well"),
        )
        outcome = judge(spec.expect, seen).model_copy(update={"at": self.at, "took_ms": round(took * 1000)})
        self.write(ev.StepEnded(at=self.wait(took), step=identity, attempt=attempt, outcome=outcome))

    def blind(self, identity: str, why: str) -> None:
        """A check could not look."""
        attempt = self.record.step(identity).attempt + 1
        self.write(ev.StepStarted(at=self.at, step=identity, attempt=attempt))
        outcome = Outcome.unknown(why).model_copy(update={"at": self.at})
        self.write(ev.StepEnded(at=self.wait(0.4), step=identity, attempt=attempt, outcome=outcome))

    def act(self, identity: str, does: str, took: float = 0.8, undo: str | None = None) -> None:
        """An action is intended, done, and observed."""
        intended = ev.StepIntended(
            at=self.wait(0.02),
            step=identity,
            attempt=1,
            token=1,
            deadline=self.at + timedelta(minutes=2),
            does=does,
            before="absent: blue serves",
            undo_summary=undo,
            undo={"pool": "blue"} if undo else None,
        )
        self.write(ev.StepStarted(at=self.at, step=identity, attempt=1), intended)
        done = Outcome.passed(f"done: {does}").model_copy(update={"at": self.at, "took_ms": round(took * 1000)})
        self.write(ev.StepEnded(at=self.wait(took), step=identity, attempt=1, outcome=done))

    def ask(self, identity: str) -> None:
        """People are asked."""
        step = self.step(identity)
        question = step.does
        assert isinstance(question, Quorum)
        before = [other for other in self.frozen.runbook.steps() if other.id != identity]
        opened = ev.AskOpened(
            at=self.at,
            ask=identity,
            step=identity,
            kind="approval" if question.kind == "approval" else "acknowledgement",
            roles=question.roles,
            veto=getattr(question, "veto", ()),
            text=step.title,
            decision_digest=decision_digest(self.frozen, facts_of(self.record, before)),
            evidence_digest=evidence_digest(self.record),
            deadline=self.at + self.real(question.deadline),
        )
        self.write(ev.StepStarted(at=self.at, step=identity, attempt=1), opened)

    def answer(self, identity: str, role: str, answer: ev.Answer, after: float = 0.6, reason: str = "") -> None:
        """Somebody with the role answers, in Slack."""
        opened = self.record.asks[identity].opened
        self.write(
            ev.Answered(
                at=self.wait(after),
                ask=identity,
                person=_PEOPLE[role],
                answer=answer,
                digest=opened.decision_digest,
                via="slack",
                reason=reason,
            )
        )

    def decide(self, identity: str, answer: ev.Answer) -> None:
        """Everybody asked says yes, one after the other."""
        self.ask(identity)
        for role in self.record.asks[identity].opened.roles:
            self.answer(identity, role, answer)
        self.settle(identity, "met", "all who were asked answered")

    def settle(self, identity: str, result: str, reason: str) -> None:
        """A question ends, and its step with it."""
        ended = ev.AskEnded.model_validate({"at": self.wait(0.02), "ask": identity, "result": result, "reason": reason})
        outcome = Outcome.passed(reason) if result == "met" else Outcome.failed(f"{result}: {reason}")
        self.write(ended, ev.StepEnded(at=self.wait(0.01), step=identity, attempt=1, outcome=outcome))

    def watch(self, upto: int, sample: Callable[[datetime, int], ev.Sample], since: int = 0) -> None:
        """The watch takes samples, half a second apart, the first time from its beginning on."""
        step = "error-rate-watched"
        if self.record.watch is None:
            limits = Limits(
                error_rate=0.001, slow_over=0.2, alpha=0.01, min_requests=100, tolerate_errors=0.005, tolerate_slow=0.15
            )
            old = OldVersion(requests=12000, failed=2, slower_than=0.05, slower=540, choices=10)
            began = ev.WatchBegan(
                at=self.at,
                step=step,
                until=self.at + self.real(timedelta(hours=2)),
                baseline=old.model_dump_json(),
                limits=limits.model_dump_json(),
            )
            self.write(ev.StepStarted(at=self.at, step=step, attempt=1), began)
        samples = tuple(sample(self.wait(0.5), number) for number in range(since, upto))
        for first in range(0, len(samples), 10):
            self.write(ev.WatchSampled(at=samples[first].at, step=step, samples=samples[first : first + 10]))

    def verdict(self, verdict: str, why: str, onset: datetime | None = None) -> None:
        """The watch decides, and its step ends."""
        decided = ev.WatchDecided.model_validate(
            {
                "at": self.wait(0.02),
                "step": "error-rate-watched",
                "verdict": verdict,
                "why": why,
                "onset": onset,
                "decided_on": self.record.samples[-1].at,
            }
        )
        spec = self.step("error-rate-watched").does
        assert isinstance(spec, ReleaseWatch)
        judged = {"good": Verdict.PASS, "breach": Verdict.FAIL}.get(verdict, Verdict.UNKNOWN)
        found = (Measurement(name="watch", word=verdict),)
        outcome = Outcome(verdict=judged, summary=why, expected=spec.expect, found=found, at=self.at)
        self.write(decided, ev.StepEnded(at=self.wait(0.01), step=decided.step, attempt=1, outcome=outcome))

    def back(self, why: str, by: str = "tminus", *, proven: bool = True) -> None:
        """The way back."""
        self.write(ev.RollbackBegan(at=self.wait(0.1), why=why, by=by))
        for state in self.record.to_undo():
            self.write(ev.UndoIntended(at=self.wait(0.02), step=state.step, token=1))
            undone = Outcome.passed(state.undo.undo_summary if state.undo and state.undo.undo_summary else "undone")
            self.write(ev.UndoEnded(at=self.wait(0.4), step=state.step, outcome=undone))
        said = "the old version serves again, proven by services-online"
        if not proven:
            said = "the way back is not proven: services-online: healthy 4 of 6, expected = all"
        self.write(ev.RollbackEnded(at=self.wait(0.5), proven=proven, said=said))

    def follow_up(self, *follow_ups: ev.FollowUp) -> None:
        """The book's own last step."""
        step = "issues-documented"
        outcome = Outcome.passed(f"{len(follow_ups)} follow-ups, each with an owner").model_copy(update={"at": self.at})
        self.write(ev.StepStarted(at=self.at, step=step, attempt=1), *follow_ups)
        self.write(ev.StepEnded(at=self.wait(0.05), step=step, attempt=1, outcome=outcome))

    def hold(self, person: str, reason: str) -> None:
        """A person holds the launch."""
        self.write(ev.Ordered(at=self.wait(0.3), order="hold", person=person, via="slack", reason=reason))

    def resume(self, person: str, reason: str, after: float = 1.5) -> None:
        """A person lets it go on."""
        self.write(ev.Ordered(at=self.wait(after), order="resume", person=person, via="slack", reason=reason))

    def close(self, result: ev.Result, sentence: str) -> None:
        """The end."""
        closing = ev.LaunchClosed(at=self.wait(0.05), result=result, sentence=sentence)
        ending = Entry(self.frozen.created.launch, ev.write(closing))
        self.store.append_and_unlock(self.frozen.created.environment_name, ending, listing=listing("closed"))
        self.record.add(self.store.read(self.frozen.created.launch, after=self.record.seq))
