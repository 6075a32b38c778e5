"""Where an outside client writes: one node at a time, whichever takes writes now."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from pydantic import SecretStr

from tminus.drills.receipts import Key


class Unanswered(Exception):
    """No answer came, or none that says yes."""


class Connection(ABC):
    """A connection to a node that takes writes. Every method raises Unanswered."""

    @abstractmethod
    def write(self, key: Key) -> None:
        """Writes, and comes back once the server has acknowledged it."""

    @abstractmethod
    def probe(self) -> None:
        """Asks for something that changes nothing that counts, and that only a node that takes writes does."""

    @abstractmethod
    def close(self) -> None:
        """Ends it, without a word where nobody listens any more."""


class WritableStore(ABC):
    """A store of several nodes.

    Args:
        addresses: of each node.
        place: the table or the key.
        patience: how long any one answer is waited for, in seconds.

    Attributes:
        uncounted: why no writes are made, and so none counted; "" where they are.
    """

    uncounted: ClassVar[str] = ""

    def __init__(self, addresses: Sequence[SecretStr], place: str, patience: float = 1.0) -> None:
        self.addresses = addresses
        self.place = place
        self.patience = patience

    @abstractmethod
    def connect(self) -> Connection:
        """To whichever node takes writes; raises Unanswered where none does."""

    @abstractmethod
    def prepare(self) -> None:
        """Makes the place, empty; raises Unanswered."""

    @abstractmethod
    def found(self) -> list[Key]:
        """What is there, in the server's own order; raises Unanswered."""

    @abstractmethod
    def forget(self) -> None:
        """Takes the place away; raises Unanswered."""
