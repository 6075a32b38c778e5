"""What a book of drills says that the other files contradict: roles nobody has, servers that are not there."""

from collections.abc import Iterator

from tminus.calendar.verdict import NotNow, verdict_for
from tminus.clock import now, show_duration
from tminus.cross_check import systems_of
from tminus.crossed_entries import mistake_at, unknown_roles, unknown_systems
from tminus.drills.book import Drill, DrillsBook
from tminus.drills.guards import Guard
from tminus.drills.opted_in import why_not_in_production
from tminus.drills.quiet import longest, why_never_quiet
from tminus.drills.same_servers import collisions
from tminus.environment import Environment, Kind
from tminus.errors import BookError, Mistake, UsageError
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


def against_environment(book: DrillsBook, source: Source, environment: Environment, place: Source) -> list[Mistake]:
    """Servers that are not there, of those that drills may break; services that cannot, or must not, be quiet.

    And what somebody opted in to that is no scenario, and opt-ins of a whole without its parts. `place` is the
    environment's file.
    """
    opted_in = [*_mistaken_opt_ins(book, place, environment)] if environment.drills else []
    return [*opted_in, *_unplayable(book, source, environment), *_never_long_enough(book, source, environment)]


def require_playable(book: DrillsBook, source: Source, environment: Environment, name: str) -> None:
    """Raises BookError where the environment cannot play a scenario of the book, or one of its parts."""
    wanted = {name, *book.scenarios[name].others}
    part = book.model_copy(update={"scenarios": {one: drill for one, drill in book.scenarios.items() if one in wanted}})
    if mistakes := _unplayable(part, source, environment):
        raise BookError(tuple(mistakes))


def _unplayable(book: DrillsBook, source: Source, environment: Environment) -> list[Mistake]:
    place = environment.environment
    if environment.drills is None:
        said = (
            f"{place} has no `drills:`, which names what may be broken there and by which commands; add that section "
            "to the environment file (docs/drills.md shows a whole one)"
        )
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
        *_same_parts(book, source, environment.drills),
        *_unready_guards(book, source, environment),
        *_missing_sections(book, source, environment),
    ]


def _missing_sections(book: DrillsBook, source: Source, environment: Environment) -> Iterator[Mistake]:
    """Scenarios of a cloud, a cluster or a broker that the environment does not name."""
    for name, drill in book.scenarios.items():
        for section in drill.needs:
            if getattr(environment, section) is None:
                said = f"{environment.environment} has no `{section}:`, by which it is played; add that section to it"
                yield mistake_at(source, ("scenarios", name, "kind"), said)


def _never_long_enough(book: DrillsBook, source: Source, environment: Environment) -> Iterator[Mistake]:
    """Scenarios that may take longer than the calendar ever leaves time for."""
    if environment.calendar is None or environment.drills is None:
        return
    for name, drill in book.scenarios.items():
        lasts = longest(drill, environment)
        try:
            found = verdict_for(environment.calendar, "drill", now(), lasts)
        except UsageError:  # the sessions of an exchange are not known here
            return
        if isinstance(found, NotNow) and found.until is None:
            said = (
                f"it may take {show_duration(lasts)} (its lead-in and six times its patience), and the calendar of "
                f"{environment.environment} never lets drills go on for so long: {found.why}. Mend either"
            )
            yield mistake_at(source, ("scenarios", name), said)


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


def _mistaken_opt_ins(book: DrillsBook, place: Source, environment: Environment) -> Iterator[Mistake]:
    """Scenarios that somebody opted in to, and that the book does not have, or that production would refuse."""
    allowed = environment.drills.allowed if environment.drills else ()
    for number, name in enumerate(allowed):
        said = ""
        if name not in book.scenarios:
            said = f"{name!r} is no scenario of {book.drills}'s book{nearest(name, list(book.scenarios))}"
        elif environment.kind is Kind.PRODUCTION:
            said = why_not_in_production(book, name, allowed)
        if said:
            yield mistake_at(place, ("drills", "allowed", number), said)


def _same_parts(book: DrillsBook, source: Source, drills: Drills) -> Iterator[Mistake]:
    """Scenarios made of parts of which two break the same."""
    for name, drill in book.scenarios.items():
        yield from (
            mistake_at(source, ("scenarios", name, "parts"), said) for said in collisions(book, drills, drill.others)
        )


def _unready_guards(book: DrillsBook, source: Source, environment: Environment) -> Iterator[Mistake]:
    """Guards that ask what the environment does not name."""
    wanted = {guard for name in book.scenarios for guard in book.guards_of(name)}
    for name, guard in book.guards.items():
        if name in wanted:
            yield from (mistake_at(source, ("guards", name, *at), said) for at, said in _unasked(guard, environment))


def _unasked(guard: Guard, environment: Environment) -> Iterator[tuple[Place, str]]:
    """What a guard asks and the environment does not name: where in the guard, and why."""
    place, endpoint = environment.environment, getattr(guard.does, "endpoint", None)
    if endpoint is not None and endpoint not in environment.endpoints:
        yield (
            ("with", "endpoint"),
            f"{place} has no {endpoint!r} under endpoints{nearest(endpoint, [*environment.endpoints])}",
        )
    for at, section, value in systems_of((), guard.does):
        known = getattr(environment, section)
        if value not in known:
            yield at, f"{place} has no {value!r} under {section}{nearest(value, sorted(known))}"
    section = next((word for word in guard.does.kind.split(".") if word in type(environment).model_fields), "")
    if section and getattr(environment, section) is None:
        yield ("check",), f"{place} has no `{section}`, which {guard.does.kind} asks; add that section to it"
