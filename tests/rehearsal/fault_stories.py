"""Launches told event by event, with what nginx, the platform and the stand-ins would have written of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from deployments.rehearsal.call_record import Call
from deployments.rehearsal.fault_ending import Ending
from deployments.rehearsal.fault_judge import Outside, Served, ending
from deployments.rehearsal.trading_builds import NEXT, PREVIOUS
from tminus import events as ev
from tminus.expectation import Expectation, Measurement
from tminus.outcome import Outcome, Verdict

LAUNCH = "tradesense-2.0.0-told"
WATCH = "error-rate-watched"
CREW = ("devops-lead", "engineering-lead", "security-lead")
_BEGAN = datetime(2026, 3, 2, 9, tzinfo=UTC)
_EMPTY = {"release": "{}", "runbook": "{}", "people": "{}", "environment": "{}", "base": "/"}


@dataclass
class Story:
    """What happened so far; each event a second after the one before."""

    events: list[ev.Event] = field(default_factory=list)
    served: list[Served] = field(default_factory=list)
    rolled_out: list[float] = field(default_factory=list)
    retired: list[float] = field(default_factory=list)
    calls: dict[str, list[Call]] = field(default_factory=lambda: {"slack": [], "pagerduty": []})

    @classmethod
    def begun(cls) -> "Story":
        """Created, with customers on the old version; what was before it is nobody's ending."""
        story = cls()
        story.serve(NEXT, status=500)
        story.rolled_out.append(_BEGAN.timestamp())
        created = {"launch": LAUNCH, "system": "tradesense", "title": "tradesense 2.0.0", "digests": {}, **_EMPTY}
        about = {"environment_name": "rehearsal", "t0": story.now, "started_by": "release-manager"}
        story.tell(ev.LaunchCreated.model_validate({**created, **about, "at": story.now}))
        story.serve(PREVIOUS)
        return story

    @property
    def now(self) -> datetime:
        """When the next thing happens."""
        return _BEGAN + timedelta(seconds=len(self.events) + 1)

    def tell(self, *events: ev.Event) -> None:
        """They happen one after another."""
        for event in events:
            self.events.append(event.model_copy(update={"at": self.now}))

    def serve(self, version: str, times: int = 30, status: int = 200) -> None:
        """Customers meet a version."""
        at = (self.now - timedelta(milliseconds=500)).timestamp()
        self.served += [Served(time=at, status=status, version=version)] * times

    def end(self, step: str, outcome: Outcome) -> None:
        """A step comes to its outcome."""
        self.tell(ev.StepEnded(step=step, attempt=1, outcome=outcome))

    def fail(self, step: str, name: str = "healthy") -> Outcome:
        """A check finds less than all."""
        outcome = Outcome(
            verdict=Verdict.FAIL,
            summary=f"{name} 2 of 3, expected = all",
            expected={name: Expectation("= all"), "instances": Expectation(">= 1")},
            found=(Measurement.number(name, 2, of=3), Measurement.number("instances", 3)),
        )
        self.end(step, outcome)
        return outcome

    def hold(self, step: str, why: str = "it is so") -> None:
        """A blocking step holds the launch."""
        self.tell(ev.Held(why=why, step=step))

    def ask(self, ask: str = "go-no-go", kind: str = "approval") -> None:
        """People are asked."""
        roles = {person.replace("-", "_"): 1 for person in CREW}
        asked = {"ask": ask, "step": ask, "kind": kind, "roles": roles, "text": "Go?", "deadline": self.now}
        self.tell(ev.AskOpened.model_validate({**asked, "decision_digest": "d", "evidence_digest": "e"}))

    def answer(self, *people: str, answer: ev.Answer = "approve", via: ev.Via = "slack", ask: str = "go-no-go") -> None:
        """Some of them answer."""
        for one in people:
            self.tell(ev.Answered(ask=ask, person=one, answer=answer, digest="d", via=via))

    def go(self, via: ev.Via = "slack") -> None:
        """The go is given."""
        self.ask()
        self.answer(*CREW, via=via)
        self.tell(ev.AskEnded(ask="go-no-go", result="met", reason="all of them"))

    def roll_out(self) -> None:
        """The new version stands beside the old one."""
        self.rolled_out.append(self.now.timestamp())
        self.end("roll-out", Outcome.passed("done"))

    def switch(self, status: int = 200) -> None:
        """Customers meet the new version."""
        self.end("switch", Outcome.passed("done"))
        self.serve(NEXT, status=status)

    def watch(self, verdict: str) -> Outcome:
        """The watch comes to its verdict."""
        self.tell(
            ev.WatchDecided.model_validate({"step": WATCH, "verdict": verdict, "why": "so", "decided_on": self.now})
        )
        found = {"good": Verdict.PASS, "breach": Verdict.FAIL}.get(verdict, Verdict.UNKNOWN)
        outcome = Outcome(verdict=found, summary="11 of 124 requests failed")
        self.end(WATCH, outcome)
        return outcome

    def take_back(self, why: str, by: str = "tminus", *, proven: bool = True) -> None:
        """The way back, to its end."""
        self.tell(ev.RollbackBegan(why=why, by=by))
        self.retired.append(self.now.timestamp())
        self.serve(PREVIOUS)
        self.tell(ev.RollbackEnded(proven=proven, said="the old version serves again"))

    def close(self, result: ev.Result) -> "Story":
        """The end."""
        self.tell(ev.LaunchClosed(result=result, sentence=f"{result}."))
        return self

    def call(self, channel: str, body: dict[str, str], *, down: bool = False) -> None:
        """A stand-in is called."""
        method = "chat.postMessage" if channel == "slack" else "POST /v2/change/enqueue"
        error, status = ("fault: down", 503) if down else (None, 200)
        when = self.now.isoformat()
        self.calls[channel].append(
            Call(time=when, method=method, ok=not down, error=error, status=status, body=dict(body))
        )

    def ending(self) -> Ending:
        """How it ended."""
        return ending(self.events, Outside(self.served, self.rolled_out, self.retired, self.calls))


