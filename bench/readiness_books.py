"""Made-up checklists for bench.readiness: so many checks of one site, in sections as a real book has them."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar, Literal

from tasks.check import Check
from tasks.estate import Estate
from tasks.vocabulary import KINDS
from tminus.environment import Impact
from tminus.expectation import Measurement
from tminus.outcome import Observation
from tminus.readiness.opened import Opened, open_readiness

SYSTEM = "made-up"
_BLOCKED_FOR = 5.0  # seconds; longer than the line waits, as a client's own timeout may be


class Blocked(Check, frozen=True):
    """Blocks a thread, as clients do that know no async."""

    kind: Literal["bench.blocked"] = "bench.blocked"
    impact: ClassVar[Impact] = Impact.NONE
    measures: ClassVar[dict[str, str]] = {"count": ""}

    async def look(self, estate: Estate) -> Observation:
        """Says nothing for a while."""
        del estate
        await asyncio.to_thread(time.sleep, _BLOCKED_FOR)
        return Observation(found=(Measurement.number("count", 1),))


_A_SECTION = 40  # checks; the two shipped checklists have 397 lines in 80 sections
_BLOCKED = 'check: bench.blocked, expect: {count: "= 1"}'
STUCK = ("stuck", "blocked")
"""The sections whose checks never get an answer: one waits, the other blocks the thread that it waits in."""
_CHECK = 'check: http.json, with: {{endpoint: {site}, path: {path}, pointer: /status}}, expect: {{word: "= ok"}}'


def write_environment(folder: Path, site: str, prefect: str) -> Path:
    """An environment file whose only system is the site."""
    path = folder / "environment.yaml"
    path.write_text(
        f"environment: bench\nkind: rehearsal\nledger: {{sqlite: {folder / 'ledger.db'}}}\n"
        f"prefect: {{api: '{prefect}'}}\nstate: {folder / 'state'}\n"
        f"endpoints:\n  site: {{url: '{site}'}}\n  stuck: {{url: '{site}'}}\n",
        "utf-8",
    )
    return path


def write_book(folder: Path, checks: int, path: str, hanging: int = 0) -> Path:
    """A system's folder whose lines ask the site for `path`, and twice so many that ask for what never answers."""
    books = folder / SYSTEM
    books.mkdir(parents=True, exist_ok=True)
    lines = ["readiness: bench", f"system: {SYSTEM}", "title: Bench", "order: 1", "sections:"]
    if hanging:
        stuck = _CHECK.format(path="/hang", site="stuck")
        lines += _section("stuck", range(hanging), lambda _: stuck, "timeout: 3s, ")
        lines += _section("blocked", range(hanging), lambda _: _BLOCKED, "timeout: 1s, ")
    for first in range(0, checks, _A_SECTION):
        numbers = range(first, min(first + _A_SECTION, checks))
        lines += _section(f"part-{first // _A_SECTION}", numbers, lambda _: _CHECK.format(path=path, site="site"))
    (books / "bench.yaml").write_text("\n".join(lines) + "\n", "utf-8")
    return books


def _section(name: str, numbers: range, check: Callable[[int], str], timeout: str = "") -> list[str]:
    head = [f"  - section: {name}", f"    title: {name}", "    owner: engineering_lead", "    lines:"]
    return [
        *head,
        *(f"      - {{ref: {SYSTEM}/bench/{name}/{n}, title: Line {n}, {timeout}{check(n)}}}" for n in numbers),
    ]


def opened(books: Path, environment: Path) -> Opened:
    """The book, read."""
    return open_readiness(books, environment, None, None, {**KINDS, "bench.blocked": Blocked})
