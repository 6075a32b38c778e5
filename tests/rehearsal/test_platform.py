"""The instance platform and its command line: what is rolled out, once, and what happens when something dies."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.rehearsal import platformctl
from deployments.rehearsal.fault_file import PlatformFaults, ServiceFaults, write_faults
from deployments.rehearsal.ports import free_port
from deployments.rehearsal.processes import Child, Processes
from deployments.rehearsal.trading_builds import NEXT, PREVIOUS, trading_build
from deployments.rehearsal.trading_estate import Trading

if TYPE_CHECKING:
    from tests.rehearsal.conftest import TradingServers


PYTHON = [sys.executable, "-m"]
WITHIN_S = 20.0


@dataclass(frozen=True)
class Platform:
    """A running platform and its command line."""

    url: str
    state: Path
    faults: Path
    child: Child

    def ctl(self, verb: str, pool: str, *more: str) -> tuple[int, dict[str, Any]]:
        """Run one verb in a process of its own: exit status and the JSON line that it printed."""
        command = [*PYTHON, "deployments.rehearsal.platformctl", verb, "--pool", pool, *more]
        done = subprocess.run(
            command, env={**os.environ, "PLATFORM_URL": self.url}, capture_output=True, text=True, check=False
        )
        assert done.stdout.count("\n") == 1, done.stderr
        return done.returncode, json.loads(done.stdout)

    def roll_out(self, pool: str, version: str, *more: str) -> tuple[int, dict[str, Any]]:
        """Roll three instances of a version out."""
        return self.ctl("roll-out", pool, *image(version), *more)

    def probe(self, pool: str, version: str) -> int:
        """Exit status of asking whether a version is rolled out."""
        return self.ctl("probe", pool, *image(version))[0]

    def pool(self, pool: str) -> dict[str, Any]:
        """The pool as the platform shows it."""
        shown: dict[str, Any] = httpx.get(f"{self.url}/pools/{pool}", trust_env=False).json()
        return shown

    def states(self, pool: str) -> list[str]:
        """States of the pool's instances."""
        return [one["state"] for one in self.pool(pool)["instances"]]

    def deployments(self) -> list[dict[str, Any]]:
        """What was applied, as the platform recorded it."""
        path = self.state / "deployments.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def image(version: str) -> list[str]:
    """Arguments that name three instances of a version."""
    build = trading_build(version)
    digests = ["--artifact-digest", build.artifact_digest, "--config-digest", build.config_digest]
    return ["--version", version, *digests, "--instances", "3"]


def version_at(address: str) -> str:
    """The version that an instance itself reports."""
    return str(httpx.get(f"http://{address}/version", trust_env=False).json()["version"])


