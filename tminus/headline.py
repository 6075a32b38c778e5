"""Where a launch is, in one sentence: how it ended, or what it is doing and whom it waits for."""

from collections.abc import Iterator
from dataclasses import dataclass

from tminus import asking
from tminus import events as ev
from tminus.frozen import Frozen
from tminus.record import AskState, Record
from tminus.sentence import reason_said, what_stands
from tminus.spoken import listed, role_said, time_said
from tminus.standing import Mark, Tone, current_phase, due

_ENDS: dict[ev.Result, Mark] = {
    "launched": Mark("✓", "launched", "good"),
    "rolled back": Mark("↩", "rolled back", "bad"),
    "no-go": Mark("✗", "no-go", "bad"),
    "held": Mark("‖", "held", "warn"),
    "scrubbed": Mark("⊘", "scrubbed", "warn"),
}


@dataclass(frozen=True)
class Headline:
    """One sentence, and the mark it stands under."""

    mark: Mark
    sentence: str


@dataclass(frozen=True)
class Awaited:
    """Somebody the launch waits for.

    Attributes:
        who: a role, or everybody who may answer.
        what: what they are to do.
        how: what to type, or where to press.
    """

    who: str
    what: str
    how: str


def headline(frozen: Frozen, record: Record) -> Headline:
    """The verdict where there is one; else what goes on now."""
    if record.closed is not None:
        return Headline(_ENDS[record.closed.result], record.closed.sentence)
    title, phase = frozen.created.title, current_phase(frozen, record).phase
    if record.rollback is not None:
        return _way_back(title, record, record.rollback)
    if record.held is not None:
        why = f"{title} at {phase} since {time_said(record.held.at)}: {reason_said(frozen, record, _why(record.held))}"
        return Headline(_ENDS["held"], f"HELD {why}; {what_stands(frozen, record)}.")
    if asks := record.open_asks():
        waits = "; ".join(f"{_title(frozen, ask)} waits for {_lacking(frozen, ask)}" for ask in asks)
        until = time_said(min(ask.opened.deadline for ask in asks))
        return _live("waiting", f"WAITING {title} at {phase}: {waits}, until {until}.")
    if record.watch is not None and record.watch_decided is None:
        return _live("watching", f"WATCHING {title}: {_seen(record)}, until {time_said(record.watch.until)}.")
    return _under_way(frozen, record)


def awaited(frozen: Frozen, record: Record) -> list[Awaited]:
    """Everybody the launch waits for, and what each can do; nobody after its end."""
    if record.closed is not None:
        return []
    return [*_answers_awaited(frozen, record), *_orders_awaited(frozen, record)]


def _way_back(title: str, record: Record, began: ev.RollbackBegan) -> Headline:
    ended = record.rolled_back
    if ended is None:
        return _live("rolling back", f"ROLLING BACK {title} since {time_said(began.at)}: {began.why}.", "warn", "↩")
    if ended.proven:
        return _live(
            "rolled back", f"ROLLED BACK {title} at {time_said(ended.at)}: {began.why}; {ended.said}.", "warn", "↩"
        )
    return _live("not proven", f"NOT PROVEN: {title} was rolled back, but {ended.said}; look at it now.", "bad", "✗")


def _under_way(frozen: Frozen, record: Record) -> Headline:
    title, phase = frozen.created.title, current_phase(frozen, record)
    running = [state.step for state in record.steps.values() if state.started and state.outcome is None]
    if running and phase.phase not in record.phases_ended:
        return _live("under way", f"UNDER WAY {title} at {phase.phase}: {listed(running)} running.")
    coming = [other for other in frozen.runbook.phases if other.phase not in record.phases_started]
    if phase.phase in record.phases_started and phase.phase not in record.phases_ended:
        return _live("under way", f"UNDER WAY {title} at {phase.phase}.")
    if coming:
        first = f"{coming[0].phase} begins at {time_said(due(frozen, coming[0]))}"
        return _live("scheduled", f"COUNTING DOWN {title}: {first}, T-0 is at {time_said(frozen.created.t0)}.")
    return _live("under way", f"UNDER WAY {title}: every phase is over, the end is being written down.")


def _live(word: str, sentence: str, tone: Tone = "live", symbol: str = "▸") -> Headline:
    return Headline(Mark(symbol, word, tone), sentence)


def _why(held: ev.Held | ev.Ordered) -> str:
    return held.why if isinstance(held, ev.Held) else held.reason


def _seen(record: Record) -> str:
    samples = record.samples[record.watched_from :]
    return f"{sum(one.failed for one in samples)} of {sum(one.requests for one in samples)} requests failed"


def _title(frozen: Frozen, ask: AskState) -> str:
    step = frozen.runbook.step(ask.opened.step)
    return step.title if step else ask.opened.step


def _lacking(frozen: Frozen, ask: AskState) -> str:
    missing = asking.judge(ask, frozen.people).seating.missing
    return listed(role_said(role) if count == 1 else f"{count} x {role_said(role)}" for role, count in missing.items())


def _answers_awaited(frozen: Frozen, record: Record) -> Iterator[Awaited]:
    verbs = {"approval": "approve", "sign_off": "approve", "acknowledgement": "acknowledge", "attestation": "attest"}
    for ask in record.open_asks():
        seating = asking.judge(ask, frozen.people).seating
        answered = {answer.person for answer in ask.counting()}
        for role, count in seating.missing.items():
            could = [person.name for person in frozen.people.with_role(role) if person.id not in answered]
            who = f"{count} {role_said(role)}: {' or '.join(could) or 'nobody left who could'}"
            what = f"{verbs[ask.opened.kind]} “{_title(frozen, ask)}” until {time_said(ask.opened.deadline)}"
            yield Awaited(who, what, f"in Slack or by tminus {verbs[ask.opened.kind]} {frozen.created.launch}")


def _orders_awaited(frozen: Frozen, record: Record) -> Iterator[Awaited]:
    launch, held = frozen.created.launch, record.held
    if held is None:
        return
    if isinstance(held, ev.Ordered) or not held.step:
        how = f"tminus resume {launch} or tminus scrub {launch} --reason WHY"
        yield Awaited("somebody on duty", "say how it goes on", how)
        return
    step = frozen.runbook.step(held.step)
    waive = f" or tminus waive {launch} {held.step} --reason WHY --until DATE" if step is None or step.waivable else ""
    who = role_said(step.owner) if step else "somebody on duty"
    yield Awaited(who, f"mend {held.step}", f"tminus retry {launch} {held.step}{waive}")