def blocked(step: str, name: str) -> Story:
    """A check fails four hours before, and nobody waives it."""
    story = Story.begun()
    story.fail(step, name)
    story.hold(step)
    return story.close("no-go")


def decided(answer: str, *others: str) -> Story:
    """The DevOps lead rejects, or says nothing."""
    story = Story.begun()
    story.ask()
    story.answer(*others)
    if answer == "rejected":
        story.answer("devops-lead", answer="reject")
    story.tell(ev.AskEnded.model_validate({"ask": "go-no-go", "result": answer, "reason": "so"}))
    story.end("go-no-go", Outcome.failed(answer))
    return story.close("no-go")


def watched(verdict: str, status: int = 200) -> Story:
    """Switched, and the watch comes to a verdict that does not let it go on."""
    story = Story.begun()
    story.go()
    story.roll_out()
    story.switch(status)
    outcome = story.watch(verdict)
    if verdict == "breach":
        story.take_back(outcome.summary)
        return story.close("rolled back")
    story.hold(WATCH)
    return story.close("held")


def one_old_instance(step: str = "idle-pool-is-the-release", name: str = "same") -> Story:
    """Taken back before the switch."""
    story = Story.begun()
    story.go()
    story.roll_out()
    outcome = story.fail(step, name)
    story.take_back(f"{step}: {outcome.summary}")
    return story.close("rolled back")


def launched(
    channel: str = "", late: str = " (This is late by 30 s: it could not be sent)", attested: str = ""
) -> Story:
    """Launched; with a stand-in that was down till the end, if one is named."""
    story, via = Story.begun(), "command line" if channel == "slack" else "slack"
    story.tell(ev.PhaseStarted(phase="T-4h", holder="{}", token=1))
    if channel:
        story.call(channel, {"summary": "refused"}, down=True)
    if attested:
        story.ask("on-call-reachable", "attestation")
        story.answer("devops-lead", answer="attest", ask="on-call-reachable")
        story.tell(ev.AskEnded.model_validate({"ask": "on-call-reachable", "result": attested, "reason": "so"}))
    story.go(via="command line" if via == "command line" else "slack")
    story.roll_out()
    story.switch()
    story.watch("good")
    story.close("launched")
    if channel:
        story.call(channel, {"summary": "refused"}, down=True)
        story.tell(*[ev.HeadAnchored(seq=1, hash="0", where="slack")] * 10)
        words = {"slack": f'"{LAUNCH}/go-no-go"', "pagerduty": "tradesense 2.0.0: T-4h began"}[channel]
        story.call(channel, {"request": words.strip('"'), "summary": f"{words}{late}"})
    return story


JUST_SO: Mapping[str, Callable[[], Story]] = {
    "none": launched,
    "bad-release": lambda: watched("breach", status=500),
    "slow-release": lambda: watched("breach"),
    "one-old-instance": one_old_instance,
    "service-down": lambda: blocked("services-healthy", "healthy"),
    "stale-backup": lambda: blocked("backup-completed", "age"),
    "damaged-backup": lambda: blocked("backup-proven", "verdict"),
    "vulnerable": lambda: blocked("no-known-vulnerability", "high"),
    "approver-rejects": lambda: decided("rejected", "engineering-lead"),
    "approver-silent": lambda: decided("expired", "engineering-lead", "security-lead"),
    "no-metrics": lambda: watched("no data"),
    "both-versions-bad": lambda: watched("outside cause", status=500),
    "slack-down": lambda: launched("slack"),
    "pagerduty-down": lambda: launched("pagerduty", attested="met"),
}
