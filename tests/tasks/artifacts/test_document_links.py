"""A page is foreign: its links must not make this machine ask what only it can reach."""

from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks import document_links, document_pages
from tasks.artifact_files import Folder
from tasks.document_pages import Page
from tasks.probe import Answer
from tests.tasks.artifacts.foreign import file
from tminus.errors import CouldNotObserve


@pytest.mark.parametrize(
    "link",
    [
        *("http://127.0.0.1:1/", "http://localhost:1/", "//[::1]:1/a", "https://169.254.169.254/latest/meta-data/"),
        *("http://10.0.0.1/", "http://192.168.1.1:8080/", "http://[fe80::1]/", "http://[::ffff:127.0.0.1]:1/"),
        *("http://0.0.0.0:1/", "http://2130706433:1/", "http://100.64.0.1/", "http://[fec0::1]/"),
        *("http://[64:ff9b::10.0.0.1]/", "http://[64:ff9b::7f00:1]/", "http://[2002:a00:1::1]/"),
        *("http://[64:ff9b:1::808:808]/", "http://224.0.0.1/", "http://[::ffff:10.0.0.1]/"),
    ],
)
async def test_a_page_makes_nobody_ask_what_only_we_can_reach(monkeypatch: pytest.MonkeyPatch, link: str) -> None:
    """But in a rehearsal, whose site is on this machine; nothing is sent."""
    page = document_pages.read(file(f"[a]({link})", "a.md"))
    asked: list[str] = []

    async def answer(_client: httpx.AsyncClient, url: str, _within: timedelta, _address: str) -> Answer:
        asked.append(url)
        return Answer(1, 200)

    monkeypatch.setattr(document_links, "get", answer)
    async with httpx.AsyncClient() as client:
        with pytest.raises(CouldNotObserve, match="no address of the internet"):
            await document_links.dead_addresses(page, client, only_local=False, inside=False)
        assert not asked
        assert await document_links.dead_addresses(page, client, only_local=False, inside=True) == []
    assert len(asked) == 1


@pytest.mark.parametrize("place", ["93.184.215.14", "2606:4700::1111", "64:ff9b::808:808", "2002:808:808::1"])
def test_what_leads_to_the_internet_may_be_asked(place: str) -> None:
    """Also through a gateway."""
    assert document_links.is_of_the_internet(place)


async def test_the_address_that_was_looked_at_is_the_one_that_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """By its name; a name that is not known is dead, and not asked for again."""
    asked: list[httpx.Request] = []

    async def found(host: str) -> list[str]:
        return ["93.184.215.14"] if host == "docs.example" else []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, stream=httpx.ByteStream(b""))

    monkeypatch.setattr(document_links, "_addresses", found)
    page = document_pages.read(file("[a](https://docs.example:8443/a?b=1) [b](https://gone.example/)", "a.md"))
    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
        dead = await document_links.dead_addresses(page, client, only_local=False, inside=False)
    assert dead == ["https://gone.example/: its host's name is not known"]
    [request] = asked
    assert str(request.url) == "https://93.184.215.14:8443/a?b=1"
    assert request.headers["Host"] == "docs.example:8443"
    assert request.extensions["sni_hostname"] == "docs.example"


@given(
    st.text(max_size=40) | st.text(alphabet="/.#?%:@[]ab0\0", max_size=20),
    st.sampled_from(["", "http://", "../", "#", "//"]),
)
def test_any_link_is_looked_at_or_called_dead(text: str, begin: str) -> None:
    """Whatever stands there, nothing is raised for it."""
    link = begin + text
    page = Page("a.md", {}, (), (), (), (), (link,), frozenset())
    dead = document_links.dead_files(page, "sub/a.md", Folder(Path(__file__).parent, "documents"))

    assert len(dead) <= document_links.count([link], with_addresses=False)
    assert document_links._askable(link) in {True, False}
