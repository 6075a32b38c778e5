"""How large something may be, as a book writes it: `1 KiB`, `10 MiB`, `250 kB`, `2048 B`."""

from typing import Annotated

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema

from tminus.errors import UsageError
from tminus.quantity import Quantity

_WRONG = "is not a size, such as '1 KiB', '10 MiB' or '2048 B'"


def parse_size(text: object) -> int:
    """The bytes of a size, rounded up to a whole one; raises ValueError."""
    if isinstance(text, int) and not isinstance(text, bool):
        return text
    try:
        quantity = Quantity.parse(str(text))
        if not quantity.fits("B"):
            raise ValueError(f"{text!r} {_WRONG}")
        exact = quantity.exactly("B")
    except UsageError as e:
        raise ValueError(f"{text!r} {_WRONG}") from e
    return -(-exact.numerator // exact.denominator)


def _show(size: int) -> str:
    return f"{size} B"


Size = Annotated[
    int,
    BeforeValidator(parse_size),
    Field(ge=0),
    PlainSerializer(_show, return_type=str),
    WithJsonSchema({"type": "string", "title": "size"}),
]
"""A size in bytes."""
