"""A maintenance window: opened once, found again, ended when taken back, and never over our own pages."""

import re
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import JsonValue, SecretStr

from bench.worlds.estates import known_secrets
from deployments.rehearsal import pagerduty_account
from deployments.rehearsal.fault_switch import Fault
from deployments.rehearsal.in_thread import served
from deployments.rehearsal.pagerduty_stand_in import PagerDutyStandIn
from tasks.action import State
from tasks.actions.maintenance import MaintenanceWindow
from tasks.estate import Estate
from tminus.environment import Environment
from tminus.errors import ActionFailed
from tminus.release import Release

TOKEN = "made-up-token"
DRILL = MaintenanceWindow(services=("PDATABASE",), lasts=timedelta(minutes=45), purpose="failover-drill")
Opened = Callable[..., Estate]


@pytest.fixture
def account() -> PagerDutyStandIn:
    """An account with the launches' service and another."""
    directory = pagerduty_account.Directory.model_validate(
        {
            "users": [{"id": "PBOT01", "name": "tminus", "email": "tminus@example.com"}],
            "services": [{"id": "PDATABASE", "name": "Database"}, {"id": "PCACHE", "name": "Cache"}],
        }
    )
    return PagerDutyStandIn(SecretStr("r" * 32), SecretStr(TOKEN), directory)


@pytest.fixture
def url(account: PagerDutyStandIn) -> Iterator[str]:
    """Its address."""
    with served(account.app()) as found, known_secrets({"PAGERDUTY_TOKEN": TOKEN, "WRONG": "wrong"}):
        yield found


@pytest.fixture
async def opened(url: str, tmp_path: Path) -> AsyncIterator[Opened]:
    """Estates that lead there."""
    estates: list[Estate] = []

    def estate(launch: str = "l-1", **rest: JsonValue) -> Estate:
        plain = {"token": "env:PAGERDUTY_TOKEN", "from_email": "tminus@example.com", "service": "PSERVICE", "api": url}
        section = {
            "events": url,
            "routing_key": "env:KEY",
            **({"rest": {**plain, **rest}} if rest != {"none": 1} else {}),
        }
        environment = Environment.model_validate(
            {
                "environment": "e",
                "kind": "rehearsal",
                "ledger": {"sqlite": str(tmp_path / "ledger.sqlite")},
                "prefect": {"api": "http://127.0.0.1:1/api"},
                "state": str(tmp_path),
                "pagerduty": section,
            }
        )
        release = Release.model_construct(release="r", system="s", services={})
        estates.append(Estate(environment, release, launch, tmp_path))
        return estates[-1]

    yield estate
    for one in estates:
        await one.__aexit__()


async def test_it_is_opened_found_and_taken_back(account: PagerDutyStandIn, opened: Opened) -> None:
    """Over the services it names, for as long as it says, under a description that names launch and purpose."""
    estate = opened()
    assert (await DRILL.state(estate)).state is State.ABSENT
    undo = await DRILL.plan_undo(estate)
    assert undo is not None
    await DRILL.act(estate, 1)
    (window,) = account.account.windows
    assert re.fullmatch("tminus l-1 failover-drill [0-9a-f]{8}", window.description)
    assert list(window.services) == ["PDATABASE"]
    assert timedelta(minutes=44) < window.end - datetime.now(UTC) <= timedelta(minutes=45)
    assert (await DRILL.state(estate)).state is State.DONE
    assert (await DRILL.undone(estate, undo)).state is State.ABSENT
    await DRILL.undo(estate, undo, 1)
    assert window.end <= datetime.now(UTC)
    assert (await DRILL.undone(estate, undo)).state is State.DONE
    await DRILL.undo(estate, undo, 1)


async def test_whoever_tries_again_opens_no_second_one(account: PagerDutyStandIn, opened: Opened) -> None:
    """And another launch's, or another purpose's, is not taken for it, nor ended with it."""
    for launch in ("l-1", "l-1", "l-10"):
        await DRILL.act(opened(launch), 1)
    assert [one.description.rpartition(" ")[0] for one in account.account.windows] == [
        "tminus l-1 failover-drill",
        "tminus l-10 failover-drill",
    ]
    estate = opened()
    assert await DRILL.plan_undo(estate) is None
    undo = await DRILL.model_copy(update={"purpose": "failover"}).plan_undo(estate)
    assert undo is not None
    await DRILL.undo(estate, undo, 1)
    assert all(one.end > datetime.now(UTC) for one in account.account.windows)


