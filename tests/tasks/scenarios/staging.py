"""A scenario's stages one by one, on a rehearsal's site: no ledger, no client beside."""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import pytest
from pydantic import JsonValue

from deployments.rehearsal.drill_site import DrillSite
from flows.drill_opening import scenario_of
from flows.drill_round import opened_drills
from tasks.estate import Estate
from tasks.scenarios.scenario import Scenario, Site
from tminus.environment import Environment
from tminus.release import no_release


class Staged(Protocol):
    """Where a book of drills and its environment are."""

    folder: Path
    book: Path
    environment_file: Path

    def keep_book(self, scenarios: Mapping[str, Mapping[str, JsonValue]]) -> None:
        """Writes the book."""


@contextmanager
def standing(folder: Path, needed: int | None = None, needs: str = "/") -> Iterator[DrillSite]:
    """A site, whose addresses this process sees meanwhile."""
    with DrillSite(folder, needed, needs) as site, pytest.MonkeyPatch.context() as patch:
        for name, value in site.environment().items():
            patch.setenv(name, value)
        yield site


@asynccontextmanager
async def staged(
    site: Staged, entries: Mapping[str, Mapping[str, JsonValue]], name: str, changed: Environment | None = None
) -> AsyncIterator[tuple[Scenario, Site]]:
    """A scenario of a book of these entries, and a drill of it that is planned; `changed` is another environment."""
    site.keep_book(entries)
    opened = opened_drills(site.book, site.environment_file)
    environment = changed or opened.environment
    async with Estate(environment, no_release("tradesense"), "", site.folder) as estate:
        scenario = scenario_of(opened, name)
        here = Site(estate, "a-drill", {})
        yield scenario, replace(here, way=await scenario.plan(here))
