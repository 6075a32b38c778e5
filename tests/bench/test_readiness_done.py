"""A sweep counts for the bench only where it did all its work."""

import pytest

from bench.readiness_done import NotDone, raise_unless_done
from tminus import events as ev
from tminus.clock import now
from tminus.outcome import Outcome, Verdict

BEGAN = ev.SweepBegan(at=now(), sweep="sweep.1", system="made-up", environment="bench", digests={}, lines=3)
ENDED = ev.SweepEnded(at=now(), sweep="sweep.1", counts={}, blocking=0, ready=True, sentence="it is ready")


def seen(section: str, *verdicts: Verdict) -> ev.LinesSeen:
    """One section, each line with one check."""
    outcomes = [Outcome(verdict=one, summary="…", at=now()) for one in verdicts]
    lines = tuple(ev.LineSeen(ref=f"{section}/{n}", digest="…", outcomes=(one,)) for n, one in enumerate(outcomes))
    return ev.LinesSeen(at=now(), section=section, lines=lines)


PASSED = seen("made-up/bench/part-0", Verdict.PASS, Verdict.PASS)
STUCK = (seen("made-up/bench/stuck", Verdict.UNKNOWN), seen("made-up/bench/blocked", Verdict.UNKNOWN))


def test_all_was_done() -> None:
    """It ended, what is so was found, and the site was asked once a check."""
    raise_unless_done([BEGAN, PASSED, *STUCK, ENDED], checks=2, hanging=1, asked=2)


@pytest.mark.parametrize(
    ("events", "asked", "said"),
    [
        ([BEGAN, PASSED, *STUCK], 2, "did not come to its end"),
        ([BEGAN, *STUCK, ENDED], 2, "wanted 2 checks that pass"),
        ([BEGAN, seen("made-up/bench/part-0", Verdict.PASS, Verdict.UNKNOWN), *STUCK, ENDED], 2, "1 other unknown"),
        ([BEGAN, PASSED, STUCK[0], seen("made-up/bench/blocked", Verdict.PASS), ENDED], 2, "1 stuck pass"),
        ([BEGAN, PASSED, *STUCK, ENDED], 0, "answered 0 requests"),
        ([BEGAN, PASSED, *STUCK, ENDED], 3, "answered 3 requests"),
    ],
)
def test_what_was_left_out_is_said(events: list[ev.Event], asked: int, said: str) -> None:
    """With the numbers."""
    with pytest.raises(NotDone, match=said):
        raise_unless_done(events, checks=2, hanging=1, asked=asked)
