"""A launch that is nothing but gates, each followed by one cheap check: how soon a decision moves it on."""

import asyncio
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx
from pydantic import JsonValue, SecretStr
from ruamel.yaml import YAML

from deployments.rehearsal.addresses import HOST, plain
from deployments.rehearsal.binaries import CHECKOUT
from deployments.rehearsal.call_record import JsonObject
from deployments.rehearsal.slack_presses import signed
from deployments.rehearsal.whole_estate import WholeEstate
from tasks.check import Check
from tasks.estate import Estate
from tasks.vocabulary import KINDS
from tminus import events as ev
from tminus.frozen import Frozen
from tminus.ledger.logbook import Logbook
from tminus.ledger.opening import named_ledger, open_ledger
from tminus.ledger.store import Changes
from tminus.outcome import Verdict
from tminus.record import Record

_ROLE, _MEMBER = "devops_lead", "U0PERSON02"
_CHECKS: Sequence[dict[str, JsonValue]] = (
    {"check": "redis.replication", "with": {"redis": "main"}, "expect": {"replicas": ">= 1"}},
    {"check": "postgres.streaming_replicas", "with": {"database": "main"}, "expect": {"streaming": ">= 1"}},
)
KINDS_OF_CHECK = len(_CHECKS)
_THINKING = (0.3, 0.6)  # seconds before the button is pressed: by then the gate shows Paused
_LONGEST = 60.0  # seconds that one gate may take
_COMMAND = 60.0


@dataclass(frozen=True)
class Gate:
    """One decision, in seconds.

    Attributes:
        answered: from the signed request's first byte to Slack's acknowledgement.
        moved_on: from that byte to the next check's body.
        step: how long that check took as a step of the launch, until the next one began; None after the last.
    """

    answered: float
    moved_on: float
    step: float | None


def book(path: Path, gates: int) -> Path:
    """Writes a book of so many gates, each followed by one of two cheap checks."""
    steps: list[JsonValue] = []
    for number in range(gates):
        asked: dict[str, JsonValue] = {"roles": {_ROLE: 1}, "deadline": "24h"}
        gate: dict[str, JsonValue] = {
            "id": f"gate-{number}",
            "title": f"Gate {number}",
            "owner": _ROLE,
            "approval": asked,
        }
        looked: dict[str, JsonValue] = {"id": f"look-{number}", "title": f"Look {number}", "owner": _ROLE}
        steps += [gate, {**looked, **_CHECKS[number % KINDS_OF_CHECK]}]
    phases: list[JsonValue] = [{"phase": "T-0", "late_by": "24h", "steps": steps}]
    with path.open("w", encoding="utf-8") as file:
        YAML().dump({"runbook": "gates", "system": "tradesense", "phases": phases}, file)
    return path


def leave_gates_to_us(people: Path) -> None:
    """The simulated people answer everything but gates."""
    yaml = YAML()
    simulated = yaml.load(people)
    for person in simulated["people"]:
        person |= {"behaviour": "silent", "when": "*/gate-*"}
    with people.open("w", encoding="utf-8") as file:
        yaml.dump(simulated, file)


def launched(estate: WholeEstate, runbook: Path) -> str:
    """Launches by `tminus launch`, and does not wait; returns the launch's id."""
    files = estate.documents
    named = {"release": files.release, "runbook": runbook, "people": files.people, "environment": files.environment}
    options = [word for name, path in named.items() for word in (f"--{name}", str(path))]
    key = str(files.key("release_manager"))
    argv = [sys.executable, "-m", "cli.main", "launch", *options, "--t0", "+1h", "--detach", "--key", key]
    done = subprocess.run(
        argv, env=_environment(estate), cwd=CHECKOUT, capture_output=True, text=True, timeout=_COMMAND, check=True
    )
    return done.stdout.split()[0]


def _environment(estate: WholeEstate) -> dict[str, str]:
    prefect = plain(estate.servers.addresses.prefect.environment())
    return {**os.environ, **estate.environment(), **prefect, **estate.processes.mark()}


