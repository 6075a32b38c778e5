"""Receipts held against what is there: every write is told apart, and nothing counts twice."""

import random
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from tminus.drills.receipts import Key, Receipt, all_losses, judge

KEYS = st.tuples(st.integers(0, 3), st.integers(0, 20))
MADE = st.dictionaries(KEYS, st.booleans())


def receipts_of(made: dict[Key, bool]) -> list[Receipt]:
    """In the order of time; True where it was answered."""
    return [Receipt(key, at, at + 0.5 if made[key] else None) for at, key in enumerate(sorted(made))]


@given(MADE, st.lists(KEYS))
def test_each_write_is_one_thing(made: dict[Key, bool], found: list[Key]) -> None:
    """Kept, lost and unknown are all that was sent, and no two of them share a write."""
    loss = judge(receipts_of(made), found)
    assert loss.kept | loss.lost | loss.unknown == made.keys()
    assert len(loss.kept) + len(loss.lost) + len(loss.unknown) == len(made)
    assert loss.kept == {key for key, answered in made.items() if answered and key in found}
    assert loss.strange == set(found) - made.keys()
    assert loss.duplicates == len(found) - len(set(found))


@given(MADE, st.randoms(use_true_random=False))
def test_the_order_changes_only_what_is_out_of_order(made: dict[Key, bool], chance: random.Random) -> None:
    """In whatever order the server has them, the same ones are lost; in order, nothing is out of it."""
    found = sorted(made)
    mixed = list(found)
    chance.shuffle(mixed)
    one, other = judge(receipts_of(made), found), judge(receipts_of(made), mixed)
    assert (one.kept, one.lost, one.duplicates) == (other.kept, other.lost, other.duplicates)
    assert one.reordered == 0


@given(MADE, st.sets(KEYS))
def test_lost_seconds(made: dict[Key, bool], found: set[Key]) -> None:
    """Nothing lost is no second, and something lost is more than none."""
    loss = judge(receipts_of(made), sorted(found))
    assert (loss.lost_s > 0) == bool(loss.lost)


@given(MADE, st.sets(KEYS), MADE, st.sets(KEYS))
def test_several_clients_count_as_one(
    one: dict[Key, bool], kept: set[Key], other: dict[Key, bool], also: set[Key]
) -> None:
    """Each write of each once, however much their numbers are alike."""
    first, second = judge(receipts_of(one), sorted(kept)), judge(receipts_of(other), sorted(also))
    both = all_losses([first, second])
    for of in ("kept", "lost", "unknown", "unknown_there", "strange"):
        assert len(getattr(both, of)) == len(getattr(first, of)) + len(getattr(second, of))
    assert both.lost_s == max(first.lost_s, second.lost_s)
    assert all_losses([first]) == first


def test_nothing_is_counted_where_nobody_counts() -> None:
    """But where one of several does, that counts."""
    counted = judge([], [])
    silent = replace(counted, uncounted="it makes none")
    assert all_losses([silent, counted]).uncounted == ""
    assert all_losses([silent, silent]).uncounted == "it makes none; it makes none"


def test_a_gap_counts_from_the_last_kept_write() -> None:
    """Of writes answered at 1, 2, 3 and 4 the last two are lost: two seconds, from 2 to 4."""
    receipts = [Receipt((0, at), at - 0.5, float(at)) for at in (1, 2, 3, 4)]
    assert judge(receipts, [(0, 1), (0, 2)]).lost_s == 2.0


def test_a_second_line_answers_the_first() -> None:
    """Sent, then answered, is one write; answered last or first."""
    lines = [Receipt((0, 0), 1.0), Receipt((0, 0), 1.0, 1.1), Receipt((0, 1), 2.0, 2.1), Receipt((0, 1), 2.0)]
    assert judge(lines, []).lost == {(0, 0), (0, 1)}


def test_who_overtook_whom() -> None:
    """A later write of the same writer before an earlier one; other writers do not count."""
    assert judge([], [(0, 0), (1, 5), (0, 2), (0, 1), (1, 6)]).reordered == 1
