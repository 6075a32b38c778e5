"""One conductor a launch: a lease that is renewed while its holder lives, and taken over when it dies."""

import json
import logging
import socket
from pathlib import Path
from threading import Event as Flag
from threading import Thread
from typing import Self

import psutil

from tminus.errors import LedgerUnreachable, Refused
from tminus.ledger.store import Lease, Store

_logger = logging.getLogger(__name__)


def myself() -> str:
    """This process, so that another on the same machine can tell whether it still lives."""
    me = psutil.Process()
    return json.dumps({"machine": _machine(), "pid": me.pid, "since": me.create_time()}, sort_keys=True)


def _machine() -> str:
    """Where a process id means what it means here: the host, its boot, and the namespace of process ids."""
    namespace = Path("/proc/self/ns/pid")
    inside = str(namespace.readlink()) if namespace.exists() else ""
    return f"{socket.gethostname()} {_boot()} {inside}".strip()


def _boot() -> str:
    identity = Path("/proc/sys/kernel/random/boot_id")
    return identity.read_text("ascii").strip() if identity.exists() else str(psutil.boot_time())


def known_dead(holder: str | None) -> bool:
    """Whether a holder was a process of this machine, of this boot, that lives no more.

    False where it lives, and where it cannot be told from here: then its lease must run out.
    """
    if not holder:
        return False
    described = json.loads(holder)
    if described["machine"] != _machine():
        return False
    try:
        process = psutil.Process(described["pid"])
        gone = process.status() == psutil.STATUS_ZOMBIE or abs(process.create_time() - described["since"]) > 1
    except psutil.NoSuchProcess:
        return True
    return gone


def vacant(lease: Lease | None) -> bool:
    """Whether nobody conducts: the lease is free, ran out, or its holder is known to be dead."""
    return lease is not None and (lease.holder is None or lease.left <= 0 or known_dead(lease.holder))


def take(store: Store, chain: str, seconds: float) -> int:
    """Takes the lease of a launch; raises Refused, saying who holds it and for how long."""
    held = store.lease(chain)
    dead = held.token if held is not None and known_dead(held.holder) else None
    token = store.take_lease(chain, myself(), seconds, dead=dead)
    if token is None:
        who = json.loads(held.holder) if held and held.holder else {}
        left = f"{held.left:.0f} s" if held else "a while"
        where = who.get("machine", "?").split()[0]
        raise Refused(f"{chain} is conducted by process {who.get('pid', '?')} on {where}; its lease lasts {left}")
    return token


class Heartbeat:
    """Renews a lease three times in its length, from a thread and a connection of its own.

    Args:
        store: a store of this heartbeat's own, so that a busy conductor does not starve it.
        chain: the launch.
        token: the lease's token.
        seconds: the lease's length.
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
        except LedgerUnreachable as e:
            _logger.warning("%s: the lease was not given back (%s); it runs out by itself", chain, e)
        self._store.close()

    def _beat(self) -> None:
        chain, token, seconds = self._lease
        while not self._stop.wait(seconds / 3):
            try:
                if not self._store.renew_lease(chain, token, seconds):
                    self.lost.set()
                    return
            except LedgerUnreachable as e:
                _logger.warning("%s: the lease was not renewed (%s); trying again in %.0f s", chain, e, seconds / 3)
