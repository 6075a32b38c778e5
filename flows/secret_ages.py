"""How old each secret of a book is, and how its rotation stands. No value is read."""

from tasks.estate import Estate
from tasks.secret_versions import SecretVersions
from tminus import events as ev
from tminus.asking import how_to_answer
from tminus.chain_names import rotations_asked
from tminus.clock import now
from tminus.errors import CouldNotObserve, MissingSecret, NotConfigured
from tminus.ledger.logbook import Logbook
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
        return State(name, policy, course, None, str(e), _asked(store, opened, name))
    return State(name, policy, course, made, "" if made else "it has no current value", _asked(store, opened, name))


def _asked(store: Store, opened: OpenedSecrets, name: str) -> str:
    """What people are asked about it just now, and how they answer."""
    begin = rotations_asked(opened.system, opened.environment.environment, name)
    for chain in sorted((one for one in store.chains() if one.startswith(begin)), reverse=True):
        record = Logbook(store, chain).refresh()
        asked = next((event for event in record.events if isinstance(event, ev.RotationAsked)), None)
        for question in record.open_asks():
            if asked is not None and question.opened.deadline > now():
                what = "it leaked, and is cut off" if asked.at_once else "it is rotated"
                return f"{what} once somebody said yes: {how_to_answer(chain, question.opened)}"
    return ""
