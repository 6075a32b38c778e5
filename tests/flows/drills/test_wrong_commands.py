"""Commands of the environment that do not do what they are for are found, before anything is broken if possible."""

import os
import re

import pytest

from bench.drill_world import look
from deployments.rehearsal.drill_estate import DrillEstate
from flows.drill_opening import scenario_of
from flows.drill_round import opened_drills
from tasks.estate import Estate
from tasks.scenarios.scenario import Site
from tests.flows.drills.playing import course, drill, last, locked, said_otherwise
from tminus.errors import Refused
from tminus.release import no_release

NAME = "database-failover"


def test_a_probe_that_says_off_of_what_runs(estate: DrillEstate) -> None:
    """Nothing is broken: such a probe would call a server killed that goes on to take writes."""
    text = estate.environment_file.read_text("utf-8")
    probe = re.search(r"a:\n(?: +.*\n)*? +probe:\n +argv:\n((?: +- .*\n)+)", text)
    assert probe is not None
    indent = probe[1][: len(probe[1]) - len(probe[1].lstrip())]
    lying = "".join(f"{indent}- {word}\n" for word in ("sh", "-c", "'exit 3'"))
    before = len(course(estate, NAME).drills)
    with said_otherwise(estate.environment_file, probe[0], probe[0].replace(probe[1], lying)):
        came = drill(estate, NAME)
    assert came.returncode == 3, came.stdout + came.stderr
    assert "its `probe` says that it is off" in came.stderr
    assert len(course(estate, NAME).drills) == before
    assert locked(estate) is None


@pytest.mark.parametrize(
    ("name", "reference"), [(NAME, "TMINUS_DRILL_PG_A"), ("records-restore", "TMINUS_DRILL_RECORDS")]
)
async def test_the_ledger_lies_on_what_would_be_broken(
    estate: DrillEstate, name: str, reference: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is broken without which nobody could say what was, whatever name the ledger's server goes by."""
    for key, value in estate.seen().items():
        monkeypatch.setenv(key, value)
    monkeypatch.setenv("LEDGER", os.environ[reference].replace("127.0.0.1", "localhost"))
    ledger = f"sqlite: {estate.folder / 'ledger.sqlite'}"
    with said_otherwise(estate.environment_file, ledger, "postgres: env:LEDGER"):
        opened = opened_drills(estate.book, estate.environment_file)
    async with Estate(opened.environment, no_release(opened.system), "a-drill", opened.base) as made:
        with pytest.raises(Refused, match="tminus' own ledger"):
            await scenario_of(opened, name).require_ready(Site(made, "a-drill", {}))


@pytest.mark.parametrize("name", [NAME, pytest.param("cache-failover", marks=pytest.mark.long)])
def test_crossed_commands(estate: DrillEstate, name: str) -> None:
    """Where what is called the one's is the other's, nobody is promoted beside a primary that lives, and it is said."""
    before, kind = look(estate), "pg" if name == NAME else "redis"
    text = estate.environment_file.read_text("utf-8")
    crossed = text.replace(f"- {kind}-a\n", "- \0\n").replace(f"- {kind}-b\n", f"- {kind}-a\n")
    with said_otherwise(estate.environment_file, text, crossed.replace("\0", f"{kind}-b")):
        came = drill(estate, name)
    assert came.returncode == 1, came.stdout + came.stderr
    [broke_off] = last(estate, name).broke_off
    assert broke_off.stage == "inject"
    assert "are another server's, which may be down now" in broke_off.why
    assert look(estate) == before
    assert locked(estate) is None
