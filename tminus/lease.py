"""One conductor a launch: a lease that is renewed while its holder lives, and taken over when it dies."""

import logging
import os
from threading import Event as Flag
from threading import Thread
from typing import Self

from pydantic import ValidationError

from tminus.errors import LedgerError, LedgerUnreachable, Refused
from tminus.ledger.store import Lease, Store
from tminus.process_identity import Process

_logger = logging.getLogger(__name__)
_LONGEST_PAUSE = 1.0  # seconds between two tries to renew while the ledger does not answer


def myself() -> str:
    """This process, so that another on the same machine can tell whether it still lives."""
    return Process.of(os.getpid()).model_dump_json()


def _read(holder: str | None) -> Process | None:
    try:
        return Process.model_validate_json(holder) if holder else None
    except ValidationError:
        return None


def known_dead(holder: str | None) -> bool:
    """Whether a holder was a process of this machine, of this boot, that lives no more.

    False where it lives (stopped counts as living), and where it cannot be told from here: then its lease
    must run out.
    """
    described = _read(holder)
    return described is not None and described.lives() is False


def vacant(lease: Lease | None) -> bool:
    """Whether nobody conducts: the lease is free, ran out, or its holder is known to be dead."""
    return lease is not None and (lease.holder is None or lease.left <= 0 or known_dead(lease.holder))


def take(store: Store, chain: str, seconds: float) -> int:
    """Takes the lease of a launch; returns its token.

    Raises Refused, saying who holds it and for how long, and LedgerError where there is no such launch.
    """
    held = store.lease(chain)
    dead = held.token if held is not None and known_dead(held.holder) else None
    token = store.take_lease(chain, myself(), seconds, dead=dead)
    if token is None:
        raise _why_not(store.lease(chain), chain)
    return token


def _why_not(held: Lease | None, chain: str) -> Refused | LedgerError:
    if held is None:
        return LedgerError(f"no launch is called {chain!r}; `tminus status` lists them")
    who = _read(held.holder)
    by = f"process {who.pid} on {who.machine.split()[0]}" if who else "another process"
    return Refused(f"{chain} is conducted by {by}; its lease lasts another {max(held.left, 0.0):.0f} s")


class Heartbeat:
    """Renews a lease three times in its length, from a thread and a connection of its own.

    A renewal that the ledger does not answer is tried again within a second.

    Args:
        store: a store of this heartbeat's own, so that a busy conductor does not starve it; closed at the end.
        chain: the launch.
        token: the lease's token.
        seconds: the lease's length.

    Attributes:
        lost: set once the lease is known to be another's.
    """

    def __init__(self, store: Store, chain: str, token: int, seconds: float) -> None:
        self._store = store
        self._lease = (chain, token, seconds)
        self._stop = Flag()
        self.lost = Flag()
        self._thread = Thread(target=self._beat, name=f"lease {chain}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(timeout=5)
        chain, token, _seconds = self._lease
        try:
            self._store.give_lease_back(chain, token)
        except LedgerError as e:
            _logger.warning("%s: the lease was not given back (%s); it runs out by itself", chain, e)
        self._store.close()

    def _beat(self) -> None:
        chain, token, seconds = self._lease
        pause = seconds / 3
        while not self._stop.wait(pause):
            pause = seconds / 3
            try:
                if not self._store.renew_lease(chain, token, seconds):
                    self.lost.set()
                    return
            except LedgerError as e:
                pause = min(seconds / 10, _LONGEST_PAUSE)
                if isinstance(e, LedgerUnreachable):
                    _logger.warning("%s: the lease was not renewed (%s); trying again in %.1f s", chain, e, pause)
                else:
                    _logger.exception("%s: the lease was not renewed; trying again in %.1f s", chain, pause)
