"""A local, fsynced journal: what an undo needs, and what it did, where the ledger does not answer."""

import json
import os
from collections.abc import Iterable
from pathlib import Path

from tminus import events as ev


class Journal:
    """One file a launch, in the environment's state folder on this machine.

    Two kinds of lines: `intent`, a copy of every intended action with its undo, so that a rollback
    can be done without the ledger; and `unwritten`, events the ledger did not take, merged later.
    """

    def __init__(self, state: Path, launch: str) -> None:
        self._file = state / "journal" / f"{launch}.jsonl"

    def keep_intent(self, intended: ev.StepIntended) -> None:
        """Keeps an action's way back, before it acts."""
        self._append("intent", [ev.write(intended)])

    def keep_unwritten(self, events: Iterable[ev.Event]) -> None:
        """Keeps events for which the ledger did not answer."""
        self._append("unwritten", [ev.write(event) for event in events])

    def intents(self) -> list[ev.StepIntended]:
        """Every action that was about to be done from this machine, in order."""
        found = [ev.read(body) for kind, body in self._lines() if kind == "intent"]
        return [event for event in found if isinstance(event, ev.StepIntended)]

    def unwritten(self) -> list[ev.Event]:
        """What waits to be merged, in order."""
        return [ev.read(body) for kind, body in self._lines() if kind == "unwritten"]

    def forget_unwritten(self) -> None:
        """After a merge: only the intents stay."""
        kept = [line for line in self._lines() if line[0] == "intent"]
        fresh = self._file.with_suffix(".new")
        fresh.write_text("".join(json.dumps(line) + "\n" for line in kept), "utf-8")
        fresh.replace(self._file)

    def _append(self, kind: str, bodies: Iterable[str]) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with self._file.open("a", encoding="utf-8") as file:
            file.writelines(json.dumps([kind, body]) + "\n" for body in bodies)
            file.flush()
            os.fsync(file.fileno())

    def _lines(self) -> list[tuple[str, str]]:
        if not self._file.exists():
            return []
        whole = self._file.read_text("utf-8").split("\n")
        # A line without its end was being written when the machine stopped; what it said never counted.
        return [(str(kind), str(body)) for kind, body in (json.loads(line) for line in whole[:-1])]
