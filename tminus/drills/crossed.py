"""What a book of drills says that the other files contradict: roles nobody has, servers that are not there."""

from collections.abc import Iterator

from tminus.cross_check import systems_of
from tminus.crossed_entries import mistake_at, unknown_roles, unknown_systems
from tminus.drills.book import Drill, DrillsBook
from tminus.drills.quiet import why_never_quiet
from tminus.environment import Environment
from tminus.errors import BookError, Mistake
from tminus.people import People
from tminus.systems.drills import Drills
from tminus.wording import nearest
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
    opted_in = _unknown_opt_ins(book, source, environment.drills) if environment.drills else ()
    return [*opted_in, *_unplayable(book, source, environment)]


def require_playable(book: DrillsBook, source: Source, environment: Environment, name: str) -> None:
    """Raises BookError where the environment cannot play a scenario of the book, or one of its parts."""
    wanted = {name, *book.scenarios[name].others}
    part = book.model_copy(update={"scenarios": {one: drill for one, drill in book.scenarios.items() if one in wanted}})
    if mistakes := _unplayable(part, source, environment):
        raise BookError(tuple(mistakes))


def _unplayable(book: DrillsBook, source: Source, environment: Environment) -> list[Mistake]:
    place = environment.environment
    if environment.drills is None:
        said = f"{place} has no `drills:`, which names what may be broken there and by which commands; add it"
        return [mistake_at(source, ("scenarios",), said)]
    drills: dict[Place, Drill] = {("scenarios", name): drill for name, drill in book.scenarios.items()}
    sections = {section for drill in drills.values() for section in drill.sections.values()}
    there = {section: getattr(environment.drills, section) for section in sections}
    never = [
        mistake_at(source, (*at, "quiet"), why)
        for at, one in drills.items()
        if (why := why_never_quiet(one, environment))
    ]
    return [
        *never,
        *unknown_systems(source, drills, there, f"`drills` of {place}"),
        *_unknown_sentinels(book, source, environment),
        *_same_parts(book, source),
        *_unready_guards(book, source, environment),
    ]


def _unknown_sentinels(book: DrillsBook, source: Source, environment: Environment) -> Iterator[Mistake]:
    """Groups of Redis of which the environment does not say who fails over."""
    groups = environment.drills.redis if environment.drills else {}
    for name, drill in book.scenarios.items():
        for field, section in drill.sections.items():
            group = groups.get(getattr(drill, field)) if section == "redis" else None
            if group is not None and group.sentinels not in environment.sentinels:
                known = nearest(group.sentinels, list(environment.sentinels))
                said = (
                    f"its `sentinels: {group.sentinels}` is no entry of `sentinels` in {environment.environment}{known}"
                )
                yield mistake_at(source, ("scenarios", name, field), said)


def _unknown_opt_ins(book: DrillsBook, source: Source, drills: Drills) -> Iterator[Mistake]:
    """Scenarios that somebody opted in to, and that the book does not have."""
    for name in drills.allowed:
        if name not in book.scenarios:
            known = nearest(name, list(book.scenarios))
            yield mistake_at(source, ("scenarios",), f"`drills.allowed` names {name!r}, which is no scenario{known}")


def _same_parts(book: DrillsBook, source: Source) -> Iterator[Mistake]:
    """Scenarios made of parts of which two break the same."""
    for name, drill in book.scenarios.items():
        broken: dict[tuple[str, str], str] = {}
        for other in drill.others:
            part = book.scenarios[other]
            for field, section in part.sections.items():
                before = broken.setdefault((section, str(getattr(part, field))), other)
                if before != other:
                    said = f"{before} and {other} both break {getattr(part, field)} of `drills.{section}`"
                    yield mistake_at(source, ("scenarios", name, "parts"), said)


def _unready_guards(book: DrillsBook, source: Source, environment: Environment) -> Iterator[Mistake]:
    """Guards that ask what the environment does not name."""
    for name, guard in book.guards.items():
        for place, section, value in systems_of((), guard.does):
            known = getattr(environment, section)
            if value not in known:
                said = f"{environment.environment} has no {value!r} under {section}{nearest(value, sorted(known))}"
                yield mistake_at(source, ("guards", name, *place), said)
