"""The trading service with each fault, and the file that says which are in force."""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.rehearsal.fault_file import FaultFile, FaultFileError, ServiceFaults, parse, write_faults
from deployments.rehearsal.trading_builds import NEXT, PREVIOUS

if TYPE_CHECKING:
    from tests.rehearsal.conftest import Instances

from tests.rehearsal.trader import total, wait_for_status


@pytest.mark.long
def test_an_error_rate_breaks_business_requests_alone_and_is_logged(instances: Instances) -> None:
    """About one in five answers 500, each with an error line; probes stay well; without the fault all is well again."""
    one = instances.start()
    with one.client() as client:
        one.break_with(ServiceFaults(error_rate=0.2), NEXT)
        bad = sum(client.get("/api/prices").status_code == 500 for _ in range(150))
        assert total(client, "http_requests_total", status="500") == bad
        one.break_with(ServiceFaults(error_rate=1.0), NEXT)
        assert {client.get(path).status_code for path in ("/health", "/ready", "/version", "/metrics")} == {200}
        write_faults(one.faults, {})
        assert {client.get("/api/prices").status_code for _ in range(20)} == {200}
    assert 12 <= bad <= 50
    messages = [json.loads(line) for line in one.log.read_text().splitlines()]
    assert sum("pricing engine gave no quote" in line["message"] for line in messages) == bad


@pytest.mark.long
def test_a_latency_factor_can_be_told_from_health(instances: Instances) -> None:
    """Twenty times the base service time shows as several times the mean duration, also on a machine that is busy."""
    one = instances.start()
    with one.client() as client:

        def mean_s() -> float:
            before = [total(client, f"http_request_duration_seconds_{part}") for part in ("sum", "count")]
            for _ in range(15):
                client.get("/api/prices")
            after = [total(client, f"http_request_duration_seconds_{part}") for part in ("sum", "count")]
            return (after[0] - before[0]) / (after[1] - before[1])

        healthy = mean_s()
        one.break_with(ServiceFaults(latency_factor=20))
        assert mean_s() > 2 * healthy


@pytest.mark.long
def test_faults_of_another_version_or_of_later_do_nothing(instances: Instances) -> None:
    """An entry for the other version, and one whose time has not come, leave an instance healthy."""
    one = instances.start()
    with one.client() as client:
        one.break_with(ServiceFaults(error_rate=1.0), PREVIOUS)
        assert client.get("/api/prices").status_code == 200
        one.break_with(ServiceFaults(error_rate=1.0, after=time.time() + 3600), NEXT)
        assert client.get("/api/prices").status_code == 200
        one.break_with(ServiceFaults(error_rate=1.0, after=time.time() - 1), NEXT)
        assert client.get("/api/prices").status_code == 500


def test_health_and_metrics_can_be_broken_apart(instances: Instances) -> None:
    """`unhealthy` turns /health alone to 503, `no_metrics` /metrics alone."""
    one = instances.start()
    with one.client() as client:
        one.break_with(ServiceFaults(unhealthy=True))
        assert (client.get("/health").status_code, client.get("/metrics").status_code) == (503, 200)
        one.break_with(ServiceFaults(no_metrics=True))
        assert (client.get("/health").status_code, client.get("/metrics").status_code) == (200, 503)
        assert client.get("/api/prices").status_code == 200


def test_the_exit_fault_ends_the_process(instances: Instances) -> None:
    """The instance leaves by itself with a status of its own."""
    one = instances.start()
    one.break_with(ServiceFaults(exit=True))
    assert one.child.wait(10) == 70


def test_a_faults_file_that_cannot_be_read_is_logged_and_changes_nothing(instances: Instances) -> None:
    """The faults read before stay in force, and a warning names what is wrong."""
    one = instances.start()
    with one.client() as client:
        one.break_with(ServiceFaults(unhealthy=True))
        wait_for_status(client, "/health", 503)
        one.faults.write_text('{"*": {"unhealty": true}}')
        deadline = time.monotonic() + 10
        while "no fault is called 'unhealty'" not in one.log.read_text():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert client.get("/health").status_code == 503


@given(own=st.floats(0, 100) | st.none(), everyone=st.floats(0, 100) | st.none(), now=st.floats(0, 100))
def test_a_versions_own_faults_outrank_those_of_every_version(
    own: float | None, everyone: float | None, now: float, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The version's own entry once its time has come, else the entry for all once its time has come, else none."""
    path = tmp_path_factory.getbasetemp() / "outrank.json"
    entries = {NEXT: own, "*": everyone}
    rates = {NEXT: 0.5, "*": 0.25}
    write_faults(path, {k: ServiceFaults(error_rate=rates[k], after=at) for k, at in entries.items() if at is not None})
    due = [rates[key] for key, at in entries.items() if at is not None and at <= now]
    assert FaultFile(path).for_service(NEXT, now=now).error_rate == (due[0] if due else 0.0)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "not JSON"),
        ("[]", "expected an object of versions"),
        ('{"2.0.0": 5}', "2.0.0: expected an object of faults"),
        ('{"2.0.0": {"error_rte": 1}}', "no fault is called 'error_rte'; the faults are error_rate"),
        ('{"2.0.0": {"error_rate": true}}', "error_rate is True, expected float"),
        ('{"platform": {"service_down": 1}}', "platform: service_down is 1, expected str"),
    ],
)
def test_a_wrong_faults_file_is_explained(text: str, says: str) -> None:
    """Which entry, which fault, which value, and what is allowed."""
    with pytest.raises(FaultFileError, match=re.escape(says)):
        parse(text)
