"""A local, fsynced journal: what an undo needs, and what it did, where the ledger does not answer."""

import fcntl
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from tminus import events as ev
from tminus.errors import LedgerError

_LINE: TypeAdapter[tuple[str, str]] = TypeAdapter(tuple[str, str])


class Journal:
    """One file a launch, in the environment's state folder on this machine; safe with several processes at once.

    Three kinds of lines: `created`, what the launch froze, and `intent`, a copy of every intended action with its
    undo, so that a rollback can be done without the ledger; and `unwritten`, events the ledger did not take, merged
    later.
    What was appended is on the disk when the call returns. A line without its end was being written when
    the machine stopped: what it said never counted, and the next writer takes it away.

    Reading raises LedgerError where a line was damaged.
    """

    def __init__(self, state: Path, launch: str) -> None:
        self._file = state / "journal" / f"{launch}.jsonl"
        self._seen: tuple[str, ...] = ()

    def keep_created(self, created: ev.LaunchCreated) -> None:
        """Keeps what the launch froze, once, so that a way back can be read without the ledger."""
        if self.created() is None:
            self._append("created", [ev.write(created)])

    def created(self) -> ev.LaunchCreated | None:
        """What the launch froze, if this machine ever conducted it."""
        for kind, body in self._lines():
            if kind == "created" and isinstance(event := ev.read(body), ev.LaunchCreated):
                return event
        return None

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

    def unwritten(self, written: Iterable[str] = ()) -> list[ev.Event]:
        """What waits to be merged, in order.

        Args:
            written: texts that the chain has already. Where the ledger's answer was lost, or a merge broke off,
                an event can be in both; it is not told twice.
        """
        self._seen = tuple(body for kind, body in self._lines() if kind == "unwritten")
        known = set(written)
        return [ev.read(body) for body in self._seen if body not in known]

    def forget_unwritten(self) -> None:
        """After a merge: what the last `unwritten()` read is forgotten; the intents, and anything newer, stay."""
        with self._locked():
            kept: list[tuple[str, str]] = []
            merged = list(self._seen)
            for kind, body in self._lines():
                if kind == "unwritten" and body in merged:
                    merged.remove(body)
                else:
                    kept.append((kind, body))
            fresh = self._file.with_name(f"{self._file.name}.new")
            _write_durably(fresh, kept)
            fresh.replace(self._file)
            _sync_folder(self._file.parent)
        self._seen = ()

    def _append(self, kind: str, bodies: Iterable[str]) -> None:
        lines = "".join(json.dumps([kind, body]) + "\n" for body in bodies)
        with self._locked():
            is_new = not self._file.exists()
            with self._file.open("ab") as file:
                file.truncate(_whole(self._file))
                file.write(lines.encode())
                file.flush()
                os.fsync(file.fileno())
            if is_new:
                _sync_folder(self._file.parent)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One writer at a time. A file of its own, since the journal itself is replaced after a merge."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with self._file.with_name(f"{self._file.name}.lock").open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _lines(self) -> list[tuple[str, str]]:
        if not self._file.exists():
            return []
        whole = self._file.read_bytes().split(b"\n")[:-1]
        return [self._line(number, line) for number, line in enumerate(whole, start=1)]

    def _line(self, number: int, line: bytes) -> tuple[str, str]:
        try:
            return _LINE.validate_json(line)
        except ValidationError as e:
            raise LedgerError(f"{self._file}:{number} is damaged; take the line out after reading what it says") from e


def _whole(file: Path) -> int:
    """How many bytes of a file are whole lines."""
    return file.read_bytes().rfind(b"\n") + 1 if file.exists() else 0


def _write_durably(file: Path, lines: Sequence[tuple[str, str]]) -> None:
    with file.open("w", encoding="utf-8") as opened:
        opened.writelines(json.dumps(line) + "\n" for line in lines)
        opened.flush()
        os.fsync(opened.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
