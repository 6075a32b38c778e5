"""What is told of backups without restoring any: age, gaps, what should be gone, what got small."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tminus import events as ev
from tminus.backups.book import RedisRdb
from tminus.backups.catalogue import Catalogue, Entry, catalogue, lag, never_taken, shrunk, tell

FOLDER = "prefix/cache/"
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
STORE = RedisRdb(
    kind="redis.rdb",
    title="Sessions",
    owner="lead",
    bucket="backups",
    redis="main",
    every="24h",
    late="1h",
    keep="30d",
    rpo="1h",
    rto="1h",
)


def taken(ago: timedelta, size: int = 100) -> ev.BackupTaken:
    """One that the ledger knows."""
    at = NOW - ago
    return ev.BackupTaken(
        store="cache",
        kind="redis.rdb",
        backup=f"cache-{at:%Y%m%dT%H%M%SZ}",
        manifest_digest="sha256:0",
        size=size,
        taken_at=at,
    )


def objects(one: ev.BackupTaken, *, size: int | None = None, stored: datetime | None = None) -> list[Entry]:
    """What lies in the bucket of it: two files and the manifest."""
    at, whole = stored or one.taken_at, one.size if size is None else size
    return [
        Entry(f"{FOLDER}{one.backup}/dump.rdb", whole - 1, at),
        Entry(f"{FOLDER}{one.backup}/folder/other", 1, at),
        Entry(f"{FOLDER}{one.backup}.manifest.json", 999, at),
    ]


def made(known: list[ev.BackupTaken], *gone: ev.BackupTaken) -> Catalogue:
    """The catalogue of these, of which some are no longer in the bucket."""
    return catalogue(FOLDER, [entry for one in known if one not in gone for entry in objects(one)], known)


def told(found: Catalogue) -> dict[str, Decimal]:
    """What is measured, by name."""
    return {one.name: one.quantity.value for one in tell(found, STORE, NOW).found if one.quantity is not None}


def daily(days: int, first: timedelta = HOUR) -> list[ev.BackupTaken]:
    """One a day, the newest of an hour ago."""
    return [taken(first + DAY * number) for number in range(days)]


def test_a_well_kept_month_is_well() -> None:
    """Thirty days, each there and whole."""
    assert told(made(daily(31))) == {"age": 3600, "missing": 0, "overdue": 0, "shrunk": 0}


def test_a_young_store_owes_no_month() -> None:
    """The promise begins with the first backup that is known."""
    assert told(made(daily(3)))["missing"] == 0


@pytest.mark.parametrize("which", [1, 5, 30])
def test_one_that_is_gone_is_missing(which: int) -> None:
    """Wherever in the promised time it was: the ledger knows that it was taken."""
    known = daily(31)
    found = made(known, known[which - 1]) if which < 30 else made(known, known[29])
    assert told(found)["missing"] == 1


def test_one_that_was_cut_off_is_missing() -> None:
    """A manifest alone is no backup."""
    known = daily(3)
    entries = [entry for one in known for entry in objects(one, size=50 if one is known[1] else None)]
    found = tell(catalogue(FOLDER, entries, known), STORE, NOW)
    assert [str(one) for one in found.found if one.name == "missing"] == ["missing 1"]
    assert "50 of 100 bytes" in found.details[0]


def test_days_on_which_none_was_taken_are_missing() -> None:
    """Each of them, also at the beginning of the promised time."""
    known = [one for number, one in enumerate(daily(40)) if number not in {3, 4, 27, 28, 29, 30, 31}]
    within = [one for one in known if NOW - one.taken_at <= STORE.keep]
    found = catalogue(FOLDER, [entry for one in within for entry in objects(one)], known)
    assert told(found)["missing"] == 2 + 3


def test_what_is_older_than_promised_is_overdue() -> None:
    """Whether it was finished or not; a copy that was stored today is no younger."""
    known = daily(35)
    entries = [entry for one in known for entry in objects(one, stored=NOW)]
    unfinished = Entry(f"{FOLDER}cache-old/dump.rdb", 5, NOW - 40 * DAY)
    found = tell(catalogue(FOLDER, [*entries, unfinished], known), STORE, NOW)
    assert {one.name: one.quantity.value for one in found.found if one.quantity}["overdue"] == 3 + 1
    assert any("cache-old" in line and "no manifest" in line for line in found.details)


@pytest.mark.parametrize("every", [HOUR, 6 * HOUR, DAY])
@pytest.mark.parametrize("hour", range(0, 24, 5))
def test_what_a_lifecycle_rule_removes_in_its_time_is_neither_missing_nor_overdue(every: timedelta, hour: int) -> None:
    """S3 rounds the end up to the next midnight UTC, and here removes only most of a day later."""
    store = STORE.model_copy(update={"every": every})
    at = NOW.replace(hour=hour)
    known = [taken(NOW - at + HOUR + every * number) for number in range(40 * DAY // every)]

    def removed(one: ev.BackupTaken) -> datetime:
        end = (one.taken_at + store.keep).replace(hour=0, minute=0)
        return end + DAY + 23 * HOUR

    there = [one for one in known if removed(one) > at]
    found = tell(catalogue(FOLDER, [entry for one in there for entry in objects(one)], known), store, at).found
    assert {str(one) for one in found if one.name in {"missing", "overdue"}} == {"missing 0", "overdue 0"}
    assert max(at - one.taken_at for one in there) > store.keep
    assert lag(store) == max(every, DAY) + DAY


def test_a_copy_made_today_is_no_younger() -> None:
    """The recorded moment counts, not when S3 stored it; and a clock that ran ahead makes none younger."""
    old = taken(3 * DAY)
    assert told(catalogue(FOLDER, objects(old, stored=NOW), [old]))["age"] == 3 * 86400
    ahead = taken(-HOUR)
    assert told(catalogue(FOLDER, objects(ahead, stored=NOW - HOUR), [ahead]))["age"] == 3600


def test_nothing_at_all_is_as_old_as_can_be() -> None:
    """No backup, no size; everything that the ledger knows of is missing."""
    known = daily(3)
    found = told(made(known, *known))
    assert found["missing"] == 3
    assert found["age"] > 50 * 365 * 86400
    assert "shrunk" not in found


def test_small_is_against_the_usual_size() -> None:
    """The median of up to ten before it, as they were recorded; what grows does not shrink."""
    known = [taken(HOUR, 40), *(taken(HOUR + DAY * number, 100) for number in range(1, 8)), taken(9 * DAY, 5)]
    found = made(known)
    assert found.newest is not None
    assert shrunk(found, found.newest).quantity is not None
    assert told(found)["shrunk"] == 60
    assert told(made([taken(HOUR, 400), taken(DAY, 100)]))["shrunk"] == 0
    assert told(made([taken(HOUR, 10)]))["shrunk"] == 0


def test_small_is_also_told_when_all_were_cut_off() -> None:
    """What was recorded is the usual size, not what is left of it."""
    known = daily(4)
    entries = [entry for one in known for entry in objects(one, size=10)]
    assert told(catalogue(FOLDER, entries, known))["shrunk"] == 90


@given(gap=st.integers(0, 100 * 24 * 60), every=st.integers(1, 48 * 60), late=st.integers(0, 60))
def test_gaps_are_counted(gap: int, every: int, late: int) -> None:
    """None is missing up to `every` + `late`; one more for each further `every`."""
    minute = timedelta(minutes=1)
    counted = never_taken(gap * minute, every * minute, late * minute)
    assert (counted == 0) == (gap <= every + late)
    assert never_taken((gap + every) * minute, every * minute, late * minute) == max(
        counted + 1 if gap > late else 0, counted
    )
