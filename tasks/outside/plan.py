"""What an outside client is told: where to write, how fast, and where it keeps what it saw. No secret is in it."""

from pathlib import Path

from pydantic import BaseModel, SecretStr

from tminus.credentials import resolve
from tminus.drills.outage import Probe
from tminus.drills.receipts import Receipt

WRITERS = 4
"""Connections on which an outside client writes."""


class ClientPlan(BaseModel, frozen=True, extra="forbid"):
    """One client of one drill.

    Attributes:
        store: `postgres`, `redis`, or `http` and `kafka`, where no writes are counted.
        references: secrets with the address of each node; whichever takes writes is used.
        place: the table, key or topic that it writes, of its own.
        rate: acknowledged writes a second; probes: requests a second besides.
        writers: how many connections write.
        folder: where it keeps receipts and probes.
    """

    store: str
    references: tuple[str, ...]
    place: str
    rate: int
    writers: int = WRITERS
    probes: int = 25
    folder: Path

    @property
    def receipts(self) -> Path:
        """One line a write that was sent, and one when it was answered."""
        return self.folder / "receipts"

    @property
    def probed(self) -> Path:
        """One line a probe, once it is over."""
        return self.folder / "probes"

    def addresses(self) -> list[SecretStr]:
        """Each node's; raises MissingSecret."""
        return [resolve(one) for one in self.references]


def read_receipts(path: Path) -> list[Receipt]:
    """What the writers kept; a line that a kill cut off is none."""
    return [_receipt(line) for line in _whole_lines(path)]


def read_probes(path: Path) -> list[Probe]:
    """What the probes saw; a line that a kill cut off is none."""
    parted = (line.split() for line in _whole_lines(path))
    return [Probe(float(sent), good == "1") for sent, good in parted]


def _whole_lines(path: Path) -> list[str]:
    text = path.read_text("ascii") if path.exists() else ""
    return text[: text.rfind("\n") + 1].splitlines()


def _receipt(line: str) -> Receipt:
    writer, number, sent, answered = line.split()
    return Receipt((int(writer), int(number)), float(sent), float(answered) if answered != "-" else None)
