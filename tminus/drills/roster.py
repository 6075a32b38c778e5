"""Who took part in drills: who asked for one, who approved it, and who has not for half a year."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from tminus import events as ev
from tminus.asking import name_of
from tminus.drills.book import DrillsBook
from tminus.drills.course import Course
from tminus.frozen import Frozen
from tminus.ledger.logbook import Logbook
from tminus.ledger.store import Store
from tminus.people import People, Person

HALF_A_YEAR = timedelta(days=183)


@dataclass(frozen=True)
class Part:
    """One person's part in one drill.

    Attributes:
        person: by id; "" for the schedule.
        name: as they were called then.
    """

    at: ev.Time
    scenario: str
    person: str
    name: str
    did: Literal["asked for it", "approved it"]


def parts(store: Store, courses: Mapping[str, Course]) -> list[Part]:
    """All of them, the earliest first. Raises LedgerError."""
    found = [part for name, course in courses.items() for part in _of(store, name, course)]
    return sorted(found, key=lambda part: part.at)


def _of(store: Store, name: str, course: Course) -> Iterator[Part]:
    for played in course.drills:
        began = played.began
        frozen, approved = _approvers(store, began.approval)
        people = frozen.people if frozen else None
        asker = name_of(people, began.asked_by) if people and began.asked_by else began.asked_by or "the schedule"
        yield Part(began.at, name, began.asked_by, asker, "asked for it")
        for person in approved:
            yield Part(began.at, name, person, name_of(people, person) if people else person, "approved it")


def _approvers(store: Store, chain: str) -> tuple[Frozen | None, list[str]]:
    """Whose yes a drill was played on; nobody's where nobody was asked."""
    if not chain:
        return None, []
    record = Logbook(store, chain).refresh()
    if record.created is None:
        return None, []
    said = [one.person for ask in record.asks.values() for one in ask.counting() if one.answer == "approve"]
    return Frozen(record.created, {}), list(dict.fromkeys(said))


def absent(book: DrillsBook, people: People, taken: Iterable[Part], at: ev.Time) -> list[Person]:
    """Who has a role that owns or approves drills, and took part in none for half a year."""
    roles = {role for drill in book.scenarios.values() for role in (drill.owner, *drill.approvers)}
    lately = {part.person for part in taken if at - part.at <= HALF_A_YEAR}
    return [person for person in people.people if person.roles & roles and person.id not in lately]


def roster_lines(taken: Iterable[Part], missing: Iterable[Person] | None) -> Iterator[str]:
    """For a terminal; `missing` is None where nobody said who people are."""
    for part in taken:
        yield f"{part.at:%Y-%m-%d} {part.scenario}: {part.name} {part.did}"
    if missing is None:
        yield "Who took part in none for half a year is known with --people."
        return
    names = [f"{person.name} ({', '.join(sorted(person.roles))})" for person in missing]
    yield f"Took part in none for half a year: {', '.join(names) or 'nobody'}."
