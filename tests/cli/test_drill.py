"""What `tminus drill` says to whoever types it, where nothing is broken."""

from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.cli.drill_desk import NAME, DrillDesk, a_book, an_environment
from tminus.drills.lever import VARIABLE, Lever


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
