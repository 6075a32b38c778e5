"""Following a launch: the verdict first, whatever else is wrong, and nobody is told that it ended when it goes on."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.following import follow
from tests.tminus.launch_story import LAUNCH, Story
from tests.tminus.told_launches import launched, no_metrics, rolled_back
from tminus.errors import LedgerUnreachable
from tminus.ledger.logbook import Logbook
from tminus.record import Record


@pytest.fixture(autouse=True)
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The ledger that the stories are told in."""
    monkeypatch.setenv("TMINUS_LEDGER", f"sqlite:{tmp_path / 'ledger.sqlite'}")
    monkeypatch.setattr("cli.following._PAUSE", 0.01)


@pytest.mark.parametrize(("story", "code"), [(launched, 0), (no_metrics, 3), (rolled_back, 4)])
def test_the_verdict_is_the_last_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], story: Callable[[Path], Story], code: int
) -> None:
    """And the exit code is the launch's."""
    closed = story(tmp_path).record.closed
    assert closed is not None
    assert follow(LAUNCH, tmp_path / "report") == code
    *_, report, verdict = capsys.readouterr().out.splitlines()
    assert (verdict, report) == (closed.sentence, f"The report is in {tmp_path / 'report'}.")
    assert (tmp_path / "report" / "report.html").is_file()


def test_a_report_that_cannot_be_written_hides_no_verdict(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The launch went well, and so says the exit code; what to type for the report is said."""
    launched(tmp_path)
    (tmp_path / "report").touch()
    assert follow(LAUNCH, tmp_path / "report") == 0
    told = capsys.readouterr()
    assert told.out.splitlines()[-1].startswith("GO tradesense 2.0.0 launched")
    assert f"`tminus report {LAUNCH}` makes it again" in told.err


def test_a_ledger_that_is_away_for_a_while_is_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """From the first look to the last: it is said once each time, and that the launch goes on."""
    launched(tmp_path)
    real, looks = Logbook.refresh, iter(range(100))

    def refresh(book: Logbook) -> Record:
        if next(looks) in {0, 1, 3, 4, 6}:
            raise LedgerUnreachable("the ledger does not answer")
        return real(book)

    monkeypatch.setattr(Logbook, "refresh", refresh)
    assert follow(LAUNCH, tmp_path / "report") == 0
    told = capsys.readouterr()
    assert len(re.findall(f"the ledger does not answer. The launch {LAUNCH} goes on", told.err)) == 3
    assert told.out.splitlines()[-2] == f"The report is in {tmp_path / 'report'}."
