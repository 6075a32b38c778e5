"""The journey: walked to its end, stopped at each fault, and cleaned up after in every case."""

import asyncio
import contextlib
from collections.abc import Iterator
from typing import cast

import anyio
import pytest
from pydantic import SecretStr, ValidationError

from tasks.checks.journey import Journey
from tests.conftest import Estates
from tests.tasks.over_http.tiny_service import serving
from tests.tasks.over_http.tiny_shop import Shop
from tests.tasks.over_http.walking import AUTHORIZED, Steps, Walker, book, step
from tminus.outcome import Outcome, Verdict


@pytest.fixture(scope="module")
def served_shop() -> Iterator[tuple[Shop, str]]:
    """One shop for the module."""
    shop = Shop()
    with serving(shop.app()) as address:
        yield shop, f"http://{address}"


@pytest.fixture
def shop(served_shop: tuple[Shop, str]) -> Shop:
    """The shop, as new."""
    served_shop[0].__init__()  # type: ignore[misc]
    return served_shop[0]


@pytest.fixture
def walker(estates: Estates, served_shop: tuple[Shop, str]) -> Walker:
    """Walks through the shop."""
    return Walker(estates, served_shop[1])


def shown(outcome: Outcome) -> set[str]:
    """What was counted."""
    return {str(found) for found in outcome.found if found.name != "took"}


async def test_a_journey_that_works_leaves_nothing_behind(shop: Shop, walker: Walker) -> None:
    """Every step passes, and the clean-up runs in reverse: the order is cancelled before its account is closed."""
    outcome = await walker.walk(book(expect={"took": "< 1 min"}))
    assert outcome.verdict is Verdict.PASS, outcome
    assert shown(outcome) == {"steps 4 of 4", "cleaned 2 of 2"}
    assert shop.requests[:4] == ["POST /accounts", "POST /login", "WebSocket /prices", "POST /orders"]
    assert shop.requests[4] == "DELETE /orders/1"
    assert shop.requests[5].startswith("DELETE /accounts/")
    assert not shop.accounts
    assert shop.orders == {1: "cancelled"}


@pytest.mark.parametrize("flag", [False, None, "true", 1])
async def test_an_account_not_flagged_stops_everything(shop: Shop, walker: Walker, flag: object) -> None:
    """Only a true is a true. Nothing is ordered, and nothing is closed: it may be a customer's account."""
    shop.flag = flag
    outcome = await walker.walk(book())
    assert outcome.verdict is Verdict.FAIL
    assert shop.requests == ["POST /accounts"]
    assert "open an account: expected synthetic true, which would say that the account is made for" in outcome.summary
    assert any("close the account: not done: the account may be a customer's" in line for line in outcome.details)
    assert shown(outcome) == {"steps 0 of 4", "cleaned 0 of 1"}


@pytest.mark.parametrize(
    ("fault", "complaint", "counts"),
    [
        ({"fail": {"POST /accounts": 503}}, "open an account: expected status 201, found 503", {"steps 0 of 4"}),
        ({"fail": {"POST /login": 500}}, "log in: expected a status of 2xx, found 500", {"steps 1 of 4"}),
        ({"fail": {"POST /login": 401}}, "log in: expected a status of 2xx, found 401", {"cleaned 0 of 1"}),
        ({"prices": []}, "expected 2 messages, found the connection closed after 0", set()),
        ({"prices": [{"symbol": "EURUSD"}]}, "expected 2 messages, found the connection closed after 1", set()),
        ({"prices": [{"symbol": "EURUSD"}, {}]}, 'message 2: expected symbol "EURUSD", found nothing there', set()),
        ({"prices": [{"symbol": "BTC"}]}, 'message 1: expected symbol "EURUSD", found "BTC"', set()),
        ({"fail": {"POST /orders": 500}}, "buy: expected status 201, found 500", {"steps 3 of 4"}),
        ({"fail": {"POST /orders": 422}}, "buy: expected status 201, found 422", {"steps 3 of 4", "cleaned 1 of 1"}),
        (
            {"fail": {"DELETE /orders/1": 409}},
            "cancel the order: expected a status of 2xx, found 409",
            {"cleaned 1 of 2"},
        ),
    ],
)
async def test_each_fault_is_named_with_its_step(
    shop: Shop, walker: Walker, fault: dict[str, object], complaint: str, counts: set[str]
) -> None:
    """The sentence names step, expected and found; clean-up is done for what was made, whatever went wrong."""
    for name, value in fault.items():
        setattr(shop, name, value)
    outcome = await walker.walk(book())
    assert outcome.verdict is Verdict.FAIL
    assert complaint in outcome.summary
    assert counts <= shown(outcome)
    if "POST /login" in shop.fail:
        assert "close the account: not done: token was never learnt, and something may be left" in outcome.summary
    else:
        assert not shop.accounts, "the account was left behind"


