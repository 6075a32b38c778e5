"""Requests are sent as they are written, and as a stranger's."""

import pytest
from pydantic import SecretStr

from tasks.web_request import LARGEST, Wanted, front, without_credentials
from tests.conftest import Estates
from tests.tasks.web.conftest import Answering
from tminus.errors import CouldNotObserve, NotConfigured


@pytest.mark.parametrize(
    ("path", "sent"),
    [
        ("/files/../../etc/passwd", "/files/../../etc/passwd"),
        ("/files/%2e%2e%2fetc", "/files/%2e%2e%2fetc"),
        ("/q?s=' OR 1=1 --", "/q?s='%20OR%201=1%20--"),
        ("/q?s=<b>#x", "/q?s=%3Cb%3E%23x"),
        ("/é", "/%C3%A9"),
        ("", "/"),
    ],
)
async def test_an_attack_is_not_mended_on_its_way(answering: Answering, estates: Estates, path: str, sent: str) -> None:
    """Dots and percent signs arrive as they were written; only what no request line can hold is encoded."""
    async with estates.make(endpoints={"api": {"url": answering.url}}) as estate:
        await (await front(estate, "api")).ask(Wanted(path))
    assert answering.asked[0][1] == sent


async def test_an_endpoint_may_have_a_path(answering: Answering, estates: Estates) -> None:
    """What is asked for stands behind it."""
    async with estates.make(endpoints={"api": {"url": f"{answering.url}/v1/"}}) as estate:
        await (await front(estate, "api")).ask(Wanted("/orders"))
    assert answering.asked[0][1] == "/v1/orders"


async def test_nothing_is_carried_along(answering: Answering, estates: Estates) -> None:
    """A cookie that was set, and a token that was sent, are gone at the next request: else nobody is a stranger."""
    answering.headers = {"set-cookie": "session=1; Path=/"}
    async with estates.make(endpoints={"api": {"url": answering.url}}) as estate:
        asked = await front(estate, "api")
        await asked.ask(Wanted("/", token=SecretStr("secret")))
        await asked.ask(Wanted("/"))
    first, second = (headers for _, _, headers, _ in answering.asked)
    assert first["authorization"] == "Bearer secret"
    assert not {"cookie", "authorization"} & second.keys()


async def test_an_endless_answer_is_cut(answering: Answering, estates: Estates) -> None:
    """No more of it is read than is wanted."""
    answering.body = b"x" * (LARGEST + 100_000)
    async with estates.make(endpoints={"api": {"url": answering.url}}) as estate:
        reply = await (await front(estate, "api")).ask(Wanted("/"))
    assert len(reply.body) == LARGEST


async def test_silence_is_told_without_secrets(estates: Estates) -> None:
    """Neither the token nor the address's credentials nor the query stand in the error."""
    async with estates.make(endpoints={"api": {"url": "http://someone:hunter2@127.0.0.1:1"}}) as estate:
        with pytest.raises(CouldNotObserve, match="connection refused") as told:
            await (await front(estate, "api")).ask(Wanted("/a?key=abc", token=SecretStr("secret")))
    assert "127.0.0.1:1" in str(told.value)
    assert not [one for one in ("hunter2", "secret", "abc") if one in str(told.value)]


async def test_an_endpoint_that_is_not_named_is_not_configured(estates: Estates) -> None:
    """The environment is what is to be mended."""
    async with estates.make() as estate:
        with pytest.raises(NotConfigured, match="api"):
            await front(estate, "api")


def test_an_address_is_shown_without_credentials() -> None:
    """Host, port and path stay."""
    assert without_credentials("https://a:b@example.com:8443/x?key=1") == "https://example.com:8443/x"
