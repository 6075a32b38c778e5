"""A slow Slack, a ledger that hangs and clients that send nothing: none of them shuts the door on everybody else."""

import asyncio
import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send

from deployments.rehearsal import in_thread
from deployments.rehearsal.slack_presses import signed
from tests.tminus.conftest import SIGNING
from tests.tminus.gateway.serving import metrics, served, well
from tests.tminus.launch_story import KINDS
from tests.tminus.slack.test_gateway import SlowStore
from tests.tminus.slack_room import eventually
from tests.tminus.staged_launch import LAUNCH, Stage, slack_id
from tminus import door_limit, gateway_server
from tminus.gateway import Gateway
from tminus.gateway_server import configuration
from tminus.ledger.sqlite import SqliteStore
from tminus.signing_secrets import SigningSecrets
from tminus.slack_door import SlackDoor

PRESS = "/slack/interactions"
FEW = 20  # requests and connections at one moment, here


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """A small door."""
    monkeypatch.setattr(door_limit, "AT_ONCE", FEW)
    monkeypatch.setattr(gateway_server, "CONNECTIONS", FEW + 10)


@pytest.fixture
def silent() -> Iterator[str]:
    """A Slack that is asked and does not answer; its address."""
    over = threading.Event()

    async def hangs(scope: Scope, _receive: Receive, _send: Send) -> None:
        assert scope["type"] == "http"
        while not over.is_set():
            await asyncio.sleep(0.02)

    with in_thread.served(hangs) as url:
        yield url
        over.set()


@pytest.fixture
def slow(stage: Stage, tmp_path: Path) -> Iterator[SlowStore]:
    """A ledger that answers when it is let go."""
    store = SlowStore(tmp_path / "ledger.sqlite")
    yield store
    store.fast.set()


def gateway(store: SqliteStore, api: str = "http://127.0.0.1:1") -> tuple[Gateway, SlackDoor]:
    """One whose Slack is there."""
    door = SlackDoor(store, KINDS, SigningSecrets.of(SecretStr(SIGNING)), f"{api}/api/")
    return Gateway(store, [door], door.routes()), door


def press(at: tuple[str, int], number: int, slack: str = "http://127.0.0.1:1", who: str = "devops") -> httpx.Response:
    """Somebody presses what does not count, and is to be told so; each press has a connection of its own."""
    pressed = {"actions": [{"action_id": "tminus.hold", "value": f"{LAUNCH}|{number}"}]}
    body = {**pressed, "user": {"id": slack_id(who)}, "response_url": f"{slack}/actions/T/{number}"}
    content, headers = signed(SecretStr(SIGNING), json.loads(json.dumps(body)), str(int(time.time())))
    with httpx.Client(trust_env=False, timeout=5) as client:
        return client.post(f"http://{at[0]}:{at[1]}{PRESS}", content=content, headers=headers)


def test_a_slack_that_takes_no_answers_shuts_no_door(tmp_path: Path, stage: Stage, silent: str) -> None:
    """Twice as many answers wait as requests may be under way: presses are acknowledged, and it is alive."""
    store = SqliteStore(tmp_path / "ledger.sqlite")
    found, door = gateway(store, silent)
    with served(configuration(found.app(), found.refusals)) as at:
        statuses = [press(at, number, silent, "nobody").status_code for number in range(2 * FEW)]
        eventually(lambda: f"tminus_gateway_answering {2 * FEW}" in metrics(at))
        assert well(at)
        assert press(at, 2 * FEW, silent, "nobody").status_code == 200
        for task in list(door.intake._begun._tasks):  # the test does not wait for them
            task.get_loop().call_soon_threadsafe(task.cancel)
    assert statuses == [200] * 2 * FEW
    store.close()


def test_a_ledger_that_hangs_shuts_no_door(slow: SlowStore, stage: Stage) -> None:
    """Presses wait for it behind their acknowledgements; told to end, the gateway does them all first."""
    found, door = gateway(slow)
    with served(configuration(found.app(), found.refusals)) as at:
        slow.fast.clear()
        statuses = [press(at, number).status_code for number in range(2 * FEW)]
        assert f"tminus_gateway_waiting {2 * FEW}" in metrics(at)
        assert well(at)
        threading.Timer(0.3, slow.fast.set).start()
    assert statuses == [200] * 2 * FEW
    assert sum(door.counts[one] for one in ("accepted", "refused")) == 2 * FEW


def test_told_to_end_it_does_not_wait_for_ever(
    slow: SlowStore, stage: Stage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What the ledger still keeps waiting is let go of, and how many those are is said."""
    monkeypatch.setattr("tminus.acknowledged.Acknowledged.finish.__defaults__", (0.2,))
    found, _door = gateway(slow)
    with served(configuration(found.app(), found.refusals)) as at:
        slow.fast.clear()
        assert [press(at, number).status_code for number in range(3)] == [200] * 3
    assert "what came from Slack: 3 that were acknowledged are not done in time" in caplog.text


def test_health_is_answered_while_the_door_is_full(stage: Stage, tmp_path: Path) -> None:
    """Bodies that do not come fill it: one more is 503, says when to come again, and is counted; then it is open."""
    store = SqliteStore(tmp_path / "ledger.sqlite")
    found, _door = gateway(store)
    with served(configuration(found.app(), found.refusals)) as at:
        lines = [socket.create_connection(at) for _ in range(FEW)]
        for line in lines:
            line.sendall(f"POST {PRESS} HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n".encode())
        eventually(lambda: f"tminus_gateway_under_way {FEW}" in metrics(at))
        full = press(at, 1)
        assert (full.status_code, full.headers["retry-after"]) == (503, "1")
        assert well(at)
        why = full.json()["error"]
        counted = f'tminus_gateway_refusals_total{{door="{PRESS}",status="503",reason="{why}"}} 1'
        assert counted in metrics(at)
        for line in lines:
            line.close()
        eventually(lambda: press(at, 2).status_code == 200)
    store.close()


def test_a_ledger_that_hangs_is_asked_once_whoever_wants_to_know(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Monitoring that asks every second leaves no pile of threads behind; once the ledger answers, it is ready."""
    monkeypatch.setattr("tminus.gateway._READY", 0.05)
    asked, answers = [], threading.Event()

    class Hanging(SqliteStore):
        """Does not say which chains there are."""

        def chains(self) -> list[str]:
            """Waits."""
            asked.append(1)
            answers.wait(30)
            return []

    store = Hanging(tmp_path / "ledger.sqlite")
    with TestClient(gateway(store)[0].app()) as client:
        assert [client.get("/ready").status_code for _ in range(5)] == [503] * 5
        assert len(asked) == 1
        answers.set()
        eventually(lambda: client.get("/ready").status_code == 200)
    store.close()
