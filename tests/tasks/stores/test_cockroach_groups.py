"""What a BACKUP statement covers, and which schedules are judged together."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.cockroach_backups import Job, Schedule
from tasks.cockroach_groups import Group, grouped
from tasks.cockroach_target import Target, target_of
from tasks.sql_tokens import tokens
from tminus.errors import CouldNotObserve

_YEAR = timedelta(days=365)


def schedule(number: int, command: str, *, status: str = "ACTIVE", recurrence: str = "@hourly") -> Schedule:
    """A schedule of that command."""
    return Schedule(id=number, label="a", schedule_status=status, recurrence=recurrence, command=command)


def ago(hours: float) -> datetime:
    """So many hours before now."""
    return datetime.now(UTC) - timedelta(hours=hours)


def done(hours: float) -> Job:
    """A success that began so long ago."""
    return Job(status="succeeded", created=ago(hours))


def hours(group: Group) -> int:
    """How long ago its newest success began, in whole hours."""
    return round(group.newest() / timedelta(hours=1))


@pytest.mark.parametrize(
    ("command", "target", "covers"),
    [
        ("BACKUP INTO 'x'", Target("cluster"), True),
        ("backup into latest in 'x' with options (detached)", Target("cluster"), True),
        ("BACKUP DATABASE vatic INTO 'x'", Target("database", ("vatic",)), True),
        ("BACKUP DATABASE reporting, VATIC INTO LATEST IN 'x'", Target("database", ("reporting", "vatic")), True),
        ("BACKUP DATABASE \"vatic\" INTO 'x'", Target("database", ("vatic",)), True),
        ("BACKUP DATABASE \"Vatic\" INTO 'x'", Target("database", ("Vatic",)), False),
        ("BACKUP DATABASE vatic_old INTO 'x'", Target("database", ("vatic_old",)), False),
        ("BACKUP TABLE vatic.public.orders INTO 'x'", Target("part", ("vatic.public.orders",)), False),
        ("BACKUP TABLE vatic.* INTO 'x'", Target("part", ("vatic.*",)), False),
        ("BACKUP vatic INTO 'x'", Target("part", ("vatic",)), False),
        ("BACKUP \"DATABASE\" INTO 'x'", Target("part", ("DATABASE",)), False),
        ("BACKUP TABLE a INTO 'x' /* DATABASE vatic */", Target("part", ("a",)), False),
    ],
)
def test_only_all_of_a_database_covers_it(command: str, target: Target, covers: bool) -> None:
    """The cluster's backup and the database's do; its tables' do not, nor does a name that is like it."""
    found = target_of(list(tokens(command)))
    assert found == target
    assert found.covers("vatic") is covers


@pytest.mark.parametrize("command", ["", "SELECT 1", "RESTORE DATABASE vatic FROM 'x'", "BACKUP DATABASE vatic", "'"])
def test_what_is_no_backup_has_no_target(command: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(CouldNotObserve):
        _ = schedule(1, command).target


@given(st.text(max_size=60))
def test_any_command_has_a_target_or_none(command: str) -> None:
    """Whatever stands there."""
    try:
        assert str(schedule(1, f"BACKUP {command} INTO 'x'").target)
    except CouldNotObserve as e:
        assert "schedule" in str(e)  # noqa: PT017 - either will do


def test_full_and_incremental_belong_together_and_other_targets_do_not() -> None:
    """Also where all lie in one collection."""
    known = [
        schedule(1, "BACKUP DATABASE vatic INTO 'c'", recurrence="@daily"),
        schedule(2, "BACKUP DATABASE vatic INTO LATEST IN 'c'"),
        schedule(3, "BACKUP TABLE vatic.scratch INTO 'c'"),
    ]
    both, scratch = grouped(known, {1: [done(20)], 2: [done(5)], 3: [done(1)]}, None)
    assert [one.id for one in both.schedules] == [1, 2]
    assert (hours(both), hours(scratch)) == (5, 1)
    assert both.every() == timedelta(hours=1)


def test_what_lies_in_a_collection_of_two_is_nobodys() -> None:
    """The list does not say what a backup is of: it makes no old backup newer, unless it is empty."""
    known = [schedule(1, "BACKUP INTO 'c'"), schedule(2, "BACKUP TABLE a INTO 'c'")]
    own, _ = grouped(known, {1: [done(30)], 2: [done(1)]}, {"c": [ago(1)]})
    assert hours(own) == 30
    own, _ = grouped(known, {1: [done(30)], 2: [done(1)]}, {"c": []})
    assert own.newest() > _YEAR
    [alone] = grouped(known[:1], {1: []}, {"c": [ago(7)]})
    assert hours(alone) == 7


def test_what_a_paused_schedule_made_is_no_sign_of_the_next() -> None:
    """Neither its jobs nor what lies in the collection count."""
    [group] = grouped([schedule(1, "BACKUP INTO 'c'", status="PAUSED")], {1: [done(1)]}, {"c": [ago(1)]})
    assert group.newest() > _YEAR
    assert group.every() > _YEAR
    assert not group.encrypts
    assert "paused" in group.because()
