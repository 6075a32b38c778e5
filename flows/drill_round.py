"""Whether a drill may begin now, and the drill itself; and whatever an earlier one left is undone first."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from flows.asking_first import answered, ask_once, wait_for_answer
from flows.drill_begin import Wanted
from flows.drill_guards import known_checks
from flows.drill_opening import drilling, scenario_of
from flows.drill_waiting import telling_of
from flows.drilling import Drilling, Say
from tasks.scenarios.vocabulary import SCENARIOS
from tminus import events as ev
from tminus.calendar.asking import barred
from tminus.calendar.override import require_allowed_but, roles_that_override
from tminus.chain_names import drills_of
from tminus.clock import now
from tminus.drills.course import Played
from tminus.drills.crossed import require_playable
from tminus.drills.lever import Lever
from tminus.drills.opened import OpenedDrills, open_drills
from tminus.drills.opted_in import why_not_in_production
from tminus.drills.papers import change_of
from tminus.drills.quiet import longest
from tminus.drills.retired import retired_said
from tminus.environment import Kind
from tminus.errors import OutsideCalendar, Refused, UsageError
from tminus.lease import vacant
from tminus.ledger.store import Store


def opened_drills(runbook: Path, environment: Path) -> OpenedDrills:
    """The book with all kinds that there are; raises BookError with every mistake, UsageError."""
    return open_drills(runbook, environment, SCENARIOS, known_checks)


@dataclass(frozen=True)
class Request:
    """Who wants a drill, and why.

    Attributes:
        asked_by: a person's id, who may not approve it; "" where the schedule wants it.
        people: the people's file, where somebody must approve it.
        approval: the chain in which somebody said yes.
        override: whether somebody is asked to override the calendar, where that says no.
        outside: the rules by which it says no, which are to be overridden, and no others.
    """

    asked_by: str = ""
    reason: str = ""
    people: Path | None = None
    approval: str = ""
    override: bool = False
    outside: str = ""


async def drill(store: Store, opened: OpenedDrills, name: str, say: Say, request: Request) -> ev.DrillEnded:
    """Plays a scenario; where its last drill was interrupted, that one is undone instead and nothing is broken.

    Where the book wants a yes it is asked for, and waited for with nothing held. Raises Refused where it may not begin
    now, saying why; UsageError, LedgerError, CouldNotObserve, NotConfigured, MissingSecret.
    """
    list(opened.book.named((name,)))
    if opened.course(store, name).unproven is None:
        require_playable(opened.book, opened.sources[0], opened.environment, name)
    request = _overriding(opened, name, request)
    if scenario_of(opened, name).approvers or request.outside:
        async with drilling(store, opened, name, say) as one:
            if (left := one.diary.course.unproven) is not None:
                _require_same_systems(opened, name, left)
                return await _undone_first(one, left, name, say)
            await _require_may_begin(store, opened, name, one, request)
            request = await _asked(store, opened, name, one, request, say)
        async with telling_of(Lever(store, opened.system, opened.environment.environment), say):
            await _require_yes(store, request.approval, say)
    async with drilling(store, opened, name, say) as one:
        if (left := one.diary.course.unproven) is not None:
            _require_same_systems(opened, name, left)
            return await _undone_first(one, left, name, say)
        await _require_may_begin(store, opened, name, one, request)
        agreed = await asyncio.to_thread(_agreed, store, opened, name, request) if request.approval else {}
        return await one.play(Wanted(request.asked_by, request.reason, request.approval, agreed, request.outside))


def require_in_book(store: Store, opened: OpenedDrills, name: str) -> None:
    """Raises UsageError for an unknown name, saying more where the ledger knows a drill of that name."""
    if said := retired_said(store, opened, name):
        raise UsageError(said)
    list(opened.book.named((name,)))


def _require_same_systems(opened: OpenedDrills, name: str, left: Played) -> None:
    """Raises Refused where the book names other systems than those of which something is broken."""
    now_named = scenario_of(opened, name).systems()
    was = left.began.systems
    if other := [
        f"{key} {now_named.get(key)} (was {value})" for key, value in was.items() if now_named.get(key) != value
    ]:
        raise Refused(
            f"{name}: the book names {'; '.join(other)} now, and what is not undone is of the other. Undo it with the "
            "book as it was; nothing was done"
        )


async def _undone_first(one: Drilling, left: Played, name: str, say: Say) -> ev.DrillEnded:
    say(f"{name}: the drill of {left.began.at:%Y-%m-%d %H:%M:%S} UTC was not over: it is undone, nothing more")
    return await one.undo(left)


def _overriding(opened: OpenedDrills, name: str, request: Request) -> Request:
    """The request, with what it overrides; raises Refused where nobody may."""
    outside = _barred(opened, name) if request.override else ""
    if not outside:
        return replace(request, outside="")
    roles_that_override(opened.environment, outside)
    return replace(request, outside=outside)


def _barred(opened: OpenedDrills, name: str) -> str:
    return barred(opened.environment, "drill", now(), longest(opened.book.scenarios[name], opened.environment))


async def _require_may_begin(store: Store, opened: OpenedDrills, name: str, one: Drilling, request: Request) -> None:
    """Raises Refused where a rule says no, whoever said yes; but for the calendar, where it is overridden."""
    _require_opted_in(opened, name)
    _require_signed(opened, name)
    await one.beginning.require_allowed()
    _require_in_calendar(opened, name, request)
    await asyncio.to_thread(_require_others_proven, store, opened, name)


async def _asked(store: Store, opened: OpenedDrills, name: str, one: Drilling, request: Request, say: Say) -> Request:
    """The request with the question that was asked for it, now or before a kill."""
    asked = await one.beginning.proposed(request.asked_by, request.reason, request.outside)
    begun_on = [played.began.approval for played in one.diary.course.drills]
    change = change_of(opened, asked)
    if request.people is None:
        raise UsageError(f"{name} begins once {change.whom} said yes: give --people, to ask them")
    chain = await asyncio.to_thread(ask_once, store, opened, request.people, change, asked, begun_on, say)
    return replace(request, approval=chain)


async def _require_yes(store: Store, chain: str, say: Say) -> None:
    answer = await wait_for_answer(store, chain, ev.DrillAsked, say)
    if why := answer.why_not(now()):
        raise Refused(f"nothing was broken: {why}")
    say(f"Approved: {answer.said}.")


def _agreed(store: Store, opened: OpenedDrills, name: str, request: Request) -> Mapping[str, str]:
    """The way to which somebody said yes; raises Refused where one was played on it, or it is to another drill."""
    chain = request.approval
    if chain in [played.began.approval for played in opened.course(store, name).drills]:
        raise Refused(f"{chain}: a drill was played on that yes; nothing was broken. Ask again")
    answer = answered(store, chain, ev.DrillAsked)
    overrides = request.outside in {"", answer.asked.outside}
    if answer.word != "yes" or answer.asked.digests != opened.digests or not overrides:
        raise Refused(f"{chain}: nobody said yes to just this drill ({answer.said}); nothing was broken. Ask again")
    return answer.asked.way


async def undo(store: Store, opened: OpenedDrills, name: str, say: Say) -> ev.DrillEnded:
    """Undoes what the last drill of a scenario broke; raises Refused where all is known to be as it was."""
    async with drilling(store, opened, name, say) as one:
        if (left := one.diary.course.unproven) is None:
            raise Refused(
                f"{name}: nothing is left to undo: its last drill, where there was one, ended as it was before"
            )
        _require_same_systems(opened, name, left)
        return await one.undo(left)


def _require_opted_in(opened: OpenedDrills, name: str) -> None:
    environment = opened.environment
    allowed = environment.drills.allowed if environment.drills else ()
    if environment.kind is Kind.PRODUCTION and (why := why_not_in_production(opened.book, name, allowed)):
        raise Refused(f"{environment.environment} is production, and {why}. Nothing was broken")


def _require_signed(opened: OpenedDrills, name: str) -> None:
    """Raises Refused where production would lose what nobody signed for."""
    if opened.environment.kind is Kind.PRODUCTION and not opened.book.scenarios[name].approvers:
        raise Refused(
            f"{opened.environment.environment} is production, and {name} has `approval: []`: somebody must sign for "
            "what is lost there. Name a role. Nothing was broken"
        )


def _require_in_calendar(opened: OpenedDrills, name: str, request: Request) -> None:
    """Raises OutsideCalendar where a rule bars it that nobody was asked to override, now or before it must be over."""
    lasts, calendar = longest(opened.book.scenarios[name], opened.environment), opened.environment.calendar
    try:
        require_allowed_but(opened.environment, "drill", now(), request.outside, lasts)
    except OutsideCalendar as e:
        if request.override or calendar is None or not calendar.override:
            raise
        who = " or ".join(calendar.override)
        raise OutsideCalendar(
            f"{e}. With --override-calendar --reason WHY {who} is asked to have it all the same"
        ) from e


def _require_others_proven(store: Store, opened: OpenedDrills, name: str) -> None:
    """Raises Refused where another scenario's last drill left something that nobody has seen undone."""
    begin = drills_of(opened.system, opened.environment.environment)
    for chain in store.chains():
        other = chain.removeprefix(begin)
        if chain.startswith(begin) and other != name and opened.course(store, other).unproven is not None:
            if not vacant(store.lease(chain)):
                raise Refused(f"the drill {other} is under way; wait until it is over. {name} broke nothing")
            raise Refused(
                f"the last drill {other} is not proven to be undone; `tminus drill {other} --undo` does that. "
                f"{name} broke nothing"
            )
