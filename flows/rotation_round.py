"""Which secrets want something done, and one visit to each."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from flows.rotating import Rotating, rotating
from flows.rotation_asking import ask_to_rotate
from flows.rotation_visit import How, Say, Visited, Wish
from tasks.rotators.vocabulary import ROTATORS
from tminus import events as ev
from tminus.clock import now, show_duration
from tminus.errors import CouldNotObserve, NotConfigured, OutsideCalendar, Refused, UsageError
from tminus.ledger.store import Store
from tminus.rotations.book import Policy
from tminus.rotations.course import Rotation
from tminus.rotations.opened import OpenedSecrets, open_secrets

_UNSEEN = (CouldNotObserve, NotConfigured, UsageError, Refused)


def opened_secrets(runbook: Path, environment: Path) -> OpenedSecrets:
    """The book with all kinds that there are; raises BookError with every mistake, UsageError."""
    return open_secrets(runbook, environment, ROTATORS)


def due_from(policy: Policy, made: datetime) -> datetime:
    """From when on a value is replaced: a twelfth of its life ahead, so that a bad night makes none late."""
    return made + policy.every * 11 / 12


async def rotate(
    store: Store, opened: OpenedSecrets, name: str, wish: Wish, say: Say, people: Path | None = None
) -> Visited:
    """One visit to a secret that somebody wants rotated: begins where none is open, else goes on with that.

    Raises Refused where its last rotation is in its overlap, naming the time; where another rotates it, or the
    environment is held; UsageError, LedgerError, CouldNotObserve, NotConfigured, MissingSecret where it cannot begin.
    """
    async with rotating(store, opened, name, say) as one:
        under_way = one.diary.course.open
        if under_way is None:
            left = await owed(one)
            if said := await unreached(opened, name, one):
                say(said)
            one.require_allowed(at_once=left is not None, outside=wish.outside)
            await one.begin(left or await _approved(store, opened, name, one, wish, people, say))
        elif (until := _too_early(under_way)) is not None and not under_way.at_once:
            raise Refused(_overlaps(opened, name, under_way, until))
        elif wish.given is not None and "create" in under_way.done:
            raise Refused(
                f"{name} has its new value already, as version {under_way.began.version[:8]} in Secrets Manager; what "
                f"you gave was not taken, and nothing was done. `tminus rotate {name}` goes on, and `--undo` turns back"
            )
        return await one.go_on(wish.given)


async def go_on_if_due(
    store: Store, opened: OpenedSecrets, name: str, say: Say, people: Path | None = None
) -> Visited | None:
    """One visit by the schedule; None where there is nothing to do. What cannot be told is a visit that broke off.

    Raises LedgerError.
    """
    try:
        async with rotating(store, opened, name, say) as one:
            if one.diary.course.open is None:
                if said := await unreached(opened, name, one):
                    return Visited(name, "broke off", said)
                wish = await _due(opened, name, one)
                if wish is None:
                    return None
                one.require_allowed(at_once=wish.at_once)
                await one.begin(await _approved(store, opened, name, one, wish, people, say))
            return await one.go_on()
    except OutsideCalendar as e:
        return Visited(name, "waits", f"{name} is due: {e}")
    except _UNSEEN as e:
        how: How = "refused" if isinstance(e, Refused) else "broke off"
        return Visited(name, how, f"{name}: {e}")


async def owed(one: Rotating) -> Wish | None:
    """The rotation that was approved to follow the last one at once, while what leaked is current."""
    leak = one.diary.course.owed
    if leak is None or (await one.stands()).current != leak.version:
        return None
    return Wish(at_once=True, reason=leak.reason, approval=leak.approval, replaces=leak.version, scheduled=True)


async def unreached(opened: OpenedSecrets, name: str, one: Rotating) -> str:
    """What is said of a version that is to be cut off, and that no rotation reaches any more; "" where none is."""
    leak = one.diary.course.owed
    if leak is None or (await one.stands()).current == leak.version:
        return ""
    return (
        f"version {leak.version[:8]} of {name} ({opened.book.rotations[name].secret}) was approved to be cut off, and "
        "somebody put another in its place, so no rotation ends it: look whether it opens anything at its server. "
        f"`tminus rotate {name}` begins a rotation of what is current, and this is said no more"
    )


async def _due(opened: OpenedSecrets, name: str, one: Rotating) -> Wish | None:
    if wish := await owed(one):
        return wish
    [(_, policy)] = opened.named((name,))
    _, _, made = await one.current()
    if now() < max(due_from(policy, made), _rested(policy, one)):
        return None
    return Wish(
        scheduled=True, reason=f"it is of {made:%Y-%m-%d}, and {show_duration(policy.every)} is how old it may grow"
    )


def _rested(policy: Policy, one: Rotating) -> datetime:
    """From when on the schedule tries again what somebody turned back: who was refused is not refused every night."""
    last = one.diary.course.last
    if last is None or last.ended is None or last.ended.how != "undone":
        return datetime.min.replace(tzinfo=UTC)
    return last.ended.at + policy.every / 12


async def _approved(
    store: Store, opened: OpenedSecrets, name: str, one: Rotating, wish: Wish, people: Path | None, say: Say
) -> Wish:
    """The wish with the question that was asked for it, where the policy wants one."""
    [(_, policy)] = opened.named((name,))
    if wish.approval or not policy.approval:
        return wish
    if people is None:
        raise UsageError(f"{name} is rotated once {' or '.join(policy.approval)} said yes: give --people, to ask them")
    replaces, _, _ = await one.current()
    asked = ev.RotationAsked(
        secret=name, stored_as=policy.secret, replaces=replaces, at_once=False, asked_by="", reason=wish.reason
    )
    chain = await asyncio.to_thread(ask_to_rotate, store, opened, people, asked, policy.approval, say)
    return replace(wish, approval=chain, replaces=replaces)


def _too_early(rotation: Rotation) -> datetime | None:
    """Until when nothing can be done."""
    return rotation.waits.until if rotation.waits is not None and rotation.waits.until > now() else None


def _overlaps(opened: OpenedSecrets, name: str, rotation: Rotation, until: datetime) -> str:
    [(_, policy)] = opened.named((name,))
    promoted = rotation.promoted
    when = f"{until:%Y-%m-%d %H:%M:%S} UTC"
    if rotation.undo is not None:
        why = rotation.waits.why if rotation.waits else ""
        return (
            f"{name} is being turned back, until {when} at least: {why}. Another rotation may begin once that is over"
        )
    if promoted is None:
        return f"{name}: its rotation waits until {when}: {rotation.waits.why if rotation.waits else ''}"
    over = max(promoted + policy.takes, until)
    return (
        f"{name} was rotated at {promoted:%Y-%m-%d %H:%M:%S} UTC, and the value before that still counts: it is looked "
        f"at again at {when}, and another rotation may begin once it is gone, not before "
        f"{over:%Y-%m-%d %H:%M:%S} UTC. Where a value leaked: `tminus rotate {name} --at-once`"
    )
