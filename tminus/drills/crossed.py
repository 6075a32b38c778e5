"""What a book of drills says that the other files contradict: roles nobody has, servers that are not there."""

from collections.abc import Iterator

from tminus.crossed_entries import mistake_at, unknown_roles, unknown_systems
from tminus.drills.book import Drill, DrillsBook
from tminus.drills.quiet import why_never_quiet
from tminus.environment import Environment
from tminus.errors import Mistake
from tminus.people import People
from tminus.yaml_source import Place, Source


def against_people(book: DrillsBook, source: Source, people: People) -> list[Mistake]:
    """Roles that nobody has."""
    return unknown_roles(source, people, _roles(book))


def _roles(book: DrillsBook) -> Iterator[tuple[Place, str]]:
    for name, drill in book.scenarios.items():
        yield ("scenarios", name, "owner"), drill.owner
        yield from ((("scenarios", name, "approval", at), role) for at, role in enumerate(drill.approval or ()))


def against_environment(book: DrillsBook, source: Source, environment: Environment) -> list[Mistake]:
    """Servers that are not there, of those that drills may break; services that cannot, or must not, be quiet."""
    place = environment.environment
    if environment.drills is None:
        said = f"{place} has no `drills` section, so nothing may be broken there"
        return [mistake_at(source, ("drills",), said)]
    drills: dict[Place, Drill] = {("scenarios", name): drill for name, drill in book.scenarios.items()}
    sections = {section for drill in drills.values() for section in drill.sections.values()}
    there = {section: getattr(environment.drills, section) for section in sections}
    never = [
        mistake_at(source, (*at, "quiet"), why)
        for at, one in drills.items()
        if (why := why_never_quiet(one, environment))
    ]
    return never + list(unknown_systems(source, drills, there, f"`drills` of {place}"))
