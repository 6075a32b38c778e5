"""Restored stores held against each other: what is a disagreement, and what was only written later."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tminus import events as ev
from tminus.backups.book import BackupBook
from tminus.backups.contents import Marker
from tminus.backups.together import Comparison, compared_sentence
from tminus.backups.together_sets import Sets
from tminus.errors import CouldNotObserve
from tminus.outcome import Outcome, Verdict

START = datetime(2026, 11, 22, 14, 0, tzinfo=UTC)
_EACH = {"title": "t", "owner": "o", "bucket": "b", "every": "1h", "rpo": "1h", "rto": "1h"}
STORES = {
    "database": {**_EACH, "kind": "postgres.dump", "database": "main"},
    "cache": {**_EACH, "kind": "redis.rdb", "redis": "main"},
    "notes": {**_EACH, "kind": "s3.objects", "source": "notes"},
}
IDS = {"database": "SELECT id, placed_at FROM orders", "cache": "KEYS order:*", "notes": "notes/*.json"}
TOGETHER = {"title": "t", "owner": "o", "settles": "10s", "agree": [{"title": "Orders", "ids": IDS}]}
Ids = Mapping[str, float | None]


def book(**agree: object) -> BackupBook:
    """Three stores that must agree on orders."""
    group = {**TOGETHER, "agree": [{"title": "Orders", "ids": IDS, **agree}]}
    return BackupBook.model_validate(
        {"backups": "shop", "title": "t", "stores": STORES, "together": {"trading": group}}
    )


def at(seconds: float) -> datetime:
    """So many seconds after the beginning."""
    return START + timedelta(seconds=seconds)


def fill(
    comparison: Comparison, store: str, ids: Ids, mark: float, *, lag: float = 0, gone: tuple[str, ...] = ()
) -> None:
    """A store's answer: ids with the second in which each was written, its newest mark, and how long its copy took."""
    answers = comparison.of(store)
    assert answers is not None
    for question in answers.questions:
        for identity, second in ids.items():
            when = None if second is None else at(second).timestamp()
            answers.add(question, identity.encode(), when, gone=identity in gone)
    answers.done(Marker(number=int(mark), at=at(mark)), at(mark + 1), at(mark + 1 + lag))


def outcome(comparison: Comparison) -> Outcome:
    """How the one group came out."""
    (came,) = comparison.came("v", ())
    comparison.close()
    return came.outcome


def compared(
    database: Ids, cache: Ids, notes: Ids, *, marks: tuple[float, float, float] = (300, 300, 300), **agree: object
) -> Outcome:
    """The three of them."""
    comparison = Comparison(book(**agree), list(STORES))
    for store, ids, mark in zip(STORES, (database, cache, notes), marks, strict=True):
        fill(comparison, store, ids, mark)
    return outcome(comparison)


OLD = {"a": 10.0, "b": 20.0, "c": 30.0}
KEYS = dict.fromkeys(OLD)


def test_the_same_in_all_agrees_as_of_the_oldest_mark() -> None:
    """And says so; every store's mark is told."""
    found = compared(OLD, KEYS, OLD, marks=(300, 200, 400))
    assert found.verdict is Verdict.PASS
    assert found.summary == "database, cache and notes agree as of mark 200 of 2026-11-22 14:03:20 UTC"
    assert "notes holds mark 400 of 2026-11-22 14:06:40 UTC" in found.details


@pytest.mark.parametrize("moment", [float("-inf"), -1e14, -70_000_000_000.0])
def test_a_moment_that_no_calendar_has(moment: float) -> None:
    """PostgreSQL writes `-infinity` and years before Christ; it is said, and breaks nothing."""
    comparison = Comparison(book(), list(STORES))
    for store, ids in zip(STORES, (OLD, KEYS, OLD), strict=True):
        fill(comparison, store, ids, 300)
    answers = comparison.of("database")
    assert answers is not None
    for question in answers.questions:
        answers.add(question, b"long ago", moment)
    found = outcome(comparison)
    assert found.verdict is Verdict.FAIL
    assert "the earliest by a moment that no calendar has" in found.summary


