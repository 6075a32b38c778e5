"""Where one step stands, and where one question to people stands."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import ValidationError

from tminus import events as ev
from tminus.errors import LedgerError
from tminus.foreign_text import one_line
from tminus.ledger.chain import Stored
from tminus.outcome import Outcome, Verdict

STARTED = "started this launch, and nobody approves their own"


@dataclass
class StepState:
    """Where a step stands.

    Attributes:
        outcome: the latest; None while it has none, or after a recycle voided it.
        attempt: how many attempts were begun.
        intended: what the action was last about to do.
        undo: the intent whose way back counts: the first that named one, or the last where that is harmless if left.
        undo_place: its place among all ways back, in the order of the chain; clocks of two machines may disagree.
        settled: whether it is never run again.
    """

    step: str
    outcome: Outcome | None = None
    attempt: int = 0
    intended: ev.StepIntended | None = None
    undo: ev.StepIntended | None = None
    undo_place: int = 0
    undo_begun: bool = False
    undone: Outcome | None = None
    started: ev.Time | None = None
    ended: ev.Time | None = None
    history: list[ev.StepEnded] = field(default_factory=list)

    @property
    def settled(self) -> bool:
        """Passed or waived."""
        return self.outcome is not None and self.outcome.verdict.final

    @property
    def in_doubt(self) -> bool:
        """An action was begun and nothing says how it ended."""
        return self.intended is not None and self.outcome is None

    @property
    def changed(self) -> bool:
        """Something was done, or may have been, that has a way back and would not end harmlessly by itself."""
        return self.undo is not None and not self.undo.harmless_if_left

    @property
    def wants_undo(self) -> bool:
        """There is a way back that has not been gone to its end."""
        return self.undo is not None and not (self.undone and self.undone.verdict is Verdict.PASS)


@dataclass
class AskState:
    """Where a question to people stands: as last asked, all answers, and its end.

    Attributes:
        bound: the seats' bindings each time it was asked, by the decision digest that people saw then.
        reminders: how far it has gone to be answered.
        started_by: who started the launch, by id: nobody approves their own.
        voided: neither answers nor end count, since a recycle took back what it was about; asked again, everybody
            answers anew.
    """

    opened: ev.AskOpened
    answers: list[ev.Answered] = field(default_factory=list)
    ended: ev.AskEnded | None = None
    voided: bool = False
    started_by: str = ""
    bound: dict[str, dict[str, str]] = field(default_factory=dict)
    reminders: list[ev.Reminded] = field(default_factory=list)
    asked_first: ev.Time | None = None

    @property
    def since(self) -> ev.Time:
        """When it was asked first; asked again because something changed, it is not younger for that."""
        return self.asked_first or self.opened.at

    @property
    def barred(self) -> Mapping[str, str]:
        """Person → why a yes of theirs does not count."""
        started = {self.started_by: STARTED} if self.opened.kind == "approval" and self.started_by else {}
        return {**started, **self.opened.barred}

    def bound_seats(self, digest: str) -> frozenset[str]:
        """The seats that somebody who saw this decision digest may still sit in: what concerns these is as it was."""
        if digest == self.opened.decision_digest:
            return frozenset(self.opened.roles)
        then, now = self.bound.get(digest, {}), self.opened.bindings
        return frozenset(seat for seat in self.opened.roles if seat in then and then[seat] == now.get(seat))

    def counting(self) -> list[ev.Answered]:
        """The answers that are bound to what is asked now, if only for some seats.

        A person's last one counts, and a no is their last: it stands whatever changes after it, and no yes that crossed
        with it takes it back.
        """
        last: dict[str, ev.Answered] = {}
        for answer in self.answers:
            said = last.get(answer.person)
            stands = answer.answer == "reject" or self.bound_seats(answer.digest)
            if stands and (said is None or said.answer != "reject"):
                last[answer.person] = answer
        return list(last.values())


def read_event(one: Stored) -> ev.Event:
    """What an event's text says. Raises LedgerError where this version cannot read it."""
    try:
        return ev.read(one.body)
    except ValidationError as e:
        raise LedgerError(
            f"event {one.seq} of {one.chain} cannot be read; `tminus ledger verify {one.chain}` says if it was changed"
        ) from e


def is_persons(hold: ev.Held | ev.Ordered) -> bool:
    """Whether a person holds, by an order or by what they pressed in Prefect: only a resume lets go of that."""
    return isinstance(hold, ev.Ordered) or hold.by_hand


def accepted_by(outcome: Outcome, by: ev.Ordered) -> Outcome:
    """An outcome that a person accepts although it did not pass."""
    summary = f"waived by {by.person}: {one_line(by.reason)}"
    return outcome.model_copy(update={"verdict": Verdict.WAIVED, "summary": summary})
