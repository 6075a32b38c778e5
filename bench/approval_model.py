"""The reference: what must come of a history, written from docs/approvals.md, with nothing of tminus in it.

It keeps no digests: an answer is compared with the evidence itself. It has no matching algorithm either
(bench.approval_quorum).

Where the page leaves room, this is what is taken to be right:

- A yes counts in each seat about which nothing changed since it was given: the steps owned by the seat's roles, and
  those owned by no role that is asked. A no stands whatever changes after it, and needs not be to the question as it is
  now: one that was shown before, since it was asked or asked anew, is enough. Of several answers that count so, a
  person's last one does.
- Somebody already said so where saying it again would give them no seat that they do not have.
- What somebody may say is what they may say when they say it: on a command line when they sign, in Slack when it
  arrives. Whether it is too late is decided on arrival.
- Of two at once, either may have been first. The same said twice at once, by one person or as two no, may be recorded
  twice.
"""

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from itertools import product
from typing import Literal

from bench.approval_history import (
    ORDERS,
    YES,
    Account,
    Ended,
    Event,
    Found,
    History,
    Looked,
    Over,
    Plain,
    Raced,
    Request,
    Sent,
    Someone,
    TurnedBack,
)
from bench.approval_quorum import can_be_met, filled

_FRESH = 300  # seconds that a signature may be old, or its clock ahead
_Key = tuple[int, int]
_Way = Literal["in turn", "the other way", "at once"]


@dataclass
class _Asked:
    """A question that was asked; `shown` is the evidence as it was shown last, `before` as it was shown earlier."""

    shown: Mapping[str, str]
    since: int
    deadline: float
    before: list[Mapping[str, str]] = field(default_factory=list)
    said: list[tuple[Request, float]] = field(default_factory=list)
    ended: bool = False
    voided: bool = False


def accounts(history: History) -> Iterator[Account]:
    """Everything that may rightly come of it: one account for each way in which the races may have gone."""
    races = [_ways(event) if isinstance(event, Raced) else ("in turn",) for event in history.events]
    for ways in product(*races):
        yield _Launch(history).lived(history.events, ways)


def _ways(raced: Raced) -> tuple[_Way, ...]:
    """How a race may have gone."""
    if isinstance(raced.first, Sent) and isinstance(raced.second, Sent):
        one, other = raced.first.request, raced.second.request
        if one.does == other.does and (one.who == other.who or one.does == "reject"):
            return "in turn", "the other way", "at once"
    return "in turn", "the other way"


