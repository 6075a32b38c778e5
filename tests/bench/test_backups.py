"""The bench of backups takes no time of a verification that left something out."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import cast

import pytest

from bench.backups_data import book
from bench.backups_verified import require_done
from bench.readiness_done import NotDone
from tasks.backups.asked import Asked, Seen
from tminus.backups.aspects import expected
from tminus.backups.contents import PostgresContents, TableContents
from tminus.expectation import Measurement

STORE = book("many")
WORDS = {"readable_without_key": "no", "restored": "yes"}
TABLES = {name: TableContents(rows=7, checksum="1") for name in ("public.a", "public.b")}


def seen(but: str = "", **other: Measurement) -> Seen:
    """All that a good verification measures, but for one, or with others in place."""
    names = [one for one in expected("postgres.dump", STORE) if one not in {but, "age", "missing", "overdue"}]
    units = {"shrunk": "%", "restore_time": "s", "loss": "s"}
    found = [
        Measurement(name=name, word=WORDS[name]) if name in WORDS else Measurement.number(name, 0, units.get(name, ""))
        for name in names
        if name != "manifest"
    ]
    return Seen([other.get(one.name, one) for one in found], ["2 tables with 14 rows, 2 of them checked early"])


def asked() -> Asked:
    """Of a database with two tables."""
    contents = PostgresContents(schema_lines={}, tables=TABLES, sequences={}, encoding="UTF8")
    return cast("Asked", SimpleNamespace(store=STORE, manifest=SimpleNamespace(contents=contents)))


def test_one_that_did_all_counts() -> None:
    """Nothing is raised."""
    require_done(asked(), seen())


@pytest.mark.parametrize("left_out", ["tables_differ", "indexes_broken", "restored", "loss", "invariants_broken"])
def test_one_that_left_something_out_does_not(left_out: str) -> None:
    """It names what was not measured."""
    with pytest.raises(NotDone, match=f"not measured: {left_out}"):
        require_done(asked(), seen(but=left_out))


def test_one_that_found_something_wrong_does_not() -> None:
    """Whether it was quick does not matter then."""
    with pytest.raises(NotDone, match="not as it should be: tables_differ 1"):
        require_done(asked(), seen(tables_differ=Measurement.number("tables_differ", 1)))


@pytest.mark.parametrize("details", [[], ["2 tables with 13 rows, 2 of them checked early"]])
def test_one_that_looked_at_fewer_rows_does_not(details: Sequence[str]) -> None:
    """As many as the live database had, by its own words."""
    with pytest.raises(NotDone, match="14 rows"):
        require_done(asked(), Seen(seen().found, details))