@pytest.mark.parametrize("lost", ["database", "cache", "notes"])
def test_what_one_lacks_is_caught(lost: str) -> None:
    """With who lacks how many, since which mark; a key without a time counts where the other store is later."""
    marks = {"database": (300.0, 200.0, 300.0), "cache": (300.0, 200.0, 300.0), "notes": (300.0, 200.0, 300.0)}[lost]
    ids = {store: {**OLD} if store != "cache" else {**KEYS} for store in STORES}
    del ids[lost]["b"]
    found = compared(ids["database"], ids["cache"], ids["notes"], marks=marks)
    assert found.verdict is Verdict.FAIL
    assert f"{lost} lacks 1 that" in found.summary
    assert "the earliest by 2026-11-22 14:0" in found.summary


def test_what_was_written_after_a_mark_is_no_disagreement() -> None:
    """Nor what was written so shortly before that it may have been on its way; a second earlier it is one."""
    late = {**OLD, "d": 195.0, "e": 250.0}
    assert compared(late, KEYS, late, marks=(300, 200, 300)).verdict is Verdict.PASS
    found = compared({**OLD, "d": 189.0}, KEYS, {**OLD, "d": 189.0}, marks=(300, 200, 300))
    assert found.verdict is Verdict.FAIL
    assert "cache lacks 1 that database and notes have, written before mark 200" in found.summary


def test_each_is_held_to_its_own_mark() -> None:
    """Two late stores are compared up to their own marks, however old the third is."""
    found = compared({**OLD, "d": 250.0}, KEYS, OLD, marks=(300, 100, 300))
    assert "notes lacks 1 that database has" in found.summary


def test_keys_without_a_time_in_a_later_copy_are_not_judged() -> None:
    """They may have been written since; how many is told, and the rest is compared all the same."""
    found = compared(OLD, {**KEYS, "d": None}, OLD, marks=(300, 400, 300))
    assert found.verdict is Verdict.PASS
    assert any("cache does not say of 4 when they were written" in line for line in found.details)


def test_one_that_holds_only_some() -> None:
    """It lacks nothing; what it has, the others must have."""
    assert compared(OLD, {"a": None}, OLD, partial=["cache"]).verdict is Verdict.PASS
    found = compared({"b": 20.0, "c": 30.0}, {"a": None}, OLD, marks=(300, 100, 300), partial=["cache"])
    assert "database lacks 1 that cache and notes have" in found.summary


def test_what_was_removed_is_nobodys_duty() -> None:
    """Also where a third store still has it."""
    comparison = Comparison(book(), list(STORES))
    fill(comparison, "database", OLD, 300, gone=("b",))
    fill(comparison, "cache", {"a": None, "c": None}, 200)
    fill(comparison, "notes", OLD, 300)
    assert outcome(comparison).verdict is Verdict.PASS
    assert compared(OLD, {"a": None, "c": None}, OLD).verdict is Verdict.FAIL


@pytest.mark.parametrize("empty", [({}, {}, {}), ({"a": 295.0}, {}, {"a": 295.0})])
def test_nothing_compared_proves_nothing(empty: tuple[Ids, Ids, Ids]) -> None:
    """Nor does a store of which the book asks for what is not there."""
    assert compared(*empty).verdict is Verdict.UNKNOWN
    found = compared(OLD, {}, OLD, partial=["cache"])
    assert found.verdict is Verdict.UNKNOWN
    assert "cache has none at all" in found.summary


