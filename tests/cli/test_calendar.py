"""What a calendar refuses is refused where it is asked for, and `tminus calendar` says when it may be."""

from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import JsonValue

from tests.cli.launch_desk import Desk, chains, change_environment, tminus, use_prefect
from tests.tminus.staged_launch import Stage
from tminus import events as ev
from tminus.clock import now
from tminus.frozen import Frozen
from tminus.ledger.logbook import Logbook
from tminus.ledger.sqlite import SqliteStore
from tminus.ordering import why_order_refused
from tminus.telling import event_said


def frozen_for_a_week() -> dict[str, JsonValue]:
    """A calendar by which nothing is launched, until a week from now."""
    begins, ends = (f"{now() + timedelta(days=days):%Y-%m-%dT%H:%M}+00:00" for days in (-1, 7))
    return {"time_zone": "UTC", "freezes": [{"from": begins, "to": ends, "why": "the audit"}]}


def test_a_launch_in_a_freeze_is_refused(desk: Desk, prefect_api: str) -> None:
    """With 3, the reason and the next moment; nothing is created, nor the environment held."""
    use_prefect(desk, prefect_api)
    change_environment(desk, calendar=frozen_for_a_week())
    ended = desk.launch()
    assert ended.code == 3, ended
    assert "the audit; it may be at " in ended.stderr
    assert chains(desk) == []


@pytest.mark.long
def test_a_launch_is_let_through_by_a_role_that_the_calendar_names(desk: Desk, prefect_api: str) -> None:
    """With a reason, which everybody reads; nobody else's, and nobody's where none is named."""
    change_environment(desk, calendar=frozen_for_a_week())
    words = ("--override-calendar", "--reason", "the exchange asked for it")
    assert "why must the calendar be overridden" in desk.launch("+4h", "--override-calendar").stderr
    use_prefect(desk, prefect_api)
    change_environment(desk, calendar={**frozen_for_a_week(), "override": ["security_lead"]})
    other = desk.launch("+4h", *words)
    assert (other.code, "whoever is security_lead may" in other.stderr) == (3, True), other
    assert chains(desk) == []
    change_environment(desk, calendar={**frozen_for_a_week(), "override": ["engineering_lead"]})
    ended = desk.launch("+4h", *words)
    chain = next(one for one in chains(desk) if one.startswith("tradesense-"))
    with closing(SqliteStore(desk.ledger)) as store:
        created = Logbook(store, chain).refresh().created
    assert created is not None, ended
    assert "the audit" in created.outside
    said = event_said(Frozen(created, {}), created)
    assert said is not None
    assert said.endswith("which they override: the exchange asked for it")


@pytest.mark.parametrize("frozen", [True, False])
def test_a_recycle_in_a_freeze_is_refused(tmp_path: Path, *, frozen: bool) -> None:
    """The countdown would go on in it; by the calendar that the launch was created with. Without one it counts."""
    stage = Stage.set(tmp_path, calendar=frozen_for_a_week()) if frozen else Stage.set(tmp_path)
    order = ev.Ordered(order="recycle", person="devops", via="slack", reason="again")
    why = why_order_refused(order, stage.book.record, stage.frozen, now())
    assert ("the audit" in why) if why else not frozen


def test_what_is_allowed_when_is_shown(desk: Desk) -> None:
    """In the environment's own time zone, and in UTC; for drills, their days."""
    change_environment(desk, calendar=frozen_for_a_week())
    said = tminus("calendar", str(desk.path("environment")), "--days", "8", "--deed", "drill")
    assert said.code == 0, said
    first, second, *drills = said.stdout.splitlines()
    assert "the audit" in first
    assert second.startswith("from ")
    assert any(line.startswith("drill of everything: ") for line in drills)
    assert tminus("calendar", str(desk.path("environment")), "--days", "2").stdout.endswith("next 2 days.\n")


def test_an_environment_without_one_says_so(desk: Desk) -> None:
    """Nothing changes there."""
    assert "at any time" in tminus("calendar", str(desk.path("environment"))).stdout