def pass_gates(estate: WholeEstate, launch: str, gates: int, seed: int, others: Sequence[int] = ()) -> list[Gate]:
    """Presses Approve at each gate once it is open, and returns what came of it when the launch is over.

    The ledger is the one that TMINUS_LEDGER names.

    Args:
        estate: where it runs.
        launch: its id.
        gates: how many its book has.
        seed: of the moments at which is pressed.
        others: ports of further gateways; presses go to the estate's own and to these in turn.
    """
    store, ports = open_ledger(named_ledger()), (estate.ports.gateway, *others)
    book, chance = Logbook(store, launch), random.Random(seed)
    pressed: list[tuple[float, float]] = []
    with closing(store), closing(store.changes()) as changes, httpx.Client(trust_env=False, timeout=5) as client:
        for port in ports:
            client.get(f"http://{HOST}:{port}/health").raise_for_status()  # first bytes go over an open connection
        for number in range(gates):
            _await(changes, partial(_is_open, book, f"gate-{number}"), f"gate-{number} is open")
            time.sleep(chance.uniform(*_THINKING))
            port, secret = ports[number % len(ports)], estate.secrets["TMINUS_REHEARSAL_SLACK_SIGNING"]
            pressed.append(_press(client, f"http://{HOST}:{port}", secret, book.record, f"gate-{number}"))
        _await(changes, lambda: book.refresh().closed is not None, "the launch is over")
    return [_gate(book.record, number, *times) for number, times in enumerate(pressed)]


def _is_open(book: Logbook, ask: str) -> bool:
    return ask in book.refresh().asks


def _await(changes: Changes, holds: Callable[[], bool], what: str) -> None:
    until = time.monotonic() + _LONGEST
    while not holds():
        if time.monotonic() > until:
            raise TimeoutError(f"after {_LONGEST:g} s it is still not so that {what}")
        changes.wait(0.1)


def _press(client: httpx.Client, gateway: str, secret: SecretStr, record: Record, ask: str) -> tuple[float, float]:
    if record.created is None:
        raise LookupError("the launch is gone")
    value = f"{record.created.launch}|{ask}|{_ROLE}|{record.asks[ask].opened.decision_digest}"
    payload: JsonObject = {
        "type": "block_actions",
        "user": {"id": _MEMBER},
        "actions": [{"action_id": "tminus.approve", "value": value}],
    }
    body, headers = signed(secret, payload, str(int(time.time())))
    began = time.time()
    client.post(f"{gateway}/slack/interactions", content=body, headers=headers).raise_for_status()
    return began, time.time()


def _gate(record: Record, number: int, began: float, acknowledged: float) -> Gate:
    look, after = f"look-{number}", f"gate-{number + 1}"
    ended = next(one for one in record.events if isinstance(one, ev.StepEnded) and one.step == look)
    if ended.outcome.verdict is not Verdict.PASS or ended.outcome.at is None:
        raise ValueError(f"{look}: {ended.outcome.summary}")
    started = {one.step: one.at.timestamp() for one in record.events if isinstance(one, ev.StepStarted)}
    step = started[after] - started[look] if after in started else None
    return Gate(acknowledged - began, ended.outcome.at.timestamp() - began, step)


def bare(launch: str, times: int) -> list[float]:
    """The launch's own checks called in plain asyncio, in the same estate and order: how long each took, in seconds."""
    with closing(open_ledger(named_ledger())) as store:
        created = Logbook(store, launch).refresh().created
    if created is None:
        raise LookupError(f"no launch is called {launch}")
    frozen = Frozen(created, KINDS)
    checks = [step.does for step in frozen.runbook.steps() if isinstance(step.does, Check)][:times]

    async def observe() -> list[float]:
        took: list[float] = []
        async with Estate(frozen.environment, frozen.release, launch, frozen.base) as opened:
            for check in [*checks[:KINDS_OF_CHECK], *checks]:
                began = time.perf_counter()
                outcome = await check.observe(opened)
                took.append(time.perf_counter() - began)
                if outcome.verdict is not Verdict.PASS:
                    raise ValueError(f"bare: {outcome.summary}")
        return took[KINDS_OF_CHECK:]  # the first of each kind imports what it needs

    return asyncio.run(observe())
