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
        *("http://0.0.0.0:1/", "http://2130706433:1/", "http://100.64.0.1/"),
    ],
)
async def test_a_page_makes_nobody_ask_what_only_we_can_reach(monkeypatch: pytest.MonkeyPatch, link: str) -> None:
    """But in a rehearsal, whose site is on this machine; nothing is sent."""
    page = document_pages.read(file(f"[a]({link})", "a.md"))
    asked: list[str] = []

    async def answer(_client: httpx.AsyncClient, url: str, _within: timedelta) -> Answer:
        asked.append(url)
        return Answer(1, 200)

    monkeypatch.setattr(document_links, "get", answer)
    async with httpx.AsyncClient() as client:
        with pytest.raises(CouldNotObserve, match="no address of the internet"):
            await document_links.dead_addresses(page, client, only_local=False, inside=False)
        assert not asked
        assert await document_links.dead_addresses(page, client, only_local=False, inside=True) == []
    assert len(asked) == 1


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