def test_an_open_one_is_no_change() -> None:
    """It is neither in the way of a way back nor a reason for one."""
    assert MaintenanceWindow.harmless_if_left


@pytest.mark.parametrize("other", [{"services": ("PCACHE",)}, {"lasts": timedelta(minutes=90)}])
async def test_a_second_window_of_one_purpose_is_opened_too(
    account: PagerDutyStandIn, opened: Opened, other: dict[str, object]
) -> None:
    """Over other services, or for longer, it is not taken for the first, nor ended with it."""
    estate, second = opened(), DRILL.model_copy(update=other)
    await DRILL.act(estate, 1)
    assert (await second.state(estate)).state is State.ABSENT
    undo = await second.plan_undo(estate)
    assert undo is not None
    await second.act(estate, 1)
    assert len(account.account.windows) == 2
    await second.undo(estate, undo, 1)
    assert [one.end > datetime.now(UTC) for one in account.account.windows] == [True, False]


async def test_once_it_is_over_by_itself_nobody_is_asked(account: PagerDutyStandIn, opened: Opened) -> None:
    """An outage of PagerDuty's leaves nothing in doubt then; a plan from before this was known asks."""
    estate, begun = opened(), datetime.now(UTC)
    undo = await DRILL.plan_undo(estate)
    assert undo is not None
    assert datetime.fromisoformat(undo.data["over"]) > begun + DRILL.lasts
    await DRILL.act(estate, 1)
    account.faults.set(Fault(mode="down"))
    over = undo.model_copy(update={"data": {**undo.data, "over": begun.isoformat()}})
    assert (await DRILL.undone(estate, over)).state is State.DONE
    older = undo.model_copy(update={"data": {"description": undo.data["description"]}})
    assert [(await DRILL.undone(estate, one)).state for one in (undo, older)] == [State.UNKNOWN] * 2


async def test_a_window_that_two_opened_is_ended_whole(account: PagerDutyStandIn, opened: Opened) -> None:
    """Two conductors at once do no harm that the way back would not take back."""
    estate = opened()
    undo = await DRILL.plan_undo(estate)
    assert undo is not None
    await DRILL.act(estate, 1)
    (first,) = account.account.windows
    account.account.windows.append(
        pagerduty_account.Window(first.start, first.end, first.description, first.services, first.by)
    )
    await DRILL.undo(estate, undo, 1)
    assert all(one.end <= datetime.now(UTC) for one in account.account.windows)


async def test_our_own_pages_are_not_silenced(account: PagerDutyStandIn, opened: Opened) -> None:
    """Refused before anything is asked for."""
    with pytest.raises(ActionFailed, match="its pages wake nobody") as refused:
        await DRILL.model_copy(update={"services": ("PDATABASE", "PSERVICE")}).act(opened(), 1)
    assert not refused.value.began
    assert account.account.windows == []


@pytest.mark.parametrize(
    ("rest", "said"),
    [({"none": 1}, "no pagerduty.rest"), ({"token": "env:WRONG"}, "credentials"), ({"token": "env:GONE"}, "env:GONE")],
    ids=["not configured", "refused", "no token"],
)
async def test_where_it_cannot_look_it_does_not_know(
    account: PagerDutyStandIn, opened: Opened, rest: dict[str, JsonValue], said: str
) -> None:
    """Unknown, and an action that certainly did nothing."""
    estate = opened(**rest)
    standing = await DRILL.state(estate)
    assert standing.state is State.UNKNOWN
    assert said in standing.seen.details[0]
    with pytest.raises(ActionFailed, match=said) as refused:
        await DRILL.act(estate, 1)
    assert not refused.value.began
    assert account.account.windows == []


async def test_an_end_that_fails_says_what_to_do(account: PagerDutyStandIn, opened: Opened) -> None:
    """By hand, and what it is called."""
    estate = opened()
    undo = await DRILL.plan_undo(estate)
    assert undo is not None
    await DRILL.act(estate, 1)
    account.faults.set(Fault(mode="down"))
    assert (await DRILL.undone(estate, undo)).state is State.UNKNOWN
    with pytest.raises(ActionFailed, match="by hand"):
        await DRILL.undo(estate, undo, 1)
