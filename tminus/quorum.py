"""Who fills which seat of a quorum: distinct people, each in one seat, as many seats as can be."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Answer:
    """Somebody who said yes, and what they may say it as."""

    person: str
    roles: frozenset[str]


@dataclass(frozen=True)
class Seating:
    """A quorum with people in its seats.

    Attributes:
        quorum: role → how many distinct people.
        answers: everyone who answered, first answer first.
        filled: role → the people in its seats; every role of the quorum is there.
    """

    quorum: Mapping[str, int]
    answers: tuple[Answer, ...]
    filled: Mapping[str, tuple[str, ...]]

    @property
    def missing(self) -> Mapping[str, int]:
        """Role → how many seats are empty; only roles that lack somebody."""
        empty = {role: count - len(self.filled[role]) for role, count in self.quorum.items()}
        return {role: count for role, count in empty.items() if count}

    @property
    def complete(self) -> bool:
        """Whether every seat is filled."""
        return not self.missing

    @property
    def seated(self) -> frozenset[str]:
        """Everyone who has a seat."""
        return frozenset(person for people in self.filled.values() for person in people)


def seat(quorum: Mapping[str, int], answers: Mapping[str, frozenset[str]]) -> Seating:
    """Seats as many people as can be, each once.

    A maximum matching of people to seats by augmenting paths (Kuhn 1955, "The Hungarian method for the assignment
    problem"; Berge 1957, "Two theorems in graph theory": no augmenting path is left exactly when it is maximum).
    Whoever has a seat keeps one when more people answer, though it may become another role's.

    Args:
        quorum: role → how many distinct people.
        answers: person → the roles they may answer as; earlier answers come first.
    """
    filled: dict[str, list[str]] = {role: [] for role in quorum}
    for person in answers:
        _find_seat(person, quorum, answers, filled, set())
    everyone = tuple(Answer(person, roles) for person, roles in answers.items())
    return Seating(dict(quorum), everyone, {role: tuple(people) for role, people in filled.items()})


def _find_seat(
    person: str,
    quorum: Mapping[str, int],
    answers: Mapping[str, frozenset[str]],
    filled: dict[str, list[str]],
    tried: set[str],
) -> bool:
    open_to = [role for role in quorum if role in answers[person] and role not in tried]
    tried.update(open_to)
    for role in open_to:
        if len(filled[role]) < quorum[role]:
            filled[role].append(person)
            return True
    for role in open_to:
        for number, other in enumerate(filled[role]):
            if _find_seat(other, quorum, answers, filled, tried):
                filled[role][number] = person
                return True
    return False


def why_it_waits(seating: Seating, candidates: Mapping[str, frozenset[str]], *, is_open: bool = True) -> str:
    """One sentence: which role lacks whom, and whose answer would bring it on; "" where nothing is awaited.

    A candidate may bring it on without the missing role, where somebody seated can move over.

    Args:
        seating: as it stands.
        candidates: everyone who could answer, by the names that the sentence should use; those who have said yes for
            every seat that they could take are left out.
        is_open: whether an answer counts when it is read; else it says who was awaited, which is true afterwards, too.
    """
    if seating.complete:
        return ""
    answered = {answer.person: answer.roles for answer in seating.answers}
    more = {person: roles - answered.get(person, frozenset()) for person, roles in candidates.items()}
    waiting = {person: candidates[person] for person, roles in more.items() if roles}
    helpful = [
        person
        for person, roles in waiting.items()
        if len(seat(seating.quorum, {**answered, person: roles}).seated) > len(seating.seated)
    ]
    lacks = _counted(seating.missing)
    idle = [answer.person for answer in seating.answers if answer.person not in seating.seated]
    unseated = f" ({', '.join(idle)} answered, but the seats of their roles are taken)" if idle else ""
    if why := why_unreachable(seating.quorum, {**answered, **waiting}):
        return f"waits for {lacks}{unseated}; it cannot be reached: {why}"
    whose = "next could be " if is_open else "awaited: "
    return f"waits for {lacks}{unseated}; {whose}{' or '.join(helpful)}"


def why_unreachable(quorum: Mapping[str, int], candidates: Mapping[str, frozenset[str]]) -> str:
    """Why a quorum could not be filled by all candidates together; "" where it could.

    Args:
        quorum: role → how many distinct people.
        candidates: person → the roles they may answer as.
    """
    missing = seat(quorum, candidates).missing
    if not missing:
        return ""
    fitting = {person: sorted(roles & quorum.keys()) for person, roles in candidates.items()}
    known = ", ".join(f"{person} ({', '.join(roles)})" for person, roles in fitting.items() if roles) or "nobody"
    return f"with everyone's answer it still lacks {_counted(missing)}; who could answer: {known}"


def _counted(roles: Mapping[str, int]) -> str:
    return " and ".join(f"{count} {role}" for role, count in roles.items())
