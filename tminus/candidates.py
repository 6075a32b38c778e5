"""Who may answer what a book asks, and whether enough people can: one rule for plan, validate, launch and answers."""

from collections.abc import Collection, Iterable, Mapping

from tminus.people import People
from tminus.quorum import why_unreachable
from tminus.runbook import Attestation, PagingPath, Quorum, Spec


def roles_asked(does: Spec) -> Mapping[str, int]:
    """Role → how many distinct people must answer as it; nothing for a step that asks nobody."""
    match does:
        case Quorum() as asked:
            return asked.roles
        case Attestation() | PagingPath() as stated:
            return {stated.role: 1}
        case _:
            return {}


def may_answer(kind: str, people: People, started_by: str) -> Mapping[str, frozenset[str]]:
    """Person → their roles, of everybody whose yes can count: nobody approves the launch that they started.

    Args:
        kind: the question's.
        people: the launch's.
        started_by: who started the launch, by id.
    """
    others = kind != "approval"
    return {person.id: person.roles for person in people.people if others or person.id != started_by}


def why_never(does: Spec, people: People, started_by: str = "") -> str:
    """Why what a step asks could never be decided; "" where it could.

    Args:
        does: the step's question; one that asks nobody can always be decided.
        people: everybody.
        started_by: who starts the launch, by id; while that is open, it is whichever of them leaves enough others.
    """
    roles = roles_asked(does)

    def without(starter: str) -> str:
        return why_unreachable(roles, may_answer(does.kind, people, starter))

    if started_by or without(""):
        return without(started_by)
    if not roles or any(not without(person.id) for person in people.people):
        return ""
    return f"whoever starts the launch does not approve it, and without them {without(people.people[0].id)}"


def why_no_way_back(may_roll_back: Collection[str], what: Iterable[object], people: People) -> str:
    """Why nobody could order the way back by hand; "" where somebody could, or where nothing is ever changed.

    Args:
        may_roll_back: the roles that the book names.
        what: what each of its steps does.
        people: everybody.
    """
    changes = may_roll_back or any(getattr(does, "verb", "") == "action" for does in what)
    if not changes or people.who_may_roll_back(may_roll_back):
        return ""
    roles = f" with a role of {', '.join(may_roll_back)}" if may_roll_back else ""
    return f"nobody{roles} is on duty to roll back by hand; mark one person in people.yaml `on_duty: true`"
