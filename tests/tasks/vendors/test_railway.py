"""What Railway's words for a service come to."""

from pathlib import Path

import pytest
from pydantic import JsonValue

from bench.worlds.railway import NOT_DEPLOYED, NOT_RUNNING
from bench.worlds.world import Case
from deployments.rehearsal.in_thread import served
from deployments.rehearsal.vendors.railway import RailwayFake, Service
from tasks.railway_reading import RailwayService
from tests.tasks.vendors.answers import SECRET, seen

WELL = "2026-11-22T08:00:00Z"


def service(
    *instances: str, status: str = "SUCCESS", replicas: int | None = 2, stopped: bool = False
) -> RailwayService:
    """One whose active deployment has instances in these states."""
    active: JsonValue = {
        "status": "SUCCESS",
        "deploymentStopped": stopped,
        "instances": [{"status": one} for one in instances],
    }
    latest: JsonValue = {"status": status, "deploymentStopped": stopped, "createdAt": WELL}
    return RailwayService.model_validate(
        {
            "serviceName": "api",
            "numReplicas": replicas,
            "restartPolicyType": "ALWAYS",
            "latestDeployment": latest,
            "activeDeployments": [active],
        }
    )


@pytest.mark.parametrize("state", ["RUNNING", *NOT_RUNNING, "SOMETHING_NEW"])
def test_each_state_of_an_instance_is_judged(state: str) -> None:
    """Only one that runs runs; what crashed, or is being started again, has crashed."""
    one = service("RUNNING", state)

    assert one.running == (2 if state == "RUNNING" else 1)
    assert one.crashed is (state in {"CRASHED", "RESTARTING"})
    assert one.deployed


@pytest.mark.parametrize("status", ["SUCCESS", *NOT_DEPLOYED, "SOMETHING_NEW"])
def test_each_state_of_a_deployment_is_judged(status: str) -> None:
    """Only a success is deployed; what runs of the one before runs still."""
    one = service("RUNNING", "RUNNING", status=status)

    assert one.deployed is (status == "SUCCESS")
    assert one.crashed is (status == "CRASHED")
    assert one.running == 2


def test_only_what_somebody_stopped_is_stopped() -> None:
    """Not what crashed, nor what failed beside one that goes on, nor what was never there."""
    assert service("RUNNING", stopped=True).stopped
    assert service(status="REMOVED").model_copy(update={"activeDeployments": ()}).stopped
    assert not service("RUNNING", status="REMOVED").stopped
    assert not any(service(state).stopped for state in ("RUNNING", *NOT_RUNNING))
    assert not any(service("EXITED", status=one).stopped for one in NOT_DEPLOYED)
    assert not service().model_copy(update={"latestDeployment": None, "activeDeployments": ()}).stopped


def test_what_was_stopped_neither_runs_nor_is_deployed() -> None:
    """Whatever the states of its instances say still."""
    one = service("RUNNING", "RUNNING", stopped=True)

    assert (one.deployed, one.running) == (False, 0)


@pytest.mark.parametrize(("replicas", "running"), [(None, 1), (1, 1), (3, 2), (0, 0)])
def test_no_more_run_than_are_set_up(replicas: int | None, running: int) -> None:
    """While one deployment takes over from another, the instances of both run."""
    assert service("RUNNING", "RUNNING", replicas=replicas).running == running


@pytest.mark.parametrize(
    ("running", "said"),
    [
        ({"api": (2, 2), "web": (3, 3)}, "running 2 of 2"),
        ({"api": (2, 2), "web": (2, 3)}, "running 2 of 3"),
        ({"api": (1, 1), "web": (2, 3)}, "running 1 of 3"),
        ({"api": (0, 2), "web": (3, 3)}, "running 0 of 2"),
        ({"api": (2, 2)}, "running 0 of 0"),
    ],
)
def test_the_fewest_run_and_all_is_all_of_each(running: dict[str, tuple[int, int]], said: str, tmp_path: Path) -> None:
    """It is all only where each service has all; of one that is not there none runs."""
    fake = RailwayFake(SECRET, "a-project")
    fake.environments = {"production": "env-1"}
    fake.services = [
        Service(name, "production", replicas, instances=("RUNNING",) * some)
        for name, (some, replicas) in running.items()
    ]
    case = Case("railway.services", {"services": ["api", "web"]}, {"running": "= all"})

    with served(fake.app()) as url:
        outcome = seen(case, url, tmp_path)

    assert said in {str(one) for one in outcome.found}
