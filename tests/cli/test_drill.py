"""What `tminus drill` says to whoever types it, where nothing is broken."""

import asyncio
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner
from ruamel.yaml import YAML

from cli.main import main
from flows.drill_round import _require_others_proven, opened_drills
from flows.drill_waiting import telling_of
from tests.cli.drill_desk import NAME, DrillDesk, a_book, an_environment
from tests.tminus.drills.test_showing import drilled
from tminus.drills.lever import VARIABLE, Lever
from tminus.errors import Refused


@pytest.fixture
def desk(tmp_path: Path) -> DrillDesk:
    """The usual files."""
    made = DrillDesk(tmp_path)
    made.write(a_book(), an_environment(tmp_path))
    return made


def stopped(desk: DrillDesk) -> bool:
    """Whether the ledger says so."""
    with desk.store() as store:
        return Lever(store, "house", "staging", {}).stopped() is not None


@pytest.mark.parametrize(
    ("orders", "said"),
    [
        (["--stop", "--allow"], "say the opposite"),
        (["--allow", "--stop"], "say the opposite"),
        (["--allow", "--undo", NAME], "no name and no --undo"),
        (["--allow", NAME], "of all drills of the system"),
    ],
)
def test_contradictory_orders_change_nothing(desk: DrillDesk, orders: list[str], said: str) -> None:
    """Exit 2, whichever came last."""
    assert desk.tminus("drill", "--stop", "--reason", "orders are late").exit_code == 0
    came = desk.tminus("drill", *orders, "--reason", "a slip of the hand")
    assert (came.exit_code, said in came.stderr) == (2, True), came.output
    assert stopped(desk)


def test_stopping_needs_no_right_book(desk: DrillDesk) -> None:
    """Only the system's name, the environment's and its ledger; whatever else is wrong, drills end."""
    book, environment = a_book(), an_environment(desk.folder)
    with (desk.folder / "drills.yaml").open("w", encoding="utf-8") as file:
        YAML().dump({**book, "scenarios": {NAME: {"kind": "unheard of"}}, "monthly": ["nothing"]}, file)
    with (desk.folder / "environment.yaml").open("w", encoding="utf-8") as file:
        YAML().dump({**environment, "drills": {"patience": "never"}}, file)
    assert desk.tminus("drill", NAME).exit_code == 2
    came = desk.tminus("drill", "--stop", "--reason", "orders are late")
    assert came.exit_code == 0, came.output
    desk.write(book, environment)
    assert stopped(desk)
    assert desk.tminus("drill", "--allow", "--reason", "found it").exit_code == 0
    assert not stopped(desk)


def test_stopping_needs_the_systems_name(desk: DrillDesk) -> None:
    """Without it nobody knows whose drills; it is said with its line."""
    desk.write({"title": "Nobody's", "drills": "No Slug"}, an_environment(desk.folder))
    came = desk.tminus("drill", "--stop", "--reason", "orders are late")
    assert came.exit_code == 2
    assert "drills.yaml:2: drills: found 'No Slug'" in came.stderr


def test_the_variable_goes_on_stopping(desk: DrillDesk) -> None:
    """Whoever allows drills where it is set is told that."""
    came = desk.tminus("drill", "--allow", "--reason", "found it", env={VARIABLE: "1"})
    assert f"{VARIABLE} is set here" in came.stdout
    assert VARIABLE not in desk.tminus("drill", "--allow", "--reason", "found it", env={VARIABLE: "0"}).stdout


def began(desk: DrillDesk, name: str, *, alive: bool = False) -> None:
    """A drill that broke something, and is not over."""
    desk.tell(name, *(one.model_copy(update={"scenario": name}) for one in drilled(0, "10")[:2]), alive=alive)


def test_under_way_is_no_trouble(desk: DrillDesk) -> None:
    """A drill that a process plays is under way: exit 0. One that nobody plays is interrupted: exit 1."""
    began(desk, "cache-failover", alive=True)
    came = desk.tminus("drills")
    assert (came.exit_code, "under way" in came.stdout) == (0, True), came.output
    assert desk.tminus("drills", "cache-failover").exit_code == 0
    rows = json.loads(desk.tminus("drills", "--json").stdout)
    assert {row["drill"]: row["under_way"] for row in rows} == {NAME: False, "cache-failover": True}
    began(desk, NAME)
    came = desk.tminus("drills")
    assert (came.exit_code, "interrupted, and not undone" in came.stdout) == (1, True), came.output


def test_what_another_drill_is_told(desk: DrillDesk) -> None:
    """It waits for one that runs, and undoes one that nobody plays; the word to undo is said of that alone."""
    opened = opened_drills(desk.folder / "drills.yaml", desk.folder / "environment.yaml")
    began(desk, NAME, alive=True)
    with desk.store() as store:
        with pytest.raises(Refused, match="failover is under way; wait until it is over") as found:
            _require_others_proven(store, opened, "cache-failover")
        assert "--undo" not in str(found.value)
        [held] = [chain for chain in store.chains() if store.lease(chain) is not None and chain.endswith(NAME)]
        store.run("UPDATE chain SET lease_until = 0", {})
        with pytest.raises(Refused, match=f"`tminus drill {held.rpartition('.')[2]} --undo` does that"):
            _require_others_proven(store, opened, "cache-failover")


