"""Servers that drills may break: one estate for all of a module's tests, steady again after each."""

from collections.abc import Iterator

import psutil
import pytest

from deployments.rehearsal.drill_estate import DrillEstate


@pytest.fixture(scope="package")
def estate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DrillEstate]:
    """PostgreSQL with a standby, Redis with a replica and Sentinels."""
    folder = tmp_path_factory.mktemp("drills")
    with DrillEstate(folder, lead_in="300 ms") as made:
        yield made
    left = [one.info for one in psutil.process_iter(["pid", "cwd"]) if str(folder) in str(one.info["cwd"])]
    assert left == [], "what a drill started outlives its servers"
