"""The bench that kills rotations counts what it says, and what is switched off is found."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from bench.rotation_kill import Bench, bench, figures
from bench.rotation_kill_cases import cases
from bench.rotation_kill_history import Ended, Seen
from bench.rotation_kill_sabotage import MECHANISMS, Mechanism

CASES = {str(one): one for one in cases(1, "t")}
_FOUND: dict[Mechanism, tuple[str, Callable[[Ended], bool]]] = {
    "id": ("logins: killed at sent PutSecretValue", lambda ended: ended.wrong.startswith("not over")),
    "look": (
        "keys: killed at sent UpdateSecretVersionStage AWSCURRENT",
        lambda ended: ended.wrong.startswith("not over"),
    ),
    "first": ("users: killed at made set", lambda ended: ended.unknown > 0),
    "keep": ("users: killed at sent ACL SETUSER in off", lambda ended: ended.unknown == 1),
    "back": (
        "keys: turned back from recorded promote, killed at unrecorded back",
        lambda ended: ended.seen.cut_off > 0,
    ),
}
"""Mechanism → the history in which it is missed, and how that is seen."""


@pytest.fixture(scope="module")
def on(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """The servers."""
    with bench(tmp_path_factory.mktemp("killed")) as made:
        yield made


def test_every_history_has_a_name_of_its_own() -> None:
    """So that `--only` chooses what it says; and none of a kind is missing."""
    assert len(CASES) == len(list(cases(1, "t")))
    assert {name.partition(":")[0] for name in CASES} == {"logins", "keys", "users", "tokens"}


def test_each_fault_moves_its_figure() -> None:
    """And a clean history moves none."""
    clean, bad = Ended(kills=1), Ended("not over", 1, 1, Seen(5, 1, 1, 1))
    assert all(one.holds for one in figures([clean]))
    assert [one.figure for one in figures([bad]) if one.holds] == ["rotation_kill.kills"]


@pytest.mark.long
def test_whatever_is_switched_off_is_found(on: Bench) -> None:
    """One history a mechanism, all of them at once: each moves the figure that it must."""
    with ThreadPoolExecutor(len(_FOUND)) as pool:
        played = {
            one: pool.submit(on.play, number, CASES[name], one)
            for number, (one, (name, _)) in enumerate(_FOUND.items())
        }
        ended = {one: came.result() for one, came in played.items()}
    assert set(ended) == set(MECHANISMS)
    for one, (_, found) in _FOUND.items():
        assert found(ended[one]), one


@pytest.mark.long
@pytest.mark.parametrize("name", sorted({name for name, _ in _FOUND.values()}))
def test_a_killed_rotation_ends_well(on: Bench, name: str) -> None:
    """The same histories, with nothing switched off."""
    ended = on.play(len(_FOUND) + list(CASES).index(name), CASES[name], None)
    assert (ended.wrong, ended.unknown, ended.kills > 0) == ("", 0, True)
    assert (ended.seen.refused, ended.seen.cut_off, ended.seen.two_dead) == (0, 0, 0)
    assert ended.seen.looks > 0
