"""Stripe's API keys: a person makes and expires them, and what they did is proven with the keys themselves."""

from datetime import timedelta
from http import HTTPStatus
from typing import ClassVar, Literal

from pydantic import Field

from tasks.given_secret import given_value, value_of, with_value
from tasks.rotators.rotator import Census, Done, NotYet, Rotator, Turn
from tasks.stripe_keys import Path, asked, sort_and_mode, stripe_front, taken
from tminus.clock import now
from tminus.errors import Refused
from tminus.rotations.document import Document

_AGAIN = timedelta(hours=1)
_MAKE = "in Stripe's dashboard (Developers, API keys) create a restricted key with the rights of the one in use"
_EXPIRE = "in Stripe's dashboard (Developers, API keys) expire or delete it"


class StripeKey(Rotator, frozen=True):
    """A restricted or secret key. Version 1 of Stripe's API makes none: a person does, in the dashboard, and brings it.

    Create a second key there and do not rotate the old one: both work then, for as long as the overlap lasts. The old
    one is expired by a person, once nobody needs it; that it is dead is proven here, and is waited for.

    Attributes:
        field: where the key stands in the secret, where that is a JSON document.
        can: paths of Stripe's API that the key must open, each asked by a GET.
        cannot: paths that it must not open; a secret key (`sk_…`), which may do everything, has none.
    """

    kind: Literal["stripe.key"] = "stripe.key"
    by_hand: ClassVar[bool] = True
    field: str = "key"
    can: tuple[Path, ...] = Field(min_length=1)
    cannot: tuple[Path, ...] = ()

    async def create(self, turn: Turn) -> Document:
        """The key that a person brought; raises Refused where it is none, of another mode, or does everything."""
        value = given_value(turn, self.field, _MAKE)
        sort, mode = sort_and_mode(value)
        old_sort, old_mode = sort_and_mode(value_of(turn.old, self.field))
        if mode != old_mode:
            raise Refused(f"{turn.name}: that is a key of {mode} mode, and the one in use is of {old_mode} mode")
        if (old_sort, sort) == ("rk", "sk"):
            raise Refused(f"{turn.name}: that is a secret key, which may do everything; {_MAKE}")
        if sort == "rk" and not self.cannot:
            raise Refused(f"{turn.name}: the book names nothing that a restricted key cannot do; add `cannot` to it")
        return with_value(turn.old, self.field, value, f"{turn.name} (new)")

    def shares(self, one: Document, other: Document) -> bool:
        """See Rotator."""
        return value_of(one, self.field).get_secret_value() == value_of(other, self.field).get_secret_value()

    async def set(self, turn: Turn, new: Document) -> Done | NotYet:
        """Nothing: a key works since it was made."""
        del turn, new
        return Done("the new key works beside the old one since it was made", already=True)

    async def test(self, turn: Turn, new: Document) -> Done | NotYet:
        """Raises Refused where Stripe does not take the key, or it may do too little or too much."""
        front, key = stripe_front(turn.estate), value_of(new, self.field)
        for path in self.can:
            if (status := (await asked(front, path, key)).status) != HTTPStatus.OK:
                why = "Stripe does not take it" if status == HTTPStatus.UNAUTHORIZED else "give it that right"
                raise Refused(f"{turn.name}: GET {path} with the new key: status {status}; {why}")
        for path in self.cannot:
            if (status := (await asked(front, path, key)).status) != HTTPStatus.FORBIDDEN:
                raise Refused(f"{turn.name}: GET {path} with the new key: status {status}, and 403 is wanted")
        tried = f"the new key may read {len(self.can)} things that it must, and {len(self.cannot)} others not"
        return Done(f"{tried}; reading is proven, not writing")

    async def census(self, turn: Turn, new: Document) -> Census:
        """Blind: Stripe's API does not say it."""
        del new
        blind = "Stripe shows in its dashboard alone when a key was used last; look there before you expire the old one"
        return Census((), "nothing", turn.promoted or now(), blind)

    async def off(self, turn: Turn, new: Document) -> Done | NotYet:
        """Waits until a person has expired the old key."""
        return await self._dead(turn, new)

    async def on(self, turn: Turn, new: Document) -> Done:
        """Raises Refused where the old key is dead: nobody brings it back.

        A key that somebody rotated in the dashboard works until the moment chosen there; one that has expired or was
        deleted is refused for good. Source: docs.stripe.com/keys.
        """
        del new
        if await taken(stripe_front(turn.estate), self.can[0], value_of(turn.old, self.field)):
            return Done("Stripe takes the old key", already=True)
        raise Refused(
            f"{turn.name}: the old key has expired or was deleted, and Stripe brings none back; go on with the new "
            "one, or begin again with a third"
        )

    async def drop(self, turn: Turn, new: Document) -> Done | NotYet:
        """The same proof once more."""
        return await self._dead(turn, new)

    async def undo(self, turn: Turn, new: Document | None) -> Done | NotYet:
        """Waits until a person has expired the new key, which nobody uses."""
        if new is None or self.shares(new, turn.old):
            return Done("nothing of this rotation is to be expired in Stripe", already=True)
        if await taken(stripe_front(turn.estate), self.can[0], value_of(new, self.field)):
            return NotYet(now() + _AGAIN, f"Stripe takes the key that was new: {_EXPIRE}, and not the one in use")
        return Done("Stripe refuses the key that was new (401)")

    async def _dead(self, turn: Turn, new: Document) -> Done | NotYet:
        old, front = value_of(turn.old, self.field), stripe_front(turn.estate)
        if old.get_secret_value() == value_of(new, self.field).get_secret_value():
            raise Refused(f"{turn.name}: the old key and the new one are the same; expire neither")
        if await taken(front, self.can[0], old):
            return NotYet(now() + _AGAIN, f"Stripe takes the old key: {_EXPIRE}, and take care that it is not the new")
        return Done("Stripe refuses the old key (401)")
