"""What every part of an environment file is."""

from collections.abc import Iterator
from typing import ClassVar

from pydantic import BaseModel


class Section(BaseModel, frozen=True, extra="forbid"):
    """A part of the file; a key it does not know is a mistake.

    Attributes:
        plain_addresses: the fields that hold an address in plain text, for the rule that a compressed clock stays on
            loopback.
    """

    plain_addresses: ClassVar[tuple[str, ...]] = ()

    def addresses(self) -> Iterator[str]:
        """Every plain address in it."""
        for name in self.plain_addresses:
            value = getattr(self, name)
            if value is not None:
                yield str(value)
