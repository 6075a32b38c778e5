"""One measured number, and what it has to be."""

import json
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """What was measured; one without a goal is there to be compared with."""

    figure: str
    value: float
    unit: str
    goal: str = ""
    holds: bool = True

    def line(self) -> str:
        """As one line of JSON."""
        told = {**vars(self), "value": round(self.value, 2)}
        return json.dumps(told if self.goal else {name: told[name] for name in ("figure", "value", "unit")})


def none_of(figure: str, value: int, unit: str) -> Figure:
    """What must not happen at all."""
    return Figure(figure, value, unit, "= 0", value == 0)


def below(figure: str, value: float, unit: str, limit: float) -> Figure:
    """What must stay below a limit."""
    return Figure(figure, value, unit, f"< {limit:g}", value < limit)


def percentile(values: Sequence[float], share: float) -> float:
    """By nearest rank: of 3,000 values the 99.9th percentile is the fourth largest."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]
