"""Which backup a restore goes back to."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tminus import events as ev
from tminus.backups.aspects import UNITS
from tminus.backups.catalogue import Catalogue, Listed
from tminus.backups.contents import Marker
from tminus.errors import UsageError
from tminus.expectation import Measurement
from tminus.outcome import Outcome, Verdict
from tminus.restores.choosing import choose

AT = datetime(2026, 11, 22, 18, 0, tzinfo=UTC)


def listed(ago: int, *, known: bool = True, size: int = 10, mark: int | None = None) -> Listed:
    """A backup of so many minutes ago, whose newest mark is so many seconds older."""
    at, name = AT - timedelta(minutes=ago), f"database-{ago:04}"
    marker = None if mark is None else Marker(number=1, at=at - timedelta(seconds=mark))
    taken = ev.BackupTaken(
        store="database",
        kind="postgres.dump",
        backup=name,
        manifest_digest=f"sha256:{ago}",
        size=10,
        taken_at=at,
        marker=marker,
    )
    return Listed(name, f"{name}.manifest.json", size, at, taken if known else None)


def came(ago: int, outcome: Outcome) -> ev.BackupVerified:
    """How that one came out."""
    return ev.BackupVerified(
        verification="v",
        store="database",
        kind="postgres.dump",
        backup=f"database-{ago:04}",
        manifest_digest=f"sha256:{ago}",
        outcome=outcome,
    )


def found(*some: Listed) -> Catalogue:
    """What lies in the bucket."""
    return Catalogue(tuple(some), ())


def failed(name: str) -> Outcome:
    """By that aspect alone."""
    word = UNITS[name] == "word"
    one = Measurement(name=name, word="bad") if word else Measurement.number(name, 1, UNITS[name])
    fine = Measurement(name="restored" if name != "restored" else "other", word="yes")
    return Outcome(verdict=Verdict.FAIL, summary=f"{name} 1", found=(fine, one))


GOOD, BAD = Outcome.passed("well"), failed("tables_differ")
OF_ITSELF = re.compile("restored|manifest|files_.*|.*_differs?|.*_broken")


@given(st.sets(st.integers(0, 5000), min_size=1, max_size=20), st.integers(0, 5000))
def test_the_newest_at_or_before(agos: set[int], wanted: int) -> None:
    """Never one that is newer than the instant, and none between."""
    catalogue = found(*(listed(ago) for ago in agos))
    older = [ago for ago in agos if ago >= wanted]
    instant = AT - timedelta(minutes=wanted)
    if not older:
        with pytest.raises(UsageError, match="no backup at or before"):
            choose(catalogue, [], "database", instant)
        return
    chosen = choose(catalogue, [], "database", instant)
    assert chosen.listed.name == f"database-{min(older):04}"
    assert chosen.later == len(agos) - len(older)
    assert chosen.reached <= instant


@pytest.mark.parametrize(
    ("newest", "said", "why"),
    [
        (listed(1, known=False), [], "the ledger does not know it"),
        (listed(1, size=7), [], "7 of 10 bytes are there"),
        (listed(1), [came(1, GOOD), came(1, BAD)], "tables_differ 1"),
    ],
)
def test_what_speaks_against_a_backup(newest: Listed, said: Sequence[ev.BackupVerified], why: str) -> None:
    """It is passed over, and the reason is told."""
    chosen = choose(found(newest, listed(60)), said, "database", AT)
    assert chosen.listed.name == "database-0060"
    assert len(chosen.passed_over) == 1
    assert why in chosen.passed_over[0]
    with pytest.raises(UsageError, match=why):
        choose(found(newest), said, "database", AT)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ([], ""),
        ([came(1, BAD), came(1, GOOD)], "proven at"),
        ([came(1, Outcome.unknown("the disk is full"))], "could not be looked at"),
        ([came(2, BAD)], ""),
    ],
)
def test_what_does_not(said: Sequence[ev.BackupVerified], told: str) -> None:
    """Its last word counts, and only of this very backup; one that nobody restored yet is taken too."""
    chosen = choose(found(listed(1), listed(60)), said, "database", AT)
    assert chosen.listed.name == "database-0001"
    assert chosen.verified_said.startswith(told)
    assert bool(chosen.verified_said) == bool(told)


@pytest.mark.parametrize("name", UNITS)
def test_only_its_own_content_speaks_against_it(name: str) -> None:
    """Not that it was old, slow or small; nor, where WAL leads on, what was found at the WAL's end."""
    kinds = {False: bool(OF_ITSELF.fullmatch(name)), True: bool(OF_ITSELF.fullmatch(name))}
    if name in {"invariants_broken", "indexes_broken"}:
        kinds[True] = False
    for through_wal, speaks in kinds.items():
        catalogue, said = found(listed(1), listed(60)), [came(1, failed(name))]
        chosen = choose(catalogue, said, "database", AT, through_wal=through_wal)
        assert (chosen.listed.name == "database-0060") == speaks
        if not speaks:
            assert chosen.verified_said.startswith("not proven at ")
            assert chosen.verified_said.endswith(f"nothing of its content was wrong: {name} 1")


def test_the_mark_says_how_far_it_reaches() -> None:
    """Else the snapshot does; a mark from a clock that is ahead reaches no further than the snapshot."""
    assert choose(found(listed(1, mark=30)), [], "database", AT).reached == AT - timedelta(seconds=90)
    assert choose(found(listed(1)), [], "database", AT).reached == AT - timedelta(seconds=60)
    assert choose(found(listed(1, mark=-30)), [], "database", AT).reached == AT - timedelta(seconds=60)


def test_nothing_at_all() -> None:
    """It says what takes one."""
    with pytest.raises(UsageError, match="`tminus backup database` takes one"):
        choose(found(), [], "database", AT)
