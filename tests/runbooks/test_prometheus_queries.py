"""The shipped books' queries, asked of a real Prometheus that scraped nothing: each is understood, none is green."""

import asyncio
import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from bench.worlds.estates import look
from deployments.rehearsal.binaries import CHECKOUT
from deployments.rehearsal.ports import free_port
from deployments.rehearsal.processes import Processes
from deployments.rehearsal.readiness import http_answers
from tasks.checks.prometheus import Query
from tasks.vocabulary import KINDS
from tminus.outcome import Outcome, Verdict
from tminus.readiness.book import Line
from tminus.readiness.source import load_checklist

_REFUSED = re.compile("refuses|answered with status")


def queries(line: Line) -> list[Query]:
    """What a line asks Prometheus."""
    return [check for check in line.checks if isinstance(check, Query)]


@pytest.fixture(scope="module")
def empty_prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Prometheus that scrapes nothing, not even itself."""
    binary = shutil.which("prometheus")
    if binary is None:
        pytest.skip("no prometheus on the PATH; apt install prometheus")
    folder, port = tmp_path_factory.mktemp("empty-prometheus"), free_port()
    (folder / "prometheus.yml").write_text("global: {scrape_interval: 1m}\n", "utf-8")
    argv = [
        binary,
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with Processes() as processes:
        processes.start("prometheus", argv, log=folder / "log", ready=http_answers(port, "/-/ready"))
        yield f"http://127.0.0.1:{port}"


def asked(url: str, checks: Sequence[Query], folder: Path) -> list[Outcome]:
    """What each of these queries comes to."""

    async def ask() -> list[Outcome]:
        return [await look(one, {"prometheus": {"url": url}}, folder) for one in checks]

    return asyncio.run(ask())


@pytest.mark.parametrize("system", ["tradesense", "vatic"])
def test_no_data_is_never_green(empty_prometheus: str, tmp_path: Path, system: str) -> None:
    """Every query of a line is understood and answered, and not all of them pass where nothing was ever counted."""
    lines = [line for line in load_checklist(CHECKOUT / "runbooks" / system, KINDS).lines() if queries(line)]
    assert lines
    outcomes = {line.ref: asked(empty_prometheus, queries(line), tmp_path) for line in lines}
    refused = [one for came in outcomes.values() for one in came if _REFUSED.search(one.summary)]
    assert refused == []
    assert [ref for ref, came in outcomes.items() if all(one.verdict is Verdict.PASS for one in came)] == []


def test_a_query_that_is_no_promql_would_be_noticed(empty_prometheus: str, tmp_path: Path) -> None:
    """The server says so; the test above would pass anything otherwise."""
    broken = Query.model_validate({"query": "sum(rate(orders[5m])", "expect": {"value": "> 0"}})
    [outcome] = asked(empty_prometheus, [broken], tmp_path)
    assert "refuses the query" in outcome.summary
    assert outcome.verdict is Verdict.UNKNOWN
