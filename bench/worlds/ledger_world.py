"""A world that is nothing but a ledger."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import ClassVar

from bench.worlds.world import Sections, World


class LedgerWorld(World):
    """A ledger in SQLite. What is once written in one cannot be taken back, so each fault writes another."""

    real: ClassVar[bool] = True

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._made = 0
        self.ledger = folder / "ledger-0.db"

    def sections(self) -> Sections:
        """The ledger."""
        return {"ledger": {"sqlite": str(self.ledger)}}

    def silent(self) -> tuple[Sections, dict[str, str]]:
        """There is no ledger where it should be."""
        return {"ledger": {"sqlite": str(self.folder / "nowhere.db")}}, {}

    def another(self, write: Callable[[], None]) -> Iterator[None]:
        """The ledger is another one, which `write` fills; at the end it is the one before."""
        before = self.ledger
        self._made += 1
        self.ledger = self.folder / f"ledger-{self._made}.db"
        write()
        yield
        self.ledger = before
