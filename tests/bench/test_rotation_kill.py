"""The bench that kills rotations counts what it says, and what is switched off is found."""

from collections.abc import Iterator

import pytest

from bench.rotation_kill import Bench, bench, figures
from bench.rotation_kill_cases import cases
from bench.rotation_kill_history import Ended, Seen

CASES = {str(one): one for one in cases(1, "t")}


@pytest.fixture(scope="module")
def on(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """The servers."""
    with bench(tmp_path_factory.mktemp("killed")) as made:
        yield made


def test_every_history_has_a_name_of_its_own() -> None:
    """So that `--only` chooses what it says; and none of a kind is missing."""
    assert len(CASES) == len(list(cases(1, "t")))
    assert {name.partition(":")[0] for name in CASES} == {"logins", "keys"}


def test_each_fault_moves_its_figure() -> None:
    """And a clean history moves none."""
    clean, bad = Ended(kills=1), Ended("not over", 1, 1, Seen(5, 1, 1, 1))
    assert all(one.holds for one in figures([clean]))
    assert [one.figure for one in figures([bad]) if one.holds] == ["rotation_kill.kills"]


@pytest.mark.long
def test_a_killed_create_ends_well(on: Bench) -> None:
    """The process dies right after Secrets Manager has the new version, and before that is written down."""
    ended = on.play(1, CASES["logins: killed at sent PutSecretValue"], None)
    assert (ended.wrong, ended.unknown, ended.kills) == ("", 0, 1)
    assert (ended.seen.refused, ended.seen.cut_off, ended.seen.two_dead) == (0, 0, 0)
    assert ended.seen.looks > 0


@pytest.mark.long
def test_an_id_that_is_written_down_too_late_is_found(on: Bench) -> None:
    """The same kill, where only what was done is remembered: it never ends."""
    ended = on.play(2, CASES["logins: killed at sent PutSecretValue"], "id")
    assert ended.wrong.startswith("not over")
