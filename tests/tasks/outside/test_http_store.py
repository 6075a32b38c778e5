"""A service over HTTP is probed and never written, and what is then said of loss is that nobody counted."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from deployments.rehearsal.in_thread import served
from flows.drill_measured import measured, sentence, why_missed
from tasks.outside.beside import beside
from tasks.outside.http_store import HttpStore
from tasks.outside.plan import ClientPlan, read_receipts
from tasks.outside.store import Unanswered
from tests.tminus.drills.test_showing import drilled
from tminus import events as ev
from tminus.drills.course import Course
from tminus.drills.outage import Outage
from tminus.drills.receipts import judge


@pytest.fixture(scope="module")
def service() -> Iterator[str]:
    """Answers with the status that it is asked for."""

    async def answer(request: Request) -> Response:
        return PlainTextResponse("so", status_code=request.path_params["status"], headers={"location": "/200"})

    with served(Starlette(routes=[Route("/{status:int}", answer)])) as url:
        yield url


def probe(address: str) -> None:
    """One of somebody who comes anew."""
    connection = HttpStore([SecretStr(address)], "nowhere").connect()
    try:
        connection.probe()
    finally:
        connection.close()


def test_2xx_is_good(service: str) -> None:
    """200 and 204 are."""
    probe(f"{service}/200")
    probe(f"{service}/204")


@pytest.mark.parametrize("path", ["/302", "/404", "/503"])
def test_anything_else_is_not(service: str, path: str) -> None:
    """A redirect, a page that is not there, a service that says no: the status is told, the address is not."""
    with pytest.raises(Unanswered, match=f"^status {path[1:]}$"):
        probe(service + path)


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:1/?token=hidden", "http://[", "ftp://127.0.0.1/", "http://a..b/"]
)
def test_nobody_there(address: str) -> None:
    """No server, and no address at all: it is unanswered, without the address."""
    with pytest.raises(Unanswered) as said:
        probe(address)
    assert "hidden" not in str(said.value)


def test_a_write_is_refused(service: str) -> None:
    """Nobody can write there."""
    with pytest.raises(Unanswered, match="nothing is written"):
        HttpStore([SecretStr(service)], "nowhere").connect().write((0, 1))


async def test_the_client_only_probes(service: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process of its own asks, keeps no receipt, and says that nothing was counted."""
    monkeypatch.setenv("SERVICE_URL", f"{service}/200")
    plan = ClientPlan(store="http", references=("env:SERVICE_URL",), place="x", rate=100, folder=tmp_path)
    async with beside(plan) as client:
        await client.until_it_writes()
        await client.until_good_again()
        loss, seen = await client.end()
    assert (loss.uncounted, seen.seconds) == (HttpStore.uncounted, 0.0)
    assert read_receipts(plan.receipts) == []


def test_nothing_is_said_about_loss() -> None:
    """Where nobody counted, no number of lost writes is told, and a bound that somebody signed is not proven."""
    drill = Course(drilled(1, "3")).drills[0]
    counted = measured(drill, {"": (judge([], []), Outage(None, None, 0, 0.04))})
    drill.measured = counted.model_copy(update={"uncounted": "the client makes none"})
    said = sentence(drill.measured)
    assert said == (
        "no writes were counted (the client makes none), so nothing is said about loss; never gone, to 0.04 s"
    )
    assert why_missed(drill, None) == ""
    assert why_missed(drill, 0) == "0 lost writes were signed for, and nobody counted any: the client makes none"
    drill.measured = counted
    assert why_missed(drill, 0) == ""
    assert "0 lost" in sentence(counted)


def test_a_ledger_of_before_reads() -> None:
    """What was measured when there was no such word was counted."""
    old = ev.DrillMeasured(drill="a", kept=1, lost=0, unknown=0, rto_s=Decimal(1)).model_dump(exclude={"uncounted"})
    assert ev.DrillMeasured.model_validate(old).uncounted == ""
