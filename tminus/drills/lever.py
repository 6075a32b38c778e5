"""The stop lever: while it is pulled no drill of a system begins in an environment, and one that runs is undone."""

import os
from collections.abc import Mapping

from tminus import events as ev
from tminus.chain_names import lever_chain
from tminus.ledger.opening import have_chain
from tminus.ledger.store import Entry, Store
from tminus.record_parts import read_event

VARIABLE = "TMINUS_STOP_DRILLS"
"""An environment variable that pulls it for this process alone, whatever the ledger says; `0`, `no` and such do not."""
_NOT = frozenset({"", "0", "no", "off", "false"})


def by_variable(variables: Mapping[str, str] = os.environ) -> str:
    """What the variable says where it pulls the lever; "" where it does not."""
    said = variables.get(VARIABLE, "").strip()
    return "" if said.lower() in _NOT else said


class Lever:
    """One system's, in one environment. All of it blocks: call it from a thread. Every method raises LedgerError."""

    def __init__(self, store: Store, system: str, environment: str, variables: Mapping[str, str] = os.environ) -> None:
        self._store = store
        self._chain = lever_chain(system, environment)
        self._variables = variables

    def pulled(self) -> str:
        """By whom and why; "" where it is not."""
        if said := by_variable(self._variables):
            return f"{VARIABLE} is set ({said[:80]})"
        last = self.stopped()
        return f"{last.by} stopped all drills at {last.at:%Y-%m-%d %H:%M:%S} UTC: {last.reason}" if last else ""

    def how_to_allow(self) -> str:
        """What lets go of it, for whoever was told that it is pulled."""
        if by_variable(self._variables):
            return f"Unset {VARIABLE} where this is started to let drills begin again"
        return "`tminus drill --allow --reason WHY` lets them begin again"

    def stopped(self) -> ev.DrillsStopped | None:
        """What the ledger says of it, whatever the variable does; None where nobody pulled it, or let go since."""
        if not self._store.head(self._chain):
            return None
        entries = self._store.read(self._chain)
        last = read_event(entries[-1]) if entries else None  # it is made before its first entry is written
        return last if isinstance(last, ev.DrillsStopped) else None

    def pull(self, by: str, reason: str) -> None:
        """Ends all drills, and lets none begin."""
        self._write(ev.DrillsStopped(by=by, reason=reason))

    def release(self, by: str, reason: str) -> None:
        """Lets drills begin again."""
        self._write(ev.DrillsAllowed(by=by, reason=reason))

    def _write(self, event: ev.Event) -> None:
        have_chain(self._store, self._chain)
        self._store.append(Entry(self._chain, ev.write(event)))
