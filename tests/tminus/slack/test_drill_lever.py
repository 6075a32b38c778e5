"""The stop lever in Slack: typed or pressed, with a reason, by whoever has a role for it and by nobody else."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from deployments.rehearsal.in_thread import Door
from deployments.rehearsal.slack_stand_in import SlackStandIn
from tests.tminus.conftest import SIGNING
from tests.tminus.drills.told_drills import Told, one_drill
from tests.tminus.slack_room import Room, room
from tests.tminus.staged_launch import Stage, slack_id
from tminus import events as ev
from tminus.chain_names import drill_chain, lever_chain
from tminus.clock import now
from tminus.drills.lever import Lever
from tminus.drills.orders import DrillOrders
from tminus.errors import BookError, Refused
from tminus.ledger.opening import have_chain
from tminus.people import Deputy, People
from tminus.record_parts import read_event

MAY = {"drills": {"lever": ["devops_lead", "security_lead"]}}


@dataclass
class Levers:
    """A gateway through which drills are stopped, and their levers."""

    room: Room
    told: Told

    def pulled(self, system: str = "house") -> str:
        """By whom and why."""
        return Lever(self.told.store, system, "staging", {}).pulled()

    def written(self, system: str = "house") -> list[ev.Event]:
        """What the ledger holds."""
        chain = lever_chain(system, "staging")
        store = self.told.store
        return [read_event(one) for one in store.read(chain)] if store.head(chain) else []

    def another(self, system: str) -> None:
        """Another system has drills there, too."""
        have_chain(self.told.store, drill_chain(system, "staging", "failover"))


@pytest.fixture
def levers(
    stage: Stage, slack: SlackStandIn, slack_door: Door, slack_settings: dict[str, object], tmp_path: Path
) -> Iterator[Levers]:
    """One system with drills, and the crew of a launch."""
    told = Told.begin(tmp_path, {"slack": slack_settings, **MAY})
    orders = DrillOrders(told.store, told.opened.environment, lambda: stage.frozen.people)
    with closing(told.store), room(stage, slack, slack_door.url, SIGNING, drills=orders) as found:
        yield Levers(found, told)


def test_typed(levers: Levers) -> None:
    """By whom and why stands in the ledger; a second stop is told so, and somebody may let go again."""
    said = levers.room.type("devops", "drill stop orders are late")
    assert said.startswith("Recorded: DevOps lead, first shift stopped all drills of house in staging.")
    assert levers.pulled().startswith("devops (DevOps lead, first shift), in Slack, stopped all drills at ")
    assert levers.pulled().endswith(": orders are late")
    assert "they are stopped already: devops" in levers.room.type("security", "DRILL Stop me too")
    said = levers.room.type("security", "drill allow it was something else")
    assert said == "Recorded: Security lead lets drills of house begin in staging again."
    assert levers.pulled() == ""
    stop, allow = levers.written()
    assert isinstance(stop, ev.DrillsStopped)
    assert isinstance(allow, ev.DrillsAllowed)
    assert (allow.by, allow.reason) == ("security (Security lead), in Slack,", "it was something else")
    assert "nobody stopped the drills of house" in levers.room.type("security", "drill allow again")


@pytest.mark.parametrize("order", ["stop", "allow"])
@pytest.mark.parametrize(
    ("who", "said"),
    [
        ("product", "Product manager has none of the roles devops_lead, security_lead; who may: DevOps lead, first"),
        ("U0STRANGER", "Slack's U0STRANGER is nobody in this gateway's people file"),
    ],
)
def test_who_may_not(levers: Levers, order: str, who: str, said: str) -> None:
    """Neither stops nor allows anything; a stranger hears no names."""
    if order == "allow":
        levers.room.type("devops", "drill stop orders are late")
    before = levers.written()
    told = levers.room.type(who, f"drill {order} because I say so")
    assert said in told
    assert "DevOps lead" not in told or who == "product"
    assert levers.written() == before


@pytest.mark.parametrize("text", ["drill", "drill begin failover", "drill stop", "drill stop house", "drill allow"])
def test_what_is_no_order_or_gives_no_reason(levers: Levers, text: str) -> None:
    """Is refused with what to type; nothing is begun from here."""
    assert "/tminus drill" in levers.room.type("devops", text)
    assert levers.written() == []


def test_several_systems(levers: Levers) -> None:
    """One that is not named stops all of the environment; it is said which may begin again."""
    levers.another("shop")
    have_chain(levers.told.store, drill_chain("elsewhere", "production", "failover"))
    assert "all drills of house, shop in staging" in levers.room.type("devops", "drill stop orders are late")
    assert all(levers.pulled(system) for system in ("house", "shop"))
    assert levers.written("elsewhere") == []
    assert "say which: drills of house, shop are stopped" in levers.room.type("devops", "drill allow fine")
    assert "lets drills of shop begin" in levers.room.type("devops", "drill allow shop fine")
    assert (bool(levers.pulled()), levers.pulled("shop")) == (True, "")
    assert "of shop in staging" in levers.room.type("devops", "drill stop shop once more")


def test_an_allow_from_before_the_stop_lets_go_of_nothing(levers: Levers) -> None:
    """Slack took its time with it: its author could not know."""
    levers.room.type("devops", "drill stop orders are late")
    orders = DrillOrders(levers.told.store, levers.told.opened.environment, lambda: levers.room.stage.frozen.people)
    with pytest.raises(Refused, match="stopped after you said so"):
        orders.allow(slack_id("devops"), ["fine"], now() - timedelta(seconds=30))
    assert levers.pulled()


def test_pressed(levers: Levers) -> None:
    """The drill's message has the button while it runs, and not once it is over; a dialog asks why."""
    channel = levers.room
    began, *rest = one_drill()
    write(levers.told, began)
    view = channel.dialog("devops", "stop-drills")
    assert levers.pulled() == ""
    assert channel.hand_in("devops", view, reason=" orders are late ").startswith("Recorded: DevOps lead, first shift")
    assert levers.pulled().endswith(": orders are late")
    view = channel.dialog("product", "stop-drills")
    assert "has none of the roles" in channel.hand_in("product", view, reason="me too")
    assert len(levers.written()) == 1
    write(levers.told, *rest)
    with pytest.raises(AssertionError, match=r"no message shows tminus\.stop-drills"):
        channel.payload("devops", "stop-drills")


