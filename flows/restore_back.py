"""A restore given up before its switch, or taken back after it: by one person's signed word."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from flows.looking import look_once
from flows.restore import conducting, end
from flows.restore_stages import SWITCHED_WITHIN, Say, Stages, switched
from tasks.estate import Estate
from tasks.restores.asked import Live, Restorer, Stands, Way
from tasks.restores.halted import check_of
from tasks.restores.vocabulary import RESTORERS
from tminus import events as ev
from tminus.backups.opened import OpenedBackups
from tminus.chain_names import restores_of, taken_back, taking_back_chain
from tminus.clock import now, show_duration
from tminus.errors import LedgerError, Refused, UsageError
from tminus.lease import Heartbeat, take
from tminus.ledger.opening import open_ledger
from tminus.ledger.store import Entry, Store
from tminus.outcome import Outcome, Verdict
from tminus.people import People, Person
from tminus.personal_key import PersonalKey, verified
from tminus.record_parts import read_event
from tminus.release import no_release
from tminus.restores.papers import STEP, opened_again
from tminus.restores.standing import Restoring

_STEP = "back"
_HALTED_WITHIN = timedelta(seconds=30)
ALONE_WITHIN = timedelta(hours=4)
"""How long after a restore ended one person may take it back; later that throws away more than a restore would."""


async def give_up(store: Store, chain: str, key: PersonalKey, reason: str, say: Say) -> ev.RestoreEnded:
    """Ends a restore that is not switched: the copy goes, the environment is free. Anybody in people.yaml may.

    Raises Refused where it is switched or over, or somebody carries it out; CouldNotObserve, LedgerError.
    """
    async with conducting(store, chain) as restoring:
        if restoring.ended is not None:
            raise Refused(f"{chain} is over: {restoring.ended.sentence}")
        person = key.owner(restoring.frozen.people)
        opened = opened_again(restoring.frozen)
        async with Estate(opened.environment, no_release(opened.system), chain, opened.base) as estate:
            stages = Stages(opened, estate, restoring, say)
            if restoring.record.step(STEP).settled or await stages.is_switched():
                raise Refused(f"{chain} is switched; `tminus restore --resume` ends it, and then --undo takes it back")
            order = ev.RestoreOrdered(order="give up", restore=chain, person=person.id, reason=reason)
            signed = order.model_copy(update={"signature": key.sign(chain, order)})
            asked = restoring.ask
            withdrawn = ev.AskEnded(ask=asked.opened.ask, result="withdrawn", reason=f"{person.name} gave it up")
            said = (signed,) if asked.ended else (signed, withdrawn)
            await asyncio.to_thread(restoring.book.write, *said)
            return await end(store, restoring, stages)


def last_switched(store: Store, opened: OpenedBackups, name: str) -> str:
    """The chain of a store's last restore that was switched. Raises UsageError where there is none; LedgerError."""
    beginning = restores_of(opened.system, opened.environment.environment, name)
    chains = sorted((one for one in store.chains() if one.startswith(beginning)), reverse=True)
    for chain in chains:
        if not taken_back(chain) and Restoring.read(store, chain).record.step(STEP).settled:
            return chain
    raise UsageError(f"{name} was never switched in {opened.environment.environment}; there is nothing to take back")


def leaving(store: Store, chain: str) -> str:
    """What leaves live where a restore is taken back. Raises Refused where that is not for one alone any more."""
    restoring = Restoring.read(store, chain)
    _require_recent(restoring)
    since = restoring.record.step(STEP).ended or now()
    return (
        f"{restoring.planned.store} was switched at {since:%Y-%m-%d %H:%M:%S} UTC: all that was written in the "
        f"{(now() - since).total_seconds():.0f} s since then leaves live, and stays beside "
        f"({restoring.planned.way.get('undone', '')})"
    )


async def take_back(
    store: Store, chain: str, key: PersonalKey, reason: str, people: People, say: Say
) -> ev.RestoreEnded:
    """Switches back to what was live before a restore; what was written since stays beside, under a name of its own.

    Raises Refused where the person may not by today's people, it is too late, trading is not halted or the environment
    is held; CouldNotObserve, also where what was live before is gone, and then nothing is held; ActionFailed,
    LedgerError.
    """
    restoring = await asyncio.to_thread(Restoring.read, store, chain)
    _require_recent(restoring)
    _require_role(people, key.owner(people), restoring, now())
    await _Back(store, restoring, chain, 0).require_both()
    return await carry_back(store, await asyncio.to_thread(order_back, store, chain, key, reason), say)


