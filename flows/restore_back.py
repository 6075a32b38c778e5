"""A restore given up before its switch, or taken back after it: by one person's signed word."""

import asyncio
from datetime import timedelta

from flows.looking import look_once
from flows.restore import conducting, end
from flows.restore_stages import Say, Stages
from tasks.estate import Estate
from tasks.restores.asked import Live, Stands, Way
from tasks.restores.halted import check_of
from tasks.restores.vocabulary import RESTORERS
from tminus import events as ev
from tminus.backups.opened import OpenedBackups
from tminus.chain_names import restores_of, taken_back, taking_back_chain
from tminus.clock import now
from tminus.errors import LedgerError, Refused, UsageError
from tminus.lease import Heartbeat, take
from tminus.ledger.opening import open_ledger
from tminus.ledger.store import Entry, Store
from tminus.outcome import Outcome, Verdict
from tminus.personal_key import PersonalKey, verified
from tminus.record_parts import read_event
from tminus.release import no_release
from tminus.restores.papers import STEP, opened_again
from tminus.restores.standing import Restoring

_STEP = "back"
_WITHIN = timedelta(minutes=5)
_HALTED_WITHIN = timedelta(seconds=30)


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


async def take_back(store: Store, chain: str, key: PersonalKey, reason: str, say: Say) -> ev.RestoreEnded:
    """Switches back to what was live before a restore; what was written since stays beside, under a name of its own.

    Raises Refused where the person may not, trading is not halted or the environment is held; CouldNotObserve,
    ActionFailed, LedgerError.
    """
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
    restoring = await asyncio.to_thread(Restoring.read, store, taken_back(back))
    seconds = restoring.frozen.environment.lease.total_seconds()
    token = await asyncio.to_thread(take, store, back, seconds)
    with Heartbeat(open_ledger(restoring.frozen.environment.ledger), back, token, seconds):
        events = [read_event(one) for one in await asyncio.to_thread(store.read, back)]
        if ended := next((event for event in events if isinstance(event, ev.RestoreEnded)), None):
            return ended
        one = _Back(store, restoring, back, token)
        try:
            _require_may(restoring, back, events[0])
            await one.switch()
        except Refused as e:
            await one.end(done=False, why=str(e))
            raise
        ended = await one.end(done=True)
    say(ended.sentence)
    return ended


class _Back:
    """One restore's being taken back."""

    def __init__(self, store: Store, restoring: Restoring, back: str, token: int) -> None:
        self._store = store
        self._restoring = restoring
        self._back = back
        self._token = token
        self._opened = opened_again(restoring.frozen)

    @property
    def _way(self) -> Way:
        intended = self._restoring.switching
        if intended is None or not intended.undo:
            raise LedgerError(f"{self._restoring.book.launch} wrote down no way back")
        return intended.undo

    async def switch(self) -> None:
        """Switches, unless it is switched already."""
        planned, opened = self._restoring.planned, self._opened
        [(_, kept)] = opened.named((planned.store,))
        restorer = RESTORERS[kept.kind]()
        async with Estate(opened.environment, no_release(opened.system), self._back, opened.base) as estate:
            live = Live(estate, self._restoring.book.launch, planned.store, kept)
            if await restorer.stands(live, self._way) is Stands.OLD:
                return
            await self._require_halted(estate)
            intended = ev.StepIntended(
                step=_STEP,
                attempt=1,
                token=self._token,
                deadline=now() + _WITHIN,
                does="; ".join(restorer.by_hand(self._way, Stands.OLD)),
                before=f"{planned.backup} is live",
            )
            await self._write(intended)
            await restorer.switch(live, self._way, Stands.OLD)

    async def _require_halted(self, estate: Estate) -> None:
        halted = self._opened.book.halted
        if halted is None:
            raise Refused("the book does not say what shows that trading is halted")
        outcome = await look_once(estate, check_of(halted), _HALTED_WITHIN)
        await self._write(ev.StepEnded(step="halted", attempt=1, outcome=outcome))
        if outcome.verdict is not Verdict.PASS:
            why = f"trading is not proven to be halted ({halted.check}: {outcome.summary})"
            raise Refused(f"{why}; nothing was switched")

    async def end(self, *, done: bool, why: str = "") -> ev.RestoreEnded:
        """Writes how it ended, and frees the environment."""
        planned, way = self._restoring.planned, self._way
        said = f"{planned.store} is what it was before; what was live since is {way.get('undone', 'beside')}"
        ended = ev.RestoreEnded(done=done, sentence=said if done else why)
        came = Outcome.passed(said) if done else Outcome.failed(why)
        events = (ev.StepEnded(step=_STEP, attempt=1, outcome=came), ended)
        entries = (Entry(self._back, ev.write(event), self._token) for event in events)
        environment = self._restoring.frozen.created.environment_name
        await asyncio.to_thread(self._store.append_and_unlock, environment, *entries)
        return ended

    async def _write(self, event: ev.Event) -> None:
        await asyncio.to_thread(self._store.append, Entry(self._back, ev.write(event), self._token))


def _require_may(restoring: Restoring, back: str, order: ev.Event) -> None:
    """Raises Refused unless the order is signed, and by one of those who may restore."""
    people, may = restoring.frozen.people, opened_again(restoring.frozen).book.may_restore
    if not isinstance(order, ev.RestoreOrdered):
        raise LedgerError(f"{back} holds no order; nothing is done")
    person = people.by_id(order.person)
    if person is None or order.restore != restoring.book.launch or not verified(back, order, person):
        raise Refused(f"{order.person}'s order is not proven by their key; nothing was switched")
    if not people.roles_between(person, order.at, order.at) & set(may):
        raise Refused(f"{person.name} may not take a restore back; that is for {', '.join(may)}")
