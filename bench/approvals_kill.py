"""Histories in whose midst the gateway and the conductor are killed (SIGKILL), again and again, and started anew.

One process runs the real door behind HTTP and a conductor, on a ledger in a SQLite file. Requests arrive one after
another; at random moments, from before a press is read until after it is answered, the process is killed. A press that
is not answered is sent again byte for byte, and whoever is told nothing presses anew, as people do, until they are told
what became of it. Afterwards the effects are counted in the ledger's file.

- wrong: an end, or who stands for what, is not what the reference says of the same history without any crash;
- lost: somebody was told "Recorded", and it is not in the ledger;
- doubled: one press, however often it was sent, is in the ledger more than once.

The door acknowledges a press before it asks the ledger anything, so one that was answered 200 may be gone with the
process: nobody is told "Recorded" then. How often that happened is told, without a goal.
"""

import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

from bench.approval_histories import drawn
from bench.approval_history import Account, Found, History, Looked, Plain, Raced, Sent
from bench.approval_model import accounts
from bench.approvals_clock import set_clock
from bench.approvals_figure import Figure, none_of
from bench.approvals_killed_room import Room, ears
from bench.approvals_launch import ASK
from tminus import asking
from tminus import events as ev
from tminus.ledger.chain import faults


@dataclass
class Counts:
    """What the histories came to."""

    histories: int = 0
    kills: int = 0
    presses: int = 0
    wrong: int = 0
    lost: int = 0
    doubled: int = 0
    gone: int = 0

    def figures(self) -> Iterator[Figure]:
        """Each with its goal."""
        of = f"of {self.histories} histories with {self.kills} kills"
        yield none_of("kill.wrong_outcomes", self.wrong, of)
        yield none_of("kill.lost_acknowledged_decisions", self.lost, f"of {self.presses} presses in them")
        yield none_of("kill.doubled_decisions", self.doubled, f"of {self.presses} presses in them")
        yield Figure("kill.answered_200_and_gone", self.gone, f"of {self.presses} presses in them, never told Recorded")


def figures(histories: int, seed: str) -> Iterator[Figure]:
    """Plays so many and counts."""
    counts = Counts()
    for number in range(histories):
        play(f"{seed}/kill/{number}", counts)
    yield from counts.figures()


def in_line(history: History) -> History:
    """The same without races and without clocks, with a look after each event: what a kill may not change.

    What Slack asks a reason for comes by command line here.
    """
    kept: list[Plain] = [Looked(0)]
    for event in history.events:
        for one in (event.first, event.second) if isinstance(event, Raced) else (event,):
            if isinstance(one, Sent):
                via = "command line" if (one.request.via, one.request.does) == ("slack", "reject") else one.request.via
                kept += [replace(one, at=0, request=replace(one.request, made=0, via=via)), Looked(0)]
            elif isinstance(one, Found):
                kept += [replace(one, at=0), Looked(0)]
    question = replace(history.question, open_for=3000.5)
    return replace(history, question=question, events=tuple(kept))


def play(seed: str, counts: Counts) -> None:
    """Plays one history; a sign-off has no conductor, so another is drawn in its place."""
    number = 0
    while (history := drawn(f"{seed}/{number}")).question.kind == "sign_off":
        number += 1
    history = in_line(history)
    (right,) = accounts(history)
    with set_clock(), tempfile.TemporaryDirectory(prefix="tminus-bench-") as made, ears() as heard:
        with closing(Room(history, Path(made), heard, Random(seed))) as room:
            counts.wrong += not _is_right(history, room, right, counts)
        counts.kills += room.kills - 1  # the last one ends it
        counts.presses += room.presses
        counts.gone += room.gone
    counts.histories += 1


def _is_right(history: History, room: Room, right: Account, counts: Counts) -> bool:
    """Plays it to its end; whether it came out as it should."""
    as_told = True
    for number, event in enumerate(history.events):
        match event:
            case Found():
                room.show(event.version)
            case Sent():
                before, said = _decisions(room), room.send(event.request)
                taken = _decisions(room) - before
                counts.doubled += taken > 1
                counts.lost += said and not taken
                as_told &= (taken > 0) == right.told[number, 0]
            case _:
                room.settle()
    room.settle()
    ends = [one.result for one in room.book.record.events if isinstance(one, ev.AskEnded)]
    whole = not faults(room.store.read(room.book.launch))
    return as_told and whole and ends == [one.result for one in right.ends] and _standing(room) == right.standing


def _decisions(room: Room) -> int:
    """How many answers and orders are in the ledger."""
    return sum(isinstance(one, ev.Answered | ev.Ordered) for one in room.book.refresh().events)


def _standing(room: Room) -> frozenset[tuple[str, str]]:
    ask = room.book.record.asks[ASK]
    if ask.voided or ask.ended is not None:
        return frozenset()
    return frozenset((one.person, one.answer) for one in asking.standing(ask, room.frozen.people))
