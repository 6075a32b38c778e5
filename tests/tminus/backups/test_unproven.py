"""Which older backups are not forgotten: pure logic over a catalogue and what was said of it."""

import pytest

from tests.tminus.backups.test_catalogue import STORE, daily, made
from tminus import events as ev
from tminus.backups.aspects import UNITS
from tminus.backups.judging import Gathered, judged
from tminus.backups.unproven import failed_before, last_words, still_failed, to_try_again
from tminus.expectation import Measurement
from tminus.outcome import Outcome, Verdict

KNOWN = daily(4)
FOUND = made(KNOWN)
WORDS = {"manifest": "recorded", "readable_without_key": "no", "restored": "yes"}


def came(wrong: str = "") -> Outcome:
    """How a backup comes out of which all is as it should be but that."""
    seen = Gathered()
    numbers = [name for name in UNITS if name not in WORDS]
    seen.add([Measurement.number(name, 10**7 if name == wrong else 0, UNITS[name]) for name in numbers])
    seen.add([Measurement(name=name, word="no such" if name == wrong else word) for name, word in WORDS.items()])
    return judged(STORE.kind, STORE, seen, "s3://b/k", newest=True)


def said(which: int, outcome: Outcome, *, newest: bool) -> ev.BackupVerified:
    """That a backup came out so."""
    return ev.BackupVerified(
        verification="v", store="cache", kind="redis.rdb", backup=KNOWN[which].backup, newest=newest, outcome=outcome
    )


@pytest.mark.parametrize(
    ("wrong", "stays"),
    [
        *((name, False) for name in ("age", "missing", "overdue", "shrunk", "loss", "restore_time")),
        *((name, True) for name in ("manifest", "files_damaged", "restored", "databases_differ")),
    ],
)
def test_what_was_of_its_moment_does_not_stay(wrong: str, stays: bool) -> None:
    """That it was too old while it was the newest says nothing against it later; as an older one, all counts."""
    outcome = came(wrong)
    assert outcome.verdict is Verdict.FAIL, outcome
    for newest in (True, False):
        last = last_words([said(2, outcome, newest=newest)], "cache")
        assert still_failed(FOUND, last) == ((KNOWN[2].backup,) if stays or not newest else ())
        assert [one.name for one in to_try_again(FOUND, last)] == [KNOWN[2].backup]


def test_the_last_word_counts() -> None:
    """Of each, while it lies there: not the newest's own, nor that of one that is gone or of another store."""
    bad, good = came("restored"), came()
    words = [said(number, bad, newest=False) for number in range(4)]
    last = last_words([*words, said(2, good, newest=False)], "cache")
    assert good.verdict is Verdict.PASS, good
    assert still_failed(FOUND, last) == (KNOWN[1].backup, KNOWN[3].backup)
    assert still_failed(made(KNOWN, KNOWN[1]), last) == (KNOWN[3].backup,)
    assert still_failed(FOUND, last_words(words, "other")) == ()
    assert failed_before(still_failed(FOUND, last)).startswith(f"{KNOWN[1].backup} (and 1 more) failed")


def test_one_that_was_not_looked_at_to_its_end_is_only_tried_again() -> None:
    """It is not known to be bad."""
    last = last_words([said(1, Outcome.unknown("silent"), newest=False)], "cache")
    assert still_failed(FOUND, last) == ()
    assert [one.name for one in to_try_again(FOUND, last)] == [KNOWN[1].backup]
