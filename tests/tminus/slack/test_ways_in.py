"""How people in Slack get in is what the environment says."""

from contextlib import closing
from pathlib import Path

import pytest
from pydantic import ValidationError

from tests.tminus.drills.told_drills import Told
from tests.tminus.launch_story import KINDS
from tests.tminus.staged_launch import slack_section
from tminus.drills.lever import Lever
from tminus.drills.orders import DrillOrders
from tminus.environment import Slack
from tminus.errors import MissingSecret
from tminus.ledger.sqlite import SqliteStore
from tminus.people import People, Person
from tminus.slack_door import SlackDoor
from tminus.slack_intake import SlackIntake, Taken
from tminus.slack_payload import Commanded
from tminus.slack_ways_in import open_slack

DOORS = ["/slack/interactions", "/slack/commands"]


def section(*left_out: str, **more: object) -> Slack:
    """A `slack` section."""
    return Slack.model_validate(
        {name: one for name, one in {**slack_section(), **more}.items() if name not in left_out}
    )


@pytest.mark.parametrize(
    ("settings", "doors", "connected"),
    [
        (section(), DOORS, False),
        (section("signing_secret", app_token="env:STAGED_APP"), [], True),
        (section(app_token="env:STAGED_APP"), DOORS, True),
        (None, [], False),
    ],
    ids=["http", "socket mode", "both", "no slack"],
)
def test_doors_and_connections(
    settings: Slack | None,
    doors: list[str],
    connected: bool,
    tmp_path: Path,
    secrets: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Socket Mode alone opens no public door."""
    monkeypatch.setenv("STAGED_APP", "xapp-1")
    store = SqliteStore(tmp_path / "ledger.sqlite")
    found = open_slack(settings, KINDS, lambda: store)
    assert [route.path for route in found.routes] == doors
    assert (found.socket is not None) == connected
    names = [line for part in found.parts for line in part.metrics() if line.startswith("# TYPE")]
    assert len(names) == len(set(names))
    store.close()


@pytest.mark.parametrize("way", [section(), section("signing_secret", app_token="env:STAGED_APP")])
async def test_drills_are_stopped_by_either(
    way: Slack, tmp_path: Path, secrets: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the gateway was given for them is at hand, whichever way the word came."""
    monkeypatch.setenv("STAGED_APP", "xapp-1")
    told = Told.begin(tmp_path, {"drills": {"lever": ["ops"]}})
    people = People(people=(Person(id="ops", name="Ops", roles=frozenset({"ops"}), slack="U0OPS"),))
    orders = DrillOrders(told.store, told.opened.environment, lambda: people)
    with closing(told.store):
        part = open_slack(way, KINDS, lambda: told.store, orders).parts[0]
        intake = part.intake if isinstance(part, SlackDoor) else part
        assert isinstance(intake, SlackIntake)
        assert intake.admit()
        sent = Commanded(user_id="U0OPS", command="/tminus", text="drill stop orders are late")
        await intake.take(Taken(sent, "1"))
        assert Lever(told.store, "house", "staging", {}).pulled().endswith(": orders are late")


def test_neither_is_a_mistake() -> None:
    """Nobody could answer."""
    with pytest.raises(ValidationError, match="app_token"):
        section("signing_secret")


def test_every_secret_is_named_before_it_is_needed() -> None:
    """So that a launch says what is missing before it begins."""
    both = section(app_token="env:STAGED_APP")
    assert list(both.secrets()) == ["env:STAGED_TOKEN", "env:STAGED_SIGNING", "env:STAGED_APP"]


def test_a_gateway_without_its_app_token_says_which(tmp_path: Path, secrets: None) -> None:
    """By its reference."""
    store = SqliteStore(tmp_path / "ledger.sqlite")
    with pytest.raises(MissingSecret, match="env:STAGED_NOWHERE"):
        open_slack(section(app_token="env:STAGED_NOWHERE"), KINDS, lambda: store)
    store.close()
