"""The values of every secret, planted and then looked for wherever anything is written down: none is found."""

import json
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from time import sleep

import httpx
import pytest

from tests.flows.rotations import searching
from tests.flows.rotations.overheard import Overheard
from tests.flows.rotations.room import NAME, Room
from tests.flows.rotations.saying import answer_when_asked
from tests.flows.rotations.searching import leaks
from tests.sampling import few
from tminus.clock import now

AWKWARD = 'canary-"ärger"\\/+&=%20-of-the-first-password'
"""A value that every encoding changes."""
SOME = ("after set", "before test")
STAGES = ("create", "set", "test", "census", "off", "drop")
ALL = tuple(f"{when} {stage}" for stage in STAGES for when in ("before", "after"))
"""How the door fails."""


def signed(room: Room, person: str) -> list[str]:
    """Whose word it is."""
    return ["--key", str(room.folder / person), "--reason", "a test of mine"]


@pytest.mark.parametrize("troubles", few([SOME, ALL], SOME), ids=len)
def test_a_doors_password(house: Overheard, troubles: tuple[str, ...]) -> None:
    """Through a failure at each verb, an undo, a leak with its question, and a secret that is garbage."""
    room = house.room
    room.door.install(AWKWARD)
    house.hold(json.dumps({"password": AWKWARD, "door": "front"}))
    assert house.tminus("secrets") == house.tminus("secrets", "--json") == 0
    assert house.tminus("rotate", NAME, "--dry-run") == 0
    for number, trouble in enumerate(troubles):
        (room.folder / "trouble").write_text(trouble)
        room.policy(every="30d" if number else "401 ms")
        until_it_broke(house)
    assert AWKWARD not in house.current()
    house.until_over()

    assert house.tminus("rotate", NAME) == 0
    assert house.tminus("rotate", NAME, "--undo", *signed(room, "guard")) == 0
    assert house.until_over().rotations[-1].undo is not None

    answering = threading.Thread(target=answer_when_asked, args=(room, "guard", "approve"))
    answering.start()
    assert house.tminus("rotate", NAME, "--at-once", "--yes", *signed(room, "asker")) == 0
    answering.join()
    assert house.tminus("secrets", NAME) == 0

    cut = "canary-cut-off-in-the-middle-of-it"
    house.hold(f'{{"password": "{cut}')
    house.values.add(cut)
    assert house.tminus("rotate", NAME) == 1
    assert "is no JSON" in house.said
    assert len(house.values) >= 5
    spoke(house)
    assert house.leaks() == []


def until_it_broke(house: Overheard) -> None:
    """The flow, until the door's trouble came."""
    trouble = house.room.folder / "trouble"
    for _ in range(40):
        house.flow()
        if not trouble.exists():
            return
        sleep(0.05)
    raise AssertionError(f"{trouble.read_text()}: it never came to that: {house.said[-3000:]}")


def spoke(house: Overheard) -> None:
    """Every place has something in it: else nothing would be found there, whatever was said."""
    found = house.everywhere()
    assert "is rotated: version" in house.said
    assert "Traceback (most recent call last)" in house.said
    assert "does not answer" in found["Prefect's task_runs"].decode()
    assert "does not answer" in found["Prefect's logs"].decode()
    assert "is rotated" in found["Slack's channel"].decode()
    assert "does not answer" in found["PagerDuty's incidents"].decode()
    assert any(place.startswith("cmdline") for place in found)
    assert any(place.endswith("ledger.db, cell by cell") for place in found)
    assert any(place.endswith("prefect.db, cell by cell") for place in found)


@pytest.mark.long
def test_what_tminus_keeps_quiet_would_be_heard(house: Overheard) -> None:
    """A control: where it did not, botocore's log at DEBUG would have the values, and the search finds them there."""
    house.talking = ("loud",)
    assert house.tminus("rotate", NAME) == 0
    assert [line for line in house.leaks() if "said.log" in line]


def test_what_is_planted_is_found(house: Overheard) -> None:
    """A control: the same search finds a value that was really put into each of these places, in each spelling."""
    room, value = house.room, AWKWARD
    house.values.add(value)
    with closing(sqlite3.connect(room.folder / "journal.sqlite")) as journal:
        journal.execute("CREATE TABLE t (c)")
        journal.execute("INSERT INTO t VALUES (?)", (f"{'x' * 10_000}{value}{'x' * 10_000}",))
        journal.commit()
    for number, spelling in enumerate(sorted(searching.spellings(value))):
        (room.folder / f"spelled-{number}").write_bytes(b"before " + spelling + b" after")
    api = house.prefect.address.api_url
    with httpx.Client(base_url=api, trust_env=False, timeout=30) as client:
        client.post("/artifacts/", json={"key": "planted", "type": "markdown", "data": value}).raise_for_status()
        client.post("/variables/", json={"name": "planted", "value": value}).raise_for_status()
        log = {"name": "planted", "level": 20, "message": value, "timestamp": now().isoformat()}
        client.post("/logs/", json=[log]).raise_for_status()
    httpx.post(
        f"{house.slack_url}/api/chat.postMessage",
        data={"channel": "C0LAUNCH", "text": value},
        headers={"Authorization": "Bearer xoxb-of-the-house"},
    )
    argv = [sys.executable, "-c", "import time; time.sleep(60)", value]
    child = subprocess.Popen(argv, env={"PLANTED": value})
    try:
        for _ in range(1000):
            if {"cmdline", "environ"} <= {line.split()[0] for line in leaks(house.processes.found, [value])}:
                break
            sleep(0.01)
    finally:
        child.kill()
        child.wait()
    found = leaks(house.everywhere(), [value])

    held = {line.partition(" holds")[0] for line in found}
    wanted = {"Prefect's artifacts", "Prefect's variables", "Prefect's logs", str(room.folder / "slack.jsonl")}
    wanted |= {str(room.folder / f"spelled-{number}") for number in range(len(searching.spellings(value)))}
    databases = (room.folder / "journal.sqlite", house.prefect.address.home / "prefect.db")
    wanted |= {f"{place}, cell by cell" for place in databases}
    assert wanted - held == set()
    assert {"cmdline", "environ"} <= {place.split()[0] for place in held}


def test_a_value_is_known_wherever_in_base64_it_begins() -> None:
    """Each shift has other characters; what is another value is none of it."""
    from base64 import b64encode

    for before in ("", "a", "ab", "abc"):
        place = {"somewhere": b64encode(f"{before}{AWKWARD} and more".encode())}
        assert leaks(place, [AWKWARD])
        assert not leaks(place, ["canary-another-one-of-the-same-length"])
