"""A drill begins where its guards hold, and ends where one does not hold any more."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.main import main
from deployments.rehearsal.drill_estate import DrillEstate
from tests.flows.drills.playing import course, drill, last, locked, said_otherwise

NAME = "database-failover"
GUARDS = """guards:
  orders:
    title: Orders are taken
    check: http.json
    with: {endpoint: orders, path: /ratio, pointer: /good}
    expect: {ratio: ">= 99 %"}
    every: 50 ms
scenarios:"""


class Orders(ThreadingHTTPServer):
    """A service that says which share of its orders was good: all, until `looks` were answered."""

    looks = 0
    good_for = 10**9

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)


class _Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        """The share."""
        assert isinstance(self.server, Orders)
        self.server.looks += 1
        body = json.dumps({"good": 1.0 if self.server.looks <= self.server.good_for else 0.5}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def orders(estate: DrillEstate) -> Iterator[Orders]:
    """The service, named by the environment; and a book that has it as a guard."""
    with Orders() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        endpoint = f"lease: 5s\nendpoints:\n  orders: {{url: 'http://127.0.0.1:{server.server_port}'}}"
        with (
            said_otherwise(estate.environment_file, "lease: 5s", endpoint),
            said_otherwise(estate.book, "scenarios:", GUARDS),
        ):
            yield server
        server.shutdown()
        thread.join()


def test_one_that_does_not_hold(estate: DrillEstate, orders: Orders) -> None:
    """Nothing is broken, and what was found is said beside what was expected."""
    orders.good_for = 0
    drills = len(course(estate, NAME).drills)
    came = drill(estate, NAME)
    assert came.returncode == 3, came.stdout + came.stderr
    assert "the guard orders (Orders are taken) does not hold" in came.stderr
    assert "50 %" in came.stderr
    assert len(course(estate, NAME).drills) == drills
    assert locked(estate) is None


def test_one_that_cannot_be_looked_at(estate: DrillEstate, orders: Orders) -> None:
    """Not knowing is no yes."""
    with said_otherwise(estate.book, "path: /ratio, pointer: /good", "path: /ratio, pointer: /bad"):
        came = drill(estate, NAME)
    assert (came.returncode, "a number is wanted" in came.stderr) == (3, True), came.stderr
    assert orders.looks


def test_one_that_breaks_while_it_runs(estate: DrillEstate, orders: Orders) -> None:
    """The drill ends, what was broken is undone, and the reason is the guard's."""
    orders.good_for = 8  # one before, and the lead-in of 0.3 s
    with said_otherwise(estate.book, "every: 50 ms", "every: 100 ms\n    misses: 3"):
        came = drill(estate, NAME)
    assert came.returncode == 1, came.stdout + came.stderr
    played = last(estate, NAME)
    assert played.stopped is not None
    assert "orders (Orders are taken) does not hold" in played.stopped.why
    assert "3 times in a row" in played.stopped.why
    assert played.ended is not None
    assert played.ended.how == "undone"
    assert played.ended.after == played.began.before


@pytest.mark.long
def test_one_that_is_another_drills(estate: DrillEstate, orders: Orders) -> None:
    """A scenario that names its guards depends on no other."""
    orders.good_for = 0
    with said_otherwise(estate.book, "cluster: main", "cluster: main\n    guards: []"):
        came = drill(estate, NAME)
    assert came.returncode == 0, came.stdout + came.stderr
    assert orders.looks == 0


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("http.json", "http.jsom", "unknown check 'http.jsom'; did you mean 'http.json'?"),
        ("ratio:", "rat:", "rat"),
        ("pointer", "pointr", "did you mean 'pointer'?"),
        ("cluster: main", "cluster: main\n    guards: [order]", "did you mean 'orders'?"),
        ("every: 50 ms", "every: never", "every"),
    ],
)
def test_a_mistake_in_a_guard(tmp_path: Path, right: str, wrong: str, said: str) -> None:
    """`tminus validate` says it with its line; nothing of the file is used."""
    book = tmp_path / "drills.yaml"
    text = f"""drills: tradesense
title: Drills
{GUARDS}
  {NAME}:
    kind: postgres.failover
    title: The primary dies
    owner: devops_lead
    rto: 1h
    rpo: 1h
    cluster: main
"""
    book.write_text(text, "utf-8")
    good = CliRunner().invoke(main, ["validate", str(book)])
    assert good.exit_code == 0, good.output
    book.write_text(text.replace(right, wrong), "utf-8")
    came = CliRunner().invoke(main, ["validate", str(book)])
    assert came.exit_code == 2, came.output
    assert said in came.output
