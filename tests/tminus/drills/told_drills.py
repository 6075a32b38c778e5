"""A scenario's diary in a real ledger, and what Slack and PagerDuty are told of it once letters are carried."""

from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from flows.diary import Diary
from tests.tminus.drills.test_showing import drilled
from tminus import events as ev
from tminus.courier import deliver_due, open_channel
from tminus.drills.book import Drill, DrillsBook
from tminus.drills.course import Course
from tminus.drills.opened import OpenedDrills
from tminus.drills.telling import letters
from tminus.environment import Environment
from tminus.lease import take
from tminus.ledger.opening import have_chain
from tminus.ledger.store import Store
from tminus.outbox import Outbox

NAME = "failover"


@dataclass
class Told:
    """One scenario whose drills are told; its conductor is the test."""

    opened: OpenedDrills
    store: Store
    diary: Diary[Course]

    @classmethod
    def begin(cls, folder: Path, sections: dict[str, object], of: type[Drill] = Drill, **entry: object) -> "Told":
        """In an environment with these sections; `entry` is what the book says besides of a scenario of that class."""
        opened = opened_with(folder, sections, of, **entry)
        store = opened.store()
        have_chain(store, opened.chain(NAME))
        store.run("UPDATE chain SET lease_until = 0", {})  # whoever had it is dead
        token = take(store, opened.chain(NAME), 60)
        diary = Diary(
            store,
            opened.environment,
            opened.chain(NAME),
            token,
            opened.course(store, NAME),
            partial(letters, opened, NAME),
        )
        return cls(opened, store, diary)

    def carry(self) -> None:
        """Everything that is due is sent, by a courier that knows nothing of earlier ones."""
        for name in ("slack", "pagerduty"):
            if (channel := open_channel(name, self.opened.environment)) is not None:
                with closing(channel):
                    deliver_due(Outbox(self.store, environment=self.opened.environment.environment), name, channel)

    def carry_at_once(self) -> None:
        """The same, as if what waits for a next try had waited long enough."""
        self.store.run("UPDATE outbox SET due = 0", {})
        self.store.run("UPDATE environment_pause SET paused_until = 0", {})
        self.carry()


def opened_with(folder: Path, sections: dict[str, object], of: type[Drill] = Drill, **entry: object) -> OpenedDrills:
    """A book of one, in an environment with these sections and a ledger of its own."""
    drill = {"kind": "a.kind", "title": "It dies", "owner": "ops", "rto": "1m", "rpo": "0s", **entry}
    book = DrillsBook(drills="house", title="The house's drills", scenarios={NAME: of.model_validate(drill)})
    plain = {
        "environment": "staging",
        "kind": "staging",
        "ledger": {"sqlite": str(folder / "ledger.sqlite")},
        "prefect": {"api": "http://127.0.0.1:1/api"},
        "state": str(folder / "state"),
    }
    return OpenedDrills(book, Environment.model_validate({**plain, **sections}), folder, {})


def one_drill(how: str = "held") -> list[ev.Event]:
    """All that is written of a drill that was undone."""
    *before, ended = drilled(0, "10", how)
    name = before[0].drill  # type: ignore[union-attr]  # it begins a drill
    undo = [
        ev.DrillStageBegan(drill=name, stage="undo"),
        ev.DrillStageDone(drill=name, stage="undo", said="a follows b"),
    ]
    return [*before, *undo, ended]
