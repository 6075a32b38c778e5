"""The corruption gauntlet runs: a few damages and good backups of stores whose servers start in a moment.

The whole of it is `make gauntlet-backups`.
"""

import threading

import pytest

from bench.backups_gauntlet import sabotage
from bench.backups_gauntlet.damage import OBJECTS, RDB, STORES, Came, damages
from bench.backups_gauntlet.jobs import jobs, shared
from bench.backups_gauntlet.lives.writers import beside
from bench.backups_gauntlet.playing import play_damages, play_good, plays_of, room
from bench.backups_gauntlet.sabotage import SABOTAGES, SEEN_BY
from tminus.backups.aspects import UNITS

SOME = {
    RDB: {"Truncated", "ChangedKey", "OneNoTtl", "Reencoded", "AlteredManifest", "WrongKey", "Stopped"},
    OBJECTS: {"SwappedObjects", "MissingObject", "LostMetadata", "RespacedList", "MissingDay"},
}


@pytest.mark.long
@pytest.mark.parametrize("store", SOME)
def test_some_damages_and_good_backups(store: str) -> None:
    """Each damage is told by the aspect that is promised; what is harmless, and what is good, passes."""
    plays = [(kind, mode) for kind, mode in plays_of(store) if kind.__name__ in SOME[store]]
    with room(store) as live:
        came = play_damages(live, plays, lambda _: None)
        alarms = play_good(live, 7, range(5), lambda _: None)
    assert [one.line for one in came if not one.right] == []
    assert {one.kind for one in came} == SOME[store]
    assert [(one.what, one.said) for one in alarms if one.said] == []
    assert len(alarms) == 5


def test_there_are_kinds_enough() -> None:
    """Forty of them are harmful; each has a name and a title of its own, and promises aspects that its store has."""
    kinds = damages()
    assert sum(kind.harmful for kind in kinds) >= 40
    assert len({kind.__name__ for kind in kinds}) == len(kinds)
    assert len({kind.title() for kind in kinds}) == len(kinds)
    for kind in kinds:
        assert set(kind.stores) <= set(STORES), kind
        if kind.harmful:
            assert all(kind.promised(mode, store) for mode in kind.modes for store in kind.stores), kind


def test_every_mechanism_has_damages() -> None:
    """So `--sabotage` has something to let through, of every store that it is there for."""
    assert set(SABOTAGES) == set(SEEN_BY)
    for mechanism, aspects in SEEN_BY.items():
        assert aspects <= set(UNITS)
        assert all(plays_of(store, mechanism) for store in STORES)


def test_every_mechanism_is_there_to_be_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Under another name than it has now, nothing would be, and `--sabotage` would prove nothing."""
    switched: list[str] = []

    def would(module: object, name: str, _by: object) -> None:
        assert callable(getattr(module, name))
        switched.append(name)

    monkeypatch.setattr(sabotage, "_replace", would)
    for mechanism in SABOTAGES.values():
        before = len(switched)
        mechanism()
        assert len(switched) > before
    monkeypatch.undo()
    with pytest.raises(AttributeError):
        sabotage._replace(sabotage, "a_name_that_is_gone", None)


def test_a_writer_that_fails_is_no_good_backup() -> None:
    """What it raises beside the backup is raised, and does not pass for a backup that was taken under writes."""

    def write(_stop: threading.Event) -> None:
        raise ConnectionError("gone")

    with pytest.raises(ConnectionError, match="gone"), beside(write):
        pass


def test_good_backups_are_shared_out() -> None:
    """As many as were asked for, each once."""
    assert sum(shared(STORES, 1000).values()) == 1000
    assert shared((RDB,), 7) == {RDB: 7}
    played = [
        (job.store, number)
        for job in jobs(STORES, 103)
        if job.what == "good"
        for number in range(job.part, job.good, job.of)
    ]
    assert len(played) == len(set(played)) == 103


def _came(**changed: object) -> Came:
    plain: dict[str, object] = {
        "kind": "K",
        "title": "t",
        "store": RDB,
        "mode": "plain",
        "harmful": True,
        "promised": ("loss",),
        "may_be_unknown": False,
        "verdict": "fail",
        "wrong": ("loss",),
        "summary": "",
        "took": 0.1,
        "rivals": {},
    }
    return Came(**{**plain, **changed})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changed", "right"),
    [
        ({}, True),
        ({"wrong": ("age",)}, False),
        ({"verdict": "unknown"}, False),
        ({"verdict": "unknown", "may_be_unknown": True}, True),
        ({"verdict": "pass", "may_be_unknown": True}, False),
        ({"verdict": "pass", "wrong": ()}, False),
        ({"harmful": False}, False),
        ({"harmful": False, "verdict": "unknown"}, False),
        ({"harmful": False, "verdict": "pass", "wrong": ()}, True),
        ({"broke": "KeyError: 'x'"}, False),
    ],
)
def test_what_counts_as_caught(changed: dict[str, object], right: bool) -> None:
    """A harmful damage only by the aspect that is promised, and never by a pass; a harmless one only by a pass."""
    assert _came(**changed).right is right