def runs(pid: int) -> bool:
    """Whether a process exists and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def wait_until(holds: Callable[[], bool], what: str) -> None:
    """Look until it holds; fails after a generous while, saying what did not come."""
    deadline = time.monotonic() + WITHIN_S
    while not holds():
        assert time.monotonic() < deadline, f"{what}: not within {WITHIN_S} s"
        time.sleep(0.02)


def start(processes: Processes, trading: Trading, servers: TradingServers) -> Platform:
    """Start the planned platform with empty pools."""
    child = trading.start_platform(processes, servers.dsn, servers.redis_url)
    address = trading.address
    return Platform(address.url, address.deployments.parent, address.faults, child)


@pytest.fixture
def platform(tmp_path: Path, trading_servers: TradingServers) -> Iterator[Platform]:
    """A platform with empty pools."""
    with Processes() as processes:
        yield start(processes, Trading.plan(tmp_path), trading_servers)


def test_a_roll_out_is_applied_once_however_often_it_is_asked_for(platform: Platform) -> None:
    """Absent, done, and still one deployment after asking again; instances report the digests; retired is absent."""
    assert platform.probe("green", NEXT) == platformctl.ABSENT
    status, pool = platform.roll_out("green", NEXT, "--token", "7")
    assert (status, pool["applied"]) == (platformctl.DONE, True)
    status, pool = platform.roll_out("green", NEXT, "--token", "8")
    assert (status, pool["applied"]) == (platformctl.DONE, False)
    assert platform.probe("green", NEXT) == platformctl.DONE
    assert platform.probe("green", PREVIOUS) == platformctl.ABSENT
    (record,) = platform.deployments()
    assert (record["pool"], record["version"], record["instances"], record["token"]) == ("green", NEXT, 3, 7)
    build = trading_build(NEXT)
    for one in pool["instances"]:
        said = httpx.get(f"http://{one['address']}/version", trust_env=False).json()
        assert (said["artifact_digest"], said["config_digest"]) == (build.artifact_digest, build.config_digest)
    status, _ = platform.ctl("retire", "green")
    assert status == platformctl.DONE
    assert platform.probe("green", NEXT) == platformctl.ABSENT
    assert not any(runs(one["pid"]) for one in pool["instances"])
    assert platform.ctl("retire", "green")[0] == platformctl.DONE
    assert len(platform.deployments()) == 1


def test_an_older_token_is_fenced_off(platform: Platform) -> None:
    """Who lost the lease changes nothing: 6 for a roll-out and a retirement, and the pool stays as it was."""
    platform.roll_out("blue", PREVIOUS, "--token", "5")
    before = platform.pool("blue")
    assert platform.roll_out("blue", NEXT, "--token", "4")[0] == platformctl.FENCED
    assert platform.ctl("retire", "blue", "--token", "4")[0] == platformctl.FENCED
    assert platform.pool("blue")["instances"] == before["instances"]
    assert len(platform.deployments()) == 1


def test_a_platform_that_is_started_again_remembers_its_tokens(
    platform: Platform, tmp_path: Path, trading_servers: TradingServers
) -> None:
    """Instances end with the platform; the fence does not."""
    platform.roll_out("blue", PREVIOUS, "--token", "5")
    platform.ctl("retire", "blue", "--token", "9")
    platform.child.terminate()
    platform.child.wait(WITHIN_S)
    with Processes() as processes:
        successor = start(processes, Trading.plan(tmp_path), trading_servers)
        assert successor.roll_out("blue", NEXT, "--token", "8")[0] == platformctl.FENCED
        assert successor.pool("blue")["rollout"] is None


def test_an_instance_that_dies_is_started_again_at_its_address(platform: Platform) -> None:
    """A killed instance comes back with another pid, which is a restart and no deployment."""
    _, pool = platform.roll_out("blue", PREVIOUS)
    victim = pool["instances"][1]
    os.kill(victim["pid"], signal.SIGKILL)
    wait_until(lambda: platform.pool("blue")["instances"][1]["restarts"] == 1, "the restart")
    wait_until(lambda: platform.probe("blue", PREVIOUS) == platformctl.DONE, "the pool's recovery")
    back = platform.pool("blue")["instances"][1]
    assert back["pid"] != victim["pid"]
    assert back["address"] == victim["address"]
    assert len(platform.deployments()) == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_no_instance_outlives_the_platform(platform: Platform, number: signal.Signals) -> None:
    """Asked to end, the platform lets its instances finish; killed, it takes them with it all the same."""
    _, pool = platform.roll_out("blue", PREVIOUS)
    pids = [one["pid"] for one in pool["instances"]]
    assert all(runs(pid) for pid in pids)
    os.kill(platform.child.pid, number)
    wait_until(lambda: not any(runs(pid) for pid in pids), "the end of all instances")
    logs = [path.read_text() for path in (platform.state / "logs").glob("*.jsonl")]
    orderly = ['"message":"stopped"' in text for text in logs]
    assert orderly == [number == signal.SIGTERM] * 3


def test_replacing_a_version_in_place_keeps_the_others_up(platform: Platform) -> None:
    """One instance at a time leaves: at every look at least two of three are ready, and in the end all are new."""
    platform.roll_out("blue", PREVIOUS)
    build = trading_build(NEXT)
    body = {"version": NEXT, "artifact_digest": build.artifact_digest, "config_digest": build.config_digest}
    assert httpx.put(f"{platform.url}/pools/blue", json={**body, "instances": 3}, trust_env=False).is_success
    fewest = 3

    def all_new() -> bool:
        nonlocal fewest
        instances = platform.pool("blue")["instances"]
        ready = [one["version"] for one in instances if one["state"] == "ready"]
        fewest = min(fewest, len(ready))
        return ready == [NEXT] * 3

    wait_until(all_new, "the replacement")
    assert fewest >= 2
    assert {version_at(address) for address in platform.pool("blue")["addresses"]} == {NEXT}


def test_one_old_instance_hides_from_the_platform_and_not_from_version(platform: Platform) -> None:
    """With the fault the platform calls the roll-out done, and one instance reports the other pool's version."""
    platform.roll_out("blue", PREVIOUS)
    write_faults(platform.faults, {}, PlatformFaults(one_old_instance=True))
    status, pool = platform.roll_out("green", NEXT)
    assert status == platformctl.DONE
    assert {one["version"] for one in pool["instances"]} == {NEXT}
    assert sorted(version_at(one["address"]) for one in pool["instances"]) == [PREVIOUS, NEXT, NEXT]


def test_a_service_that_is_down_stays_down_until_the_fault_ends(platform: Platform) -> None:
    """One instance of the named pool is ended and not started again; then it comes back; the other pool is spared."""
    platform.roll_out("blue", PREVIOUS)
    write_faults(platform.faults, {}, PlatformFaults(service_down="blue"))
    wait_until(lambda: platform.states("blue") == ["ready", "ready", "down"], "the outage")
    assert platform.probe("blue", PREVIOUS) == platformctl.IN_PROGRESS
    with pytest.raises(httpx.ConnectError):
        version_at(platform.pool("blue")["addresses"][2])
    write_faults(platform.faults, {})
    wait_until(lambda: platform.probe("blue", PREVIOUS) == platformctl.DONE, "the recovery")
    assert len(platform.deployments()) == 1


