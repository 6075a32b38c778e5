"""The instance platform: what is rolled out, once, and what happens when something dies."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from deployments.rehearsal import platformctl
from deployments.rehearsal.fault_file import PlatformFaults, ServiceFaults, write_faults
from deployments.rehearsal.processes import Processes
from deployments.rehearsal.trading_builds import NEXT, PREVIOUS, trading_build
from deployments.rehearsal.trading_estate import Trading

if TYPE_CHECKING:
    from tests.rehearsal.conftest import TradingServers

from tests.rehearsal.running_platform import WITHIN_S, Platform, runs, start, version_at, wait_until
from tests.sampling import few


@pytest.mark.long
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


@pytest.mark.long
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


@pytest.mark.parametrize("number", few([signal.SIGTERM, signal.SIGKILL], signal.SIGKILL))
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


@pytest.mark.long
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


@pytest.mark.long
def test_one_old_instance_hides_from_the_platform_and_not_from_version(platform: Platform) -> None:
    """With the fault the platform calls the roll-out done, and one instance reports the other pool's version."""
    platform.roll_out("blue", PREVIOUS)
    write_faults(platform.faults, {}, PlatformFaults(one_old_instance=True))
    status, pool = platform.roll_out("green", NEXT)
    assert status == platformctl.DONE
    assert {one["version"] for one in pool["instances"]} == {NEXT}
    assert sorted(version_at(one["address"]) for one in pool["instances"]) == [PREVIOUS, NEXT, NEXT]


@pytest.mark.long
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


@pytest.mark.long
def test_instances_that_keep_dying_are_not_called_done(platform: Platform) -> None:
    """A version that ends at once is restarted with a growing pause, and the probe says in progress."""
    write_faults(platform.faults, {NEXT: ServiceFaults(exit=True)})
    platform.roll_out("green", NEXT, "--wait", "0")
    wait_until(lambda: min(one["restarts"] for one in platform.pool("green")["instances"]) >= 2, "two restarts")
    assert platform.probe("green", NEXT) == platformctl.IN_PROGRESS


def test_told_to_end_it_leaves_nothing(
    tmp_path: Path, trading_servers: TradingServers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No temporary file of the process from which its instances are forked."""
    temporary = tmp_path / "t"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    with Processes() as processes:
        platform = start(processes, Trading.plan(tmp_path), trading_servers)
        assert len(list(temporary.iterdir())) == 1
        platform.child.terminate()
        assert platform.child.wait(WITHIN_S) == 0
    assert list(temporary.iterdir()) == []
