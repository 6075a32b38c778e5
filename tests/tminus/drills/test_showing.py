"""What was measured stands beside what was promised, drill after drill."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from rich.console import Console

from tminus import events as ev
from tminus.drills.book import Drill, DrillsBook
from tminus.drills.course import Course
from tminus.drills.opened import OpenedDrills
from tminus.drills.showing import account, history, overview, shown, trend
from tminus.environment import Environment

START = datetime(2026, 1, 5, 7, tzinfo=UTC)


def drilled(month: int, rto: str | None, how: str = "held", lost: int = 0) -> list[ev.Event]:
    """All that is written of one drill."""
    at, name = START + timedelta(days=30 * month), f"d{month}"
    events: list[ev.Event] = [
        ev.DrillBegan(
            at=at,
            drill=name,
            scenario="failover",
            kind="a.kind",
            environment="staging",
            digests={},
            way={"victim": "a", "synchronous": ""},
            before={},
            rto_s=Decimal(60),
            rpo_s=Decimal(0),
            asked_by="asker",
            reason="the monthly one",
        ),
        ev.DrillStageBegan(at=at, drill=name, stage="inject"),
        ev.DrillStageDone(at=at + timedelta(seconds=1), drill=name, stage="inject", said="a was killed"),
    ]
    if rto is None:
        events.append(ev.DrillBrokeOff(at=at + timedelta(seconds=2), drill=name, stage="recover", why="nobody came"))
    else:
        events.append(ev.DrillMeasured(drill=name, kept=90, lost=lost, unknown=3, rto_s=Decimal(rto)))
    ended = ev.DrillEnded(at=at + timedelta(seconds=9), drill=name, how=how, sentence=f"{name} is over")  # type: ignore[arg-type]  # one of them
    return [*events, ended]


def opened() -> OpenedDrills:
    """A book of one."""
    drill = Drill.model_validate({"kind": "a.kind", "title": "It dies", "owner": "ops", "rto": "1m", "rpo": "0s"})
    book = DrillsBook(drills="house", title="The house's drills", scenarios={"failover": drill})
    plain = {
        "environment": "staging",
        "kind": "staging",
        "ledger": {"sqlite": "/nowhere"},
        "prefect": {"api": "http://x"},
    }
    return OpenedDrills(book, Environment.model_validate({**plain, "state": "/nowhere"}), Path("/nowhere"), {})


def course(*drills: list[ev.Event]) -> Course:
    """These, one after another."""
    return Course([event for one in drills for event in one])


def test_the_overview() -> None:
    """The last measurement, the promise, the trend, and the owner in one row."""
    console = Console(width=200, record=True, file=None)
    console.begin_capture()
    console.print(overview(opened(), {"failover": course(drilled(0, "10"), drilled(1, "40.5", "missed", 7))}, set()))
    text = console.end_capture()
    for word in ("failover", "2026-02-04: missed", "40.50 s", "1m", "7 writes (0.00 s)", "▃█", "ops"):
        assert word in text, word


def test_one_that_was_never_played() -> None:
    """It says so, and what is promised."""
    console = Console(width=200, record=True)
    console.begin_capture()
    console.print(overview(opened(), {"failover": Course()}, set()))
    assert "never" in console.end_capture()
    assert shown("failover", opened().book.scenarios["failover"], Course())["rto_promised_s"] == 60


def test_the_trend_tells_what_was_not_measured() -> None:
    """Twelve at the most; nothing measured is no bar of no height."""
    assert trend(course(*(drilled(month, "1") for month in range(15)))) == "█" * 12
    assert trend(course(drilled(0, "0"), drilled(1, None, "undone"), drilled(2, "8"))) == "▁!█"


def test_the_history() -> None:
    """Moment by moment, by whom and why; what did not go as it should stands there too."""
    lines = history(course(drilled(0, None, "undone")))
    assert lines[0] == "2026-01-05 07:00:00 d0 begins for asker: the monthly one (victim a)"
    assert lines[1:] == [
        "2026-01-05 07:00:01 inject: a was killed",
        "2026-01-05 07:00:02 broke off: nobody came",
        "2026-01-05 07:00:09 undone: d0 is over",
    ]


def test_who_was_quiet_stands_in_the_history() -> None:
    """Or that nobody was: an alert of that time is understood later."""
    began, *rest = drilled(0, "10")
    window = ev.DrillWindow(
        at=START, drill="d0", open=False, said="PagerDuty opened no maintenance window (it is down)"
    )
    lines = history(course([began, window, *rest]))
    assert lines[1] == "2026-01-05 07:00:00 PagerDuty opened no maintenance window (it is down)"


def test_the_account() -> None:
    """Against the promise, against the one before, and whose it is to follow up."""
    text = account(opened(), "failover", course(drilled(0, "10"), drilled(1, "40.5", "missed", 7)))
    for word in ("# It dies: missed", "| gone for | 40.50 s", "| 1m |", "7 of 97 acknowledged writes", "+30.50 s"):
        assert word in text, word
    assert "is ops's to follow up: d1 is over" in text
    assert "to follow up" not in account(opened(), "failover", course(drilled(0, "10")))


def test_for_programs() -> None:
    """Numbers, in seconds."""
    row = shown("failover", opened().book.scenarios["failover"], course(drilled(0, "10.25", lost=2)))
    assert (row["how"], row["rto_s"], row["lost_writes"], row["rpo_promised_s"]) == ("held", 10.25, 2, 0.0)


def test_what_nobody_counted_is_not_nothing() -> None:
    """Where no writes were made, no number is shown for what is lost: not to people, not to programs."""
    scenarios, course = opened(), Course(drilled(1, "3"))
    measured = course.drills[0].measured
    assert measured is not None
    course.drills[0].measured = measured.model_copy(update={"uncounted": "nobody writes", "kept": 0, "unknown": 0})
    told = account(scenarios, "failover", course)
    assert "| lost | not counted |" in told
    assert told.rstrip().endswith("| not counted |")
    row = shown("failover", scenarios.book.scenarios["failover"], course)
    assert (row["rto_s"], row["lost_writes"], row["lost_s"]) == (3.0, None, None)
    console = Console(width=200)
    with console.capture() as shown_text:
        console.print(overview(scenarios, {"failover": course}, set()))
    assert "not counted" in shown_text.get()
