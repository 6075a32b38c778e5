"""Where a launch is, in one sentence: how it ended, or what it is doing and whom it waits for."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from tminus import asking
from tminus import events as ev
from tminus.frozen import Frozen
from tminus.offers import Offer, offers
from tminus.record import AskState, Record
from tminus.roll_call import called_in
from tminus.sentence import gist, hold_said, reason_said, what_stands
from tminus.spoken import listed, person_said, role_said, time_said
from tminus.standing import Mark, Tone, current_phase, due

_ENDS: dict[ev.Result, Mark] = {
    "launched": Mark("✓", "launched", "good"),
    "rolled back": Mark("↩", "rolled back", "bad"),
    "no-go": Mark("✗", "no-go", "bad"),
    "held": Mark("‖", "held", "warn"),
    "scrubbed": Mark("⊘", "scrubbed", "warn"),
}


_VERBS: Mapping[str, ev.Answer] = {
    "approval": "approve",
    "sign_off": "approve",
    "acknowledgement": "acknowledge",
    "attestation": "attest",
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
        ways: each command of it by itself, for where it is copied from.
    """

    who: str
    what: str
    how: str
    ways: tuple[Offer, ...] = ()


def headline(frozen: Frozen, record: Record) -> Headline:
    """The verdict where there is one; else what goes on now."""
    if record.closed is not None:
        return Headline(_ENDS[record.closed.result], record.closed.sentence)
    title, phase = frozen.created.title, current_phase(frozen, record).phase
    if record.rollback is not None:
        return _way_back(title, record, record.rollback)
    if (order := record.rollback_ordered or record.scrubbed) is not None:
        said = f"{order.order} of {title} ordered by {person_said(frozen, order.person)}: {gist(order.reason)}"
        return _live("turning", f"{said}; a conductor carries it out.", "warn", "↩")
    if record.held is not None:
        said = f"HELD {title} at {phase} {_holds(frozen, record)}; {what_stands(frozen, record)}."
        return Headline(_ENDS["held"], said)
    if asks := record.open_asks():
        waits = "; ".join(f"{_title(frozen, ask)} waits for {_lacking(frozen, ask)}" for ask in asks)
        until = time_said(min(ask.opened.deadline for ask in asks))
        return _live("waiting", f"WAITING {title} at {phase}: {waits}, until {until}.")
    if record.watch is not None and record.watch_decided is None:
        return _live("watching", f"WATCHING {title}: {_seen(record)}, until {time_said(record.watch.until)}.")
    return _under_way(frozen, record)


def _holds(frozen: Frozen, record: Record) -> str:
    """Every hold, since when, whose and why, the first one first: it goes on only when all of them have ended."""
    return ". Also ".join(
        f"since {time_said(hold.at)}: {reason_said(frozen, record, hold_said(hold))}"
        for hold in told_once(record.holding)
    )


def told_once(holding: Iterable[ev.Held | ev.Ordered]) -> list[ev.Held | ev.Ordered]:
    """Holds as people are told of them: what each conductor that takes over finds again is one hold, the first."""
    first: dict[tuple[str, ...], ev.Held | ev.Ordered] = {}
    for hold in holding:
        first.setdefault(_same_hold(hold), hold)
    return list(first.values())


def _same_hold(hold: ev.Held | ev.Ordered) -> tuple[str, ...]:
    return (hold.step, hold.why) if isinstance(hold, ev.Held) else ("order", hold.person, hold.reason)


def awaited(frozen: Frozen, record: Record, moment: datetime) -> list[Awaited]:
    """Everybody the launch waits for at that moment, and what each can do that would count; nobody after its end."""
    if record.closed is not None:
        return []
    return [*_answers_awaited(frozen, record, moment), *_orders_awaited(frozen, record)]


def _way_back(title: str, record: Record, began: ev.RollbackBegan) -> Headline:
    ended, why = record.rolled_back, gist(began.why)
    if ended is None:
        return _live("rolling back", f"ROLLING BACK {title} since {time_said(began.at)}: {why}.", "warn", "↩")
    said = gist(ended.said)
    if ended.proven:
        return _live("rolled back", f"ROLLED BACK {title} at {time_said(ended.at)}: {why}; {said}.", "warn", "↩")
    return _live("not proven", f"NOT PROVEN: {title} was rolled back, but {said}; look at it now.", "bad", "✗")


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


def _seen(record: Record) -> str:
    samples = record.samples[record.watched_from :]
    return f"{sum(one.failed for one in samples)} of {sum(one.requests for one in samples)} requests failed"


