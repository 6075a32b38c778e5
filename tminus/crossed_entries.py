"""What the entries of a book say that the other files contradict: roles nobody has, systems that are not there."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Protocol

from tminus.errors import Mistake
from tminus.people import People
from tminus.wording import nearest
from tminus.yaml_source import Place, Source, shown


class Entry(Protocol):
    """One entry, as far as it names systems."""

    @property
    def sections(self) -> Mapping[str, str]:
        """Field → the section of the environment in which what it names must be."""


def unknown_roles(source: Source, people: People, roles: Iterable[tuple[Place, str]]) -> list[Mistake]:
    """Roles that nobody has, where they stand."""
    known = sorted(people.roles)
    return [
        mistake_at(source, place, f"nobody has the role {role!r}{nearest(role, known)}")
        for place, role in roles
        if role not in people.roles
    ]


def unknown_systems(
    source: Source, entries: Mapping[Place, Entry], there: Mapping[str, Collection[str]], where: str
) -> Iterator[Mistake]:
    """Systems that are not there.

    Args:
        source: the book.
        entries: what names them, by the place where it stands.
        there: section → the names that it has.
        where: what has those sections, for the sentence.
    """
    for place, entry in entries.items():
        for field, section in entry.sections.items():
            value: str | tuple[str, ...] = getattr(entry, field)
            for one in (value,) if isinstance(value, str) else value:
                if one not in there[section]:
                    said = f"{where} has no {one!r} under {section}{nearest(one, list(there[section]))}"
                    yield mistake_at(source, (*place, field), said)


def mistake_at(source: Source, place: Place, what: str) -> Mistake:
    """A mistake where it stands."""
    return source.mistake(place, shown(place), what)
