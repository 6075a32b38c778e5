"""How a launch ends: what a fault promises of it, and what was found of it, in the same words."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Result = Literal["launched", "rolled back", "no-go", "held"]
EXIT_CODES: Mapping[str, int] = {"launched": 0, "rolled back": 4, "no-go": 3, "held": 3}

# What customers met, by nginx's own log, from the launch's creation to its end.
Customers = Literal["the old version", "the new version", "the new version, then the old one again"]

AS_GOOD = "the watch says good"
NOTHING_ROLLED_OUT = "nothing was rolled out"
NOTHING_TAKEN_BACK = "nothing was taken back"
NEW_FAILED = "the new version failed requests"
BY_COMMAND_LINE = "every answer came by command line"
SOMEBODY_WATCHES = "a person states that they watch"


def broke(measurement: str) -> str:
    """A deciding check found this otherwise than expected."""
    return f"{measurement} is not as expected"


def said_no(*people: str) -> str:
    """These, and nobody else, rejected the question that decided."""
    return f"no by {', '.join(people)}"


def silent(*people: str) -> str:
    """These, and nobody else, did not answer the question that decided."""
    return f"no answer from {', '.join(people)}"


def came_late(channel: str) -> str:
    """Nothing arrived there during the outage; afterwards every letter that was owed did, and said that it was late."""
    return f"{channel}: every letter arrived after the outage, and said that it was late"


@dataclass(frozen=True)
class Ending:
    """A launch's end.

    Attributes:
        result: how it was closed; anything else than a `Result` where it did not end as one of them should.
        customers: which versions they met.
        step: the step that decided it; empty where none turned it away from being launched.
        verdict: how that step stood: a check's verdict, the watch's, or how the question ended.
        facts: what else is to be so, or was found to be.
    """

    result: str
    customers: str
    step: str = ""
    verdict: str = ""
    facts: frozenset[str] = frozenset()

    def __str__(self) -> str:
        by = f" by {self.step or 'no step'} ({self.verdict})" if self.step or self.verdict else ""
        return "; ".join([f"{self.result}{by}", f"customers met {self.customers}", *sorted(self.facts)])


def differences(promised: Ending, found: Ending) -> list[str]:
    """What was found otherwise than promised, a line each; none where it ended just so.

    Every promised fact must be found; others may be found too.
    """
    pairs = {
        "result": (promised.result, found.result),
        "customers met": (promised.customers, found.customers),
        "decided by": (promised.step, found.step),
        "verdict": (promised.verdict, found.verdict),
    }
    wrong = [
        f"{what}: promised {wanted or 'none'}, found {got or 'none'}"
        for what, (wanted, got) in pairs.items()
        if wanted != got
    ]
    return [*wrong, *(f"promised, and not found: {fact}" for fact in sorted(promised.facts - found.facts))]
