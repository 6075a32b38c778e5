"""What a book asks of a restored Redis. Blocks."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from tasks.backups.redis_wire import Wire, as_bytes, as_list
from tminus.backups.book import Invariant
from tminus.backups.redis_query import RedisQuery, as_decimal
from tminus.errors import CouldNotObserve, UsageError
from tminus.expectation import Measurement

_PAGE = 1000  # keys asked for at once


@dataclass(frozen=True)
class Broken:
    """An invariant that does not hold, and what was found instead."""

    title: str
    why: str

    def __str__(self) -> str:
        return f"{self.title}: {self.why}"


def broken_invariants(wire: Wire, invariants: Sequence[Invariant]) -> Iterator[Broken]:
    """Those that do not hold; one that answers with no number does not.

    Raises CouldNotObserve where one cannot be asked.
    """
    for invariant in invariants:
        try:
            number = answer(wire, RedisQuery.parse(invariant.sql))
            holds = number is not None and invariant.expect.holds(Measurement.number("invariant", number))
        except UsageError as e:
            raise CouldNotObserve(f"the invariant {invariant.title!r}: {e}") from e
        if not holds:
            yield Broken(invariant.title, f"{'no number' if number is None else number}, expected {invariant.expect}")


def answer(wire: Wire, query: RedisQuery) -> Decimal | None:
    """The number that a question is answered with; None where there is no such key, or it holds no number."""
    wire.ask("SELECT", query.database)
    if query.command == "COUNT":
        return Decimal(_matching(wire, query.arguments[0]))
    return as_decimal(wire.many([(query.command, *query.arguments)], gone_is_none=True)[0])


def _matching(wire: Wire, pattern: str) -> int:
    found, cursor = 0, b"0"
    while True:
        reply, names = as_list(wire.ask("SCAN", cursor, "MATCH", pattern, "COUNT", _PAGE))
        found += len(as_list(names))
        cursor = as_bytes(reply)
        if cursor == b"0":
            return found
