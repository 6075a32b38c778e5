"""What the charts of a dashboard are about, by their titles and queries."""

from collections.abc import Sequence

from pydantic import JsonValue

from tasks.artifact_patterns import Patterns
from tasks.json_texts import texts_in
from tminus.expectation import Expectation

_LONGEST = 20_000  # characters of one chart that are read


def chart_text(title: str, queries: JsonValue) -> str:
    """What a chart says: its title, and each text in its queries, a line each."""
    return "\n".join([title, *texts_in(queries, names=False)])[:_LONGEST]


def expect_one_each(expect: dict[str, Expectation], about: tuple[str, ...], charts: str) -> None:
    """Where it is said what a dashboard's charts are about, none may lack one.

    Args:
        expect: the check's expectations, which get that one.
        about: a pattern for each chart.
        charts: what such a dashboard calls them.

    Raises ValueError where it is expected, and not said.
    """
    if about:
        expect.setdefault("unmatched", Expectation("= 0"))
    elif "unmatched" in expect:
        raise ValueError(f"`unmatched` is expected, so say under `about` what the {charts} must be about")


def unmatched(about: tuple[str, ...], charts: Sequence[str], where: str) -> list[str]:
    """The patterns for which no chart is left, where each wants one of its own: one chart shows not two things.

    Upper and lower case are the same. Raises CouldNotObserve where a pattern takes too long.
    """
    patterns = Patterns(about, any_case=True)
    fits = [patterns.matching(text, where) for text in charts]
    taken: dict[int, int] = {}  # chart → pattern; Kuhn's algorithm finds as many pairs as there can be
    return [one for number, one in enumerate(about) if not _finds(number, fits, taken, set())]


def _finds(pattern: int, fits: Sequence[set[int]], taken: dict[int, int], tried: set[int]) -> bool:
    """Whether a pattern gets a chart, be it one of a pattern that can have another."""
    for chart, found in enumerate(fits):
        if pattern in found and chart not in tried:
            tried.add(chart)
            if chart not in taken or _finds(taken[chart], fits, taken, tried):
                taken[chart] = pattern
                return True
    return False