def order_back(store: Store, chain: str, key: PersonalKey, reason: str) -> str:
    """Writes the order down, and takes the environment; returns its chain. Raises Refused, LedgerError."""
    restoring = Restoring.read(store, chain)
    back = taking_back_chain(chain, now())
    order = ev.RestoreOrdered(
        order="take back", restore=chain, person=key.owner(restoring.frozen.people).id, reason=reason
    )
    signed = order.model_copy(update={"signature": key.sign(back, order)})
    _require_may(restoring, back, signed)
    store.open_locked(restoring.frozen.created.environment_name, back, Entry(back, ev.write(signed)))
    return back


async def carry_back(store: Store, back: str, say: Say) -> ev.RestoreEnded:
    """Takes it up where it stands. Raises as `take_back`; where it was refused, the environment is free again."""
    async with _conducting(store, back) as (one, events):
        if ended := _ended(events):
            return ended
        try:
            _require_may(one.restoring, back, events[0])
            await one.switch()
        except Refused as e:
            await one.end(done=False, why=str(e))
            raise
        ended = await one.end(done=True)
    say(ended.sentence)
    return ended


async def give_up_back(store: Store, back: str, key: PersonalKey, reason: str) -> ev.RestoreEnded:
    """Ends a taking back that is not switched: what is live stays, the environment is free. Anybody in people.yaml may.

    Raises Refused where it is switched or over, or somebody carries it out; CouldNotObserve, LedgerError.
    """
    async with _conducting(store, back) as (one, events):
        if ended := _ended(events):
            raise Refused(f"{back} is over: {ended.sentence}")
        person = key.owner(one.restoring.frozen.people)
        if await one.stands() is Stands.OLD:
            raise Refused(f"{back} is switched already; `tminus restore --resume` ends it")
        order = ev.RestoreOrdered(order="give up", restore=taken_back(back), person=person.id, reason=reason)
        await one.write(order.model_copy(update={"signature": key.sign(back, order)}))
        return await one.end(
            done=False, why=f"{person.name} gave it up: {reason}; {one.restoring.planned.store} stays the restored copy"
        )


@asynccontextmanager
async def _conducting(store: Store, back: str) -> "AsyncIterator[tuple[_Back, list[ev.Event]]]":
    """The block in which nobody else carries this out, with what is written so far. Raises Refused, LedgerError."""
    restoring = await asyncio.to_thread(Restoring.read, store, taken_back(back))
    seconds = restoring.frozen.environment.lease.total_seconds()
    token = await asyncio.to_thread(take, store, back, seconds)
    with Heartbeat(open_ledger(restoring.frozen.environment.ledger), back, token, seconds):
        events = [read_event(one) for one in await asyncio.to_thread(store.read, back)]
        yield _Back(store, restoring, back, token), events


def _ended(events: "list[ev.Event]") -> ev.RestoreEnded | None:
    return next((event for event in events if isinstance(event, ev.RestoreEnded)), None)


