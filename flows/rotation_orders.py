"""What a person orders of a rotation, with their key: turn it back, or cut off at once what leaked."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

from flows.rotating import Rotating, rotating
from flows.rotation_asking import ask, asked_already, wait_for_answer
from flows.rotation_round import owed
from flows.rotation_visit import Say, Visited, Wish
from tminus import events as ev
from tminus.chain_names import rotations_asked
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

    Raises Refused where none is open, or the old value may be gone already; LedgerError.
    """
    person = word.person
    async with rotating(store, opened, name, say) as one:
        rotation = one.course.open
        if rotation is None:
            raise Refused(f"no rotation of {name} is under way, so there is nothing to turn back")
        if rotation.undo is None:
            if rotation.too_late_to_undo:
                raise Refused(
                    f"{name}: its old value was dropped, or was about to be, so there is nothing to go back to; once "
                    f"this is over, `tminus rotate {name}` makes a new one"
                )
            order = ev.RotationOrdered(rotation=rotation.name, order="undo", person=person, reason=word.reason)
            await one.write(word.order(opened.chain(name), order))
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
    again, it takes up the same question. Raises Refused where the answer is no; UsageError where nobody could
    approve it; LedgerError, CouldNotObserve, NotConfigured, MissingSecret.
    """
    async with rotating(store, opened, name, say) as one:
        if (wish := owed(one.course)) is not None:
            await one.begin(wish)
        if one.course.open is not None and one.course.open.at_once:
            return await one.go_on(given)
        replaces, _, _ = await one.current()
        cut = await _cut_off(one)
        [(_, policy)] = opened.named((name,))
        asked = ev.RotationAsked(
            secret=name,
            stored_as=policy.secret,
            replaces=replaces,
            at_once=True,
            asked_by=word.person,
            reason=word.reason,
            cut_off=tuple(cut),
        )
        chains = rotations_asked(opened.system, opened.environment.environment, name)
        chain = await asyncio.to_thread(asked_already, store, asked, chains, one.course.approvals)
        if not chain:
            chain, how = await asyncio.to_thread(ask, store, opened, word.people, asked, opened.book.leaked)
            say(f"Asked: {chain}\n  {how}")
        answer = await wait_for_answer(store, chain, say)
        if why := answer.why_not(now()):
            raise Refused(f"{name} was not cut off: {why}")
        say(f"Approved: {answer.said}.")
        wish = Wish(at_once=True, reason=word.reason, approval=chain, given=given)
        return await _without_overlap(one, opened.chain(name), word, wish, replaces)


async def _without_overlap(one: Rotating, chain: str, word: Word, wish: Wish, leaked: str) -> Visited:
    rotation = one.course.open
    if rotation is not None:
        # What was current when this was asked is the one that goes, where the open rotation replaces just that.
        then = rotation.promoted is not None
        order = ev.RotationOrdered(
            rotation=rotation.name,
            order="at once",
            person=word.person,
            reason=word.reason,
            approval=wish.approval,
            then=then,
        )
        await one.write(word.order(chain, order))
        came = await one.go_on(wish.given)
        if came.how != "rotated" or not then:
            return came
    current, _, _ = await one.current()
    if current != leaked:
        raise Refused(
            f"version {leaked[:8]} was to be cut off, and {current[:8]} is current by now: somebody else changed it. "
            "Where that one leaked too, ask again"
        )
    await one.begin(wish)
    return await one.go_on(wish.given)
