"""An operation never acts without its environment, and never gives it away while what it began still runs."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import ClassVar, Literal

import pytest

from flows import operation
from flows.operation import operate, settle
from tasks.action import Action, Fence, Standing, State, Undo
from tasks.estate import Estate
from tests.tminus.readiness.room import crew
from tminus import events as ev
from tminus.environment import Environment
from tminus.errors import Refused
from tminus.lease import take
from tminus.ledger.opening import open_ledger
from tminus.ledger.store import Entry, Store
from tminus.operation_files import Operated
from tminus.operations import approval, open_operation, with_digest
from tminus.outcome import Observation, Verdict
from tminus.people import People
from tminus.personal_key import PersonalKey
from tminus.record_parts import read_event
from tminus.release import no_release
from tminus.runbook import Runbook, Step

CHAIN = "operation-shop-backup-20261122-020000-000000"


class Copy(Action, frozen=True):
    """Stands for a backup that a process of its own makes."""

    fence: ClassVar[Fence] = Fence.IDEMPOTENCY_KEY
    kind: Literal["made.copy"] = "made.copy"
    stands: ClassVar[State] = State.ABSENT
    becomes: ClassVar[State] = State.DONE
    acts: ClassVar[int] = 0

    def describe(self, estate: Estate) -> str:
        """In words."""
        return "copies"

    async def state(self, estate: Estate) -> Standing:
        """As the test says."""
        return Standing(state=Copy.stands, seen=Observation(details=("held by process 4711",)))

    async def plan_undo(self, estate: Estate) -> Undo | None:
        """Nothing."""
        return None

    async def act(self, estate: Estate, token: int) -> Observation:
        """As the test says."""
        Copy.acts += 1
        Copy.stands = Copy.becomes
        return Observation()

    async def undo(self, estate: Estate, undo: Undo, token: int) -> Observation:
        """Nothing."""
        return Observation()

    async def undone(self, estate: Estate, undo: Undo) -> Standing:
        """Always."""
        return Standing(state=State.DONE)


@dataclass
class Room:
    """One operation, approved and not begun, and the ledger it goes into."""

    store: Store
    found: Operated
    step: Step
    began: ev.OperationBegan
    said: ev.OperationApproved

    def events(self) -> list[ev.Event]:
        """All that was written of it."""
        return [read_event(one) for one in self.store.read(CHAIN)]

    def ended(self) -> list[ev.Event]:
        """How often it ended."""
        return [event for event in self.events() if isinstance(event, ev.OperationEnded)]

    def break_off(self, *, meant: bool) -> None:
        """Its process dies: right before anything was done, or after it wrote what it means to do."""
        open_operation(self.store, self.began, self.said)
        token = take(self.store, CHAIN, 60)
        if meant:
            intended = ev.StepIntended(
                step="copy", attempt=1, token=token, deadline=self.began.at, does="copies", before="absent"
            )
            self.store.append(entry(intended, token))
        self.store.give_lease_back(CHAIN, token)


def entry(event: ev.Event, token: int) -> Entry:
    """Of the operation's chain."""
    return Entry(CHAIN, ev.write(event), token)


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Room]:
    """A shop whose book has one copy."""
    monkeypatch.setattr(operation, "KINDS", {"made.copy": Copy})
    monkeypatch.setattr(operation, "_POLL", 0.01)
    monkeypatch.setattr(Copy, "stands", State.ABSENT)
    monkeypatch.setattr(Copy, "becomes", State.DONE)
    monkeypatch.setattr(Copy, "acts", 0)
    people = crew(tmp_path)
    here = Environment.model_validate(
        {
            "environment": "here",
            "kind": "rehearsal",
            "ledger": {"sqlite": str(tmp_path / "ledger.db")},
            "prefect": {"api": "http://127.0.0.1:1/api"},
            "state": str(tmp_path),
        }
    )
    step = Step(id="copy", title="A copy", owner="engineering_lead", does=Copy(), timeout=timedelta(milliseconds=100))
    book = Runbook.model_validate(
        {"runbook": "launch", "system": "shop", "phases": [{"phase": "T-0", "late_by": "1h", "steps": [step]}]}
    )
    began = operation_of(people)
    key = PersonalKey(tmp_path / "lead")
    store = open_ledger(here.ledger)
    said = approval(began, key.owner(people), key, "")
    yield Room(store, Operated(book, here, no_release("shop"), tmp_path), step, began, said)
    store.close()


