"""Seats of a quorum: as many as can be filled with distinct people, and why it waits."""

from itertools import permutations

from hypothesis import given, settings
from hypothesis import strategies as st

from tminus.quorum import seat, why_it_waits, why_unreachable

ROLES = ("a", "b", "c")
quorums = st.dictionaries(st.sampled_from(ROLES), st.integers(1, 2), min_size=1)
crowds = st.dictionaries(st.sampled_from("pqrstu"), st.frozensets(st.sampled_from((*ROLES, "d"))), max_size=6)


def most_seats(quorum: dict[str, int], people: dict[str, frozenset[str]]) -> int:
    """The most seats that can be filled, by trying every order of people on the seats."""
    seats = [role for role, count in quorum.items() for _ in range(count)]
    chairs = [*people, *([None] * len(seats))]
    return max(
        sum(person is not None and role in people[person] for role, person in zip(seats, order, strict=True))
        for order in set(permutations(chairs, len(seats)))
    )


@settings(deadline=None)
@given(quorums, crowds)
def test_as_many_seats_as_brute_force(quorum: dict[str, int], people: dict[str, frozenset[str]]) -> None:
    """As many seats are filled as can be, each by a person with that role, and nobody sits twice."""
    small = dict(list(people.items())[:4])
    seating = seat(quorum, small)
    seated = [person for role in seating.filled for person in seating.filled[role]]
    assert len(seated) == len(set(seated)) == most_seats(quorum, small)
    assert all(role in small[person] for role in quorum for person in seating.filled[role])
    assert all(len(seating.filled[role]) + seating.missing.get(role, 0) == count for role, count in quorum.items())
    assert seating.complete == (len(seated) == sum(quorum.values()))


@settings(deadline=None)
@given(quorums, crowds)
def test_more_answers_unseat_nobody(quorum: dict[str, int], people: dict[str, frozenset[str]]) -> None:
    """Whoever has a seat keeps one as more people answer."""
    before: frozenset[str] = frozenset()
    for number in range(len(people) + 1):
        seated = seat(quorum, dict(list(people.items())[:number])).seated
        assert before <= seated
        before = seated


@settings(deadline=None)
@given(quorums, crowds, st.integers(0, 6))
def test_who_is_named_could_end_it(quorum: dict[str, int], people: dict[str, frozenset[str]], answered: int) -> None:
    """Everyone named fills a further seat by answering, nobody else would, and the unreachable is called so."""
    so_far = dict(list(people.items())[:answered])
    seating = seat(quorum, so_far)
    why = why_it_waits(seating, people)
    assert (why == "") == seating.complete
    if why and not seat(quorum, people).complete:
        assert "it cannot be reached" in why
    elif why:
        named = set(why.partition("next could be ")[2].split(" or "))
        helpful = {
            person
            for person in people.keys() - so_far.keys()
            if len(seat(quorum, {**so_far, person: people[person]}).seated) > len(seating.seated)
        }
        assert named == helpful


def test_somebody_in_two_roles_fills_one_seat() -> None:
    """One person with both roles is not enough for one of each."""
    both = {"ann": frozenset({"devops", "security"})}
    assert seat({"devops": 1, "security": 1}, both).missing == {"security": 1}
    assert (
        why_unreachable({"devops": 1, "security": 1}, both)
        == "with everyone's answer it still lacks 1 security; who could answer: ann (devops, security)"
    )


def test_somebody_without_the_missing_role_can_end_it() -> None:
    """Who sits on the one role moves over to the other that lacks, so the second with the first role ends the wait."""
    people = {"ann": frozenset({"devops", "security"}), "bob": frozenset({"devops"})}
    seating = seat({"devops": 1, "security": 1}, {"ann": people["ann"]})
    assert why_it_waits(seating, people) == "waits for 1 security; next could be bob"
    assert seat({"devops": 1, "security": 1}, people).filled == {"devops": ("bob",), "security": ("ann",)}


def test_an_answer_that_fills_no_seat_is_said() -> None:
    """A second answer where one is wanted is named, so that its author knows why nothing happens."""
    devops = frozenset({"devops"})
    people = {"ann": devops, "bob": devops, "cid": frozenset({"security"})}
    seating = seat({"devops": 1, "security": 1}, {"ann": devops, "bob": devops})
    assert (
        why_it_waits(seating, people)
        == "waits for 1 security (bob answered, but the seats of their roles are taken); next could be cid"
    )
