"""How old each secret of a book is, and how its rotation stands. No value is read."""

from tasks.estate import Estate
from tasks.secret_versions import SecretVersions
from tminus.errors import CouldNotObserve, MissingSecret, NotConfigured
from tminus.ledger.store import Store
from tminus.release import no_release
from tminus.rotations.opened import OpenedSecrets
from tminus.rotations.terminal import State


def states(store: Store, opened: OpenedSecrets) -> list[State]:
    """Each as it stands now; what cannot be told says why. Raises LedgerError."""
    estate = Estate(opened.environment, no_release(opened.system), "", opened.base)
    return [_state(store, opened, estate, name) for name, _ in opened.named(())]


def _state(store: Store, opened: OpenedSecrets, estate: Estate, name: str) -> State:
    policy, course = opened.book.rotations[name], opened.course(store, name)
    try:
        made = SecretVersions.open(estate, policy.secret).current_since()
    except (CouldNotObserve, MissingSecret, NotConfigured) as e:
        return State(name, policy, course, None, str(e))
    return State(name, policy, course, made, "" if made else "it has no current value")
