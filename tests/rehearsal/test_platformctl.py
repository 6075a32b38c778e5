"""The platform's command line: what each exit status means, and what it refuses."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.rehearsal import platformctl
from deployments.rehearsal.fault_file import PlatformFaults, write_faults
from deployments.rehearsal.ports import free_port
from deployments.rehearsal.processes import Processes
from deployments.rehearsal.trading_builds import NEXT, PREVIOUS
from deployments.rehearsal.trading_estate import Trading

if TYPE_CHECKING:
    from tests.rehearsal.conftest import TradingServers

from tests.rehearsal.running_platform import Platform, image, start, version_at


@pytest.mark.long
def test_a_roll_out_under_way_is_in_progress(platform: Platform) -> None:
    """A client that does not wait, or that asks meanwhile, gets 4; asking later gets 0 and deploys nothing new."""
    write_faults(platform.faults, {}, PlatformFaults(start_delay=1.0))
    assert platform.roll_out("green", NEXT, "--wait", "0")[0] == platformctl.IN_PROGRESS
    assert platform.probe("green", NEXT) == platformctl.IN_PROGRESS
    assert platform.roll_out("green", NEXT)[0] == platformctl.DONE
    assert len(platform.deployments()) == 1


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
