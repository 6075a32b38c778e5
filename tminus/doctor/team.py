"""What people.yaml itself says, now: keys, deputies, and whether each role and each quorum of a book has its people."""

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_ssh_public_key

from tminus.candidates import Asking, Occasion, may_answer, roles_asked, why_never, why_no_way_back
from tminus.doctor.finding import Finding, fail, ok, warn
from tminus.people import Deputy, People, Person
from tminus.runbook import Approval, Runbook
from tminus.seats import roles_of_seat

_LOOK_AGAIN = "mend what kept Slack from saying so, then look again; a key would do, too"


class TeamLook:
    """Looks at everybody as they are at one moment.

    Args:
        people: everybody.
        moment: now.
        seen: the ids of those whose Slack account was seen, and can answer.
        unknown: the ids of those who have one of which nobody can say.
    """

    def __init__(
        self, people: People, moment: datetime, *, seen: Collection[str], unknown: Collection[str] = ()
    ) -> None:
        self._people = people
        self._moment = moment
        self._able = frozenset(one.id for one in people.people if one.id in seen or _signs(one))
        self._perhaps = self._able.union(unknown)

    def findings(self, book: Runbook | None) -> Iterator[Finding]:
        """Everything that is found, of the people and then of the book."""
        for person in self._people.people:
            yield from self._person(person)
            yield from (self._deputy(person, deputy) for deputy in person.deputies)
        if book is not None:
            yield from self._roles(book)
            yield from self._quorums(book)

    def _person(self, person: Person) -> Iterator[Finding]:
        if person.key is None:
            then = "add the public half of theirs as `key`; docs/approvals.md says how"
            yield warn(person.id, "has no key, so they cannot decide on the command line", then)
        elif _signs(person):
            yield ok(person.id, "has a key for the command line")
        else:
            yield fail(person.id, "`key` is no ssh-ed25519 public key, so nothing they sign counts", "mend it")
        if person.id not in self._perhaps:
            yield warn(person.id, "can answer nowhere: no Slack account that counts, and no key", "add one of the two")

    def _deputy(self, person: Person, deputy: Deputy) -> Finding:
        roles = ", ".join(sorted(deputy.roles or person.roles))
        said, until = f"{deputy.person} stands in for them as {roles}", f"{deputy.until:%Y-%m-%d %H:%M}"
        if deputy.until < self._moment:
            return warn(
                person.id, f"{deputy.person} stood in for them until {until}", "take it out, or give a new period"
            )
        if deputy.since > self._moment:
            return ok(person.id, f"{said} from {deputy.since:%Y-%m-%d %H:%M} until {until}")
        return ok(person.id, f"{said} now, until {until}")

    def _roles(self, book: Runbook) -> Iterator[Finding]:
        for role, wanted in _wanted(book).items():
            holders = [one for one in self._people.people if role in self._roles_now(one)]
            if not holders:
                yield fail(f"role {role}", f"nobody has it, and the book wants it: {wanted}", "give it to somebody")
            elif not any(one.id in self._perhaps for one in holders):
                names = ", ".join(one.id for one in holders)
                yield fail(f"role {role}", f"nobody who has it can answer anywhere: {names}", "add a Slack id or a key")
            elif not any(one.id in self._able for one in holders):
                perhaps = ", ".join(one.id for one in holders if one.id in self._perhaps)
                yield warn(f"role {role}", f"not known whether anybody who has it can answer: {perhaps}", _LOOK_AGAIN)
            else:
                yield ok(f"role {role}", ", ".join(one.id for one in holders))

    def _quorums(self, book: Runbook) -> Iterator[Finding]:
        """Each question of the book, by those who can answer at all, as if it were asked now."""
        able, perhaps = (self._only(those) for those in (self._able, self._perhaps))
        now = Occasion(since=self._moment, until=self._moment)
        for step in book.steps():
            seats = roles_asked(step.does)
            if not seats:
                continue
            lent = self._lent(able)
            if why := why_never(step.does, self._lent(perhaps), now):
                yield fail(f"step {step.id}", f"could not be decided now: {why}", "mend people.yaml or the book")
                continue
            if why := why_never(step.does, lent, now):
                yield warn(f"step {step.id}", f"not known whether it could be decided now: {why}", _LOOK_AGAIN)
                continue
            may = may_answer(Asking(seats, since=self._moment, until=self._moment), lent)
            yield ok(f"step {step.id}", "; ".join(_seat_said(seat, count, may) for seat, count in seats.items()))
        if why := why_no_way_back(book.may_roll_back, (step.does for step in book.steps()), perhaps):
            then = "mark somebody who has that role, and can answer, `on_duty: true`"
            yield fail("rollback", why, then)
        elif why := why_no_way_back(book.may_roll_back, (step.does for step in book.steps()), able):
            yield warn("rollback", f"not known whether anybody could: {why}", _LOOK_AGAIN)

    def _only(self, those: Collection[str]) -> People:
        return People(people=tuple(one for one in _without_deputies(self._people) if one.id in those))

    def _roles_now(self, person: Person) -> frozenset[str]:
        return self._people.roles_between(person, self._moment, self._moment)

    def _lent(self, able: People) -> People:
        """These people, each with every role that they may decide as at this moment."""
        return People(people=tuple(one.model_copy(update={"roles": self._roles_now(one)}) for one in able.people))


def _without_deputies(people: People) -> Iterator[Person]:
    """Everybody alone: what they lend is counted with whoever it is lent to."""
    return (one.model_copy(update={"deputies": ()}) for one in people.people)


def _seat_said(seat: str, count: int, may: Mapping[str, Collection[str]]) -> str:
    could = [person for person, seats in may.items() if seat in seats]
    return f"{seat} by {', '.join(could)}" if count == 1 else f"{count} of {seat} by {', '.join(could)}"


def _wanted(book: Runbook) -> Mapping[str, str]:
    """Role → what the book wants it for, first of all."""
    found: dict[str, str] = {}
    for step in book.steps():
        asked = [role for seat in roles_asked(step.does) for role in roles_of_seat(seat)]
        vetoes = step.does.veto if isinstance(step.does, Approval) else ()
        for role, what in [
            (step.owner, "owns"),
            *((one, "is asked by") for one in asked),
            *((one, "may veto") for one in vetoes),
        ]:
            found.setdefault(role, f"{what} {step.id}")
    for role in book.may_waive:
        found.setdefault(role, "may_waive")
    for role in book.may_roll_back:
        found.setdefault(role, "may_roll_back")
    return found


def _signs(person: Person) -> bool:
    """Whether what they sign could count."""
    if not person.key:
        return False
    try:
        return isinstance(load_ssh_public_key(person.public_key.encode()), Ed25519PublicKey)
    except (ValueError, UnsupportedAlgorithm):
        return False
