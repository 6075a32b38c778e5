"""Who rotates a secret, and what must be so before a rotation is gone on with, whoever wrote down that it began."""

from flows.asking_first import answered
from tasks.rotators.rotator import Rotator
from tminus import events as ev
from tminus.errors import Refused, UsageError
from tminus.ledger.store import Store
from tminus.rotations.course import Owed, Rotation
from tminus.rotations.opened import OpenedSecrets


def require_same_book(rotation: Rotation, rotator: Rotator) -> None:
    """Raises Refused where the book says another kind, or another place, than the rotation was begun with."""
    began = rotation.began
    before = {"kind": began.kind, "secret": began.stored_as, **began.servers}
    after = {"kind": rotator.kind, "secret": rotator.secret, **rotator.servers}
    if changed := [f"{key} was {was!r}" for key, was in before.items() if after.get(key) != was]:
        raise Refused(
            f"{began.secret}: the book was changed since this rotation began: {', '.join(changed)}. Put that back "
            "until it is over; nothing was done"
        )


def require_approved(store: Store, name: str, leaked: Owed) -> None:
    """Raises Refused where nobody said yes to cutting just that off: whoever wrote it down, that is signed."""
    if not leaked.approval:
        raise Refused(f"{name} is to be cut off at once, and nobody was asked; nothing was done")
    answer = answered(store, leaked.approval, ev.RotationAsked)
    asked = (answer.asked.secret, answer.asked.at_once, answer.asked.replaces)
    if answer.word != "yes" or asked != (name, True, leaked.version):
        raise Refused(
            f"{name} is to be cut off at once, and {leaked.approval} says no yes to that ({answer.said}); nothing was "
            f"done. `tminus ledger verify {leaked.approval}` tells if it was changed"
        )


def rotator_of(opened: OpenedSecrets, name: str) -> Rotator:
    """The policy, which is its own rotator; raises UsageError for an unknown name."""
    [(_, policy)] = opened.named((name,))
    if not isinstance(policy, Rotator):
        raise UsageError(f"{name}: nothing rotates a {policy.kind}")
    return policy
