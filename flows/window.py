"""What on-call sees in Prefect: one task a step, a gate that shows Paused, tables of evidence."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from uuid import UUID, uuid4

from prefect import Task
from prefect.artifacts import acreate_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.objects import State
from prefect.exceptions import Abort, Pause
from prefect.input.run_input import RunInput, keyset_from_paused_state
from prefect.logging import get_run_logger
from prefect.runtime import task_run
from prefect.states import Failed, Paused, Running
from prefect.utilities.engine import propose_state

from flows.turns import Lost, Stopped
from tminus.errors import TminusError
from tminus.outcome import Outcome, Verdict
from tminus.runbook import Step

RETRY_AFTER = 1.0  # seconds between two attempts at looking
LOOK_AT_PREFECT = 5.0  # seconds between two looks at what somebody pressed in the UI


# Looks once, told whether this is the last attempt.
Attempt = Callable[[bool], Awaitable[Outcome]]


class LookAgain(RunInput):
    """The form behind Resume in the UI. It carries no identity, so it decides nothing: tminus looks again."""

    note: str = ""


_MARKS = re.compile(r"[\\`*_{}\[\]<>()#+!|~]")  # of Markdown: people's own words are shown as they are
_RESUME = "Prefect does not say who presses Resume, so it decides nothing: tminus looks again, and shows this again."


def stopped_by_hand(state: State[None] | None) -> str | None:
    """How somebody stopped a run in Prefect's UI: `cancelled` or `suspended`; None where nobody did."""
    if state is None:
        return None
    if state.is_cancelled() or state.is_cancelling():
        return "cancelled"
    return "suspended" if state.name == "Suspended" else None


def wants_retry(step: Step, outcome: Outcome) -> bool:
    """Could not look: look again. Looked and failed: only where the step says so."""
    return outcome.verdict is Verdict.UNKNOWN or (outcome.verdict is Verdict.FAIL and step.retry_failed)


class RunState:
    """How this flow run shows in Prefect: Running, or Paused with the reason.

    Args:
        run: the flow run's id; None where a person does it by hand, without Prefect.
        told: says in one line what did not pass, and what to do next.
    """

    def __init__(self, run: str | None, told: Callable[[Step, Outcome], str]) -> None:
        self._run = UUID(run) if run else None
        self._told = told
        self._paused = False
        self._why = ""  # what is waited for, as last logged

    async def as_task(self, step: Step, attempt: Attempt, *, name: str = "", retries: int = 0) -> Outcome:
        """Runs one step as a Prefect task of its own: green when it passes, red with its reason when not.

        Args:
            step: names the task.
            attempt: looks once; told whether this is the last attempt, which writes the outcome down.
            name: another name than the step's id.
            retries: how often an unknown (or, where the step says so, a failed) outcome is tried again.
        """
        last: list[Outcome] = []
        broke: list[TminusError] = []

        async def body() -> State[Outcome] | Outcome:
            final = (task_run.get_run_count() or 1) > retries
            try:
                outcome = await attempt(final)
            except TminusError as e:  # Prefect would keep it; whoever goes on from here must know
                broke.append(e)
                return Failed(message=str(e))
            last.append(outcome)
            if outcome.verdict in {Verdict.PASS, Verdict.WAIVED, Verdict.SKIPPED}:
                return outcome
            return Failed(message=self._told(step, outcome))

        if self._run is None:
            return await _without_prefect(step, attempt, retries)
        named = Task(
            body,
            name=name or step.id,
            task_run_name=f"{name or step.id}: {step.title}",
            retries=retries,
            retry_delay_seconds=RETRY_AFTER,
            retry_condition_fn=lambda _task, _run, _state: not broke and bool(last) and wants_retry(step, last[-1]),
            cache_policy=NO_CACHE,
            persist_result=False,
        )
        state = await named(return_state=True)  # type: ignore[misc]  # Prefect's overloads take a coroutine function for a plain one
        if broke:
            raise broke[0]
        if not last:
            raise Lost(f"Prefect did not run {step.id}: {state.message or state.name}")
        return last[-1]

    def log(self, line: str) -> None:
        """One line among the run's logs, where its page in the UI begins."""
        if self._run is not None:
            get_run_logger().info(line)

    async def table(self, key: str, rows: list[dict[str, str]], about: str) -> None:
        """Leaves a table on the run's page."""
        if self._run is not None:
            await acreate_table_artifact(key=key, table=rows, description=about)

    async def paused(self, key: str, why: str) -> None:
        """Shows Paused, with who must decide, also among the run's logs and in the form behind Resume.

        Prefect rejects a pause of what is paused, so a new reason goes by way of Running, and one under a key that was
        used. Raises Lost.

        Args:
            key: [a-z0-9-], what it is about.
            why: what is waited for, from whom, and where they answer.
        """
        if self._run is None:
            return
        if self._paused:
            await self.running()
        state: State[None] = Paused(reschedule=False, pause_key=f"{key}-{uuid4().hex[:8]}", message=why)
        keyset = keyset_from_paused_state(state)
        state.state_details.run_input_keyset = dict(keyset)  # type: ignore[arg-type]  # a TypedDict of str is a dict of str
        await self._propose(state)
        self._paused = True
        if why != self._why:
            self._why = why
            self.log(f"PAUSED: {why}")
        plain = _MARKS.sub(lambda mark: f"\\{mark[0]}", why)
        form = LookAgain.with_initial_data(description=f"{_RESUME}\n\n{plain}")
        await form.asave(keyset, flow_run_id=self._run)

    async def running(self) -> None:
        """Shows Running again; raises Lost where the run was cancelled or suspended meanwhile."""
        if self._run is not None:
            await self._propose(Running())
        self._paused = False

    async def _propose(self, wanted: State[None]) -> None:
        if self._run is None:
            return
        async with get_client() as client:
            await self._look(client, self._run)
            try:
                state = await propose_state(client, wanted, flow_run_id=self._run)
            except (Abort, Pause) as e:
                raise Lost(f"Prefect does not let this run go on: {e}") from e
        if state.type != wanted.type:
            raise Lost(f"Prefect says that this run is {state.name}; the launch is held until somebody resumes it")

    async def resumed_in_ui(self) -> bool:
        """Whether somebody pressed Resume: the run no longer shows Paused. Raises Stopped."""
        if self._run is None:
            return False
        async with get_client() as client:
            state = await self._look(client, self._run)
        pressed = state is not None and not state.is_paused()
        self._paused = self._paused and not pressed
        return pressed

    async def refuse_stopped(self) -> None:
        """Raises Stopped where somebody stopped this run, be it before it began to conduct."""
        if self._run is not None:
            async with get_client() as client:
                await self._look(client, self._run)

    async def _look(self, client: PrefectClient, run: UUID) -> State[None] | None:
        """How the run stands; raises Stopped. Prefect lets a suspended run go on where its process says so."""
        state = (await client.read_flow_run(run)).state
        if how := stopped_by_hand(state):
            raise Stopped(how)
        return state


async def _without_prefect(step: Step, attempt: Attempt, retries: int) -> Outcome:
    for number in range(retries + 1):
        outcome = await attempt(number == retries)
        if not wants_retry(step, outcome):
            break
        if number < retries:
            await asyncio.sleep(RETRY_AFTER)
    return outcome
