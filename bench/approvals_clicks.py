"""What is clicked on: launches with open questions in a ledger, and signed clicks on a schedule."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import product
from pathlib import Path
from random import Random
from typing import Literal

import rfc8785
from pydantic import JsonValue, SecretStr
from ruamel.yaml import YAML

from bench import gates
from deployments.rehearsal.addresses import HOST
from deployments.rehearsal.call_record import JsonObject
from deployments.rehearsal.slack_presses import signed
from tasks.vocabulary import KINDS
from tminus import events as ev
from tminus.clock import now
from tminus.frozen import Frozen, digest_of
from tminus.ledger.logbook import Logbook
from tminus.ledger.store import Store
from tminus.messages import telling
from tminus.yaml_source import Source

LAUNCHES: Sequence[str] = [f"clicked-2.0.0-{number}" for number in range(8)]
_ASKS, _PEOPLE, _ROLE = 20, 25, "devops_lead"
_MOST = len(LAUNCHES) * _ASKS * _PEOPLE
_Means = tuple[str, str, str]


@dataclass(frozen=True)
class Click:
    """A signed request.

    Attributes:
        slot: its place in the schedule.
        means: launch, question, and the id of whoever clicks.
        again: whether it is a second one, and of which kind.
    """

    slot: int
    gateway: int
    means: _Means
    again: Literal["", "same bytes", "same person"]
    body: bytes
    headers: Mapping[str, str]


def environment_file(path: Path, port: int, slack: int) -> Path:
    """An environment whose ledger is the PostgreSQL server that BENCH_DSN leads to."""
    sections: JsonObject = {
        "environment": "bench",
        "kind": "rehearsal",
        "state": str(path.parent / "state"),
        "ledger": {"postgres": "env:BENCH_DSN"},
        "prefect": {"api": f"http://{HOST}:1/api"},
        "gateway": {"host": HOST, "port": port},
        "slack": {
            "api": f"http://{HOST}:{slack}/api/",
            "channel": "C0LAUNCHES",
            "token": "env:BENCH_TOKEN",
            "signing_secret": "env:BENCH_SIGNING",
        },
    }
    with path.open("w", encoding="utf-8") as file:
        YAML().dump(sections, file)
    return path


def open_launches(store: Store, environment: Path, folder: Path) -> Mapping[tuple[str, str], str]:
    """Makes the launches and asks their questions; returns each question's decision digest."""
    people: JsonValue = {
        "people": [
            {"id": f"p{number}", "name": f"Person {number}", "roles": [_ROLE], "slack": _member(f"p{number}")}
            for number in range(_PEOPLE)
        ]
    }
    documents = {
        "release": "{}",
        "runbook": Source.read(gates.book(folder / "gates.yaml", _ASKS)).freeze(),
        "people": rfc8785.dumps(people).decode(),
        "environment": Source.read(environment).freeze(),
    }
    digests: dict[tuple[str, str], str] = {}
    for launch in LAUNCHES:
        created = ev.LaunchCreated(
            launch=launch,
            system="tradesense",
            title=launch,
            environment_name="bench",
            t0=now() + timedelta(hours=4),
            started_by="nobody",
            base=str(folder),
            digests={name: digest_of(text) for name, text in documents.items()},
            **documents,
        )
        book = Logbook(store, launch, telling(Frozen(created, KINDS)))
        book.open(created)
        for number in range(_ASKS):
            opened = _opened(f"gate-{number}", launch)
            book.write(opened)
            digests[launch, opened.ask] = opened.decision_digest
    return digests


def _opened(ask: str, launch: str) -> ev.AskOpened:
    digest = digest_of(f"{launch}/{ask}")
    return ev.AskOpened(
        ask=ask,
        step=ask,
        kind="approval",
        roles={_ROLE: _PEOPLE},
        text="Go?",
        decision_digest=digest,
        evidence_digest=digest,
        deadline=now() + timedelta(hours=1),
        bindings={_ROLE: digest},
    )


def _member(person: str) -> str:
    return f"U0{person.upper()}"


def clicks(digests: Mapping[tuple[str, str], str], slots: int, secret: SecretStr, seed: str, slack: int) -> list[Click]:
    """So many clicks: first ones, the same bytes to the other gateway in that moment, the same person once more.

    Raises ValueError where there are not so many different answers to give.
    """
    chance, timestamp = Random(seed), str(int(time.time()))
    means = [(launch, ask, f"p{number}") for (launch, ask), number in product(digests, range(_PEOPLE))]
    chance.shuffle(means)
    if slots > _MOST:
        raise ValueError(f"there are {_MOST} different answers to give, and {slots} clicks are wanted")
    found: list[Click] = []
    slot = 0
    while slot < slots:
        one, gateway, draw = means.pop(), slot % 2, chance.random()
        body, headers = _signed(one, digests, secret, timestamp, (slot, slack))
        found.append(Click(slot, gateway, one, "", body, headers))
        if draw < 0.11:
            found.append(Click(slot, 1 - gateway, one, "same bytes", body, headers))
            slot += 1  # two in one moment, and none in the next
        elif draw < 0.22:
            slot += 1
            body, headers = _signed(one, digests, secret, timestamp, (slot, slack))
            found.append(Click(slot, chance.randrange(2), one, "same person", body, headers))
        slot += 1
    return found


def _signed(
    means: _Means, digests: Mapping[tuple[str, str], str], secret: SecretStr, timestamp: str, told: tuple[int, int]
) -> tuple[bytes, Mapping[str, str]]:
    launch, ask, person = means
    number, slack = told
    payload: JsonObject = {
        "type": "block_actions",
        "trigger_id": str(number),
        "user": {"id": _member(person)},
        "actions": [
            {"action_id": "tminus.approve", "value": f"{launch}|{ask}|{_ROLE}|{digests[launch, ask]}"},
        ],
        "response_url": f"http://{HOST}:{slack}/actions/T0BENCH/{number}",
    }
    return signed(secret, payload, timestamp)
