"""All drills of an environment stopped, and allowed again, by somebody whom Slack knows and the people file trusts."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from tminus.chain_names import systems_with_drills
from tminus.clock import now
from tminus.drills.lever import Lever
from tminus.environment import Environment
from tminus.errors import Refused, UsageError
from tminus.foreign_text import printable
from tminus.ledger.store import Store
from tminus.people import People, Person

_REASON = 1000  # characters


class DrillOrders:
    """What `/tminus drill …` and the button on a drill's message do; one thread at once may use it.

    Every method raises Refused, saying why, and LedgerError.

    Args:
        store: the ledger.
        environment: whose drills they are; its `drills.lever` says who may.
        people: reads the people file, so that whoever left since may not; None where the gateway was given none.
    """

    def __init__(self, store: Store, environment: Environment, people: Callable[[], People] | None) -> None:
        self._store = store
        self._environment = environment
        self._people = people

    def stop(self, member: str, words: Sequence[str]) -> str:
        """Ends all drills of the system that the first word names, else of all systems; returns what that came to."""
        person, (systems, reason) = self._person(member), self._meant("stop", words)
        running = [system for system in systems if self._lever(system).stopped() is None]
        if not running:
            raise Refused(f"they are stopped already: {self._lever(systems[0]).pulled()}")
        for system in running:
            self._lever(system).pull(_by(person), reason)
        return (
            f"Recorded: {person.name} stopped all drills of {', '.join(running)} in {self._place}. One that runs is "
            "undone within seconds; none begins until somebody types `/tminus drill allow WHY`."
        )

    def allow(self, member: str, words: Sequence[str], at: datetime) -> str:
        """Lets drills begin again that were stopped by `at`: whoever says so knows nothing of a later stop."""
        person, (systems, reason) = self._person(member), self._meant("allow", words)
        stopped = {system: event for system in systems if (event := self._lever(system).stopped()) is not None}
        if len(stopped) > 1:
            raise Refused(f"say which: drills of {', '.join(stopped)} are stopped; `/tminus drill allow SYSTEM WHY`")
        if not stopped:
            raise Refused(f"nobody stopped the drills of {', '.join(systems)} in {self._place}")
        [(system, event)] = stopped.items()
        if event.at > at:
            raise Refused(
                f"they were stopped after you said so: {self._lever(system).pulled()}. Look, and say it again"
            )
        self._lever(system).release(_by(person), reason)
        return f"Recorded: {person.name} lets drills of {system} begin in {self._place} again."

    @property
    def _place(self) -> str:
        return self._environment.environment

    def _lever(self, system: str) -> Lever:
        return Lever(self._store, system, self._place, {})  # a variable of the gateway's stops no drill

    def _meant(self, order: str, words: Sequence[str]) -> tuple[list[str], str]:
        """The systems that are meant, and why."""
        known = systems_with_drills(self._store.chains(), self._place)
        if not known:
            raise Refused(f"no drill was ever begun in {self._place}, so there is none to {order}")
        named = words[0] in known if words else False
        reason = printable(" ".join(words[1:] if named else words)).strip()[:_REASON]
        if not reason:
            raise Refused(f"say why, for the record: `/tminus drill {order} WHY`")
        return [words[0]] if named else known, reason

    def _person(self, member: str) -> Person:
        """Who this Slack member is, where they may."""
        drills = self._environment.drills
        roles = drills.lever if drills else ()
        if not roles:
            raise Refused(f"{self._place} names no roles under `drills.lever`, so nobody may do that from Slack")
        if self._people is None:
            raise Refused("this gateway was given no people file (--people), so it trusts nobody")
        try:
            people = self._people()
        except UsageError as e:
            raise Refused("the gateway's people file cannot be read; `tminus drill` does the same by hand") from e
        person, moment = people.by_slack(member), now()
        if person is not None and people.roles_between(person, moment, moment) & set(roles):
            return person
        if person is None:
            raise Refused(f"Slack's {member} is nobody in this gateway's people file")
        raise Refused(f"{person.name} has none of the roles {', '.join(roles)}; who may: {_named(people, roles)}")


def _named(people: People, roles: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(one.name for role in roles for one in people.with_role(role))) or "nobody"


def _by(person: Person) -> str:
    return f"{person.id} ({person.name}), in Slack,"
