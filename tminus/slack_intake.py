"""What is done with whatever came from Slack, by whichever way: judged and recorded one by one, and answered."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from threading import Lock
from typing import TypeVar

import anyio

from tminus.acknowledged import Acknowledged
from tminus.clock import now
from tminus.drills.orders import DrillOrders
from tminus.errors import InDoubt, LedgerError, Refused, TminusError
from tminus.ledger.store import Store
from tminus.messages.forms import Block
from tminus.messages.slack_dialog import Carried, asks_for, dialog, instead, mistakes_in
from tminus.presses import Presses
from tminus.runbook import Spec
from tminus.slack_answers import SlackAnswers, Told
from tminus.slack_commands import Commands
from tminus.slack_payload import Action, Commanded, Malformed, Pressed, Sent, Submitted

_T = TypeVar("_T")
_logger = logging.getLogger(__name__)
_MOST_WAITING = 1000  # requests that wait for a slow ledger; more are sent away, which Slack shows to whoever pressed
_UNRECORDED = "This was NOT recorded, the ledger does not answer. Try again, or use the `tminus` command line."
_IN_DOUBT = (
    "It is NOT KNOWN whether this was recorded: the ledger broke off in the moment of writing. Look with "
    "`/tminus status`; to press or type it again is safe, nothing counts twice."
)
REPLAYED = "this request was sent before: a replay"


@dataclass(frozen=True)
class Taken:
    """A request that was acknowledged.

    Attributes:
        key: what no gateway takes twice.
        redelivered: whether Slack itself may send it again, which is no attack and needs no words.
        at: by when it was pressed or typed, at the latest.
    """

    sent: Sent
    key: str
    redelivered: bool = False
    at: datetime = field(default_factory=now)


class SlackIntake:
    """Takes what Slack sent, after it was acknowledged.

    One request at a time goes to the ledger, so a slow one makes answers late and takes no threads; those that wait
    are counted, and there is an end to how many may.

    Args:
        store: the ledger.
        kinds: the vocabulary, to read books.
        answers: the way back to whoever sent it.
        drills: stops drills; None where the environment has none.

    Attributes:
        counts: how many requests came to what.
    """

    def __init__(
        self,
        store: Store,
        kinds: Mapping[str, type[Spec]],
        answers: SlackAnswers,
        drills: DrillOrders | None = None,
    ) -> None:
        self._presses = Presses(store, kinds)
        self._commands = Commands(self._presses.pages, drills)
        self._answers = answers
        self._begun = Acknowledged("what came from Slack")
        self._one_at_a_time = anyio.CapacityLimiter(1)
        self._waiting = 0
        self._counting = Lock()
        names = (
            "accepted",
            "refused",
            "failed",
            "asked_back",
            "forged",
            "replayed",
            "malformed",
            "oversized",
            "overloaded",
        )
        self.counts: dict[str, int] = dict.fromkeys(names, 0)

    def trouble(self) -> str:
        """Nothing of its own: what is wrong with a press is told to whoever pressed."""
        return ""

    def metrics(self) -> Iterator[str]:
        """Requests by what they came to, those that wait for the ledger, and answers under way and not given."""
        yield "# TYPE tminus_gateway_requests_total counter"
        yield from (f'tminus_gateway_requests_total{{result="{name}"}} {count}' for name, count in self.counts.items())
        yield "# TYPE tminus_gateway_waiting gauge"
        yield f"tminus_gateway_waiting {self._waiting}"
        yield "# TYPE tminus_gateway_answering gauge"
        yield f"tminus_gateway_answering {self._answers.waiting}"
        yield "# TYPE tminus_gateway_unanswered_total counter"
        yield f"tminus_gateway_unanswered_total {self._answers.lost}"

    def count(self, result: str) -> None:
        """Counts one request. Safe from any thread."""
        with self._counting:
            self.counts[result] += 1

    def admit(self) -> bool:
        """Whether there is room for one more; `take` or `release` must follow where there is. Safe from any thread."""
        with self._counting:
            free = self._waiting < _MOST_WAITING
            self._waiting += int(free)
        if not free:
            self.count("overloaded")
        return free

    def release(self) -> None:
        """Gives a place up again."""
        with self._counting:
            self._waiting -= 1

    def at_once(self, sent: Sent) -> Block | None:
        """What the acknowledgement itself says: the fields of a dialog that cannot be right."""
        if not isinstance(sent, Submitted):
            return None
        if wrong := mistakes_in(sent, now()):
            return {"response_action": "errors", "errors": {**wrong}}
        return None

    def begin(self, taken: Taken) -> None:
        """Takes it in a task of its own, in the loop that runs. Follows each `admit`."""
        self._begun.begin(self.take(taken))

    def begin_refusal(self, sent: Sent, why: str, who: str = "") -> None:
        """Refuses it, in a task of its own."""
        self._begun.begin(self.refuse(sent, why, who))

    async def finish(self) -> None:
        """Does what was begun; what is not done after a few seconds is let go of."""
        await self._begun.finish()

    async def take(self, taken: Taken) -> None:
        """Does what was sent, and tells whoever sent it.

        Whoever waits for an answer to be taken by a slow Slack waits for no ledger, and is not counted as such.
        """
        try:
            told = await self._take(taken)
        finally:
            self.release()
        for one in told:
            await self._tell(taken.sent, one)

    async def refuse(self, sent: Sent, why: str, who: str = "") -> None:
        """Writes down that something does not count, and tells whoever sent it, unless it is not known who did."""
        for told in await self._refused(sent, why, who):
            await self._tell(sent, told)

    async def _refused(self, sent: Sent, why: str, who: str = "") -> Sequence[Told]:
        try:
            await self._in_turn(partial(self._presses.refuse, sent, why, who))
        except TminusError as e:
            _logger.warning("a refusal is not recorded: %s", type(e).__name__)
        return () if who else [Told(f"This does not count: {why}")]

    async def _take(self, taken: Taken) -> Sequence[Told]:
        """What whoever sent it is to be told."""
        sent = taken.sent
        if isinstance(sent, Pressed) and (asking := [one for one in sent.actions if asks_for(one.action_id)]):
            # First of all: the dialog must open within three seconds of the press, and needs no ledger.
            return await self._ask_back(sent, asking[0])
        if isinstance(sent, Submitted) and mistakes_in(sent, now()):
            self.count("refused")
            return ()  # the dialog says so already
        try:
            fresh = await self._in_turn(partial(self._presses.first_time, taken.key))
        except LedgerError as e:
            return [self._lost(e, _UNRECORDED)]
        if fresh:
            return await self._do(sent, taken.at)
        self.count("replayed")
        return () if taken.redelivered else await self._refused(sent, REPLAYED)

    async def _do(self, sent: Sent, at: datetime) -> Sequence[Told]:
        match sent:
            case Pressed():
                done = [await self._decided(partial(self._pressed, sent.user.id, action)) for action in sent.actions]
                return [told for some in done for told in some]
            case Submitted():
                return await self._decided(partial(self._submitted, sent))
            case Commanded():
                return await self._decided(partial(self._commands.carry_out, sent, at))

    def _pressed(self, member: str, action: Action) -> Sequence[Told]:
        return [Told(self._presses.decide(member, action))]

    def _submitted(self, sent: Submitted) -> Sequence[Told]:
        if asks_for(sent.view.callback_id) == "stop":
            return [Told(self._commands.stop_drills(sent))]
        return [Told(self._presses.submit(sent))]

    async def _ask_back(self, pressed: Pressed, action: Action) -> Sequence[Told]:
        try:
            carried = Carried.by(action.action_id, action.value, pressed.channel.id if pressed.channel else "")
        except Malformed as e:
            self.count("refused")
            return [Told(f"This does not count: {e}")]
        why = await self._answers.open_dialog(pressed.trigger_id, dialog(action.action_id, carried, now()))
        self.count("failed" if why else "asked_back")
        if not why:
            return ()
        said = f"Nothing is recorded: the dialog could not be opened ({why}). Press again, or type"
        return [Told(f"{said} `{instead(action.action_id, carried)}`")]

    async def _decided(self, work: "Callable[[], Sequence[Told]]") -> Sequence[Told]:
        """What whoever sent it is told; that it was not recorded, only where that is certain."""
        try:
            said = await self._in_turn(work)
        except Refused as e:
            self.count("refused")
            return [Told(f"This does not count: {e}")]
        except InDoubt as e:
            return [self._lost(e, _IN_DOUBT)]
        except LedgerError as e:
            return [self._lost(e, _UNRECORDED)]
        except TminusError as e:
            return [self._lost(e, "This was NOT recorded: its launch cannot be read here.")]
        self.count("accepted")
        return said

    def _lost(self, error: TminusError, told: str) -> Told:
        self.count("failed")
        _logger.error("what came from Slack was not recorded, or may not be: %s", error)
        return Told(told)

    async def _in_turn(self, work: Callable[[], _T]) -> _T:
        return await anyio.to_thread.run_sync(work, limiter=self._one_at_a_time)

    async def _tell(self, sent: Sent, told: Told) -> None:
        if not isinstance(sent, Submitted):
            await self._answers.reply(sent.response_url, told)
            return
        try:
            channel = Carried.of(sent).channel
        except Malformed:
            return
        await self._answers.whisper(channel, sent.user.id, told)
