"""What a book of secrets says that the other files contradict: roles nobody has, systems that are not there."""

from collections.abc import Iterator

from tminus.crossed_entries import mistake_at, unknown_roles, unknown_systems
from tminus.environment import Environment
from tminus.errors import Mistake
from tminus.people import People
from tminus.rotations.book import Policy, SecretsBook
from tminus.yaml_source import Place, Source


def against_people(book: SecretsBook, source: Source, people: People) -> list[Mistake]:
    """Roles that nobody has."""
    return unknown_roles(source, people, _roles(book))


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
        found.append(mistake_at(source, ("secrets",), said))
    policies: dict[Place, Policy] = {("rotations", name): policy for name, policy in book.rotations.items()}
    sections = {section for policy in policies.values() for section in policy.sections.values()}
    there = {section: getattr(environment, section) for section in sections}
    return [*found, *unknown_systems(source, policies, there, environment.environment)]