def _title(frozen: Frozen, ask: AskState) -> str:
    step = frozen.runbook.step(ask.opened.step)
    return step.title if step else ask.opened.step


def _lacking(frozen: Frozen, ask: AskState) -> str:
    missing = asking.judge(ask, frozen.people).seating.missing
    return listed(role_said(role) if count == 1 else f"{count} x {role_said(role)}" for role, count in missing.items())


def _answers_awaited(frozen: Frozen, record: Record, moment: datetime) -> Iterator[Awaited]:
    if record.must_roll_back:
        return
    for ask in (ask for ask in record.open_asks() if moment <= ask.opened.deadline):
        yield from answers_to(frozen, record, ask, moment)


def answers_to(frozen: Frozen, record: Record, ask: AskState, moment: datetime) -> Iterator[Awaited]:
    """What one question still waits for, seat by seat."""
    verb, how = _VERBS[ask.opened.kind], where_to_answer(frozen, ask)
    ways = (Offer("or in Slack" if frozen.environment.slack else "", _to_answer(frozen, ask)),)
    could = [one for one in frozen.people.people if _could_answer(frozen, record, ask, one.id, moment)]
    seating, may = asking.judge(ask, frozen.people).seating, asking.who_may(ask, frozen.people, moment)
    for role, count in seating.missing.items():
        names = [person.name for person in could if role in may.get(person.id, ())]
        who = f"{count} {role_said(role)}: {' or '.join(names) or 'nobody left who could'}"
        what = f"{verb} “{_title(frozen, ask)}” until {time_said(ask.opened.deadline)}"
        yield Awaited(who, what, how, ways) if names else Awaited(who, what, "it ends at its deadline")
    if seating.complete and (found := called_in(frozen, ask)) is not None and found.silent:
        who = " or ".join(asking.name_of(frozen.people, person) for person in found.silent)
        yield Awaited(who, f"answer “{_title(frozen, ask)}” until {time_said(ask.opened.deadline)}", how, ways)


def where_to_answer(frozen: Frozen, ask: AskState) -> str:
    """Where people answer a question, and what they type."""
    by_slack = "in Slack or by " if frozen.environment.slack is not None else ""
    return f"{by_slack}{_to_answer(frozen, ask)}"


def _to_answer(frozen: Frozen, ask: AskState) -> str:
    return asking.how_to_answer(frozen.created.launch, ask.opened)


def _could_answer(frozen: Frozen, record: Record, ask: AskState, person: str, moment: datetime) -> bool:
    opened = ask.opened
    given = ev.Answered(
        at=moment,
        ask=opened.ask,
        person=person,
        answer=_VERBS[opened.kind],
        digest=opened.decision_digest,
        via="command line",
    )
    return asking.why_refused(given, record, frozen.people, moment) is None


def _orders_awaited(frozen: Frozen, record: Record) -> Iterator[Awaited]:
    held, some = record.held, offers(frozen, record)
    if held is None or not some:
        return
    how, by = " or ".join(f"{one.command} ({one.does})" for one in some), _held_by(frozen, record)
    step = frozen.runbook.step(held.step) if isinstance(held, ev.Held) and held.step else None
    if record.rolled_back is not None:
        yield Awaited("somebody on duty", f"say how it goes on{by}", how, tuple(some))
    elif step is None:
        yield Awaited("anybody in people.yaml", f"say how it goes on{by}", how, tuple(some))
    else:
        yield Awaited(role_said(step.owner), f"mend {step.id}{by}", how, tuple(some))


def _held_by(frozen: Frozen, record: Record) -> str:
    """Who holds the launch, and why, where several do: one word may let go of one hold and not of another."""
    held, holds = record.held, told_once(record.holding)
    if isinstance(held, ev.Held) and held.step and record.rolled_back is None:
        others = [hold for hold in holds if not (isinstance(hold, ev.Held) and hold.step == held.step)]
        return f"; also held by {'; '.join(_hold_said(frozen, record, hold) for hold in others)}" if others else ""
    return f"; held by {'; '.join(_hold_said(frozen, record, hold) for hold in holds)}" if len(holds) > 1 else ""


def _hold_said(frozen: Frozen, record: Record, hold: ev.Held | ev.Ordered) -> str:
    """Whose, and why; about a step that did not pass without the commands that are offered for it."""
    if isinstance(hold, ev.Ordered):
        return f"{asking.name_of(frozen.people, hold.person)}: {gist(hold.reason) or 'no reason given'}"
    blocked = hold.step and not record.step(hold.step).settled
    return f"tminus: {reason_said(frozen, record, hold.why) if blocked else gist(hold.why)}"