def operation_of(people: People) -> ev.OperationBegan:
    """What is to be done."""
    return with_digest(
        ev.OperationBegan(
            operation=CHAIN,
            what="backup",
            system="shop",
            environment_name="here",
            step="copy",
            kind="made.copy",
            action=Copy().model_dump_json(),
            does="copies",
            roles=("engineering_lead",),
            people=people.model_dump_json(),
            digests={},
            digest="",
        )
    )


async def test_what_was_approved_is_done_and_the_environment_is_free(room: Room) -> None:
    """Once, with its end written down."""
    outcome = await operate(room.store, room.found, room.step, Copy(), room.began, room.said)
    assert (outcome.verdict, Copy.acts, len(room.ended())) == (Verdict.PASS, 1, 1)
    assert room.store.locked_by("here") is None


async def test_what_still_runs_after_its_time_keeps_the_environment(room: Room) -> None:
    """Nobody can tell what comes of it: not done, not ended, and no launch may begin there."""
    Copy.becomes = State.IN_PROGRESS
    outcome = await operate(room.store, room.found, room.step, Copy(), room.began, room.said)
    assert outcome.verdict is Verdict.UNKNOWN
    assert "held by process 4711" in outcome.summary
    assert "here stays held" in outcome.summary
    assert (room.store.locked_by("here"), room.ended()) == (CHAIN, [])


async def test_an_orphan_that_still_runs_keeps_the_environment(room: Room) -> None:
    """Whoever settles is told who it is, as often as they try; once it ended, the environment is free."""
    room.break_off(meant=True)
    Copy.stands = State.IN_PROGRESS
    for _ in range(2):
        with pytest.raises(Refused, match=r"still under way.*held by process 4711"):
            await settle(room.store, room.found, CHAIN)
        assert (room.store.locked_by("here"), room.ended()) == (CHAIN, [])
    Copy.stands = State.ABSENT
    outcome = await settle(room.store, room.found, CHAIN)
    assert (outcome.verdict, room.store.locked_by("here"), len(room.ended())) == (Verdict.FAIL, None, 1)


@pytest.mark.parametrize(
    ("stands", "verdict"),
    [(State.DONE, Verdict.PASS), (State.ABSENT, Verdict.FAIL), (State.UNKNOWN, Verdict.UNKNOWN)],
)
async def test_what_is_over_or_cannot_be_told_ends_it(room: Room, stands: State, verdict: Verdict) -> None:
    """And frees the environment."""
    room.break_off(meant=True)
    Copy.stands = stands
    outcome = await settle(room.store, room.found, CHAIN)
    assert (outcome.verdict, room.store.locked_by("here")) == (verdict, None)


@pytest.mark.parametrize("launched", [False, True])
async def test_one_that_was_settled_before_it_held_its_lease_does_nothing(
    room: Room, monkeypatch: pytest.MonkeyPatch, launched: bool
) -> None:
    """Between its first event and its lease somebody settles it: its environment may be another's now."""
    taken = take

    def late(store: Store, chain: str, seconds: float) -> int:
        monkeypatch.setattr(operation, "take", taken)
        settled_elsewhere(room)
        if launched:
            store.open_locked("here", "shop-launch-1", Entry("shop-launch-1", "{}"))
        return taken(store, chain, seconds)

    monkeypatch.setattr(operation, "take", late)
    with pytest.raises(Refused, match="was settled"):
        await operate(room.store, room.found, room.step, Copy(), room.began, room.said)
    assert Copy.acts == 0
    assert room.store.locked_by("here") == ("shop-launch-1" if launched else None)
    assert len(room.ended()) == 1
    assert [event for event in room.events() if isinstance(event, ev.StepIntended)] == []


async def test_two_who_settle_write_one_end(room: Room) -> None:
    """The second is told that it is settled."""
    room.break_off(meant=True)
    await settle(room.store, room.found, CHAIN)
    with pytest.raises(Refused, match="was settled"):
        await settle(room.store, room.found, CHAIN)
    assert len(room.ended()) == 1


def settled_elsewhere(room: Room) -> None:
    """Somebody else settles it, in a process of their own."""
    asyncio.run(settle(room.store, room.found, CHAIN))
