"""The histories of bench.rotation_kill: where each of them is killed, or what fails in its midst."""

import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path
from random import Random
from typing import Literal

from bench.rotation_kill_front import Failure, Front
from bench.rotation_kill_history import OVERLAP, History
from bench.rotation_kill_users import OVERLAP as USERS
from bench.worlds.byte_relay import ByteRelay

_CURRENT, _PENDING, _PREVIOUS = (
    f"sent UpdateSecretVersionStage AWS{stage}" for stage in ("CURRENT", "PENDING", "PREVIOUS")
)
POINTS = (
    *("rotation.began", "begun create", "made create", "sent PutSecretValue", "unrecorded create", "recorded create"),
    *("begun set", "made set", "recorded set", "begun test", "made test", "recorded test"),
    *("begun promote", _CURRENT, "unrecorded promote", "recorded promote"),
    *("begun off", "made off", "recorded off"),
    *("begun drop", "made drop", _PREVIOUS, "recorded drop", "rotation.ended"),
)
"""Where a rotation is killed: before, inside and after each of its verbs."""
BACK = (
    *("rotation.ordered", "begun back", "made on", _CURRENT, "unrecorded back", "recorded back"),
    *("begun undo", "made undo", _PREVIOUS, "unrecorded undo", "recorded undo", "rotation.ended"),
)
"""Where one that is turned back is, once the new value was current."""
BACK_EARLY = ("begun back", "recorded back", "made undo", _PENDING, "unrecorded undo")
"""Where one is that never became current."""
_UNKNOWN_WHEN = (_CURRENT, "unrecorded back")
"""Where the old value is current again, and the ledger does not know since when."""
_FAILURES = (
    *(Failure("PutSecretValue", how) for how in ("500 before", "500 after", "silent after")),
    *(
        Failure("UpdateSecretVersionStage", how, f"AWS{stage}")
        for stage in ("CURRENT", "PENDING", "PREVIOUS")
        for how in ("500 before", "500 after")
    ),
    Failure("UpdateSecretVersionStage", "silent after", "AWSCURRENT"),
    Failure("DescribeSecret", "500 before"),
    Failure("GetSecretValue", "500 before"),
)
_SEEN = 4.0  # seconds: an overlap that is longer than the visit after a kill, so that it is seen whether it is kept
_LATEST = 0.6  # seconds from a visit's begin to a random kill
_CLOSED = 1  # a port at which nobody listens
_VISITS = 12  # in which a rotation comes to where something fails
_LONGEST = 60.0  # seconds in which a point is reached


@dataclass(frozen=True)
class Server:
    """PostgreSQL as tminus finds it.

    Attributes:
        relay: what stands before it.
        port: its own.
        data: its folder of data, where its process's number is.
    """

    relay: ByteRelay
    port: int
    data: Path

    def refuse(self) -> None:
        """Nobody gets through to it."""
        self.relay.to = _CLOSED

    def stop(self) -> None:
        """It takes no connection, and does not say so."""
        os.kill(self._pid, signal.SIGSTOP)

    def heal(self) -> None:
        """It is as before."""
        self.relay.to = self.port
        os.kill(self._pid, signal.SIGCONT)

    @property
    def _pid(self) -> int:
        return int((self.data / "postmaster.pid").read_text().split()[0])


@dataclass(frozen=True)
class Case:
    """One history.

    Attributes:
        kind: of what the secret is.
        name: what happens to it.
        play: does that; what comes after it is the same for all.
        how: its end.
        alone: whether it breaks what other histories need.
        overlap: seconds for which what was current goes on working.
    """

    kind: str
    name: str
    play: Callable[[History, Front, Server], None]
    how: Literal["rotated", "undone"] = "rotated"
    alone: bool = False
    overlap: float = OVERLAP

    def __str__(self) -> str:
        return f"{self.kind}: {self.name}"


@dataclass(frozen=True)
class _Kind:
    """A kind of secret.

    Attributes:
        early: up to where one came that never became current and is turned back.
        calls: by which the outside system is changed, each of them one where a verb is killed inside.
        whole: whether Secrets Manager fails too, and one is turned back from everywhere: that is alike for all.
        overlap: seconds.
    """

    early: Sequence[str]
    calls: Sequence[str] = ()
    whole: bool = False
    overlap: float = OVERLAP

    def inside(self, *verbs: str) -> Iterator[str]:
        """Where it is killed inside these."""
        yield from (f"sent {call} in {verb}" for verb, call in product(verbs, self.calls))


