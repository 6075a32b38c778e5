"""Whether a system's live data are being restored, or its backups verified, right now: the two get out of the way."""

from datetime import timedelta

from tminus.backups.opened import OpenedBackups
from tminus.chain_names import restores_of, taken_back
from tminus.clock import now, show_duration
from tminus.lease import known_dead
from tminus.ledger.store import Store


def restore_under_way(store: Store, opened: OpenedBackups) -> str:
    """The chain of the restore that was asked for and is not over; "" where there is none. Raises LedgerError."""
    environment = opened.environment.environment
    holder = store.locked_by(environment) or ""
    restores = holder.startswith(restores_of(opened.system, environment))
    return holder if restores and not taken_back(holder) else ""


def verification_under_way(store: Store, opened: OpenedBackups) -> str:
    """A line for whoever plans a restore: that a verification runs; "" where none does. Raises LedgerError."""
    if store.head(opened.chain) is None:
        return ""
    held = store.lease(opened.chain)
    if held is None or held.holder is None or held.left <= 0 or known_dead(held.holder):
        return ""
    for began in opened.history(store).broke_off.values():
        since = show_duration(timedelta(seconds=int((now() - began.at).total_seconds())))
        return f"a verification of the backups runs since {since}; once this is asked for it makes way, within seconds"
    return ""
