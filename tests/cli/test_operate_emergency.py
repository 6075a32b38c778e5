"""`tminus operate emergency`: on the launch under way in an environment, by the existing orders, and nothing else."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from pydantic import JsonValue
from ruamel.yaml import YAML

from cli.main import main
from tests.tminus.staged_launch import LAUNCH, Stage
from tminus import events as ev
from tminus.personal_key import verified

WHERE = "rehearsal-on-loopback"


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """A launch under way in an environment, whose file is there; TMINUS_LEDGER is not set."""
    stage = Stage.set(tmp_path)
    hold_environment(stage, LAUNCH)
    file = tmp_path / "environment.yaml"
    environment: dict[str, JsonValue] = stage.frozen.environment.model_dump(mode="json", exclude_defaults=True)
    with file.open("w", encoding="utf-8") as out:
        YAML(typ="safe").dump(environment, out)
    for name in ("TMINUS_LEDGER", "TMINUS_KEY", "TMINUS_ENVIRONMENT"):
        monkeypatch.setenv(name, "")  # what the command sets for itself ends with the test
        monkeypatch.delenv(name)
    return stage


def hold_environment(stage: Stage, chain: str) -> None:
    """As creating a launch does."""
    stage.store.run("DELETE FROM environment_lock", {})
    stage.store.run(
        "INSERT INTO environment_lock (environment, chain, since) VALUES (:environment, :chain, clock())",
        {"environment": WHERE, "chain": chain},
    )


def emergency(stage: Stage, *words: str, key: str = "", typed: str | None = None) -> Result:
    """`tminus operate emergency …` in that environment."""
    where = ["--environment", str(stage.keys.parent / "environment.yaml")] if words else []
    keys = ["--key", str(stage.keys / key)] if key else []
    return CliRunner().invoke(main, ["operate", "emergency", *words, *where, *keys], input=typed)


def orders(stage: Stage) -> list[ev.Ordered]:
    """What was ordered and counts."""
    return [event for event in stage.book.refresh().events if isinstance(event, ev.Ordered)]


def test_status_shows_the_launch_under_way(stage: Stage) -> None:
    """Without its name having been said."""
    done = emergency(stage, "status")
    assert done.exit_code == 0, done.output
    assert "tradesense 2.0.0" in done.output


def test_hold_is_the_launches_own_order_signed(stage: Stage) -> None:
    """Recorded in the launch, as the person whose key it was; a stranger's key changes nothing."""
    assert emergency(stage, "hold", "--reason", "fire", key="devops").exit_code == 0
    (order,) = orders(stage)
    person = stage.frozen.people.by_id("devops")
    assert person is not None
    assert (order.order, order.person, order.reason) == ("hold", "devops", "fire")
    assert verified(LAUNCH, order, person)
    assert emergency(stage, "hold", "--reason", "fire").exit_code == 2


def test_rollback_asks_back_and_follows_the_launches_rules(stage: Stage) -> None:
    """A no orders nothing; who is not on duty is refused; who is, is not."""
    stage.begin_change()
    assert emergency(stage, "rollback", "--reason", "bad", key="devops", typed="n\n").exit_code == 1
    assert orders(stage) == []
    refused = emergency(stage, "rollback", "--reason", "bad", "--yes", key="product")
    assert (refused.exit_code, orders(stage)) == (3, [])
    done = emergency(stage, "rollback", "--reason", "bad", "--yes", key="devops")
    assert done.exit_code == 0, done.output
    assert [order.order for order in orders(stage)] == ["rollback"]


def test_without_a_terminal_the_menu_says_what_to_type(stage: Stage) -> None:
    """A usage error, and no bare "Aborted!"."""
    done = emergency(stage, typed="")
    assert (done.exit_code, orders(stage)) == (2, [])
    assert "nobody answered, since there is no terminal; nothing was recorded. A script names" in done.stderr
    assert "Aborted" not in done.output


def test_nothing_under_way_is_nothing_to_hold(stage: Stage) -> None:
    """Refused with exit code 3; status says what the last launch there was."""
    stage.store.run("DELETE FROM environment_lock", {})
    refused = emergency(stage, "hold", "--reason", "fire", key="devops")
    assert (refused.exit_code, "no launch is under way in rehearsal-on-loopback" in refused.stderr) == (3, True)
    assert orders(stage) == []
    assert f"The last launch there was {LAUNCH}" in emergency(stage, "status").output


def test_an_operation_is_no_launch(stage: Stage) -> None:
    """A backup under way is said, and cannot be held."""
    hold_environment(stage, "operation-tradesense-backup-20261122-120000-000000")
    assert "and no launch; it ends by itself" in emergency(stage, "status").output
    assert emergency(stage, "hold", "--reason", "fire", key="devops").exit_code == 2


def test_an_environment_without_a_ledger_makes_none(stage: Stage) -> None:
    """Looking leaves nothing behind."""
    file = stage.keys.parent / "environment.yaml"
    elsewhere = stage.keys.parent / "elsewhere.sqlite"
    file.write_text(file.read_text("utf-8").replace("ledger.sqlite", elsewhere.name), "utf-8")
    assert "No launch was ever there." in emergency(stage, "status").output
    assert not elsewhere.exists()


def test_contacts_says_what_is_not_known(stage: Stage) -> None:
    """As `tminus contacts` does: what is missing is said, and the exit code is 1."""
    done = emergency(stage, "contacts")
    assert (done.exit_code, "Contacts" in done.output) == (1, True)


def test_the_menu_looks_first_and_then_asks(stage: Stage) -> None:
    """Without a word; what is chosen is done as if it had been typed."""
    file = stage.keys.parent / "environment.yaml"
    done = emergency(stage, typed=f"{file}\n2\n{stage.keys / 'devops'}\nfire\n")
    assert done.exit_code == 0, done.output
    assert done.output.index("tradesense 2.0.0") < done.output.index("What now")
    assert [order.order for order in orders(stage)] == ["hold"]
    left = emergency(stage, typed=f"{file}\n6\n")
    assert (left.exit_code, len(orders(stage))) == (0, 1)
    wrong = emergency(stage, typed=f"{file}\n5\n{stage.keys}\ndatabase\nyesterday\n")
    assert wrong.exit_code == 2, wrong.output
    assert "backups.yaml" in wrong.output