class _Launch:
    def __init__(self, history: History) -> None:
        self.question = history.question
        self.people = {person.id: person for person in history.people}
        self.versions = history.versions
        self.evidence = history.versions[0]
        self.seats = [seat for seat, count in history.question.seats.items() for _ in range(count)]
        approval = self.question.kind == "approval"
        self.barred = {history.starter, *self.question.authors} if approval else set()
        self.asked: _Asked | None = None
        self.over = self.back = False
        self.holds: set[str] = set()
        self.seen: set[int] = set()
        self.told: dict[_Key, bool] = {}
        self.ends: list[Ended] = []

    def lived(self, events: Sequence[Event], ways: Sequence[_Way]) -> Account:
        for number, (event, way) in enumerate(zip(events, ways, strict=True)):
            if not isinstance(event, Raced):
                self._happens((number, 0), event)
            elif way == "at once":
                self._at_once(number, event)
            else:
                pair: list[tuple[int, Plain]] = [(0, event.first), (1, event.second)]
                for place, one in pair if way == "in turn" else reversed(pair):
                    self._happens((number, place), one)
        return self._account(events[-1].at if events else 0)

    def _happens(self, key: _Key, event: Plain) -> None:
        match event:
            case Sent():
                self.told[key] = self._taken(event, key[0])
            case Found():
                self.evidence = self.versions[event.version]
            case Looked():
                self._look(event.at, key[0])
            case TurnedBack():
                self.back = True
            case Over():
                self.over = True

    def _at_once(self, number: int, raced: Raced) -> None:
        """Neither saw the other: the second is taken if it would have been without the first."""
        alone, before = deepcopy(self), len(self.asked.said) if self.asked else 0
        alone._happens((number, 1), raced.second)  # noqa: SLF001 - this very launch, as it would have gone on
        self._happens((number, 0), raced.first)
        self.told[number, 1] = alone.told[number, 1]
        self.seen |= alone.seen
        both = self.told[number, 0] and self.told[number, 1]
        if both and self.asked is not None and alone.asked is not None and not self.asked.ended:
            self.asked.said += alone.asked.said[before:]

    def _account(self, last: float) -> Account:
        asked, told = self.asked, self.told
        if asked is None or asked.voided or asked.ended:
            return Account(told, tuple(self.ends), frozenset())
        standing = frozenset((one.who, one.does) for one, _ in self._standing(asked))
        yes = self._yes(asked)
        if self._no(asked) or can_be_met(self.seats, yes) or last > asked.deadline:
            return Account(told, tuple(self.ends), standing)
        could = self._could(max(last, asked.since), asked)
        may = {one: yes.get(one, frozenset()) | could.get(one, frozenset()) for one in {*yes, *could}}
        if not can_be_met(self.seats, may):
            return Account(told, tuple(self.ends), standing, reachable=False)
        full = filled(self.seats, yes)
        bringing = {one for one in may if filled(self.seats, {**yes, one: may[one]}) > full}
        return Account(told, tuple(self.ends), standing, reachable=True, next_could=frozenset(bringing))

    # Who may say what.

    def _roles(self, person: Someone, since: float, until: float) -> frozenset[str]:
        lent = [
            stand_in.roles or other.roles
            for other in self.people.values()
            for stand_in in other.deputies
            if stand_in.person == person.id and stand_in.since <= until and since <= stand_in.until
        ]
        return person.roles.union(*lent)

    def _open_to(self, roles: frozenset[str]) -> frozenset[str]:
        return frozenset(seat for seat in self.question.seats if roles & set(seat.split(" or ")))

    def _could(self, now: float, asked: _Asked) -> Mapping[str, frozenset[str]]:
        """Everyone whose yes would count between now and the deadline, and the seats they could then take."""
        people = (one for one in self.people.values() if one.id not in self.barred)
        found = {one.id: self._open_to(self._roles(one, now, asked.deadline)) for one in people}
        return {person: seats for person, seats in found.items() if seats}

    # What stands.

    def _unchanged(self, shown: Mapping[str, str], then: Mapping[str, str]) -> frozenset[str]:
        """The seats about which the evidence says the same now as it did then."""
        answering = {seat: set(seat.split(" or ")) for seat in self.question.seats}
        anyones = set().union(*answering.values())
        owners = self.question.owners
        return frozenset(
            seat
            for seat, roles in answering.items()
            if all(shown[step] == then[step] for step in shown if owners[step] in roles or owners[step] not in anyones)
        )

    def _standing(self, asked: _Asked) -> list[tuple[Request, frozenset[str]]]:
        """Each person's last answer that is about anything unchanged, with the seats that are; and every no."""
        last: dict[str, tuple[Request, frozenset[str]]] = {}
        for one, moment in asked.said:
            unchanged = self._unchanged(asked.shown, self.versions[one.seen])
            if unchanged or one.does == "reject":
                seats = unchanged & self._open_to(self._roles(self.people[one.who], moment, moment))
                last[one.who] = one, seats
        return [(one, seats) for one, seats in last.values() if one.does == "reject" or (seats and self._free(one.who))]

    def _free(self, person: str) -> bool:
        return person not in self.barred

    def _yes(self, asked: _Asked) -> Mapping[str, frozenset[str]]:
        return {one.who: seats for one, seats in self._standing(asked) if one.does != "reject"}

    def _no(self, asked: _Asked) -> bool:
        return any(one.does == "reject" for one, _ in self._standing(asked))

    # What happens.

    def _look(self, at: int, event: int) -> None:
        if self.over or self.back:
            return
        asked = self.asked
        if asked is None or asked.voided:
            self.asked = _Asked(self.evidence, at, at + self.question.open_for)
            return
        if asked.ended:
            return
        if asked.shown != self.evidence:
            asked.before.append(asked.shown)
            asked.shown, asked.since = self.evidence, at
        self._end(asked, event, late=at >= asked.deadline)

    def _end(self, asked: _Asked, event: int, *, late: bool) -> None:
        if self._no(asked):
            self.ends.append(Ended(event, "rejected"))
        elif can_be_met(self.seats, self._yes(asked)):
            self.ends.append(Ended(event, "met"))
        elif late and self.question.kind != "sign_off":
            self.ends.append(Ended(event, "expired"))
        else:
            return
        asked.ended = True

    def _taken(self, sent: Sent, event: int) -> bool:
        one = sent.request
        if not self._proven(one, sent.at) or one.who not in self.people or self.over:
            return False
        if one.does in ORDERS:
            return self._ordered(one)
        asked = self.asked
        if asked is None or asked.ended or asked.voided or self.back:
            return False
        moment = one.made if one.via == "command line" else sent.at
        if not self._theirs(one, moment) or not self._now(one, moment, sent.at, asked):
            return False
        asked.said.append((one, moment))
        self.seen.add(one.id)
        if self.question.kind == "sign_off":
            self._end(asked, event, late=False)
        return True

    def _proven(self, one: Request, at: int) -> bool:
        """Signed by whom it should be, a moment ago, and not seen before; a note in PagerDuty proves nobody."""
        if one.via == "pagerduty":
            return one.does in {"reject", "hold"}
        if one.proof != "right" or abs(at - one.made) > _FRESH or one.id in self.seen:
            return False
        if one.via == "slack":
            self.seen.add(one.id)  # whatever becomes of it, it is not looked at again
        return True

    def _ordered(self, one: Request) -> bool:
        if self.question.kind == "sign_off":
            return False
        if one.does == "hold":
            if self.back or one.who in self.holds:
                return False
            self.holds.add(one.who)
        elif one.does == "resume":
            if not self.holds:
                return False
            self.holds.clear()
        else:
            if self.back:
                return False
            if self.asked is not None:
                self.asked.voided = True
        self.seen.add(one.id)
        return True

    def _theirs(self, one: Request, moment: float) -> bool:
        roles = self._roles(self.people[one.who], moment, moment)
        if one.does == "reject":
            may = self._open_to(roles) or roles & set(self.question.veto)
            return self.question.kind in {"approval", "sign_off"} and bool(may)
        return one.does == YES[self.question.kind] and bool(self._open_to(roles)) and self._free(one.who)

    def _now(self, one: Request, moment: float, at: int, asked: _Asked) -> bool:
        if at > asked.deadline or one.seen < 0 or self._no(asked):
            return False
        if one.does == "reject":
            return self.versions[one.seen] in (asked.shown, *asked.before)
        if self.versions[one.seen] != asked.shown:
            return False
        seats = self._open_to(self._roles(self.people[one.who], moment, moment))
        return not any(earlier.who == one.who and seats <= had for earlier, had in self._standing(asked))
