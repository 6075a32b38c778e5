"""What a book says that the other files contradict: roles nobody has, checks not allowed, systems not there."""

from collections.abc import Collection, Iterable, Iterator

from pydantic import JsonValue

from tminus.candidates import why_never, why_no_way_back
from tminus.environment import Environment, Impact
from tminus.errors import Mistake
from tminus.people import People
from tminus.release import Release
from tminus.runbook import Approval, Attestation, PagingPath, Quorum, Step
from tminus.runbook_source import Reading, words_for
from tminus.seats import roles_of_seat
from tminus.yaml_source import Place, Source, nearest

# Parameter of a kind → the section of the environment that its value names something in.
_NAMES_A = {
    "service": "services",
    "services": "services",
    "database": "postgres",
    "redis": "redis",
    "bucket": "buckets",
}
_NEEDS = {"dashboards": "grafana"}
_WINDOW = "pagerduty.maintenance_window"
_PROVEN = "backup.verified"


def against_people(reading: Reading, source: Source, people: People) -> list[Mistake]:
    """Roles that nobody has, questions that can never get enough answers, and a way back that nobody may order."""
    known = sorted(people.roles)
    found = [
        _mistake(source, place, f"nobody has the role {role!r}{nearest(role, known)}")
        for place, role in _roles(reading, source.data)
        if role not in people.roles
    ]
    for step in reading.steps:
        asked = step.does
        if not isinstance(asked, Quorum) or _named(asked) - people.roles:
            continue
        if why := why_never(asked, people):
            found.append(_mistake(source, (*step.place, asked.kind, "roles"), why))
    named = [role for place, role in _roles(reading, source.data) if place[0] == "may_roll_back"]
    why = why_no_way_back(named, (step.does for step in reading.steps), people)
    if why and set(named) <= people.roles:
        found.append(_mistake(source, ("may_roll_back",) if named else (), why))
    return found


def against_environment(reading: Reading, source: Source, environment: Environment) -> list[Mistake]:
    """Checks whose impact is not allowed there, and systems that are not there."""
    found: list[Mistake] = []
    for step in reading.steps:
        impact = getattr(step.does, "impact", None)
        if isinstance(impact, Impact) and impact not in environment.allows:
            allowed = ", ".join(sorted(environment.allows))
            what = f"its impact is {impact}, and {environment.environment} allows {allowed}; see `allows` there"
            found.append(_mistake(source, (*step.place, "check"), what))
        if why := why_unwatchable(step.does, environment):
            found.append(_mistake(source, (*step.place, "with", "service"), why))
        if why := why_silenced(step.does, environment):
            found.append(_mistake(source, (*step.place, "with", "services"), why))
        if why := why_never_proven(step.does, environment):
            found.append(_mistake(source, (*step.place, "check"), why))
        for place, section, name in systems_of(step.place, step.does):
            known: Collection[str] = getattr(environment, section)
            if name not in known:
                what = f"{environment.environment} has no {name!r} under {section}{nearest(name, sorted(known))}"
                found.append(_mistake(source, place, what))
        for parameter, section in _NEEDS.items():
            if getattr(step.does, parameter, None) and getattr(environment, section) is None:
                what = f"{environment.environment} has no {section}; add that section to it"
                found.append(_mistake(source, (*step.place, "with", parameter), what))
    return found


def why_unwatchable(does: object, environment: Environment) -> str:
    """Why a watch could not tell an outside cause from a bad release there; "" where it could, and for other steps."""
    service = environment.services.get(getattr(does, "service", ""))
    if getattr(does, "verb", "") != "watch" or service is None or service.control:
        return ""
    return (
        f"{environment.environment} names no `control` for this service, so the old version could not be asked whether "
        "it is bad too; add the path of something harmless, such as `control: /api/prices`"
    )


