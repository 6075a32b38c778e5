"""Whether every secret that an environment refers to is there; what it is, is never kept or shown."""

from collections.abc import Iterator, Mapping
from typing import get_args

from pydantic import AfterValidator, BaseModel

from tminus.credentials import SecretRef, resolve
from tminus.doctor.finding import Finding, fail, ok
from tminus.doctor.patience import NoAnswer, within
from tminus.environment import Environment
from tminus.errors import MissingSecret

_MARK = next(one for one in get_args(SecretRef) if isinstance(one, AfterValidator))


def look_at_references(environment: Environment) -> Iterator[Finding]:
    """One line for each that leads nowhere, and how many do lead somewhere."""
    places: dict[str, str] = {}
    for place, reference in references_of(environment):
        places.setdefault(reference, place)
    there = 0
    for reference, place in places.items():
        try:
            within(lambda reference=reference: resolve(reference))  # type: ignore[misc]  # bound at once
            there += 1
        except MissingSecret as e:
            yield fail("secrets", f"{place}: {e}", "everything that needs it fails until then")
        except NoAnswer as e:
            yield fail("secrets", f"{place}: {reference} could not be read: {e}", "mend what it is read from")
    yield ok("secrets", f"{there} of {len(places)} references lead somewhere")


def references_of(section: BaseModel, above: str = "") -> Iterator[tuple[str, str]]:
    """Every reference to a secret in a part of the environment file, with its place there."""
    for name, field in type(section).model_fields.items():
        marked = _MARK in field.metadata or _is_marked(field.annotation)
        yield from _within(getattr(section, name), f"{above}{name}", marked=marked)


def _within(value: object, place: str, *, marked: bool) -> Iterator[tuple[str, str]]:
    if isinstance(value, BaseModel):
        yield from references_of(value, f"{place}.")
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _within(inner, f"{place}.{key}", marked=marked)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _within(inner, place, marked=marked)
    elif marked and isinstance(value, str):
        yield place, value


def _is_marked(annotation: object) -> bool:
    """Whether a type speaks of secrets: itself, as one of several, or as what a list or a mapping holds."""
    if _MARK in getattr(annotation, "__metadata__", ()):
        return True
    return any(_is_marked(inner) for inner in get_args(annotation))
