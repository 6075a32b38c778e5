"""What a book of secrets says that the other files contradict: roles nobody has, systems that are not there."""

from collections.abc import Iterator

from tminus.environment import Environment
from tminus.errors import Mistake
from tminus.people import People
from tminus.rotations.book import SecretsBook
from tminus.wording import nearest
from tminus.yaml_source import Place, Source, shown


def against_people(book: SecretsBook, source: Source, people: People) -> list[Mistake]:
    """Roles that nobody has."""
    known = sorted(people.roles)
    return [
        _mistake(source, place, f"nobody has the role {role!r}{nearest(role, known)}")
        for place, role in _roles(book)
        if role not in people.roles
    ]


def _roles(book: SecretsBook) -> Iterator[tuple[Place, str]]:
    yield from ((("leaked", number), role) for number, role in enumerate(book.leaked))
    for name, policy in book.rotations.items():
        yield ("rotations", name, "owner"), policy.owner
        yield from ((("rotations", name, "approval", number), role) for number, role in enumerate(policy.approval))


def against_environment(book: SecretsBook, source: Source, environment: Environment) -> list[Mistake]:
    """Systems that are not there: Secrets Manager, and what the policies name of the environment's sections."""
    found = []
    if environment.aws is None:
        said = f"{environment.environment} has no `aws` section, so no secret can be read or replaced there"
        found.append(_mistake(source, ("secrets",), said))
    for place, section, name in _named(book):
        there: dict[str, object] = getattr(environment, section)
        if name not in there:
            said = f"{environment.environment} has no {name!r} under {section}{nearest(name, list(there))}"
            found.append(_mistake(source, place, said))
    return found


def _named(book: SecretsBook) -> Iterator[tuple[Place, str, str]]:
    """What the policies name: where they do, in which section it must be, and its name."""
    for name, policy in book.rotations.items():
        for field, section in policy.sections.items():
            value: str | tuple[str, ...] = getattr(policy, field)
            for one in (value,) if isinstance(value, str) else value:
                yield ("rotations", name, field), section, one


def _mistake(source: Source, place: Place, what: str) -> Mistake:
    return source.mistake(place, shown(place), what)
