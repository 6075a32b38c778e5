"""The bench that kills drills draws every boundary, and sees what is not as it was."""

import json
import random
import subprocess
import sys
from dataclasses import replace

import pytest

from bench.drill_kill import NAMES, POINTS, Ended, figures, histories
from deployments.rehearsal.binaries import CHECKOUT


def test_every_boundary_of_both_is_there() -> None:
    """Before random moments; the same seed draws the same."""
    drawn, again = (list(histories(104, random.Random(1))) for _ in range(2))  # noqa: S311 - a seeded draw
    assert {(name, point) for name, point, _ in drawn[: len(POINTS) * len(NAMES)]} == {
        (name, point) for name in NAMES for point in POINTS
    }
    assert len(drawn) == 104
    assert all(isinstance(point, float) for _, point, _ in drawn[len(POINTS) * len(NAMES) :])
    assert 20 < sum(twice is not None for _, _, twice in drawn) < 50
    assert drawn == again


@pytest.mark.parametrize(
    ("figure", "changed"),
    [
        ("wrong_worlds", {"wrong": "World(writable=2)"}),
        ("broken_again", {"broken_again": True}),
        ("still_held", {"still_held": True}),
        ("not_undone", {"not_undone": "exit 4"}),
        ("kills", {"kills": 0}),
    ],
)
def test_each_fault_moves_its_figure(figure: str, changed: dict[str, str | bool | int]) -> None:
    """And no other."""
    good = Ended(kills=1)
    assert all(one.holds for one in figures([good], 1))
    bad = replace(good, **changed)  # type: ignore[arg-type]  # a field of it each
    assert [one.figure for one in figures([bad], 1) if not one.holds] == [f"drill_kill.{figure}"]


@pytest.mark.long
@pytest.mark.parametrize("sabotage", [False, True])
def test_killed_drills_are_undone(sabotage: bool) -> None:
    """On real servers; where the undo is left out, the servers themselves say so."""
    words = ["--kills", "4", *(["--sabotage", "undo"] if sabotage else [])]
    done = subprocess.run(
        [sys.executable, "-m", "bench.drill_kill", *words], cwd=CHECKOUT, capture_output=True, text=True, check=False
    )
    found = {one["figure"]: one for one in map(json.loads, done.stdout.splitlines())}
    assert done.returncode == int(sabotage), done.stderr
    assert found["drill_kill.wrong_worlds"]["holds"] is not sabotage
    assert found["drill_kill.kills"]["holds"]
