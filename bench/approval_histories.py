"""Draws histories: duplicates, replays, forgeries, stale and late answers, races, deputies, vetoes, crashes, ends.

Each is a function of its seed. Nothing of tminus is imported here.
"""

from collections.abc import Mapping
from random import Random

from bench.approval_history import (
    YES,
    Answer,
    Event,
    Found,
    History,
    Kind,
    Looked,
    Order,
    Over,
    Proof,
    Question,
    Raced,
    Request,
    Restarted,
    Sent,
    Someone,
    StandIn,
    TurnedBack,
    Via,
)

_ROLES = ("dev", "ops", "sec", "qa")
_VETO = "product"
_WORDS = ("pass", "waived", "fail")
_KINDS: Mapping[Kind, float] = {"approval": 0.72, "sign_off": 0.1, "acknowledgement": 0.1, "attestation": 0.08}
_VIAS: tuple[Via, ...] = ("slack", "command line", "pagerduty")
_PROOFS: tuple[Proof, ...] = ("right", "forged", "none")
_LONGEST = 1200  # seconds
STRANGER = "stranger"
GATEWAYS = 2


def drawn(seed: str) -> History:
    """The history with this seed."""
    return _Drawing(Random(seed)).history()


class _Drawing:
    """One history as it is drawn: what somebody who watches knows while it goes on."""

    def __init__(self, chance: Random) -> None:
        self.chance = chance
        self.people = self._people()
        self.question = self._question()
        self.versions = self._versions()
        self.now = 0
        self.version = 0
        self.shown = -1
        self.sent: list[Request] = []
        self.numbers = 0

    def history(self) -> History:
        events: list[Event] = []
        if self.chance.random() < 0.9:
            events.append(self._look())
        for _ in range(self.chance.randint(4, 14)):
            self.now += self.chance.choice((0, 1, 2, 5, 20, 60))
            event = self._event()
            events.append(event)
            if not isinstance(event, Looked) and self.chance.random() < 0.8:
                events.append(self._look())
        if self.chance.random() < 0.2:
            self.now = _LONGEST
            events += [self._sent(), self._look()]
        starter = self.chance.choice(self.people).id
        return History(self.people, starter, self.question, self.versions, tuple(events))

    def _event(self) -> Event:
        draw = self.chance.random()
        if draw < 0.72:
            return self._sent()
        if draw < 0.8:
            self.version = self.chance.randrange(len(self.versions))
            if self.question.kind == "sign_off":
                self.version = 0  # it binds to the release, which stays what it is
            return Found(self.now, self.version)
        if draw < 0.9:
            return self._raced()
        if draw < 0.94:
            return Restarted(self.now, self.chance.randrange(GATEWAYS))
        if draw < 0.95:
            return Over(self.now)
        if draw < 0.96 and self.question.kind != "sign_off":
            return TurnedBack(self.now)
        return self._look()

    def _look(self) -> Looked:
        self.shown = self.version
        return Looked(self.now)

    def _raced(self) -> Raced:
        """The second is an answer, a hold or the conductor; the first may be anything that is written down."""
        draw = self.chance.random()
        first: Sent | Looked | Over = self._sent()
        if draw < 0.25:
            first = self._look()
        elif draw < 0.3:
            first = Over(self.now)
        if isinstance(first, Sent) and self.chance.random() < 0.2:
            return Raced(self.now, first, self._look())
        same = first.request.who if isinstance(first, Sent) and self.chance.random() < 0.4 else None
        second = self._sent(same, fresh=True)
        while second.request.does in {"resume", "recycle"}:
            second = self._sent(same, fresh=True)
        if second.request.via == "command line":
            self.sent.remove(second.request)  # where it came too late its signature is spent, and nothing says so
        return Raced(self.now, first, second)

    def _sent(self, who: str | None = None, *, fresh: bool = False) -> Sent:
        gateway = self.chance.randrange(GATEWAYS)
        if self.sent and not fresh and self.chance.random() < 0.22:
            return Sent(self.now, self.chance.choice(self.sent), gateway)
        does = self._does()
        request = Request(
            id=self._number(),
            who=who or self._who(),
            does=does,
            via=self._via(does),
            seen=self._seen(),
            made=self.now - self.chance.choices((0, 3, 250, 299, 301, -200, -400), (60, 20, 6, 4, 4, 3, 3))[0],
            proof=self.chance.choices(_PROOFS, (90, 7, 3))[0],
        )
        self.sent.append(request)
        return Sent(self.now, request, gateway)

    def _number(self) -> int:
        self.numbers += 1
        return self.numbers

    def _does(self) -> Answer | Order:
        """A no to an attestation is not drawn: nothing says what it would mean."""
        draw = self.chance.random()
        if draw < 0.74:
            return YES[self.question.kind]
        if draw < 0.83:
            return "reject" if self.question.kind != "attestation" else "attest"
        if draw < 0.86:
            return self.chance.choice(tuple(YES.values()))
        orders: tuple[Order, ...] = ("hold", "resume", "recycle")
        return self.chance.choices(orders, (5, 3, 4))[0]

    def _via(self, does: Answer | Order) -> Via:
        """There is no button to resume or to recycle."""
        if does in {"resume", "recycle"}:
            return "command line"
        return self.chance.choices(_VIAS, (65, 29, 6))[0]

    def _seen(self) -> int:
        draw = self.chance.random()
        if draw < 0.8:
            return max(self.shown, 0)
        return self.chance.randrange(len(self.versions)) if draw < 0.95 else -1

    def _who(self) -> str:
        """Mostly somebody whose word is asked for."""
        if self.chance.random() < 0.04:
            return STRANGER
        asked = {role for seat in self.question.seats for role in seat.split(" or ")}
        weights = [4 if person.roles & asked else 1 for person in self.people]
        return self.chance.choices(self.people, weights)[0].id

    def _people(self) -> tuple[Someone, ...]:
        names = [f"p{number}" for number in range(self.chance.randint(3, 6))]
        roles = {name: frozenset(self.chance.sample(_ROLES, self.chance.choice((1, 2, 2, 3)))) for name in names}
        if self.chance.random() < 0.7:
            roles[names[-1]] = frozenset({_VETO})
        return tuple(Someone(name, roles[name], self._deputies(name, names, roles[name])) for name in names)

    def _deputies(self, name: str, names: list[str], roles: frozenset[str]) -> tuple[StandIn, ...]:
        if self.chance.random() < 0.7:
            return ()
        begins = self.chance.choice((-100, -100, 0, 40, 120)) + 0.5
        lent = frozenset(self.chance.sample(sorted(roles), 1)) if self.chance.random() < 0.3 else frozenset[str]()
        other = self.chance.choice([one for one in names if one != name])
        return (StandIn(other, begins, begins + self.chance.choice((30, 150, 2000)), lent),)

    def _question(self) -> Question:
        kind = self.chance.choices(list(_KINDS), list(_KINDS.values()))[0]
        seats: dict[str, int] = {}
        for _ in range(self.chance.randint(1, 3)):
            roles = sorted(self.chance.sample(_ROLES, self.chance.choice((1, 1, 1, 2))))
            seats[" or ".join(roles)] = self.chance.choice((1, 1, 1, 2))
        if kind == "attestation":
            seats = {self.chance.choice(_ROLES): 1}
        return Question(
            kind=kind,
            seats=seats,
            veto=(_VETO,) if kind == "approval" and self.chance.random() < 0.8 else (),
            open_for=self.chance.choice((40, 200, 900, 3000)) + 0.5,
            authors=frozenset(one.id for one in self.people if self.chance.random() < 0.08),
            owners={f"step-{number}": self.chance.choice((*_ROLES, "nobody")) for number in range(3)},
        )

    def _versions(self) -> tuple[Mapping[str, str], ...]:
        steps = list(self.question.owners)
        first = dict.fromkeys(steps, _WORDS[0])
        others = [{**first, self.chance.choice(steps): self.chance.choice(_WORDS)} for _ in range(2)]
        return (first, *others)
