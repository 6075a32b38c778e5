"""Mechanisms that a launch leans on, counted in a world outside the ledger, each with its negative control.

    python -m bench.mechanisms [--runs 20] [--sabotage undo|settled|digest]

- settled: a conductor is lost right after an outcome was written, in a world that forgets what was done; how many
  actions of a launch had not exactly one effect after another conductor went on.
- undo: a blocking check fails after the change; how many things were not put back.
- digest: a conductor is lost while the go/no-go waits, the evidence turns bad, the next one observes it and it is
  waived, and meanwhile a yes arrives to what was asked before; how many deploys began on such a go.

`--sabotage` switches one of tminus' own mechanisms off in this process, and its figure must rise above 0: the record no
longer names what is to be taken back (undo), or forgets an outcome (settled), or what a yes binds to no longer covers
the evidence (digest). (The lease's fence is measured by `python -m bench.ledger --sabotage lease`.) The world, its
actions and its people are fakes; the ledger, the conductor and the flows are the real ones, without Prefect.
"""

import argparse
import asyncio
import contextlib
import json
import logging
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from pathlib import Path

import flows.asking
from tasks.action import State
from tests.flows.ledgers import ended
from tests.flows.stage import Stage
from tests.flows.staged_book import Steps, action, approval, check
from tests.flows.world import Crash
from tminus import events as ev
from tminus.record import Record

_CHANGE: Steps = {"T-0": [action("deploy"), action("switch"), check("serves", proves=True)]}
_DECISION: Steps = {"T-15m": [check("a"), approval("go", observe_again=True)], "T-0": [action("deploy")]}
_LONG_ENOUGH = 3.0  # seconds; a way back in this world takes a few milliseconds
_SUCCEEDED: list[str] = []  # launches whose conductor was lost and followed
_A_MOMENT = 0.1  # seconds in which a gate that is met goes on to the deploy
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


async def _on_a_stale_yes(stage: Stage) -> int:
    """Deploys that began before people had said yes to what is so; afterwards they do, and it must deploy."""
    await _lose_the_conductor_that_asks(stage)
    stage.world.answers["a"] = ["fail"]
    running = stage.begin("T-0")
    await stage.held("a")
    stage.say("devops")  # to the question as it was asked before
    stage.order("waive", step="a", reason="known")
    deploy = stage.thing("deploy")
    await stage.until(lambda record: _times_asked(record) > 1 or deploy.effects, "people are asked anew")
    await asyncio.sleep(_A_MOMENT)
    too_early = deploy.effects
    if not too_early:
        stage.say("devops")  # whose step it is; what concerns the other is as it was
    await asyncio.wait_for(running, _LONG_ENOUGH)
    if deploy.effects != 1:
        raise RuntimeError(f"approved, and yet the deploy had {deploy.effects} effects: the figure would prove nothing")
    return too_early


async def _lose_the_conductor_that_asks(stage: Stage) -> None:
    """One of two people has said yes by then."""
    running = stage.begin("T-15m")
    await stage.until(lambda record: "go" in record.asks, "people are asked")
    stage.say("engineering")
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


def _times_asked(record: Record) -> int:
    return sum(isinstance(one, ev.AskOpened) for one in record.events)


_FIGURES: Mapping[str, tuple[str, Steps, Counted]] = {
    "settled": ("actions_with_other_than_one_effect", _CHANGE, _repeated),
    "undo": ("things_not_put_back", _CHANGE, _not_put_back),
    "digest": ("deploys_on_a_stale_yes", _DECISION, _on_a_stale_yes),
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


SWITCHED_OFF: Mapping[str, tuple[object, str, Callable[..., object]]] = {
    "settled": (Record, "_apply", _forgetful(Record._apply)),  # noqa: SLF001 - a sabotage
    "undo": (Record, "to_undo", lambda _record: ()),
    "digest": (flows.asking, "decision_digest", lambda *_: f"sha256:{'0' * 64}"),
}


@contextlib.contextmanager
def _without(mechanism: str | None) -> Iterator[None]:
    """In this process one of tminus' mechanisms is switched off while the block runs."""
    if mechanism is None:
        yield
        return
    owner, name, broken = SWITCHED_OFF[mechanism]
    whole = getattr(owner, name)
    setattr(owner, name, broken)
    try:
        yield
    finally:
        setattr(owner, name, whole)


def main(words: Sequence[str] | None = None) -> int:
    """Prints one JSON line a figure; 1 where one does not hold."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=20, help="launches for each figure")
    parser.add_argument("--sabotage", choices=sorted(_FIGURES), help="switch this mechanism off; its figure must rise")
    given = parser.parse_args(words)
    names = [given.sabotage] if given.sabotage else list(_FIGURES)
    logging.disable(logging.CRITICAL)
    try:
        with _without(given.sabotage):
            holds = [asyncio.run(_figure(*_FIGURES[name], given.runs)) for name in names]
    finally:
        logging.disable(logging.NOTSET)
    return 0 if all(holds) else 1


async def _figure(name: str, steps: Steps, counted: Counted, runs: int) -> bool:
    total = 0
    for _ in range(runs):
        with tempfile.TemporaryDirectory() as folder:
            stage = Stage.set(Path(folder), steps)
            _SUCCEEDED.clear()
            try:
                total += await counted(stage)
            finally:
                await stage.end()
    line = {"figure": name, "value": total, "unit": f"in {runs} launches", "goal": "= 0", "holds": total == 0}
    print(json.dumps(line), flush=True)
    return total == 0


if __name__ == "__main__":
    raise SystemExit(main())
