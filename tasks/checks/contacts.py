"""The contacts file: whether an entry has what one needs when one has to call."""

import asyncio
from collections.abc import Mapping
from datetime import date
from typing import ClassVar, Literal

from pydantic import Field, field_validator

from tasks.check import Check
from tasks.estate import Estate
from tminus.clock import now
from tminus.contacts import Contact, Contacts, full_name
from tminus.environment import Impact
from tminus.errors import BookError, CouldNotObserve, NotConfigured, UsageError
from tminus.expectation import Measurement
from tminus.outcome import Observation


class Entry(Check, frozen=True):
    """Whether an entry of the contacts file has what one needs when one has to call.

    `filled` counts those of the needed fields in which something stands that is no placeholder; `placeholders` counts
    the placeholders in the whole entry: `[Name]`, `TBD`, `+1 555 0100`, `…@example.com`. `confirmed` is how many days
    ago somebody last tried what stands there; without such a day, or with one that has not come yet, it is not
    measured, and where it is expected `filled` counts it as a needed field. The evidence names fields, never what
    stands in them.

    Attributes:
        contact: the entry's id.
        needs: names of fields: `what`, `name`, `reach.phone`, `reach.email`, `reach.url`, `support.plan`,
            `support.account`, `support.contract`, `confirmed`; the last part of a name will do.
    """

    kind: Literal["contacts.entry"] = "contacts.entry"
    impact: ClassVar[Impact] = Impact.NONE
    measures: ClassVar[Mapping[str, str]] = {"filled": "", "placeholders": "", "confirmed": "d"}

    contact: str
    needs: tuple[str, ...] = Field(min_length=1)

    @field_validator("needs")
    @classmethod
    def _fields_of_a_contact(cls, needs: tuple[str, ...]) -> tuple[str, ...]:
        found = {need: full_name(need) for need in needs}
        if unknown := [need for need, name in found.items() if name is None]:
            known = ", ".join(Contact(id="any").fields())
            raise ValueError(f"{', '.join(unknown)}: no field of a contact; there are {known}")
        return tuple(dict.fromkeys(name for name in found.values() if name is not None))

    async def look(self, estate: Estate) -> Observation:
        """Reads the file."""
        path = estate.environment.contacts
        if path is None:
            raise NotConfigured("the environment names no contacts; add the file to the environment file")
        try:
            contacts = await asyncio.to_thread(Contacts.read, path if path.is_absolute() else estate.base / path)
        except BookError as e:
            mistake = e.mistakes[0]
            raise CouldNotObserve(f"contacts {path}, line {mistake.line}: {mistake.where} {mistake.what}") from e
        except UsageError as e:
            raise CouldNotObserve(f"contacts: {e}") from e
        needs = (*self.needs, *({"confirmed"} & set(self.expect) - set(self.needs)))
        entry, place = contacts.by_id(self.contact), f"{path.name} {self.contact}"
        if entry is None:
            found = (Measurement.number("filled", 0, of=len(needs)),)
            return Observation(found=found, where=place, because=f"there is no contact called {self.contact!r}")
        return _seen(entry, needs, now().date(), place)


def _seen(entry: Contact, needs: tuple[str, ...], today: date, place: str) -> Observation:
    confirmed = entry.confirmed_on(today)
    placeholders, empty = list(entry.placeholders()), set(entry.missing())
    lacking = {need: "a placeholder" if need in placeholders else "empty" for need in needs}
    lacking = {need: why for need, why in lacking.items() if need in placeholders or need in empty}
    if "confirmed" in needs and confirmed is None:
        lacking.setdefault("confirmed", "no day that has come")
    troubles = [
        *(f"{need} is {why}" for need, why in lacking.items()),
        *(f"{name} is a placeholder" for name in placeholders if name not in lacking),
    ]
    found = [
        Measurement.number("filled", len(needs) - len(lacking), of=len(needs)),
        Measurement.number("placeholders", len(placeholders)),
    ]
    if confirmed is not None:
        found.append(Measurement.number("confirmed", (today - confirmed).days, "d"))
    return Observation(found=tuple(found), where=place, because=", ".join(troubles[:3]), details=tuple(troubles))
