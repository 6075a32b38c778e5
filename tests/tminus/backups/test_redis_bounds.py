"""What a live Redis allows a copy of it to hold."""

from hypothesis import given
from hypothesis import strategies as st

from tminus.backups.contents import KeyCensus, Marker, RedisContents
from tminus.backups.redis_bounds import Look, marker_outside, outside
from tminus.clock import now


def copy(**keys: int) -> RedisContents:
    """A copy with so many keys in databases `db0`, `db1`, none with a time to live."""
    return RedisContents(
        databases={
            int(name[2:]): KeyCensus(keys=count, types={"string": count}, expiring=0, checksum="")
            for name, count in keys.items()
        }
    )


def look(keys: int, unsaved: int = 0, removed: int = 0, commands: int = 0, mark: int | None = None) -> Look:
    """A look at a server with one database."""
    marker = None if mark is None else Marker(number=mark, at=now())
    return Look({0: (keys, 0)} if keys else {}, unsaved, removed, commands, marker)


def test_quiet_server_allows_its_own_count_only() -> None:
    """Where nobody writes, one key more or less is a reason."""
    looks = [look(100), look(100)]
    assert not list(outside(looks, copy(db0=100)))
    assert list(outside(looks, copy(db0=99))) == [
        "database 0 of the copy has 99 keys, and the server had 100 to 100 while it was taken"
    ]
    assert list(outside(looks, copy(db0=101)))
    assert list(outside(looks, copy()))
    assert list(outside(looks, copy(db0=100, db7=1)))


def test_emptied_server_may_give_an_empty_copy() -> None:
    """A database that is emptied under way may be empty in the copy, or full, or anything between."""
    looks = [look(100, unsaved=0), look(0, unsaved=100)]
    assert all(not list(outside(looks, copy(**({"db0": keys} if keys else {})))) for keys in (0, 1, 50, 100))


def test_changes_between_two_looks_widen_what_is_allowed() -> None:
    """Ten keys that came and went between two looks may be in the copy; eleven may not."""
    looks = [look(100, unsaved=5), look(100, unsaved=15)]
    assert not list(outside(looks, copy(db0=110)))
    assert not list(outside(looks, copy(db0=90)))
    assert list(outside(looks, copy(db0=111)))


def test_expired_keys_widen_it_too() -> None:
    """A key that expired is no change that a server counts as one."""
    assert not list(outside([look(100), look(97, removed=3)], copy(db0=98)))
    assert list(outside([look(100), look(97, removed=3)], copy(db0=93)))


def test_snapshot_of_the_servers_own_is_no_reason() -> None:
    """Where its count of changes begins anew, what it was before is bounded by the commands."""
    looks = [look(100, unsaved=50, commands=1000), look(105, unsaved=0, commands=1020)]
    assert not list(outside(looks, copy(db0=120)))
    assert list(outside(looks, copy(db0=140)))


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=60), st.data())
def test_true_copy_is_never_refused(steps: list[int], data: st.DataObject) -> None:
    """Whenever looks are made, and whatever is written, a copy of any moment between the first and the last passes."""
    keys, changes, states = 50, 0, [(50, 0)]
    for step in steps:
        keys, changes = max(0, keys + step), changes + max(abs(step), 1)
        states.append((keys, changes))
    seen = sorted(data.draw(st.sets(st.integers(0, len(steps)), max_size=5)) | {0, len(steps)})
    at = data.draw(st.integers(0, len(steps)))
    looks = [look(states[one][0], unsaved=states[one][1]) for one in seen]
    looks = looks if len(looks) > 1 else looks * 2
    here = states[at][0]
    assert not list(outside(looks, copy(**({"db0": here} if here else {}))))


def test_mark_must_be_of_the_time() -> None:
    """A copy's newest mark is one that the server had while it was taken."""
    looks = [look(1, mark=7), look(1, mark=9)]
    for number, allowed in ((6, False), (7, True), (8, True), (9, True), (10, False)):
        assert (marker_outside(looks, Marker(number=number, at=now())) == "") is allowed
    assert "none" in marker_outside(looks, None)
    assert not marker_outside([look(1), look(1)], None)
    assert marker_outside([look(1), look(1)], Marker(number=1, at=now()))