def test_drills_are_stopped(desk: DrillDesk) -> None:
    """Whoever looks is told by whom and why; programs that read are not disturbed."""
    assert desk.tminus("drill", "--stop", "--reason", "orders are late").exit_code == 0
    came = desk.tminus("drills")
    assert came.exit_code == 0
    assert "Drills are stopped: " in came.stderr
    assert "orders are late" in came.stderr
    assert json.loads(desk.tminus("drills", "--json").stdout)


def test_one_for_programs(desk: DrillDesk) -> None:
    """All its drills, with their moments; none where it was never played."""
    assert json.loads(desk.tminus("drills", NAME, "--json").stdout) == []
    desk.tell(NAME, *drilled(0, "10"))
    [one] = json.loads(desk.tminus("drills", NAME, "--json").stdout)
    assert (one["drill"], one["how"], one["rto_s"], one["rto_promised_s"]) == (NAME, "held", 10.0, 60.0)
    assert [moment["said"] for moment in one["moments"]][1] == "inject: a was killed"


def test_evidence_of_what_the_book_calls_none(desk: DrillDesk) -> None:
    """Which file is not written, and why, is said; with an entry it is."""
    desk.tell(NAME, *drilled(0, "10"))
    folder = desk.folder / "evidence"
    came = desk.tminus("drills", "--evidence", str(folder))
    assert "No failover.json: no scenario with `evidence:`" in came.stderr
    assert f"no `evidence:` in the book: {NAME}, cache-failover" in came.stderr
    assert [one.name for one in folder.iterdir()] == ["drill.json"]
    book: Any = a_book()
    book["scenarios"][NAME]["evidence"] = "database"
    desk.write(book, an_environment(desk.folder))
    came = desk.tminus("drills", "--evidence", str(folder))
    assert "No failover.json" not in came.stderr
    assert (folder / "failover.json").is_file()


def test_one_that_the_book_lost_while_it_was_broken(desk: DrillDesk) -> None:
    """It is named whoever looks, with what it was and what brings it back; and only where it is not undone."""
    began(desk, "cache-failover")
    book: Any = a_book()
    del book["scenarios"]["cache-failover"]
    desk.write(book, an_environment(desk.folder))
    said = "(kind: a.kind, which broke victim a), then `tminus drill cache-failover --undo`"
    for came, code in ((desk.tminus("drill", "cache-failover", "--undo"), 2), (desk.tminus("drills"), 1)):
        assert (came.exit_code, said in came.stderr) == (code, True), came.output
    desk.write(a_book(), an_environment(desk.folder))
    desk.tell("cache-failover", drilled(0, "10")[-1])
    desk.write(book, an_environment(desk.folder))
    assert "not in the book any more" not in desk.tminus("drill", "cache-failover", "--undo").stderr
    assert desk.tminus("drills").exit_code == 0


def test_what_was_promised_then(desk: DrillDesk) -> None:
    """A row is judged by the promise of its day; today's stands beside it where it is another."""
    desk.tell(NAME, *drilled(0, "70", "missed"))
    said = desk.tminus("drills").stdout
    assert "1m (now 1h)" in said
    assert "| 1m (now 1h) |" in desk.tminus("drills", NAME, "--markdown").stdout


def test_a_follow_up_is_one_line(desk: DrillDesk) -> None:
    """However much a command printed."""
    *before, ended = drilled(0, None, "undone")
    trace = "Traceback (most recent call last):\n" + "  File x\n" * 200
    desk.tell(NAME, *before, ended.model_copy(update={"sentence": f"{NAME}: the command failed: {trace}"}))
    [line] = [one for one in desk.tminus("drills").stdout.splitlines() if one.startswith("To follow up")]
    assert "the command failed: Traceback" in line
    assert len(line) < 400


def test_one_drill_on_a_page(desk: DrillDesk) -> None:
    """Counted as people do."""
    desk.tell(NAME, *drilled(0, "10"))
    page = desk.folder / "drills.html"
    assert desk.tminus("drills", "--html", str(page)).stdout == f"{page}: 1 drill\n"


def test_the_schema_takes_the_book(desk: DrillDesk) -> None:
    """With a guard, whose check stands there as people write it; and not a key that no scenario has."""
    schema = json.loads(CliRunner().invoke(main, ["schema", "drills"]).stdout)
    guard = {"title": "Up", "check": "metrics.prometheus", "with": {"query": "up"}, "expect": {"value": ">= 1"}}
    judge = jsonschema.Draft202012Validator(schema)
    judge.check_schema(schema)
    book: Any = {**a_book(), "guards": {"up": guard}}
    judge.validate(book)
    book["scenarios"][NAME]["clustr"] = "main"
    assert not judge.is_valid(book)


async def test_whoever_waits_is_told_of_the_lever(desk: DrillDesk) -> None:
    """When it is pulled and when it is let go of, once each."""
    said: list[str] = []

    async def until(count: int) -> None:
        while len(said) < count:
            await asyncio.sleep(0.01)

    with desk.store() as store:
        lever = Lever(store, "house", "staging", {})
        async with asyncio.timeout(10), telling_of(lever, said.append, 0.01):
            await asyncio.to_thread(lever.pull, "on-call", "orders are late")
            await until(1)
            await asyncio.to_thread(lever.release, "on-call", "found it")
            await until(2)
    assert "on-call stopped all drills" in said[0]
    assert said[1] == "Drills may begin again."
