"""Another process that uses a ledger: it does what it reads from its input, a line at a time, and says how it went.

Started as ``python -m tests.tminus.ledger.other_process`` with the ledger's variables in its environment.
"""

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import PIPE, Popen

from tminus import events as ev
from tminus import lease
from tminus.environment import Ledger
from tminus.errors import TminusError
from tminus.journal import Journal
from tminus.ledger.opening import VARIABLE, named_ledger, open_ledger
from tminus.ledger.store import Entry, Store
from tminus.outbox import Outbox

_ROOT = Path(__file__).parents[3]


def _first_or_later() -> Store:
    """The named ledger, which this process makes where it is the first to open it."""
    scheme, _, path = os.environ[VARIABLE].partition(":")
    return open_ledger(Ledger(sqlite=Path(path)) if scheme == "sqlite" else named_ledger())


@dataclass
class Other:
    """The other process, from this side."""

    process: "Popen[str]"

    @property
    def pid(self) -> int:
        """Its number."""
        return self.process.pid

    def tell(self, *words: object) -> None:
        """Tells it to do something; does not wait."""
        assert self.process.stdin is not None
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()

    def says(self) -> str:
        """What it answers to the next thing it was told."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def asked(self, *words: object) -> str:
        """Tells it, and waits for the answer."""
        self.tell(*words)
        return self.says()


@contextmanager
def other_process(variables: Mapping[str, str]) -> Iterator[Other]:
    """Starts the other process, ready to be told; it is ended with the block, however it stands."""
    import os

    command = [sys.executable, "-m", "tests.tminus.ledger.other_process"]
    with Popen(command, cwd=_ROOT, env={**os.environ, **variables}, stdin=PIPE, stdout=PIPE, text=True) as process:
        other = Other(process)
        try:
            assert other.says() == "ready"
            yield other
        finally:
            process.kill()


@dataclass
class _Doings:
    store: Store = field(default_factory=_first_or_later)
    token: int | None = None
    beating: list[lease.Heartbeat] = field(default_factory=list)

    def append(self, chain: str, times: str) -> str:
        """Appends one event after the other, without a token."""
        for number in range(int(times)):
            self.store.append(Entry(chain, f'{{"by":{id(self)},"number":{number}}}'))
        return "done"

    def conduct(self, chain: str) -> str:
        """Appends one event with this process's token."""
        self.store.append(Entry(chain, f'{{"token":{self.token}}}', token=self.token))
        return "done"

    def take(self, chain: str, seconds: str) -> str:
        """Takes the lease."""
        self.token = lease.take(self.store, chain, float(seconds))
        return str(self.token)

    def beat(self, chain: str, seconds: str) -> str:
        """Renews the lease from now on."""
        assert self.token is not None
        heartbeat = lease.Heartbeat(open_ledger(named_ledger()), chain, self.token, float(seconds))
        heartbeat.__enter__()
        self.beating.append(heartbeat)
        return "done"

    def lost(self, within: str) -> str:
        """Whether the heartbeat says that the lease is lost."""
        return str(self.beating[0].lost.wait(float(within)))

    def claim(self, channel: str, seconds: str) -> str:
        """Claims the next letter."""
        return " ".join(letter.key for letter in Outbox(self.store, claim=float(seconds)).claim((channel,)))

    def journal(self, folder: str, launch: str, times: str) -> str:
        """Keeps events in the local journal, one call each."""
        for number in range(int(times)):
            Journal(Path(folder), launch).keep_unwritten([ev.PhaseEnded(phase=f"{id(self)} {number} {'x' * 9000}")])
        return "done"


def _answer(doing: Callable[..., str], words: list[str]) -> str:
    try:
        return doing(*words)
    except TminusError as e:
        return f"{type(e).__name__}: {e}"


def main() -> None:
    """Does what it is told until its input ends."""
    doings = _Doings()
    print("ready", flush=True)  # noqa: T201 - the other side reads it
    for line in sys.stdin:
        what, *words = line.split()
        print(_answer(getattr(doings, what), words), flush=True)  # noqa: T201 - the other side reads it


if __name__ == "__main__":
    main()