_KINDS = {
    "logins": _Kind(("made create", "made set"), whole=True),
    "keys": _Kind(("made create", "recorded test"), whole=True),
    "users": _Kind(("made set",), ("ACL SETUSER", "CONFIG REWRITE"), overlap=USERS),
    "tokens": _Kind(("made set",), ("PutObject",)),
}


def cases(random: int, seed: str) -> Iterator[Case]:
    """All of them; `random` of each kind are killed at times drawn by `seed`."""
    for name, kind in _KINDS.items():
        for point in (*POINTS, *kind.inside("set", "off")):
            yield Case(name, f"killed at {point}", partial(_killed, point), overlap=kind.overlap)
        yield from _turned_back(name, kind)
        for failure in _FAILURES if kind.whole else ():
            yield Case(name, f"Secrets Manager: {failure}", partial(_fails, failure), overlap=kind.overlap)
        for number in range(random):
            play = partial(_at_random, Random(f"{seed}/{name}/{number}"))
            yield Case(name, f"killed at random times {number}", play, overlap=kind.overlap)
    for point, broken in product(("begun set", "begun test", "begun off", "begun drop"), (Server.refuse, Server.stop)):
        yield Case("logins", f"PostgreSQL: {broken.__name__} at {point}", partial(_broken, point, broken), alone=True)
    for point in ("begun back", "begun undo"):
        play = partial(_broken_back, point)
        yield Case("logins", f"PostgreSQL: refuse at {point}", play, "undone", alone=True)


def _turned_back(name: str, kind: _Kind) -> Iterator[Case]:
    places = [
        *product(("recorded promote",), BACK if kind.whole else _UNKNOWN_WHEN),
        *product(("made off",), (*BACK, *kind.inside("on", "undo"))),
        *product(kind.early, BACK_EARLY),
    ]
    for stood, point in places:
        overlap = _SEEN if stood not in kind.early and point in _UNKNOWN_WHEN else kind.overlap
        play = partial(_back, stood, point)
        yield Case(name, f"turned back from {stood}, killed at {point}", play, "undone", overlap=overlap)


def _killed(point: str, history: History, front: Front, server: Server) -> None:
    del front, server
    history.visit_until(point)


def _back(stood: str, point: str, history: History, front: Front, server: Server) -> None:
    del front, server
    history.visit_until(stood)
    if stood == "made create" and point == _PENDING:
        return _plainly_back(history)
    history.visit_until(point, back=True)
    return None


def _plainly_back(history: History) -> None:
    """What never reached Secrets Manager has no stage to lose."""
    history.visit(back=True)


def _fails(failure: Failure, history: History, front: Front, server: Server) -> None:
    """From a failing call on every call of that kind fails, until the visit is over."""
    del server
    front.failing[history.secret] = failure
    failed = front.failed
    try:
        for _ in range(_VISITS):
            history.visit()
            if front.failed > failed or (history.course.rotations and history.course.open is None):
                break
            history.wait()
    finally:
        del front.failing[history.secret]


def _at_random(chance: Random, history: History, front: Front, server: Server) -> None:
    del front, server
    for _ in range(6):
        if history.course.rotations and history.course.open is None:
            return
        history.wait()
        history.kill_after(_LATEST * chance.random())


def _broken(
    point: str, breaks: Callable[[Server], None], history: History, front: Front, server: Server, *, back: bool = False
) -> None:
    """PostgreSQL fails from a point on, until the visit is over."""
    del front
    for number in range(_VISITS):
        process = history.start(point, "wait", back=back and number == 0)
        reached = history.folder / "reached"
        until = time.monotonic() + _LONGEST
        while process.is_alive() and not reached.exists() and time.monotonic() < until:
            time.sleep(0.005)
        try:
            if there := reached.exists():
                breaks(server)
                reached.unlink()
            history.joined(process)
        finally:
            server.heal()
        if there:
            return
        history.wait()
    raise LookupError(f"{history.folder.name}: no visit comes to {point!r}")


def _broken_back(point: str, history: History, front: Front, server: Server) -> None:
    history.visit_until("recorded promote")
    _broken(point, Server.refuse, history, front, server, back=True)