def test_where_nobody_may_there_is_no_button(tmp_path: Path, slack_settings: dict[str, object]) -> None:
    """It would only refuse."""
    told = Told.begin(tmp_path, {"slack": slack_settings, "drills": {}})
    with closing(told.store):
        write(told, one_drill()[0])
        (body,) = (str(row[0]) for row in told.store.look("SELECT body FROM outbox", {}))
    assert "stop-drills" not in body


def write(told: Told, *events: ev.Event) -> None:
    """What a drill writes; shown in the channel."""
    asyncio.run(told.diary.write(*events))
    told.carry()


def _unreadable() -> People:
    raise BookError([])


@pytest.mark.parametrize(
    ("sections", "people", "said"),
    [
        ({"drills": {}}, _unreadable, "names no roles under `drills.lever`"),
        ({}, _unreadable, "names no roles under `drills.lever`"),
        (MAY, None, "was given no people file"),
        (MAY, _unreadable, "cannot be read"),
    ],
)
def test_who_trusts_nobody_says_what_is_missing(
    tmp_path: Path, sections: dict[str, object], people: Callable[[], People] | None, said: str
) -> None:
    """Nothing is stopped by whoever comes along."""
    told = Told.begin(tmp_path, sections)
    with closing(told.store), pytest.raises(Refused, match=said):
        DrillOrders(told.store, told.opened.environment, people).stop(slack_id("devops"), ["why"])


def test_a_deputy_may_and_who_left_may_not(tmp_path: Path, stage: Stage) -> None:
    """The file is read each time."""
    crew = stage.frozen.people
    period = {"since": now() - timedelta(hours=1), "until": now() + timedelta(hours=1)}
    deputy = Deputy(person="product", **period)
    lent = [one.model_copy(update={"deputies": (deputy,)}) if one.id == "security" else one for one in crew.people]
    files = [People(people=tuple(lent)), People(people=tuple(one for one in crew.people if one.id != "devops"))]
    told = Told.begin(tmp_path, MAY)
    with closing(told.store):
        orders = DrillOrders(told.store, told.opened.environment, lambda: files[0])
        assert orders.stop(slack_id("product"), ["why"]).startswith("Recorded: Product manager")
        files.pop(0)
        with pytest.raises(Refused, match="is nobody"):
            orders.allow(slack_id("devops"), ["fine"], now())


def test_before_any_drill_there_is_nothing_to_stop_from_here(stage: Stage) -> None:
    """And it says what does."""
    environment = stage.frozen.environment.model_validate({**stage.frozen.environment.model_dump(mode="json"), **MAY})
    orders = DrillOrders(stage.store, environment, lambda: stage.frozen.people)
    with pytest.raises(Refused, match="no drill was ever begun"):
        orders.stop(slack_id("devops"), ["why"])
