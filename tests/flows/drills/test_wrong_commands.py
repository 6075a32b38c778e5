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


@pytest.mark.long
@pytest.mark.parametrize("name", [NAME, "cache-failover"])
def test_a_kill_of_another_server(estate: DrillEstate, name: str) -> None:
    """Where `kill` alone is the other's, what it ended is started, and what was waited for is said."""
    before, (kind, key) = look(estate), ("pg", "cluster: main") if name == NAME else ("redis", "group: cache")
    text = estate.environment_file.read_text("utf-8")
    a, b = (re.findall(rf"- kill\n +- {kind}-{node}\n", text)[0] for node in "ab")
    crossed = text.replace(a, "\0").replace(b, a).replace("\0", b)
    with (
        said_otherwise(estate.environment_file, text, crossed),
        said_otherwise(estate.book, key, f"{key}\n    patience: 8s"),
    ):
        came = drill(estate, name)
    assert came.returncode == 1, came.stdout + came.stderr
    [broke_off] = last(estate, name).broke_off
    assert "is on by its `probe`, after " in broke_off.why
    assert "was off too, and was started" in last(estate, name).done["undo"].said
    assert look(estate) == before
    assert locked(estate) is None


@pytest.mark.long
def test_a_probe_that_always_says_on(estate: DrillEstate) -> None:
    """Nothing before a kill tells it; what was killed is started all the same."""
    before = look(estate)
    text = estate.environment_file.read_text("utf-8")
    lying = re.sub(
        r"((?:a|b):\n +dsn: .*\n(?: +.*\n)*? +probe:\n +argv:\n)( +- ).*\n(?: +- .*\n)+", r"\1\2'true'\n", text
    )
    assert lying.count("'true'") == 2
    with (
        said_otherwise(estate.environment_file, text, lying),
        said_otherwise(estate.book, "cluster: main", "cluster: main\n    patience: 8s"),
    ):
        came = drill(estate, NAME)
    assert came.returncode == 1, came.stdout + came.stderr
    assert "is on by its `probe`, after " in last(estate, NAME).broke_off[0].why
    assert look(estate) == before
