"""What a person orders of a rotation, with their key: turn it back, or cut off at once what leaked."""

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path

from flows.asking_first import wait_for_answer
from flows.rotating import Rotating, rotating
from flows.rotation_asking import ask_to_rotate
from flows.rotation_round import owed
from flows.rotation_visit import Say, Visited, Wish
from tminus import events as ev
from tminus.clock import now
from tminus.errors import CouldNotObserve, MissingSecret, NotConfigured, Refused
from tminus.ledger.store import Store
from tminus.people import People
from tminus.personal_key import PersonalKey
from tminus.rotations.document import Document
from tminus.rotations.opened import OpenedSecrets
from tminus.yaml_source import Source


@dataclass(frozen=True)
class Word:
    """Whose word it is: their key, their people's file, and why."""

    key: PersonalKey
    people: Path
    reason: str

    @property
    def person(self) -> str:
        """By id; raises Refused where the key is nobody's, BookError."""
        return self.key.owner(Source.read(self.people).load(People), str(self.people)).id

    def order(self, chain: str, order: ev.RotationOrdered) -> ev.RotationOrdered:
        """The same, signed for the secret's chain."""
        return order.model_copy(update={"signature": self.key.sign(chain, order)})


async def turn_back(store: Store, opened: OpenedSecrets, name: str, word: Word, say: Say) -> Visited:
    """Turns the open rotation of a secret back: the old value is current again, and the new one goes.

    Raises Refused where none is open, or the old value may be gone already; LedgerError. Where nothing has the old
    value work again the order is void, and that is what the visit says.
    """
    person = word.person
    async with rotating(store, opened, name, say) as one:
        rotation = one.diary.course.open
        if rotation is None:
            raise Refused(f"no rotation of {name} is under way, so there is nothing to turn back")
        if rotation.undo is None:
            late = rotation.too_late_to_undo or not await one.has(rotation.began.replaces)
            if late and not await one.overtaken(rotation):
                raise Refused(
                    f"{name}: its old value was dropped, or was about to be, so there is nothing to go back to; "
                    f"once this is over, `tminus rotate {name}` makes a new one"
                )
            order = ev.RotationOrdered(rotation=rotation.name, order="undo", person=person, reason=word.reason)
            await one.diary.write(word.order(opened.chain(name), order))
        return await one.go_on()


async def blast_radius(store: Store, opened: OpenedSecrets, name: str, say: Say) -> list[str]:
    """Who uses what is current, a line each: they are cut off where it leaked. Raises LedgerError, Refused, UsageError.

    What cannot be seen is a line too: it never stands in the way of cutting off what leaked.
    """
    async with rotating(store, opened, name, say) as one:
        return await _cut_off(one)


async def _cut_off(one: Rotating) -> list[str]:
    try:
        return await one.used_by()
    except (CouldNotObserve, NotConfigured, MissingSecret, Refused) as e:
        return [f"nobody can say who: {e}"]


async def cut_off(
    store: Store, opened: OpenedSecrets, name: str, word: Word, say: Say, given: Document | None = None
) -> Visited:
    """Asks that a leaked value be cut off, and does it once somebody said yes: a rotation without any overlap.

    Where one is open, its old value goes at once too; what is current then is replaced in any case. Killed and begun
    again, it takes up the same question. What must wait is waited for: it comes back once what leaked opens nothing.
    Raises Refused where the answer is no, or a person must bring the new value and did not; UsageError where nobody
    could approve it; LedgerError, CouldNotObserve, NotConfigured, MissingSecret.
    """
    async with rotating(store, opened, name, say) as one:
        if (came := await _ordered_before(one, say, given)) is not None:
            return came
        replaces, _, _ = await one.current()
        under_way = one.diary.course.open
        if under_way is None or replaces != under_way.began.replaces:
            one.require_given(given, at_once=True)
        [(_, policy)] = opened.named((name,))
        asked = ev.RotationAsked(
            secret=name,
            stored_as=policy.secret,
            replaces=replaces,
            at_once=True,
            asked_by=word.person,
            reason=word.reason,
            cut_off=tuple(await _cut_off(one)),
        )
        chain = await asyncio.to_thread(ask_to_rotate, store, opened, word.people, asked, opened.book.leaked, say)
    answer = await wait_for_answer(store, chain, ev.RotationAsked, say)
    if why := answer.why_not(now()):
        raise Refused(f"{name} was not cut off: {why}")
    say(f"Approved: {answer.said}.")
    wish = Wish(at_once=True, reason=word.reason, approval=chain, given=given, replaces=replaces)
    async with rotating(store, opened, name, say) as one:
        if chain in one.diary.course.approvals and (came := await _ordered_before(one, say, given)) is not None:
            return came  # somebody who waited for the same answer was quicker
        return await _without_overlap(one, opened.chain(name), word, wish, say)


async def _ordered_before(one: Rotating, say: Say, given: Document | None) -> Visited | None:
    """What was approved to be cut off already is, without another question; None where nothing was."""
    came, under_way = None, one.diary.course.open
    if under_way is not None and under_way.at_once:
        came = await _to_its_end(one, say, given)
        if came.how == "refused" and await one.overtaken(under_way):
            say(came.said)
            return None
    if (wish := await owed(one)) is not None:
        await one.begin(wish)
        came = await _to_its_end(one, say, given)
    if came is None or came.how != "rotated":
        return came
    return replace(came, said=f"{came.said}. That was ordered before: where what is current leaked too, order it again")


async def _without_overlap(one: Rotating, chain: str, word: Word, wish: Wish, say: Say) -> Visited:
    """Hastens the open rotation, and has another follow where that one does not get rid of what leaked."""
    rotation = one.diary.course.open
    if rotation is not None:
        current = (await one.stands()).current
        stale = current not in {rotation.began.version, rotation.began.replaces}
        hurry = ev.RotationOrdered(
            rotation=rotation.name,
            order="at once",
            person=word.person,
            reason=word.reason,
            approval=wish.approval,
            leaked=wish.replaces,
        )
        back = ev.RotationOrdered(rotation=rotation.name, order="undo", person=word.person, reason=word.reason)
        stands_in_the_way = stale and not rotation.undo and not rotation.too_late_to_undo
        orders = (hurry, back) if stands_in_the_way else (hurry,)
        await one.diary.write(*(word.order(chain, order) for order in orders))
        came = await _to_its_end(one, say, wish.given)
        if came.how == "refused" and stale and not rotation.undo:
            await one.diary.write(word.order(chain, back))
            came = await _to_its_end(one, say, wish.given)
        if came.how not in {"rotated", "undone"} or rotation.ends == wish.replaces:
            unused = wish.given is not None and "create" in rotation.done
            return replace(came, said=f"{came.said}. The value that you gave was not needed") if unused else came
        say(came.said)
    await one.begin(wish)
    return await _to_its_end(one, say, wish.given)


async def _to_its_end(one: Rotating, say: Say, given: Document | None) -> Visited:
    """As far as it goes, waiting wherever it waits: while it does, what leaked may still open."""
    while (came := await one.go_on(given)).how == "waits" and came.until is not None:
        say(f"{came.said}; this goes on then")
        await asyncio.sleep(max(0.0, (came.until - now()).total_seconds()))
    return came
