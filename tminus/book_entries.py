"""What a book lists by name: each entry has the fields of its own kind."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, TypeVar, Union

from pydantic import BaseModel, Field, create_model

from tminus.errors import UsageError
from tminus.runbook import Slug
from tminus.wording import nearest

T = TypeVar("T")
B = TypeVar("B", bound=BaseModel)


def with_kinds(book: type[B], field: str, kinds: Mapping[str, type[BaseModel]]) -> type[B]:
    """The same book, whose entries have the fields of their kinds.

    Args:
        book: with entries of their common base.
        field: where it lists them.
        kinds: the vocabulary: what `kind:` may name; one at least.
    """
    one: object = next(iter(kinds.values()))
    if len(kinds) > 1:
        one = Annotated[Union[tuple(kinds.values())], Field(discriminator="kind")]  # noqa: UP007 - made at run time
    entries = (dict[Slug, one], Field(min_length=1))  # type: ignore[valid-type]  # made at run time
    return create_model(book.__name__, __base__=book, **{field: entries})  # type: ignore[call-overload,no-any-return]  # the name of the field too


def named(entries: Mapping[str, T], names: Sequence[str], whose: str, what: str) -> Iterator[tuple[str, T]]:
    """These entries in the book's order, or all where none is named; raises UsageError for one that is not there.

    Args:
        entries: by their names.
        names: those that are wanted.
        whose: the system of the book, for the error.
        what: what one entry is called.
    """
    for name in names:
        if name not in entries:
            raise UsageError(f"{whose} has no {what} {name!r}{nearest(name, list(entries))}")
    yield from ((name, one) for name, one in entries.items() if not names or name in names)
