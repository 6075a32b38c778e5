"""Every button of Prefect's pressed, its conductor killed -9 three times: the launch goes on and does nothing twice."""

from pathlib import Path

import pytest

from tests.launch.effects import Before, assert_each_effect_is_there_once
from tests.launch.killing import asked, kill_conductor, kill_in_the_roll_out, sampled, slow_to_start
from tests.launch.prefect_buttons import GATE, buttons_of, press_all
from tests.launch.stage import Stage, wait_for
from tminus import events as ev


@pytest.mark.long
def test_it_goes_through(fresh_stage: Stage, tmp_path: Path) -> None:
    """Resume, Suspend, Cancel, a kill at the go/no-go; kills in the roll-out and the watch: GO, each effect once."""
    stage, before = fresh_stage, Before.of(fresh_stage)
    with (
        slow_to_start(stage),
        stage.launch(tmp_path / "report") as launched,
        buttons_of(stage, launched) as buttons,
    ):
        wait_for(lambda: "T-1h" in launched.record().phases_ended, "the first phase is over")
        with stage.people_look_away():
            press_all(buttons)
            kill_conductor(launched, lambda record: asked(record, "go-no-go"), "the go/no-go is pending")
        kill_in_the_roll_out(stage, launched)
        kill_conductor(launched, sampled, "the watch samples")
        assert launched.end() == 0, launched.said
        record = launched.record()
        assert_each_effect_is_there_once(stage, launched, before)
    assert launched.said[-1].startswith("GO "), launched.said[-1]
    assert len([one for one in record.events if isinstance(one, ev.AskOpened) and one.ask == GATE]) == 1
    assert len({one.holder for one in record.events if isinstance(one, ev.PhaseStarted)}) >= 4
