"""Names that do not resolve, and name servers that do not answer."""

import sys
from collections.abc import Iterator

import pytest

from bench.worlds.estates import check_of
from bench.worlds.world import Case
from deployments.rehearsal.vendors.front_names import NameServer
from tasks.checks import web_delivery
from tests.conftest import Estates
from tests.tasks.web.conftest import Answering
from tminus.outcome import Outcome, Verdict

HOST = "api.vatic.example"


@pytest.fixture
def names() -> Iterator[tuple[NameServer, str]]:
    """A name server that knows one name."""
    server = NameServer({HOST: ["127.0.0.1"]})
    with server.served() as url:
        yield server, url


async def looked(estates: Estates, resolver: str, url: str = "", **given: str) -> Outcome:
    """One look, by that name server."""
    expect = {"same": "= yes"} if "endpoint" in given else {"addresses": "= 1"}
    check = check_of(Case("dns.name", {"resolver": "names", **given}, expect))
    endpoints = {"names": {"url": resolver}, "api": {"url": url or "http://127.0.0.1:1"}}
    async with estates.make(endpoints=endpoints) as estate:
        return await check.observe(estate)


async def test_a_name_alone_is_resolved(estates: Estates, names: tuple[NameServer, str]) -> None:
    """Without an endpoint, its addresses are counted; a name that is gone has none."""
    server, url = names
    assert (await looked(estates, url, host=HOST)).verdict is Verdict.PASS
    assert (await looked(estates, url, host="old.vatic.example")).verdict is Verdict.FAIL
    server.broken = True
    outcome = await looked(estates, url, host=HOST)
    assert outcome.verdict is Verdict.UNKNOWN
    assert "gives no answer" in outcome.summary


async def test_an_endpoint_that_is_down_says_nothing_of_its_name(
    estates: Estates, names: tuple[NameServer, str], answering: Answering
) -> None:
    """Where it answers at no address of its own either."""
    _, url = names
    outcome = await looked(estates, url, host=HOST, endpoint="api")
    assert outcome.verdict is Verdict.UNKNOWN
    assert "none of the 1 addresses of 127.0.0.1 answers" in outcome.summary
    assert (await looked(estates, url, answering.url, host=HOST, endpoint="api")).verdict is Verdict.PASS


async def test_a_name_that_is_gone_is_gone_whatever_this_machine_resolves(
    estates: Estates, names: tuple[NameServer, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unless it is compared with, this machine's own answer is not asked for."""

    async def asked(host: str, _within: object) -> tuple[str, ...]:
        raise AssertionError(f"{host} is resolved here")

    monkeypatch.setattr(web_delivery, "resolve_here", asked)
    check = check_of(Case("dns.name", {"resolver": "names", "endpoint": "api"}, {"addresses": ">= 1"}))
    endpoints = {"names": {"url": names[1]}, "api": {"url": "https://old.vatic.example"}}
    async with estates.make(endpoints=endpoints) as estate:
        outcome = await check.observe(estate)
    assert outcome.verdict is Verdict.FAIL
    assert "old.vatic.example has no address" in outcome.summary


@pytest.mark.parametrize("resolver", ["http://127.0.0.1", "dns://", "dns://names.example", "dns://127.0.0.1:x"])
async def test_a_name_server_is_written_as_one(estates: Estates, resolver: str) -> None:
    """By its IP address: a name would have to be resolved first."""
    outcome = await looked(estates, resolver, host=HOST)
    assert outcome.verdict is Verdict.SKIPPED
    assert "dns://192.0.2.53:53" in outcome.summary


async def test_without_the_library_it_is_skipped(
    estates: Estates, names: tuple[NameServer, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With what would install it."""
    monkeypatch.setitem(sys.modules, "dns.resolver", None)
    outcome = await looked(estates, names[1], host=HOST)
    assert outcome.verdict is Verdict.SKIPPED
    assert "tminus[dns]" in outcome.summary


@pytest.mark.parametrize("host", ["", "-a", "a b", "https://a.example", "a" * 300, "b\u00fccher.example"])
async def test_a_hosts_name_is_one(estates: Estates, host: str) -> None:
    """No address, and no name in letters that DNS does not have."""
    with pytest.raises(ValueError, match="host"):
        await looked(estates, "dns://127.0.0.1:1", host=host)


async def test_nothing_at_all_cannot_be_resolved(estates: Estates) -> None:
    """A host or an endpoint is named, and what is about an endpoint names it."""
    with pytest.raises(ValueError, match="give the `host`"):
        check_of(Case("dns.name", {}, {"addresses": "= 1"}))
    with pytest.raises(ValueError, match="endpoint: api"):
        check_of(Case("dns.name", {"host": HOST}, {"same": "= yes"}))