def why_silenced(does: object, environment: Environment) -> str:
    """Why a maintenance window would keep tminus' own pages from waking anybody; "" where it would not."""
    if getattr(does, "kind", "") != _WINDOW:
        return ""
    return own_pages_silenced(getattr(does, "services", ()), environment)


def own_pages_silenced(services: Collection[str], environment: Environment) -> str:
    """Why a maintenance window over these would keep tminus' own pages from waking anybody; "" where it would not."""
    rest = environment.pagerduty.rest if environment.pagerduty else None
    if rest is None or rest.service not in services:
        return ""
    return (
        f"{rest.service} is the service that tminus pages by in {environment.environment} (pagerduty.rest.service), "
        "and in a maintenance window its pages wake nobody; leave it out"
    )


def why_never_proven(does: object, environment: Environment) -> str:
    """Why no backup can be proven there, which a step wants to be; "" where one can, and for other steps."""
    if getattr(does, "kind", "") != _PROVEN or environment.backups is not None:
        return ""
    return (
        f"{environment.environment} has no `backups` section, so no backup is restored there and none is proven; "
        "add `backups: {recipients: […], identity: …, scratch: FOLDER}` to it (docs/backups.md)"
    )


def never_proven(steps: Iterable[Step], environment: Environment) -> list[str]:
    """Steps that want a proven backup where none can be, a line each."""
    found = ((step.id, why_never_proven(step.does, environment)) for step in steps)
    return [f"{step}: {why}" for step, why in found if why]


def against_release(reading: Reading, source: Source, release: Release) -> list[Mistake]:
    """Another system than the release's, and actions on services that it brings nothing for."""
    found: list[Mistake] = []
    system = source.data.get("system") if isinstance(source.data, dict) else None
    if system != release.system:
        found.append(_mistake(source, ("system",), f"found {system!r}, and the release is of {release.system!r}"))
    for step in reading.steps:
        if getattr(step.does, "verb", "") != "action":
            continue
        for place, section, name in systems_of(step.place, step.does):
            if section == "services" and name not in release.services:
                what = f"release {release.release} brings nothing for {name!r}{nearest(name, sorted(release.services))}"
                found.append(_mistake(source, place, what))
    return found


def _roles(reading: Reading, data: JsonValue) -> Iterator[tuple[Place, str]]:
    for key in ("may_waive", "may_roll_back"):
        named = data.get(key) if isinstance(data, dict) else None
        for number, role in enumerate(named if isinstance(named, list) else []):
            yield (key, number), str(role)
    for step in reading.steps:
        if step.owner is not None:
            yield (*step.place, "owner"), step.owner
        match step.does:
            case Quorum() as asked:
                yield from (
                    ((*step.place, asked.kind, "roles", seat), role)
                    for seat in asked.roles
                    for role in roles_of_seat(seat)
                )
                if isinstance(asked, Approval):
                    vetoes = enumerate(asked.veto)
                    yield from (((*step.place, asked.kind, "veto", number), role) for number, role in vetoes)
            case Attestation() | PagingPath() as stated:
                yield (*step.place, stated.kind, "role"), stated.role
            case _:
                pass


def _named(asked: Quorum) -> set[str]:
    return {role for seat in asked.roles for role in roles_of_seat(seat)}


def systems_of(place: Place, does: object) -> Iterator[tuple[Place, str, str]]:
    """Place, section of the environment, and name of each system that a step speaks of.

    What PagerDuty calls a service is none of the environment's.
    """
    if str(getattr(does, "kind", "")).startswith("pagerduty."):
        return
    for parameter, section in _NAMES_A.items():
        named = getattr(does, parameter, None)
        if isinstance(named, str) and named != "all":
            yield (*place, "with", parameter), section, named
        elif isinstance(named, tuple):
            yield from (((*place, "with", parameter, number), section, name) for number, name in enumerate(named))


def _mistake(source: Source, place: Place, what: str) -> Mistake:
    return source.mistake(place, words_for(source, place), what)
