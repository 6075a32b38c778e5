"""A local, fsynced journal: what an undo needs, and what it did, where the ledger does not answer."""

import fcntl
import json
import logging
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

from pydantic import TypeAdapter, ValidationError

from tminus import events as ev
from tminus.errors import LedgerError

_PATIENCE = 2.0  # seconds that one writer waits for another
_POLL = 0.02
_TO_MERGE = ("unwritten", "damaged")
_logger = logging.getLogger(__name__)


class _Line(NamedTuple):
    """One line: of what kind, what it says, and by which conductor."""

    kind: str
    body: str
    token: int


_LINE: TypeAdapter[_Line] = TypeAdapter(_Line)


@dataclass(frozen=True)
class Unwritten:
    """What the ledger has not taken yet.

    Attributes:
        body: the text.
        token: the lease's, of the conductor who wrote it here.
        event: what the text says; None where the line was damaged.
    """

    body: str
    token: int
    event: ev.Event | None


class Journal:
    """One file a launch, in the environment's state folder on this machine; safe with several processes at once.

    Three kinds of lines: `created`, what the launch froze, and `intent`, a copy of every intended action with its
    undo, so that a rollback can be done without the ledger; and `unwritten`, events the ledger did not take, merged
    later.
    What was appended is on the disk when the call returns. A line without its end was being written when
    the machine stopped: what it said never counted, and the next writer takes it away.

    A damaged line keeps nobody from reading the others: an undo must not fail for it. It is logged, and merged into the
    ledger as it stands. Raises OSError, and LedgerError where another process holds the journal for seconds.
    """

    def __init__(self, state: Path, launch: str) -> None:
        self._file = state / "journal" / f"{launch}.jsonl"
        self._seen: tuple[_Line, ...] = ()

    def keep_created(self, created: ev.LaunchCreated) -> None:
        """Keeps what the launch froze, once, so that a way back can be read without the ledger."""
        if self.created() is None:
            self._append("created", [ev.write(created)])

    def created(self) -> ev.LaunchCreated | None:
        """What the launch froze, if this machine ever conducted it."""
        found = (_event(line) for line in self._lines() if line.kind == "created")
        return next((event for event in found if isinstance(event, ev.LaunchCreated)), None)

    def keep_intent(self, intended: ev.StepIntended) -> None:
        """Keeps an action's way back, before it acts; once."""
        body = ev.write(intended)
        if all(line.body != body for line in self._lines()):
            self._append("intent", [body], intended.token)

    def keep_unwritten(self, events: Iterable[ev.Event], token: int = 0) -> None:
        """Keeps events for which the ledger did not answer, and whose they are."""
        self._append("unwritten", [ev.write(event) for event in events], token)

    def intents(self) -> list[ev.StepIntended]:
        """Every action that was about to be done, as far as this machine knows, in order."""
        found = (_event(line) for line in self._lines() if line.kind == "intent")
        return [event for event in found if isinstance(event, ev.StepIntended)]

    def waits(self) -> bool:
        """Whether anything waits to be merged."""
        return any(line.kind in _TO_MERGE for line in self._lines())

    def unwritten(self, written: Iterable[str] = ()) -> list[Unwritten]:
        """What waits to be merged, in order.

        Args:
            written: texts that the chain has already. Where the ledger's answer was lost, or a merge broke off,
                an event can be in both; it is not told twice.
        """
        self._seen = tuple(line for line in self._lines() if line.kind in _TO_MERGE)
        known = set(written)
        return [Unwritten(line.body, line.token, _event(line)) for line in self._seen if line.body not in known]

    def forget_unwritten(self) -> None:
        """After a merge: what the last `unwritten()` read is forgotten; the intents, and anything newer, stay."""
        with self._locked():
            kept: list[_Line] = []
            merged = list(self._seen)
            for line in self._lines():
                if line in merged:
                    merged.remove(line)
                else:
                    kept.append(line)
            fresh = self._file.with_name(f"{self._file.name}.new")
            _write_durably(fresh, kept)
            fresh.replace(self._file)
            _sync_folder(self._file.parent)
        self._seen = ()

    def _append(self, kind: str, bodies: Iterable[str], token: int = 0) -> None:
        lines = "".join(json.dumps([kind, body, token]) + "\n" for body in bodies)
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
            self._wait_for(lock)
            yield

    def _wait_for(self, lock: BinaryIO) -> None:
        until = time.monotonic() + _PATIENCE
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as e:
                if time.monotonic() > until:
                    raise LedgerError(f"{self._file} has been held by another process for {_PATIENCE:g} s") from e
                time.sleep(_POLL)
            else:
                return

    def _lines(self) -> list[_Line]:
        if not self._file.exists():
            return []
        whole = self._file.read_bytes().split(b"\n")[:-1]
        return [self._line(number, line) for number, line in enumerate(whole, start=1)]

    def _line(self, number: int, line: bytes) -> _Line:
        try:
            return _LINE.validate_json(line)
        except ValidationError:
            _logger.warning("%s:%d is damaged; the other lines count", self._file, number)
            return _Line("damaged", line.decode("utf-8", "replace"), 0)


def _event(line: _Line) -> ev.Event | None:
    try:
        return ev.read(line.body)
    except ValidationError:
        return None


def _whole(file: Path) -> int:
    """How many bytes of a file are whole lines."""
    return file.read_bytes().rfind(b"\n") + 1 if file.exists() else 0


def _write_durably(file: Path, lines: Sequence[_Line]) -> None:
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
