"""The countdown's geometry."""

from collections.abc import Callable

import pytest

from tests.tminus.launch_story import Story
from tests.tminus.told_launches import STORIES
from tminus.report.drawing_up import draw_up
from tminus.report.timeline import NARROW, WIDE, Layout, Timeline, lay_out

Told = Callable[[str], Story]


def drawn(story: Story, layout: Layout = WIDE) -> Timeline:
    """The story's timeline."""
    return lay_out(draw_up(story.frozen, story.record, story.at), layout)


@pytest.mark.parametrize("layout", [WIDE, NARROW])
@pytest.mark.parametrize("name", STORIES)
def test_everything_lies_within_the_drawing(told: Told, name: str, layout: Layout) -> None:
    """Lanes one below the other, rows within their lane, bars and diamonds between the edges."""
    found = drawn(told(name), layout)
    floor = 0.0
    for lane in found.lanes:
        assert lane.top >= floor
        floor = lane.top + lane.height
        for row in lane.rows:
            assert lane.top <= row.y <= floor
            assert all(layout.gutter <= bar.x and bar.x + bar.width <= layout.width for bar in row.bars)
            assert all(layout.gutter <= diamond.x <= layout.width for diamond in row.diamonds)
    assert floor <= found.bottom <= found.height


@pytest.mark.parametrize("name", STORIES)
def test_a_lane_a_phase_and_a_row_a_step_that_was_begun(told: Told, name: str) -> None:
    """Phases that were not reached are there, and say so."""
    story = told(name)
    lanes = {lane.name: lane for lane in drawn(story).lanes}
    for phase in story.frozen.runbook.phases:
        begun = [
            step.id for step in phase.steps if step.id in story.record.steps and story.record.step(step.id).started
        ]
        assert [row.label for row in lanes[phase.phase].rows] == begun
        assert lanes[phase.phase].note == ("" if len(begun) == len(phase.steps) else lanes[phase.phase].note)
        assert begun or lanes[phase.phase].note == "not reached"


def test_steps_stand_in_the_order_of_time(told: Told) -> None:
    """Each later step of a phase begins further to the right."""
    row_lists = [lane.rows for lane in drawn(told("launched")).lanes if lane.name != "People"]
    begins = [row.bars[0].x for rows in row_lists for row in rows]
    assert begins == sorted(begins)


def test_a_rollback_is_drawn_as_lines_and_its_undo_as_bars(told: Told) -> None:
    """Deploy, rollback and the old version's return, left to right."""
    found = drawn(told("rolled-back"))
    assert [flag.kind for flag in found.flags] == ["deploy", "rollback", "back"]
    rows = {row.label: row for lane in found.lanes for row in lane.rows}
    assert [bar.kind for bar in rows["switch"].bars] == ["attempt", "undo"]
    assert rows["switch"].mark.word == "taken back"


def test_decisions_are_diamonds_at_their_time(told: Told) -> None:
    """One a person, and a no does not look like a yes."""
    rows = {row.label: row for lane in drawn(told("rejected")).lanes for row in lane.rows}
    diamonds = rows["go-no-go"].diamonds
    assert [diamond.mark.tone for diamond in diamonds] == ["good", "bad"]
    assert diamonds[0].x < diamonds[1].x
    assert "penetration test" in diamonds[1].said


def test_a_retry_is_a_bar_of_its_own(told: Told) -> None:
    """The attempt that could not look is still to be seen."""
    rows = {row.label: row for lane in drawn(told("launched")).lanes for row in lane.rows}
    assert [bar.mark.word for bar in rows["dashboards-ready"].bars] == ["unknown", "pass"]


def test_a_hold_is_drawn_from_its_order_to_its_end(told: Told) -> None:
    """As long as it lasted, in the people's lane, with the orders as diamonds at its ends."""
    people = drawn(told("launched")).lanes[0]
    (row,) = people.rows
    (bar,) = row.bars
    assert people.name == "People"
    assert [round(diamond.x, 3) for diamond in row.diamonds] == [round(bar.x, 3), round(bar.x + bar.width, 3)]


def test_what_goes_on_reaches_to_now(told: Told) -> None:
    """A question that is open ends at the drawing's right edge."""
    rows = {row.label: row for lane in drawn(told("waiting-for-go")).lanes for row in lane.rows}
    (bar,) = rows["go-no-go"].bars
    assert bar.kind == "asking"
    assert bar.x + bar.width == pytest.approx(WIDE.width - 14)