def test_a_store_that_was_not_restored_makes_it_unknown() -> None:
    """With the reason, and without a common point."""
    comparison = Comparison(book(), list(STORES))
    fill(comparison, "database", OLD, 300)
    answers = comparison.of("notes")
    assert answers is not None
    answers.failed("it holds no mark")
    cache = ev.BackupVerified(
        verification="v", store="cache", kind="redis.rdb", backup="", outcome=Outcome.unknown("S3 is silent")
    )
    (came,) = comparison.came("v", [cache])
    comparison.close()
    assert came.mark is None
    assert came.outcome.verdict is Verdict.UNKNOWN
    assert "cache: S3 is silent; notes: it holds no mark" in came.outcome.summary
    assert compared_sentence([came]) == "1 group of stores compared; not proven to agree: trading (unknown)"
    assert compared_sentence([]) == ""


def test_a_full_disk_makes_it_unknown() -> None:
    """Whether it is full while ids come, or when they are sorted; what was given up adds nothing more."""
    sets = Sets()
    sets._database.execute("PRAGMA max_page_count = 8")

    def add(count: int) -> None:
        for number in range(count):
            sets.add(0, "database", b"%d" % number, None)

    with pytest.raises(CouldNotObserve, match="cannot be kept on this machine's disk"):
        add(100_000)
    with pytest.raises(CouldNotObserve, match="disk"):
        sets.count(0, "database")
    sets.close()
    add(2000)

    comparison = Comparison(book(), list(STORES))
    for store in STORES:
        fill(comparison, store, OLD, 300)
    assert comparison._sets is not None
    pages = comparison._sets._database.execute("PRAGMA page_count").fetchone()[0]
    comparison._sets._database.execute(f"PRAGMA max_page_count = {pages}")
    found = outcome(comparison)
    assert found.verdict is Verdict.UNKNOWN
    assert "not compared: the ids to be compared cannot be kept" in found.summary


def test_groups_of_which_not_all_are_looked_at_are_not_compared() -> None:
    """Whoever looks at one store is told of that one."""
    comparison = Comparison(book(), ["cache", "database"])
    assert comparison.of("cache") is None
    assert comparison.came("v", ()) == []
    comparison.close()


@pytest.mark.parametrize(
    "agree",
    [
        {"ids": {**IDS, "orders": "SELECT 1"}},
        {"ids": {**IDS, "cache": "order:*"}},
        {"ids": {**IDS, "notes": "notes/"}},
        {"ids": {**IDS, "database": " "}},
        {"ids": {"cache": "KEYS a*"}},
        {"partial": list(STORES)},
        {"partial": ["orders"]},
    ],
)
def test_mistakes_are_found_in_the_book(agree: Mapping[str, object]) -> None:
    """Before anything is restored."""
    with pytest.raises(ValidationError):
        book(**agree)


_SET = st.dictionaries(st.integers(0, 9), st.none() | st.integers(0, 9), max_size=10)


@given(_SET, _SET, _SET, st.integers(0, 12), st.tuples(*[st.integers(0, 12)] * 3), st.sets(st.integers(0, 9)))
def test_sets_are_held_against_each_other_as_plain_sets_are(
    one: dict[int, int | None],
    two: dict[int, int | None],
    three: dict[int, int | None],
    horizon: int,
    until: tuple[int, ...],
    gone: set[int],
) -> None:
    """What is due of a store and what it lacks, for any sets, times and removals."""
    held = {"one": one, "two": two, "three": three}
    ends = dict(zip(held, until, strict=True))
    sets = Sets()
    for name, ids in held.items():
        for identity, second in ids.items():
            sets.add(0, name, b"%d" % identity, second, gone=identity in gone and name == "one")
        sets.written_until(name, ends[name])

    removed = gone & set(one)

    def due(store: str) -> set[int]:
        return {
            identity
            for name, ids in held.items()
            if name != store
            for identity, second in ids.items()
            if (ends[name] if second is None else second) <= horizon and identity not in removed
        }

    for store, ids in held.items():
        lacks = sets.lacks(0, store, horizon)
        assert sets.due(0, store, horizon) == len(due(store))
        assert (lacks.ids if lacks else 0) == len(due(store) - set(ids))
    sets.close()
