"""The background traffic: what it records is what the service answered, and it leaves nothing behind."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from deployments.rehearsal.fault_file import ServiceFaults, write_faults
from deployments.rehearsal.ports import free_port
from deployments.rehearsal.processes import Child, Processes
from deployments.rehearsal.traffic_record import Answer, TrafficRecord, bad_spell, read_answers

if TYPE_CHECKING:
    from tests.rehearsal.conftest import Instances, TradingServers


def start(processes: Processes, url: str, record: Path, *more: str) -> Child:
    """Start traffic towards `url`."""
    command = [sys.executable, "-m", "deployments.rehearsal.traffic", "--url", url, "--record", str(record), *more]
    return processes.start("traffic", command, log=record.with_suffix(".out"))


def wait_until(holds: Callable[[], bool], what: str) -> None:
    """Look until it holds; fails after a generous while, saying what did not come."""
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def seen(record: Path) -> list[Answer]:
    """Answers recorded so far."""
    return read_answers(record) if record.exists() else []


def test_every_answer_is_recorded_and_the_account_is_deleted(
    instances: Instances, tmp_path: Path, trading_servers: TradingServers
) -> None:
    """Counts agree with the service's own metrics; all kinds of request occur; SIGTERM ends it without a trace."""
    one, record = instances.start(), tmp_path / "traffic.jsonl"
    with Processes() as processes:
        traffic = start(processes, one.url, record, "--rate", "120", "--seed", "42")
        wait_until(lambda: len({(a.method, a.path) for a in seen(record)}) >= 7, "all kinds of request")
        traffic.terminate()
        assert traffic.wait(10) == 0
    answers = seen(record)
    assert {answer.version for answer in answers} == {"2.0.0"}
    assert bad_spell(answers).bad == 0
    with one.client() as client:
        families = text_string_to_metric_families(client.get("/metrics").text)
        counted = sum(s.value for family in families for s in family.samples if s.name == "http_requests_total")
    assert counted == sum(answer.method != "WS" for answer in answers)
    with psycopg.connect(trading_servers.dsn) as database:
        left = database.execute("SELECT count(*) FROM accounts WHERE email LIKE 'traffic-%'").fetchone()
    assert left == (0,)


def test_bad_answers_are_dated(instances: Instances, tmp_path: Path) -> None:
    """With an error rate in between, the first and the last bad request lie within it, and before it all is well."""
    one, record = instances.start(), tmp_path / "traffic.jsonl"
    with Processes() as processes:
        start(processes, one.url, record, "--rate", "120")
        wait_until(lambda: len(seen(record)) > 40, "healthy traffic")
        began = time.time()
        one.break_with(ServiceFaults(error_rate=0.5))
        wait_until(lambda: bad_spell(seen(record)).bad > 10, "bad answers")
        write_faults(one.faults, {})
        ended = time.time()
        count = len(seen(record))
        wait_until(lambda: len(seen(record)) > count + 40, "healthy traffic again")
    spell = bad_spell(seen(record))
    slack_s = 0.5  # a request is dated when it is sent and broken when it arrives
    assert began - slack_s < spell.first <= spell.last <= ended
    assert spell.bad > 10


def test_a_service_that_is_away_is_recorded_as_no_answer(tmp_path: Path) -> None:
    """Connection refused counts as bad, with the reason, and the traffic goes on."""
    record = tmp_path / "traffic.jsonl"
    with Processes() as processes:
        traffic = start(processes, f"http://127.0.0.1:{free_port()}", record)
        wait_until(lambda: len(seen(record)) > 5, "failed requests")
        assert traffic.is_running()
        traffic.terminate()
        assert traffic.wait(10) == 0
    assert all(answer.is_bad and answer.error for answer in seen(record))


@pytest.mark.long
def test_a_second_run_with_the_same_seed_takes_over_the_account(
    instances: Instances, tmp_path: Path, trading_servers: TradingServers
) -> None:
    """Traffic that was killed leaves its account; the next run logs in to it and deletes it in the end."""
    one, record = instances.start(), tmp_path / "traffic.jsonl"
    with Processes() as processes:
        first = start(processes, one.url, record)
        wait_until(lambda: any(answer.path == "/api/orders" for answer in seen(record)), "an order")
        first.kill()
        first.wait(10)
        second = start(processes, one.url, tmp_path / "second.jsonl")
        wait_until(lambda: any(a.path == "/api/portfolio" for a in seen(tmp_path / "second.jsonl")), "a portfolio")
        second.terminate()
        assert second.wait(10) == 0
    with psycopg.connect(trading_servers.dsn) as database:
        left = database.execute("SELECT count(*) FROM accounts WHERE email LIKE 'traffic-%'").fetchone()
    assert left == (0,)


ANSWERS = st.builds(
    Answer,
    time=st.floats(1, 1e9),
    method=st.just("GET"),
    path=st.just("/api/prices"),
    status=st.sampled_from([0, 101, 200, 201, 401, 429, 499, 500, 502, 504]),
    latency_ms=st.floats(0, 5000),
)


@given(answers=st.lists(ANSWERS))
def test_what_is_recorded_is_what_is_read(answers: list[Answer], tmp_path_factory: pytest.TempPathFactory) -> None:
    """Any answers come back in order of time, and a half-written last line is left out."""
    path = tmp_path_factory.getbasetemp() / "answers.jsonl"
    path.unlink(missing_ok=True)
    record = TrafficRecord(path)
    for answer in answers:
        record.add(answer)
    record.close()
    with path.open("a") as file:
        file.write('{"time": 5')
    assert read_answers(path) == sorted(answers, key=lambda answer: answer.time)
    bad = [answer.time for answer in answers if answer.status == 0 or answer.status >= 500]
    spell = bad_spell(answers)
    assert (spell.requests, spell.bad) == (len(answers), len(bad))
    assert not bad or (spell.first, spell.last) == (min(bad), max(bad))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_traffic_ends_when_told(tmp_path: Path, number: signal.Signals) -> None:
    """Ctrl-C and SIGTERM both end it with status 0."""
    record = tmp_path / "traffic.jsonl"
    with Processes() as processes:
        command = [sys.executable, "-m", "deployments.rehearsal.traffic", "--url", f"http://127.0.0.1:{free_port()}"]
        traffic = processes.start(
            "traffic", [*command, "--record", str(record)], log=tmp_path / "out", stop_signal=number
        )
        wait_until(lambda: bool(seen(record)), "the first request")
        traffic.terminate()
        assert traffic.wait(10) == 0
