"""When the old version serves again: once the change was taken back, and not for what ends by itself."""

from datetime import timedelta

from tests.tminus.ledger.recorded import AT, intent, record_of
from tminus import events as ev
from tminus.outcome import Outcome
from tminus.report.watched import traffic_back

WINDOW = intent("quiet", "end the window").model_copy(update={"harmless_if_left": True})
WINDOW_ENDED = ev.UndoEnded(step="quiet", outcome=Outcome.passed("ended"), at=AT)


def test_a_maintenance_window_brings_nothing_back() -> None:
    """A launch that changed nothing ends it, and so does a way back whose switch could not be taken back."""
    assert traffic_back(record_of(WINDOW, WINDOW_ENDED)) is None
    stuck = ev.UndoEnded(step="switch", outcome=Outcome.failed("nginx does not answer"), at=AT)
    record = record_of(WINDOW, intent("switch"), stuck, WINDOW_ENDED)
    assert traffic_back(record) is None
    later = AT + timedelta(minutes=5)
    taken_back = ev.UndoEnded(step="switch", outcome=Outcome.passed("blue serves"), at=later)
    assert traffic_back(record_of(*record.events, taken_back)) == later
