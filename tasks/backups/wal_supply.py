"""Hands WAL to a recovering PostgreSQL: its restore_command asks in a folder, and a thread of ours fetches and answers.

So no key, no credential and no connection is within reach of the restored server, and of a WAL however long only a few
segments lie on the disk. What cannot be fetched now ends the recovery: only what is not there counts as the WAL's end,
since recovery ends there without an error.
"""

import shlex
import threading
from contextvars import copy_context
from pathlib import Path
from typing import Protocol

from tasks.backups.damage import Damaged
from tasks.backups.wal_archive import Fetched
from tminus.backups.wal_names import Segment, is_segment, is_wal
from tminus.errors import CouldNotObserve, TminusError
from tminus.unprivileged import Account

_AHEAD = 3  # segments that are fetched before they are asked for
_POLL = 0.01  # seconds between two looks at what is asked for
# 1 is "there is none"; over 125 makes PostgreSQL stop (https://www.postgresql.org/docs/current/continuous-archiving.html).
_ASK = """\
#!/bin/sh
# restore_command: asks for one file of the WAL, waits for the answer
into="$PWD/$2"
cd {folder} || exit 126
true > "wanted/$1" || exit 126  # of `:` a shell that cannot write exits with 2 at once
while :; do
    if [ -f "ready/$1" ]; then cp "ready/$1" "$into" || exit 126; rm -f "wanted/$1"; exit 0; fi
    if [ -f "absent/$1" ]; then rm -f "wanted/$1"; exit 1; fi
    [ -f open ] || exit 126
    sleep 0.02
done
"""


class WalSource(Protocol):
    """Whoever has WAL."""

    def __call__(self, name: str, into: Path) -> Fetched | None:
        """Fetches one file of it under a path, where it appears only once it is whole; None where there is none."""


class WalSupply:
    """From `open` to `close` PostgreSQL may ask by `command`.

    Args:
        folder: what is in it stays ours, and the server can replace none of it; it asks in `wanted`, which is its own.
        sources: asked in this order.
        system: whose WAL it must be: the system identifier.
        size: bytes of a segment.

    Attributes:
        failed: why a file could not be handed over, where that is so: the recovery then ended for that reason.
        damaged: segments that are not what was written under their name, and why: they count as not there.
        handed: the segments that were handed over, in order.
    """

    def __init__(self, folder: Path, sources: tuple[WalSource, ...], system: str, size: int, account: Account) -> None:
        self._folder, self._sources, self._system, self._size, self._account = folder, sources, system, size, account
        self._stop = threading.Event()
        serve = copy_context().run
        self._thread = threading.Thread(target=serve, args=(self._serve,), name="wal supply", daemon=True)
        self.failed: TminusError | None = None
        self.damaged: dict[str, str] = {}
        self.handed: list[str] = []

    @property
    def command(self) -> str:
        """For restore_command."""
        script = shlex.quote(str(self._folder / "ask.sh")).replace("%", "%%")
        return f"/bin/sh {script} %f %p"

    def open(self) -> None:
        """Makes the folder, and begins to answer. Blocks."""
        wanted, *ours = (self._folder / name for name in ("wanted", "", "ready", "absent"))
        for folder in (*ours, wanted):
            folder.mkdir(mode=0o700, exist_ok=True)
        self._account.pass_through(*ours)
        self._account.own(wanted)
        self._account.put(self._folder / "ask.sh", _ASK.format(folder=shlex.quote(str(self._folder))))
        self._account.put(self._folder / "open")
        self._thread.start()

    def close(self) -> None:
        """Stops answering: whoever still asks is told that it ends here. Blocks until a fetch under way is over."""
        self._stop.set()
        (self._folder / "open").unlink(missing_ok=True)
        self._thread.join()

    def _serve(self) -> None:
        """Whatever goes wrong here must reach who asks: it would wait for ever."""
        try:
            while not self._stop.wait(_POLL):
                wanted = sorted(one.name for one in (self._folder / "wanted").iterdir())
                for name in wanted:
                    self._answer(name)
                for answered in (self._folder / "absent").iterdir():
                    if answered.name not in wanted:
                        answered.unlink()
        except TminusError as e:
            self.failed = e
        except OSError as e:
            self.failed = CouldNotObserve(f"WAL cannot be handed over in {self._folder}: {e.strerror}")
        finally:
            (self._folder / "open").unlink(missing_ok=True)

    def _answer(self, name: str) -> None:
        if (self._folder / "ready" / name).exists() or (self._folder / "absent" / name).exists():
            return
        try:
            found = is_wal(name) and self._bring(name)
        except Damaged as e:
            self.damaged[name], found = str(e), False
        if not found:
            (self._folder / "absent" / name).touch()
            return
        if is_segment(name):
            self.handed.append(name)
            self._look_ahead(name)

    def _bring(self, name: str) -> bool:
        """Whether one of the sources has it; it is then in `ready`."""
        into = self._folder / "ready" / name
        for source in self._sources:
            (self._folder / name).unlink(missing_ok=True)
            fetched = source(name, self._folder / name)
            if fetched is None:
                continue
            if fetched.head is not None and fetched.head.system != self._system:
                raise Damaged(f"the WAL segment {name} is of another system: {fetched.head.system}")
            self._account.own(self._folder / name)
            (self._folder / name).replace(into)
            return True
        return False

    def _look_ahead(self, name: str) -> None:
        """Fetches the next ones, and lets go of those before."""
        asked = Segment.parse(name, self._size)
        if asked is None:
            return
        for ready in list((self._folder / "ready").iterdir()):
            there = Segment.parse(ready.name, self._size)
            if there is not None and there.number < asked.number:
                ready.unlink(missing_ok=True)
        for step in range(1, _AHEAD + 1):
            following = Segment(asked.timeline, asked.number + step).name(self._size)
            if self._stop.is_set() or (self._folder / "ready" / following).exists():
                continue
            try:
                if not self._bring(following):
                    return
            except TminusError:
                return  # it is said when it is asked for
