"""How what was seen of a backup comes out."""

import pytest

from tests.tminus.backups.test_catalogue import STORE
from tminus.backups.aspects import ASPECTS_OF, expected
from tminus.backups.judging import Gathered, in_seconds, judged
from tminus.expectation import Expectation, Measurement
from tminus.outcome import Verdict

_WORDS = {"manifest": "recorded", "readable_without_key": "no", "restored": "yes"}
_UNITS = {"age": "s", "restore_time": "s", "loss": "s", "shrunk": "%"}


def seen(**other: Measurement | None) -> Gathered:
    """Everything as it should be, but for these; None leaves one out."""
    gathered = Gathered()
    for name in ASPECTS_OF["redis.rdb"]:
        word = _WORDS.get(name)
        good = Measurement(name=name, word=word) if word else Measurement.number(name, 0, _UNITS.get(name, ""))
        if (one := other.get(name, good)) is not None:
            gathered.add([one])
    return gathered


def verdict(gathered: Gathered, *, newest: bool = True) -> Verdict:
    """How it comes out."""
    return judged("redis.rdb", STORE, gathered, "s3://here", newest=newest).verdict


def test_all_well_passes() -> None:
    """The good case, for comparison."""
    assert verdict(seen()) is Verdict.PASS


@pytest.mark.parametrize("name", ASPECTS_OF["redis.rdb"])
def test_each_aspect_counts(name: str) -> None:
    """Whichever is wrong fails; whichever was not measured is unknown."""
    wrong = (
        Measurement(name=name, word="other")
        if name in _WORDS
        else Measurement.number(name, 10**9, _UNITS.get(name, ""))
    )
    assert verdict(seen(**{name: wrong})) is Verdict.FAIL
    assert verdict(seen(**{name: None})) is Verdict.UNKNOWN


@pytest.mark.parametrize("name", ["age", "missing", "overdue", "shrunk"])
def test_an_older_one_is_judged_by_what_is_its_own(name: str) -> None:
    """How many there are is said of the newest."""
    assert verdict(seen(**{name: Measurement.number(name, 10**9, _UNITS.get(name, ""))}), newest=False) is Verdict.PASS


@pytest.mark.parametrize("name", ["files_damaged", "wal_missing"])
@pytest.mark.parametrize("counts", [(0, 2), (2, 0), (2, 1)])
def test_of_what_is_counted_twice_the_larger_count_stays(name: str, counts: tuple[int, int]) -> None:
    """Neither look takes back what the other one saw."""
    gathered = Gathered()
    for count in counts:
        gathered.add([Measurement.number(name, count)])
    assert str(gathered.found[name]) == f"{name} {max(counts)}"


def test_what_could_not_be_looked_at_hides_nothing() -> None:
    """A failure that was seen stays one; else the reason is the sentence."""
    bad, well = seen(missing=Measurement.number("missing", 2)), seen()
    bad.reason = well.reason = "the scratch server died"
    assert verdict(bad) is Verdict.FAIL
    outcome = judged("redis.rdb", STORE, well, "", newest=True)
    assert (outcome.verdict, outcome.summary) == (Verdict.UNKNOWN, "the scratch server died")


def test_files_count_by_the_worse_of_two_looks() -> None:
    """S3's word, and what was read; of all else the first measurement stays."""
    gathered = seen()
    gathered.add([Measurement.number("files_damaged", 2), Measurement.number("age", 10**9, "s")])
    gathered.add([Measurement.number("files_damaged", 1)])
    outcome = judged("redis.rdb", STORE, gathered, "", newest=True)
    assert outcome.summary.startswith("files_damaged 2, expected")


def test_another_unit_is_a_fault_of_ours() -> None:
    """It judges nothing, and is unknown."""
    outcome = judged("redis.rdb", STORE, seen(loss=Measurement.number("loss", 1, "h")), "", newest=True)
    assert outcome.verdict is Verdict.UNKNOWN
    assert "fault of tminus" in outcome.summary


def test_times_are_read_back_in_seconds() -> None:
    """For the trend; what was not measured is none."""
    outcome = judged("redis.rdb", STORE, seen(loss=Measurement.number("loss", 12.5, "s")), "", newest=True)
    assert in_seconds(outcome, "loss") == 12.5
    assert in_seconds(outcome, "restored") is None
    assert in_seconds(outcome, "nothing") is None


def test_details_are_bounded() -> None:
    """However much a verifier says."""
    gathered = seen()
    gathered.add([], ["x" * 10_000] * 1000)
    outcome = judged("redis.rdb", STORE, gathered, "", newest=True)
    assert len(outcome.details) <= 41
    assert max(map(len, outcome.details)) <= 500


def test_every_aspect_has_a_unit_that_its_expectation_fits() -> None:
    """For each kind of store."""
    from tminus.backups.aspects import UNITS

    for kind in ASPECTS_OF:
        wanted = expected(kind, STORE)
        assert all(isinstance(one, Expectation) and one.misfit(UNITS[name]) is None for name, one in wanted.items())
