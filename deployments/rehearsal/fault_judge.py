"""How a launch ended: by the ledger's record, and by what others wrote down who are no part of tminus."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import BaseModel

from deployments.rehearsal.call_record import Call
from deployments.rehearsal.fault_ending import (
    AS_GOOD,
    BY_COMMAND_LINE,
    NEW_FAILED,
    NOTHING_ROLLED_OUT,
    NOTHING_TAKEN_BACK,
    SOMEBODY_WATCHES,
    Ending,
    broke,
    said_no,
    silent,
)
from deployments.rehearsal.fault_letters import letters_fact
from deployments.rehearsal.trading_builds import NEXT, PREVIOUS
from deployments.rehearsal.traffic_record import SERVER_ERROR
from tminus import events as ev
from tminus.outcome import Outcome, Verdict

_LATEST = 20  # of nginx's answers say what serves at the end: a third of a second of the customers' traffic


class Served(BaseModel, frozen=True, extra="ignore"):
    """One line of nginx's access log: when (Unix seconds), how, and by which version; empty where none answered."""

    time: float
    status: int
    version: str


@dataclass(frozen=True)
class Outside:
    """What others wrote down.

    Attributes:
        served: nginx's answers, in the order of its log.
        rolled_out, retired: when the platform put a version on a pool, and emptied one (Unix seconds).
        calls: stand-in (`slack`, `pagerduty`) → what it was sent.
    """

    served: Sequence[Served] = ()
    rolled_out: Sequence[float] = ()
    retired: Sequence[float] = ()
    calls: Mapping[str, Sequence[Call]] = field(default_factory=dict)


@dataclass(frozen=True)
class _Decider:
    """The step that turned the launch, how it stood, and what about it."""

    step: str = ""
    verdict: str = ""
    facts: Sequence[str] = ()


def ending(events: Sequence[ev.Event], outside: Outside) -> Ending:
    """How the launch of these events ended."""
    created = next((one for one in events if isinstance(one, ev.LaunchCreated)), None)
    closed = next((one for one in events if isinstance(one, ev.LaunchClosed)), None)
    if created is None or closed is None:
        return Ending("no launch came to an end", "nobody knows what")
    since = created.at.timestamp()
    served = [one for one in outside.served if one.time >= since and one.version]
    decider = _decider(events, closed)
    facts = [*decider.facts, *_of_record(events), *_of_world(outside, served, since)]
    facts += [said for name, calls in outside.calls.items() if (said := letters_fact(name, calls, events, created))]
    return Ending(_result(events, closed), _customers(served), decider.step, decider.verdict, frozenset(facts))


def _result(events: Sequence[ev.Event], closed: ev.LaunchClosed) -> str:
    began = any(isinstance(one, ev.RollbackBegan) for one in events)
    proven = any(isinstance(one, ev.RollbackEnded) and one.proven for one in events)
    if closed.result == "rolled back":
        return closed.result if proven else "rolled back, and not proven"
    return f"{closed.result}, after a rollback had begun" if began else closed.result


def _customers(served: Sequence[Served]) -> str:
    """What they met, first and last; requests under way at a switch may end in any order."""
    at_last = {one.version for one in served[-_LATEST:]}
    if all(one.version == PREVIOUS for one in served) and served:
        return "the old version"
    if at_last == {NEXT}:
        return "the new version"
    if at_last == {PREVIOUS}:
        return "the new version, then the old one again"
    return f"at the end {' and '.join(sorted(at_last)) or 'nobody'}"


def _decider(events: Sequence[ev.Event], closed: ev.LaunchClosed) -> _Decider:
    for number, one in enumerate(events):
        if isinstance(one, ev.RollbackBegan):
            return _of_rollback(events[:number], one)
    if closed.result == "launched":
        return _Decider()
    for number, one in reversed(list(enumerate(events))):
        match one:
            case ev.Held():
                return _of_hold(events[:number], one)
            case ev.AskEnded() if one.result != "met" and (opened := _opened(events, one.ask)).kind == "approval":
                return _of_ask(events, one, opened)
            case ev.Ordered(order="hold" | "scrub"):
                return _Decider(verdict=f"{one.order} by {one.person}")
    return _Decider(verdict="nothing that the record names")


def _of_rollback(before: Sequence[ev.Event], began: ev.RollbackBegan) -> _Decider:
    """The failed step whose summary is the reason that the way back gives."""
    if began.by != "tminus":
        return _Decider(verdict=f"ordered by {began.by}")
    failed = [
        (step, outcome)
        for step, outcome in _outcomes(before).items()
        if outcome.verdict is Verdict.FAIL and began.why in {outcome.summary, f"{step}: {outcome.summary}"}
    ]
    if len(failed) != 1:
        return _Decider(verdict=began.why)
    return _decided(before, *failed[0])


def _of_hold(before: Sequence[ev.Event], hold: ev.Held) -> _Decider:
    outcome = _outcomes(before).get(hold.step)
    return _Decider(hold.step, hold.why) if outcome is None else _decided(before, hold.step, outcome)


def _decided(before: Sequence[ev.Event], step: str, outcome: Outcome) -> _Decider:
    """A watch says more than pass, fail and unknown."""
    watched = [one.verdict for one in before if isinstance(one, ev.WatchDecided) and one.step == step]
    return _Decider(step, watched[-1] if watched else outcome.verdict.value, [broke(name) for name in _broken(outcome)])


def _outcomes(events: Sequence[ev.Event]) -> dict[str, Outcome]:
    """The latest outcome of each step."""
    return {one.step: one.outcome for one in events if isinstance(one, ev.StepEnded)}


def _broken(outcome: Outcome) -> list[str]:
    found = {one.name: one for one in outcome.found}
    return [
        name
        for name, expected in outcome.expected.items()
        if outcome.verdict is Verdict.FAIL and name in found and not expected.holds(found[name])
    ]


def _opened(events: Sequence[ev.Event], ask: str) -> ev.AskOpened:
    return next(one for one in reversed(events) if isinstance(one, ev.AskOpened) and one.ask == ask)


def _of_ask(events: Sequence[ev.Event], ended: ev.AskEnded, opened: ev.AskOpened) -> _Decider:
    """The rehearsal has one person for each role, called like it."""
    answers = {one.person: one.answer for one in events if isinstance(one, ev.Answered) and one.ask == ended.ask}
    asked = {role.replace("_", "-") for role in opened.roles}
    fact = {
        "rejected": said_no(*sorted(person for person, answer in answers.items() if answer == "reject")),
        "expired": silent(*sorted(asked - set(answers))),
    }
    return _Decider(opened.step, ended.result, [fact.get(ended.result, ended.reason)])


def _of_record(events: Sequence[ev.Event]) -> Iterator[str]:
    answers = [one for one in events if isinstance(one, ev.Answered)]
    if answers and all(one.via == "command line" for one in answers):
        yield BY_COMMAND_LINE
    met = {one.ask for one in events if isinstance(one, ev.AskEnded) and one.result == "met"}
    if any(one.answer == "attest" and one.ask in met for one in answers):
        yield SOMEBODY_WATCHES
    if any(isinstance(one, ev.WatchDecided) and one.verdict == "good" for one in events):
        yield AS_GOOD


def _of_world(outside: Outside, served: Sequence[Served], since: float) -> Iterator[str]:
    if not any(time >= since for time in outside.rolled_out):
        yield NOTHING_ROLLED_OUT
    if not any(time >= since for time in outside.retired):
        yield NOTHING_TAKEN_BACK
    if any(one.version == NEXT and one.status >= SERVER_ERROR for one in served):
        yield NEW_FAILED