async def test_a_silent_stream_fails_in_time(shop: Shop, walker: Walker) -> None:
    """A WebSocket that opens and says too little is not waited for beyond the step's patience."""
    shop.prices, shop.hold = [{"symbol": "EURUSD"}], True
    parameters = book()
    step(parameters, "watch prices")["within"] = "300 ms"
    outcome = await walker.walk(parameters)
    assert outcome.verdict is Verdict.FAIL
    assert "watch prices: expected an answer, found no answer within 0.3s" in outcome.summary
    assert not shop.accounts


async def test_a_failure_to_learn_what_was_made_is_reported(shop: Shop, walker: Walker) -> None:
    """An order whose answer was lost may exist: nobody can cancel it, so the evidence says that it may be left."""
    shop.lose.add("POST /orders")
    outcome = await walker.walk(book())
    assert outcome.verdict is Verdict.FAIL
    assert shop.orders == {1: "open"}
    assert "cancel the order: not done: order was never learnt, and something may be left behind" in outcome.summary
    assert shown(outcome) == {"steps 3 of 4", "cleaned 1 of 2"}
    assert not shop.accounts


async def test_what_was_never_made_needs_no_clean_up(shop: Shop, walker: Walker) -> None:
    """Where the account was refused, there is no order and no account to clean up."""
    shop.fail["POST /accounts"] = 409
    outcome = await walker.walk(book())
    assert shown(outcome) == {"steps 0 of 4", "cleaned 0 of 0"}
    assert "clean-up: close the account: nothing to clean up" in outcome.details
    assert "buy: not begun" in outcome.details
    assert shop.requests == ["POST /accounts"]


async def test_an_answer_that_is_late_is_a_failure_worth_having(shop: Shop, walker: Walker) -> None:
    """Later than `within` fails, and what it captured is still cleaned up."""
    shop.slow["POST /orders"] = 0.3
    parameters = book()
    step(parameters, "buy")["within"] = "100 ms"
    outcome = await walker.walk(parameters)
    assert outcome.verdict is Verdict.FAIL
    assert "buy: expected within 0.1s, found 0." in outcome.summary
    assert shop.orders == {1: "cancelled"}


async def test_one_clean_up_that_fails_does_not_stop_the_others(shop: Shop, walker: Walker) -> None:
    """The order could not be cancelled; the account is closed all the same; the check fails though all steps passed."""
    shop.fail["DELETE /orders/1"] = 500
    outcome = await walker.walk(book())
    assert outcome.verdict is Verdict.FAIL
    assert shown(outcome) == {"steps 4 of 4", "cleaned 1 of 2"}
    assert not shop.accounts


@pytest.mark.parametrize("repeated", [False, True])
async def test_a_walk_that_is_cut_short_cleans_up(shop: Shop, walker: Walker, *, repeated: bool) -> None:
    """A cancelled check leaves no account behind, also where the cancellation is repeated at every await (anyio)."""
    shop.slow["POST /orders"] = 3.0

    async def cut(scope: anyio.CancelScope | None, walking: asyncio.Task[Outcome]) -> None:
        while not shop.orders:
            await asyncio.sleep(0.005)
        walking.cancel() if scope is None else scope.cancel()

    scope = anyio.CancelScope() if repeated else None

    async def walk() -> Outcome:
        with scope or contextlib.nullcontext():
            return await walker.walk(book())
        raise asyncio.CancelledError

    walking = asyncio.create_task(walk())
    cutting = asyncio.create_task(cut(scope, walking))
    with pytest.raises(asyncio.CancelledError):
        await walking
    await cutting
    assert shop.orders == {1: "open"}
    assert not shop.accounts


async def test_clean_up_that_hangs_ends_and_is_reported(shop: Shop, walker: Walker) -> None:
    """Clean-up has a limit of its own, and what it did not finish is named."""
    shop.slow["DELETE /orders/1"] = 2.0
    outcome = await walker.walk(book(clean_up_within="300 ms"))
    assert outcome.verdict is Verdict.FAIL
    assert "cancel the order: not finished within 0.3s" in outcome.summary
    assert "close the account: not finished within 0.3s" in outcome.summary
    assert "cleaned 0 of 2" in shown(outcome)


async def test_no_secret_is_shown(shop: Shop, walker: Walker, estates: Estates) -> None:
    """A token that comes back where nobody expects it, a password, a header: none of them is in the evidence."""
    canary = "canary-9f2c/with a space"
    shop.parrot = True
    parameters = book(secrets={"key": estates.secret(SecretStr(canary))})
    step(parameters, "log in")["headers"] = {"X-Api-Key": "{key}"}
    step(parameters, "buy")["expect"] = {"json": {"status": "{key}"}}
    outcome = await walker.walk(parameters)
    assert outcome.verdict is Verdict.FAIL
    assert 'buy: expected status "[redacted]", found "[redacted]"' in outcome.summary
    for secret in [canary, *shop.tokens, *shop.passwords]:
        assert secret not in outcome.model_dump_json()


