"""Mechanisms that a launch leans on, counted in a world outside the ledger, each with its negative control.

    python -m bench.mechanisms [--runs 20] [--sabotage undo|settled|digest]

- settled: a conductor is lost right after an outcome was written, in a world that forgets what was done; how many
  actions of a launch had not exactly one effect after another conductor went on.
- undo: a blocking check fails after the change; how many things were not put back.
- digest: the evidence turns bad between two people's yes and the judging of them; how many decisions stood anyway.

`--sabotage` switches one off in this process, and its figure must rise above 0. (The lease's fence is measured by
`python -m bench.ledger --sabotage lease`.) The world, its actions and its people are fakes; the ledger, the conductor
and the flows are the real ones, without Prefect.
"""

import argparse
import asyncio
import contextlib
import json
import logging
import tempfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

import flows.asking
from tasks.action import State
from tasks.estate import Estate
from tests.flows.ledgers import ended
from tests.flows.stage import Stage, Steps, action, approval, check
from tests.flows.world import Crash, FakeAction
from tminus import asking
from tminus import events as ev
from tminus.outcome import Verdict
from tminus.record import Record
from tminus.runbook import Step

_CHANGE: Steps = {"T-0": [action("deploy"), action("switch"), check("serves", proves=True)]}
_DECISION: Steps = {"T-15m": [check("a"), approval("go")], "T-0": [action("deploy")]}
_LONG_ENOUGH = 3.0  # seconds; a way back in this world takes a few milliseconds
_SUCCEEDED: list[str] = []  # launches whose conductor was lost and followed
Counted = Callable[[Stage], Awaitable[int]]


async def _repeated(stage: Stage) -> int:
    stage.store.after = ended("deploy")
    with contextlib.suppress(Crash):
        await stage.run("T-0")
    stage.thing("deploy").state = State.ABSENT  # the outside forgets; the ledger must not
    _SUCCEEDED.append(stage.people.launch)
    await stage.run("T-0")
    return sum(1 for name in ("deploy", "switch") if stage.thing(name).effects != 1)


async def _not_put_back(stage: Stage) -> int:
    stage.world.answers["serves"] = ["fail"]
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stage.run("T-0"), _LONG_ENOUGH)
    return sum(1 for name in ("deploy", "switch") if stage.thing(name).state is not State.ABSENT)


async def _stood_all_the_same(stage: Stage) -> int:
    running = stage.begin("T-15m")
    await stage.until(lambda record: "go" in record.asks, "people are asked")
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    for person in ("engineering", "devops"):
        stage.say(person)
    conductor = stage.conductor()
    step = stage.frozen.runbook.step("a")
    if step is None:
        raise LookupError("the book of this bench has no step a")
    _turn_bad(conductor.record, step)
    changed = flows.asking._asked_again(conductor, _go(stage), _go(stage).does)  # type: ignore[arg-type]  # noqa: SLF001
    if changed is not None:
        await conductor.write(changed)
    return int(asking.judge(conductor.record.asks["go"], stage.frozen.people).met)


def _go(stage: Stage) -> Step:
    found = stage.frozen.runbook.step("go")
    if found is None:
        raise LookupError("the book of this bench has no step go")
    return found


def _turn_bad(record: Record, step: Step) -> None:
    state = record.step(step.id)
    if state.outcome is not None:
        state.outcome = state.outcome.model_copy(update={"verdict": Verdict.FAIL})


_FIGURES: Mapping[str, tuple[str, Steps, Counted]] = {
    "settled": ("actions_with_other_than_one_effect", _CHANGE, _repeated),
    "undo": ("things_not_put_back", _CHANGE, _not_put_back),
    "digest": ("decisions_on_stale_evidence", _DECISION, _stood_all_the_same),
}


def _forgetful(apply: Callable[[Record, ev.Event], None]) -> Callable[[Record, ev.Event], None]:
    """A successor's record that overlooks the first outcome of the deploy, as one would that was not in the ledger."""
    forgot: set[int] = set()

    def overlooking(record: Record, event: ev.Event) -> None:
        fresh = isinstance(event, ev.StepEnded) and event.step == "deploy" and id(record) not in forgot
        if _SUCCEEDED and fresh:
            forgot.add(id(record))
            return
        apply(record, event)

    return overlooking


def _sabotage(mechanism: str) -> None:
    """Switches one mechanism off, in this process alone."""
    if mechanism == "settled":
        setattr(Record, "_apply", _forgetful(Record._apply))  # noqa: B010, SLF001 - a sabotage
    elif mechanism == "undo":

        async def forgets(_self: FakeAction, _estate: Estate) -> None:
            return None

        FakeAction.plan_undo = forgets  # type: ignore[method-assign, assignment]
    elif mechanism == "digest":
        setattr(flows.asking, "decision_digest", lambda *_: f"sha256:{chr(48) * 64}")  # noqa: B010 - a sabotage


def main(words: Sequence[str] | None = None) -> int:
    """Prints one JSON line a figure; 1 where one does not hold."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=20, help="launches for each figure")
    parser.add_argument("--sabotage", choices=sorted(_FIGURES), help="switch this mechanism off; its figure must rise")
    given = parser.parse_args(words)
    logging.disable(logging.CRITICAL)
    if given.sabotage:
        _sabotage(given.sabotage)
    names = [given.sabotage] if given.sabotage else list(_FIGURES)
    holds = [asyncio.run(_figure(*_FIGURES[name], given.runs)) for name in names]
    return 0 if all(holds) else 1


async def _figure(name: str, steps: Steps, counted: Counted, runs: int) -> bool:
    total = 0
    for _ in range(runs):
        with tempfile.TemporaryDirectory() as folder:
            stage = Stage.set(Path(folder), steps)
            try:
                total += await counted(stage)
            finally:
                await stage.end()
    line = {"figure": name, "value": total, "unit": f"in {runs} launches", "goal": "= 0", "holds": total == 0}
    print(json.dumps(line), flush=True)
    return total == 0


if __name__ == "__main__":
    raise SystemExit(main())