def test_a_roll_out_under_way_is_in_progress(platform: Platform) -> None:
    """A client that does not wait, or that asks meanwhile, gets 4; asking later gets 0 and deploys nothing new."""
    write_faults(platform.faults, {}, PlatformFaults(start_delay=1.0))
    assert platform.roll_out("green", NEXT, "--wait", "0")[0] == platformctl.IN_PROGRESS
    assert platform.probe("green", NEXT) == platformctl.IN_PROGRESS
    assert platform.roll_out("green", NEXT)[0] == platformctl.DONE
    assert len(platform.deployments()) == 1


def test_instances_that_keep_dying_are_not_called_done(platform: Platform) -> None:
    """A version that ends at once is restarted with a growing pause, and the probe says in progress."""
    write_faults(platform.faults, {NEXT: ServiceFaults(exit=True)})
    platform.roll_out("green", NEXT, "--wait", "0")
    wait_until(lambda: min(one["restarts"] for one in platform.pool("green")["instances"]) >= 2, "two restarts")
    assert platform.probe("green", NEXT) == platformctl.IN_PROGRESS


WRONG = [
    ("red", {}, "no pool 'red'; the pools are blue, green"),
    ("blue", {"--artifact-digest": "latest"}, "artifact_digest: "),
    ("blue", {"--version": "two"}, "version: "),
    ("blue", {"--instances": "4"}, "3 places; 4 instances"),
    ("blue", {"--instances": "0"}, "instances: "),
]


def test_a_wrong_roll_out_is_refused_and_changes_nothing(platform: Platform) -> None:
    """Status 1, what is wrong with which value, no instance and no deployment."""
    for pool, changed, says in WRONG:
        arguments = image(NEXT)
        for name, value in changed.items():
            arguments[arguments.index(name) + 1] = value
        status, answer = platform.ctl("roll-out", pool, *arguments)
        assert status == platformctl.REFUSED
        assert says in answer["error"]
    assert platform.deployments() == []
    assert platform.states("blue") == []


def test_the_planned_command_line_rolls_out(tmp_path: Path, trading_servers: TradingServers) -> None:
    """What the plan names as the command works as it stands, at the places that were planned."""
    trading = Trading.plan(tmp_path, instances=1)
    with Processes() as processes:
        platform = start(processes, trading, trading_servers)
        subprocess.run(trading.address.roll_out("green", NEXT), check=True, capture_output=True)
        assert platform.pool("green")["addresses"] == [f"127.0.0.1:{port}" for port in trading.address.pools["green"]]
        assert version_at(platform.pool("green")["addresses"][0]) == NEXT
    assert len(platform.deployments()) == 1
    assert trading.address.deployments.exists()


def test_without_a_platform_a_probe_does_not_know_and_a_roll_out_did_not_happen(tmp_path: Path) -> None:
    """Connection refused: 5 for a probe, since nothing was seen; 3 for a roll-out, since nothing can have changed."""
    url = f"http://127.0.0.1:{free_port()}"
    assert platformctl.main(["probe", "--url", url, "--pool", "blue", *image(NEXT)]) == platformctl.UNKNOWN
    assert platformctl.main(["roll-out", "--url", url, "--pool", "blue", *image(NEXT)]) == platformctl.ABSENT


def test_an_answer_that_is_lost_leaves_a_roll_out_unknown() -> None:
    """A connection closed after the request was sent may have had its effect: 5."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:

        def hang_up() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(4096)

        server = threading.Thread(target=hang_up)
        server.start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        status = platformctl.main(["roll-out", "--url", url, "--pool", "blue", *image(NEXT)])
        server.join()
    assert status == platformctl.UNKNOWN


def test_the_command_line_imports_the_standard_library_alone() -> None:
    """No HTTP library and nothing that is installed, so that it starts at once."""
    script = "import sys, deployments.rehearsal.platformctl; print('\\n'.join(sys.modules))"
    plain = subprocess.run(
        [sys.executable, "-c", "import sys; print('\\n'.join(sys.modules))"], capture_output=True, check=True
    )
    with_it = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    added = {
        name.partition(".")[0] for name in set(with_it.stdout.decode().split()) - set(plain.stdout.decode().split())
    }
    assert added <= {*sys.stdlib_module_names, "deployments"}
    assert "http" not in added


STATES = ("starting", "ready", "not_ready", "stopping", "backing_off", "down")


@given(states=st.lists(st.sampled_from(STATES), max_size=4), wanted=st.integers(1, 4), other=st.booleans())
def test_done_means_that_all_are_ready_and_as_wanted(states: list[str], wanted: int, other: bool) -> None:
    """Whatever the states: done only with as many ready instances as asked for, absent only for another roll-out."""
    asked = {"version": NEXT, "artifact_digest": "a", "config_digest": "c"}
    rollout = {**asked, "version": PREVIOUS} if other else asked
    pool: dict[str, object] = {
        "rollout": {**rollout, "instances": wanted, "token": None},
        "instances": [{**rollout, "state": state} for state in states],
    }
    judged = platformctl.judge(pool, {**asked, "instances": wanted})
    assert (judged == platformctl.ABSENT) == other
    assert (judged == platformctl.DONE) == (not other and states == ["ready"] * wanted)