async def test_what_a_path_is_filled_with_leads_nowhere_else(shop: Shop, walker: Walker) -> None:
    """A captured value is data: one full of slashes does not address something else."""
    parameters = book(clean_up=[])
    cast("Steps", parameters["steps"]).append({"request": "GET /items/{odd}", "headers": AUTHORIZED})
    step({**parameters, "clean_up": []}, "watch prices")["capture"] = {"odd": "symbol"}
    step({**parameters, "clean_up": []}, "watch prices")["expect"] = {}
    shop.prices = [{"symbol": "../accounts?all=1"}] * 2
    outcome = await walker.walk(parameters)
    assert outcome.verdict is Verdict.FAIL
    assert shop.requests[-1] == "GET /items/..%2Faccounts%3Fall%3D1"


async def test_a_service_that_is_not_there_fails(walker: Walker, estates: Estates, nobody: str) -> None:
    """Nobody can trade where nothing listens."""
    outcome = await Walker(estates, f"http://{nobody}").walk(book())
    assert outcome.verdict is Verdict.FAIL
    assert "open an account: expected an answer, found connection refused" in outcome.summary
    stream = {"service": "trading", "steps": [{"websocket": "/prices"}], "expect": {"steps": "= all"}}
    outcome = await Walker(estates, f"http://{nobody}").walk(stream)
    assert "WebSocket /prices: expected a WebSocket, found no connection" in outcome.summary
    assert (await walker.walk({**stream, "steps": [{"websocket": "/nowhere"}]})).verdict is Verdict.FAIL


async def test_a_missing_secret_is_unknown_and_named_by_its_reference(walker: Walker, shop: Shop) -> None:
    """Without the password nobody can look; nothing was sent."""
    outcome = await walker.walk(book(secrets={"key": "env:NO_SUCH_SECRET_HERE"}))
    assert outcome.verdict is Verdict.UNKNOWN
    assert "env:NO_SUCH_SECRET_HERE" in outcome.summary
    assert not shop.requests


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"flagged": None}, "open an account changes something, so say where"),
        ({"flagged": {"step": "open a account", "path": "x"}}, "did you mean 'open an account'"),
        ({"flagged": {"step": "buy", "path": "x"}}, "open an account changes something before the account is known"),
        ({"expect": {"cleaned": "= all"}, "clean_up": []}, "`clean_up` names no step"),
        ({"steps": [{"request": "GET /a/{tokn}"}], "clean_up": []}, r"GET /a/\{tokn\}: nothing before it gives"),
        ({"steps": [{"request": "GET /a", "capture": {"unique": "x"}}], "clean_up": []}, "the name of something else"),
        ({"steps": [{"request": "GET a"}], "clean_up": []}, "should match pattern"),
        ({"steps": [{"get": "/a"}], "clean_up": []}, "expected a step with `request: GET /path` or `websocket: /path`"),
        ({"steps": [], "clean_up": []}, "wants at least one"),
        ({"steps": [{"websocket": "/a", "send": ["buy"]}], "clean_up": [], "flagged": None}, "changes something"),
        ({"secrets": {"key": "hunter2"}}, "not a reference to a secret"),
    ],
)
def test_a_book_that_makes_no_sense_is_refused(changed: dict[str, object], said: str) -> None:
    """Before anything runs."""
    with pytest.raises(ValidationError, match=said):
        Journey.model_validate(book(**changed))


def test_a_log_in_may_come_before_the_flag_is_known() -> None:
    """A standing test account is logged in to before the service can say whose it is."""
    steps = [
        {"request": "POST /login", "capture": {"token": "token"}, "log_in": True},
        {"name": "whose", "request": "GET /account", "headers": AUTHORIZED},
        {"request": "POST /orders", "headers": AUTHORIZED},
    ]
    flagged = {"step": "whose", "path": "synthetic"}
    Journey.model_validate(book(steps=steps, clean_up=[], flagged=flagged))
    steps[0]["log_in"] = False
    with pytest.raises(ValidationError, match="log_in: true"):
        Journey.model_validate(book(steps=steps, clean_up=[], flagged=flagged))


def test_a_journey_reads_back_what_it_wrote() -> None:
    """Dumped and read again it is the same journey: nothing is lost when it is frozen."""
    journey = Journey.model_validate(book())
    assert Journey.model_validate(journey.model_dump(mode="json")) == journey
