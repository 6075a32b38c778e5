"""What a calendar refuses is refused where it is asked for, and `tminus calendar` says when it may be."""

from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import JsonValue

from tests.cli.launch_desk import Desk, chains, change_environment, tminus, use_prefect
from tests.tminus.staged_launch import Stage
from tminus import events as ev
from tminus.clock import now
from tminus.ordering import why_order_refused


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
