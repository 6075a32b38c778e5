"""The page, what is left to follow up, and who took part: by what the ledger knows, and nothing else."""

import json
from datetime import datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tminus.drills.test_showing import START, drilled
from tests.tminus.drills.told_drills import NAME, Told, opened_with
from tests.tminus.readiness.room import person
from tminus import events as ev
from tminus.drills.course import Course
from tminus.drills.evidence import files
from tminus.drills.follow_up import follow_ups
from tminus.drills.report import page
from tminus.drills.roster import absent, parts, roster_lines
from tminus.errors import UsageError
from tminus.people import People

HOWS = st.lists(st.sampled_from(["held", "missed", "undone", "not undone"]), max_size=6)


class _Page(HTMLParser):
    """What a reader sees, and whether every tag that is opened is closed."""

    VOID = frozenset({"meta", "line", "rect", "circle", "polyline", "polygon", "br"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.seen = ""
        self.tags: list[str] = []
        self.opened: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        self.tags.append(tag)
        if tag not in self.VOID:
            self.opened.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.opened.pop() == tag

    def handle_data(self, data: str) -> None:
        self.seen += data


def course_of(*drills: list[ev.Event]) -> Course:
    """A chain of these."""
    course = Course()
    for events in drills:
        for event in events:
            course.take(event)
    return course


@given(HOWS)
def test_a_follow_up_is_open_until_the_scenario_holds(hows: list[str]) -> None:
    """It counts the drills since then, and says what the last of them came to; held again, there is none."""
    opened = opened_with(Path("/nowhere"), {})
    course = course_of(*(drilled(month, "10", how) for month, how in enumerate(hows)))
    found = follow_ups(opened.book, {NAME: course})
    since = hows[len(hows) - hows[::-1].index("held") :] if "held" in hows else hows
    assert [one.drills for one in found] == ([len(since)] if since else [])
    for one in found:
        assert one.what.startswith(f"{since[-1]}: ")
        assert one.since == START + timedelta(days=30 * (len(hows) - len(since)))
        assert "ops owns it" in one.line


def test_the_page_says_what_was_promised_and_measured(tmp_path: Path) -> None:
    """One file that loads nothing; text of others is text."""
    opened = opened_with(tmp_path, {}, title="It <b>dies</b>")
    course = course_of(drilled(0, "10"), drilled(1, "59", "missed", lost=4), drilled(2, None, "undone"))
    made = page(opened, {NAME: course}, [], None, START)
    read = _Page(made)
    assert not read.opened
    assert "b" not in read.tags
    assert "script" not in read.tags
    assert "http" not in made.replace("http-equiv", "")
    for said in (
        "It <b>dies</b>",
        "gone for, of 1m",
        "not measured",
        "59.00 s",
        "4 writes",
        "ops",
        "undone: d2 is over",
    ):
        assert said in read.seen, said
    assert made.count('class="dot') == 2, "each that was measured"
    assert made.count('class="dot over"') == 1, "the one that missed"
    assert 'class="limit"' in made


def test_what_was_never_played(tmp_path: Path) -> None:
    """Is said, and nothing is called held."""
    read = _Page(page(opened_with(tmp_path, {}), {NAME: Course()}, [], None, START))
    assert "0 of 1 scenarios held" in read.seen
    assert f"never played: {NAME}" in read.seen
    assert "svg" not in read.tags


def test_a_promise_far_away_does_not_flatten_the_trend(tmp_path: Path) -> None:
    """It is said, and not drawn."""
    opened = opened_with(tmp_path, {}, rto="1h")
    made = page(opened, {NAME: course_of(drilled(0, "1"), drilled(1, "2"))}, [], None, START)
    assert 'class="limit"' not in made
    assert "1h are promised" in made


def test_who_took_part(tmp_path: Path) -> None:
    """The one who asked is named; who has a role and did nothing for half a year is missed, and nobody else."""
    told = Told.begin(tmp_path, {})
    people = People(people=tuple(person(tmp_path, who, role) for who, role in ROLES.items()))
    taken = parts(told.store, {NAME: course_of(drilled(0, "10"))})
    assert [(one.person, one.did) for one in taken] == [("asker", "asked for it")]
    soon, late = START + timedelta(days=30), START + timedelta(days=200)
    assert [one.id for one in absent(told.opened.book, people, taken, soon)] == ["other"]
    assert [one.id for one in absent(told.opened.book, people, taken, late)] == ["asker", "other"]
    said = "\n".join(roster_lines(taken, absent(told.opened.book, people, taken, late)))
    assert f"{NAME}: asker asked for it" in said
    assert "Took part in none for half a year: " in said
    assert "stranger" not in said


ROLES = {"asker": "ops", "other": "ops", "stranger": "engineer"}


def test_the_evidence_is_the_last_drill_that_is_over() -> None:
    """Recovered where it went through, however long that took; else how it ended; what nobody measured is nothing."""
    opened = opened_with(Path("/nowhere"), {}, evidence="database")
    good = course_of(drilled(0, None, "undone"), drilled(1, "59", "missed", lost=4))
    read = {name: json.loads(text) for name, text in files(opened.book, {NAME: good}).items()}
    part = read["failover.json"]["database"]
    assert (part["status"], part["confirmed_writes_lost"], part["seconds"]) == ("recovered", 4, 59.0)
    whole = read["failover.json"]["finished_at"]
    assert datetime.fromisoformat(whole) == datetime.fromisoformat(part["finished_at"])
    assert (read["drill.json"]["status"], read["drill.json"]["steps_failed"]) == ("recovered", 0)
    bad = course_of(drilled(0, "9"), drilled(1, None, "undone"))
    read = {name: json.loads(text) for name, text in files(opened.book, {NAME: bad}).items()}
    part = read["failover.json"]["database"]
    assert (part["status"], part["confirmed_writes_lost"], part["seconds"]) == ("undone", None, None)
    assert (read["drill.json"]["status"], read["drill.json"]["steps_failed"]) == ("undone", 1)
    with pytest.raises(UsageError, match="nothing to show as evidence"):
        files(opened.book, {NAME: course_of(drilled(0, "9")[:-1])})


def test_who_there_is_must_be_said() -> None:
    """Without it nobody is said to be missing."""
    assert list(roster_lines([], None)) == ["Who took part in none for half a year is known with --people."]


def test_a_schedule_is_nobody(tmp_path: Path) -> None:
    """Its drills name it, and count for no person."""
    told = Told.begin(tmp_path, {})
    began = drilled(0, "10")[0].model_copy(update={"asked_by": ""})
    [one] = parts(told.store, {NAME: course_of([began])})
    assert (one.person, one.name) == ("", "the schedule")