class _Back:
    """One restore's being taken back."""

    def __init__(self, store: Store, restoring: Restoring, back: str, token: int) -> None:
        self._store = store
        self.restoring = restoring
        self._back = back
        self._token = token
        self._opened = opened_again(restoring.frozen)

    @property
    def _way(self) -> Way:
        intended = self.restoring.switching
        if intended is None or not intended.undo:
            raise LedgerError(f"{self.restoring.book.launch} wrote down no way back")
        return intended.undo

    @asynccontextmanager
    async def _opening(self) -> "AsyncIterator[tuple[Restorer, Live]]":
        planned, opened = self.restoring.planned, self._opened
        [(_, kept)] = opened.named((planned.store,))
        async with Estate(opened.environment, no_release(opened.system), self._back, opened.base) as estate:
            yield RESTORERS[kept.kind](), Live(estate, self.restoring.book.launch, planned.store, kept)

    async def require_both(self) -> None:
        """Raises CouldNotObserve where there is nothing to switch back to, or nobody can tell."""
        async with self._opening() as (restorer, live):
            await restorer.require_both(live, self._way)

    async def stands(self) -> Stands:
        """Which of the two is live; raises CouldNotObserve."""
        async with self._opening() as (restorer, live):
            return await restorer.stands(live, self._way)

    async def switch(self) -> None:
        """Switches, unless it is switched already."""
        async with self._opening() as (restorer, live):
            if await restorer.stands(live, self._way) is Stands.OLD:
                return
            _require_recent(self.restoring)  # it may have been killed days ago, and live was written to since
            await restorer.require_both(live, self._way)
            await self._require_halted(live.estate)
            deadline = now() + SWITCHED_WITHIN
            intended = ev.StepIntended(
                step=_STEP,
                attempt=1,
                token=self._token,
                deadline=deadline,
                does="; ".join(restorer.by_hand(self._way, Stands.OLD)),
                before=f"{self.restoring.planned.backup} is live",
            )
            await self.write(intended)
            await switched(restorer, live, self._way, Stands.OLD, deadline)

    async def _require_halted(self, estate: Estate) -> None:
        halted = self._opened.book.halted
        if halted is None:
            raise Refused("the book does not say what shows that trading is halted")
        outcome = await look_once(estate, check_of(halted), _HALTED_WITHIN)
        await self.write(ev.StepEnded(step="halted", attempt=1, outcome=outcome))
        if outcome.verdict is not Verdict.PASS:
            why = f"trading is not proven to be halted ({halted.check}: {outcome.summary})"
            raise Refused(f"{why}; nothing was switched. Where that check can look no more, a restore can be asked for")

    async def end(self, *, done: bool, why: str = "") -> ev.RestoreEnded:
        """Writes how it ended, and frees the environment."""
        planned, way = self.restoring.planned, self._way
        said = f"{planned.store} is what it was before; what was live since is {way.get('undone', 'beside')}"
        ended = ev.RestoreEnded(done=done, sentence=said if done else why)
        came = Outcome.passed(said) if done else Outcome.failed(why)
        events = (ev.StepEnded(step=_STEP, attempt=1, outcome=came), ended)
        entries = (Entry(self._back, ev.write(event), self._token) for event in events)
        environment = self.restoring.frozen.created.environment_name
        await asyncio.to_thread(self._store.append_and_unlock, environment, *entries)
        return ended

    async def write(self, event: ev.Event) -> None:
        """Appends it under the lease; raises LedgerError."""
        await asyncio.to_thread(self._store.append, Entry(self._back, ev.write(event), self._token))


def _require_may(restoring: Restoring, back: str, order: ev.Event) -> None:
    """Raises Refused unless the order is signed, and by one of those who may restore."""
    people = restoring.frozen.people
    if not isinstance(order, ev.RestoreOrdered):
        raise LedgerError(f"{back} holds no order; nothing is done")
    person = people.by_id(order.person)
    if person is None or order.restore != restoring.book.launch or not verified(back, order, person):
        raise Refused(f"{order.person}'s order is not proven by their key; nothing was switched")
    _require_role(people, person, restoring, order.at)


def _require_role(people: People, person: Person, restoring: Restoring, at: datetime) -> None:
    may = opened_again(restoring.frozen).book.may_restore
    if not people.roles_between(person, at, at) & set(may):
        raise Refused(f"{person.name} may not take a restore back; that is for {', '.join(may)}")


def _require_recent(restoring: Restoring) -> None:
    """Raises Refused where a restore is not over, or was so long ago that one person alone may not take it back."""
    chain, ended = restoring.book.launch, restoring.ended
    if ended is None:
        raise Refused(f"{chain} is not over; `tminus restore --resume` ends it")
    alone = restoring.frozen.environment.clock.real(ALONE_WITHIN)
    if now() - ended.at > alone:
        raise Refused(
            f"{chain} ended at {ended.at:%Y-%m-%d %H:%M:%S} UTC, and one person takes a restore back for "
            f"{show_duration(alone)} only: what was written since would leave live. Ask for a restore to an instant "
            f"instead, which a second person approves: `tminus restore {restoring.planned.store} INSTANT`. Nothing was "
            f"changed"
        )
