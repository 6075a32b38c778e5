"""What is no WebSocket, and what comes over one that nobody expected."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from tests.tasks.web.conftest import TOKEN, Answering, Look
from tminus.outcome import Verdict

Talk = Callable[[ServerConnection], Awaitable[None]]


@asynccontextmanager
async def one_that(talk: Talk, **options: object) -> AsyncIterator[str]:
    """The address of a server that does this with each connection."""
    async with serve(talk, "127.0.0.1", 0, **options) as server:  # type: ignore[arg-type]
        yield f"http://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"


def says(*messages: str | bytes) -> Talk:
    """One that sends these, and waits."""

    async def talk(connection: ServerConnection) -> None:
        for message in messages:
            await connection.send(message)
        await connection.wait_closed()

    return talk


async def closes(connection: ServerConnection) -> None:
    """Lets everybody in, and out again."""
    await connection.close(1008)


async def echoes(connection: ServerConnection) -> None:
    """Says what it hears."""
    async for message in connection:
        await connection.send(message)


@pytest.mark.parametrize("message", ["", "hello", "[" * 100_000, b"\xff\x00", "null", '{"instance": null}', "3"])
async def test_a_message_is_a_message(look: Look, message: str | bytes) -> None:
    """Whatever it says; only an instance must be named where one is wanted."""
    async with one_that(says(message)) as url:
        expect = {"messages": "= 1"}
        outcome = await look("websocket.messages", expect, url=url)
        assert outcome.verdict is Verdict.PASS, outcome
        outcome = await look("websocket.messages", {"instances": ">= 1"}, url=url, instance_pointer="/instance")
        assert outcome.verdict is Verdict.FAIL


async def test_who_is_shown_the_door_was_not_let_in(look: Look) -> None:
    """A connection that is opened, and closed with a policy's code before anything came, is a refusal."""
    async with one_that(closes) as url:
        expect = {"unauthenticated": "= refused", "messages": "= 0"}
        outcome = await look("websocket.messages", expect, url=url, identity="customer")
        assert outcome.verdict is Verdict.PASS, outcome
        outcome = await look("websocket.messages", {"unauthenticated": "= refused"}, url=url, identity="customer")
    assert outcome.verdict is Verdict.FAIL
    assert "messages 0" in outcome.summary


@pytest.mark.parametrize("code", [1000, 1011, 3000])
async def test_who_is_cut_off_was_neither_refused_nor_let_in(look: Look, code: int) -> None:
    """A server that breaks off, for whatever reason, says nothing of who may connect."""

    async def breaks_off(connection: ServerConnection) -> None:
        await connection.close(code)

    async with one_that(breaks_off) as url:
        expect = {"unauthenticated": "= refused", "messages": "= 0"}
        outcome = await look("websocket.messages", expect, url=url, identity="customer")
    assert outcome.verdict is Verdict.UNKNOWN, outcome


@pytest.mark.parametrize(("status", "verdict"), [(401, Verdict.PASS), (403, Verdict.PASS), (404, Verdict.UNKNOWN)])
async def test_a_path_that_is_not_there_refuses_nobody(
    answering: Answering, look: Look, status: int, verdict: Verdict
) -> None:
    """Only 401 and 403 do."""
    answering.status = status
    expect = {"unauthenticated": "= refused", "messages": "= 0"}
    outcome = await look("websocket.messages", expect, identity="customer")
    assert outcome.verdict is verdict, outcome


async def test_who_may_stay_was_let_in(look: Look) -> None:
    """Though nothing came yet."""
    async with one_that(says()) as url:
        outcome = await look(
            "websocket.messages", {"unauthenticated": "= refused"}, url=url, identity="customer", within="100 ms"
        )
    assert outcome.verdict is Verdict.FAIL
    assert "a connection without a token is let in" in outcome.summary


async def test_what_is_sent_first_is_what_is_written(look: Look) -> None:
    """An object as JSON, and the answer to it counts."""
    async with one_that(echoes) as url:
        given = {"send": {"instance": "a"}, "instance_pointer": "/instance"}
        outcome = await look("websocket.messages", {"instances": "= 1"}, url=url, **given)
    assert outcome.verdict is Verdict.PASS, outcome


@pytest.mark.parametrize(
    ("status", "verdict"),
    [(200, Verdict.FAIL), (404, Verdict.FAIL), (302, Verdict.FAIL), (503, Verdict.UNKNOWN)],
)
async def test_a_page_is_no_websocket(answering: Answering, look: Look, status: int, verdict: Verdict) -> None:
    """It says so by its status; what a gateway says of somebody else is unknown. A redirect leads nowhere."""
    answering.status, answering.headers = status, {"location": "/elsewhere"}
    outcome = await look("websocket.messages", {"connected": "< 1 s"})
    assert outcome.verdict is verdict
    assert str(status) in outcome.summary
    assert len(answering.asked) == 1


async def test_the_token_is_sent_to_no_other_server(answering: Answering, look: Look) -> None:
    """A redirect is not followed."""

    def redirect(_connection: ServerConnection, _request: Request) -> Response:
        from websockets.datastructures import Headers

        return Response(302, "Found", Headers({"Location": answering.url.replace("http", "ws")}))

    async with one_that(echoes, process_request=redirect) as url:
        outcome = await look("websocket.messages", {"messages": ">= 1"}, url=url, identity="customer")
    assert outcome.verdict is Verdict.FAIL
    assert answering.asked == []
    assert TOKEN not in outcome.model_dump_json()


@pytest.mark.parametrize(
    ("expect", "said"),
    [({"unauthenticated": "= refused"}, "identity"), ({"instances": ">= 2"}, "instance_pointer")],
)
async def test_what_cannot_be_measured_is_refused_at_once(look: Look, expect: dict[str, str], said: str) -> None:
    """By the book."""
    with pytest.raises(ValueError, match=said):
        await look("websocket.messages", expect)
