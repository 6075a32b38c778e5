"""Which links of a page are alive: files, headings and anchors; the web only where it may be asked."""

from pathlib import Path

import pytest

from tasks import document_links, document_pages
from tasks.artifact_files import Folder
from tests.conftest import Estates
from tests.tasks.artifacts.foreign import file
from tests.tasks.artifacts.looking import check, found, looked, put
from tminus.outcome import Verdict


@pytest.mark.parametrize(
    ("link", "reason"),
    [
        *(
            ("b.md", ""),
            ("./b.md#deep-down", ""),
            ("/sub/c.md", ""),
            ("sub/", ""),
            ("b.md?x=1#deep-down", ""),
            ("#a", ""),
        ),
        *(("sub/../b.md", ""), ("with%20blank.md", ""), ("b.md#named", ""), ("b.md#deep-down-1", "")),
        *(("none.md", "no such file"), ("b.md#none", "no such heading"), ("#none", "no such heading")),
        *(
            ("../b.md", "leads out"),
            ("sub/../../b.md", "leads out"),
            ("/../b.md", "leads out"),
            ("out.md", "leads out"),
        ),
        *(
            ("%2e%2e/b.md", "leads out"),
            ("a%00.md", "leads nowhere"),
            ("x" * 400, "no such file"),
            ("long.md#a", "none is"),
        ),
    ],
)
def test_a_link_leads_to_what_is_there(tmp_path: Path, link: str, reason: str) -> None:
    """A file, a folder, a heading, an anchor in HTML; nothing outside of the folder is looked at."""
    root = tmp_path / "documents"
    put(root, "b.md", '# Deep, down!\n\n## Deep down\n\n<a id="named"></a>\n')
    put(root, "sub/c.md", "# C\n")
    put(root, "with blank.md", "# D\n")
    put(root, "long.md", "a" * (document_pages.LARGEST + 1))
    (root / "out.md").symlink_to(put(tmp_path, "b.md", "# Outside\n"))
    page = document_pages.read(file(f"# A\n\n[x](<{link}>)\n", "a.md"))

    dead = document_links.dead_files(page, "a.md", Folder(root, "documents"))

    assert dead == [] if not reason else reason in dead[0]


async def test_the_web_is_asked_only_where_that_is_allowed(estates: Estates) -> None:
    """Without `links: true` addresses do not count; with it, the environment must allow the impact."""
    put(estates.folder, "a.md", "# A\n\n[x](https://example.invalid/) [y](mailto:a@example.invalid) [z](#a)\n")
    folder = str(estates.folder)

    outcome = await looked(estates, "document.page", {"links": "= all"}, path="a.md")
    async with estates.make(documents=folder, allows=["none"]) as estate:
        refused = await check("document.page", {"links": "= all"}, path="a.md", links=True).observe(estate)
    async with estates.make(documents=folder, clock={"hour": "5s"}) as estate:
        elsewhere = await check("document.page", {"links": "= all"}, path="a.md", links=True).observe(estate)

    assert found(outcome)["links"] == "1 of 1"
    assert (refused.verdict, elsewhere.verdict) == (Verdict.SKIPPED, Verdict.UNKNOWN)


async def test_an_address_is_shown_without_its_secrets(estates: Estates) -> None:
    """User, password and query are left out of the evidence."""
    put(estates.folder, "a.md", "# A\n\n[x](http://user:hunter2@127.0.0.1:1/page?token=hunter3#hunter4)\n")
    outcome = await looked(estates, "document.page", {"links": "= all"}, path="a.md", links=True)
    assert outcome.verdict is Verdict.FAIL
    assert "127.0.0.1:1/page" in outcome.details[0]
    assert "hunter" not in outcome.model_dump_json()


@pytest.mark.parametrize(
    "address",
    [
        "http://[",
        "http://",
        "//",
        "http://127.0.0.1:99999/",
        "http://a%zz/",
        "https://[::1]:1/",
        *(
            "http://\u2603.invalid:x",
            "http://\u2603.invalid/",
            "http://a..invalid/",
            "http://:1/",
            "http://127.0.0.1:0/",
        ),
        *(
            f"http://{'a' * 80}.invalid/",
            f"http://{'a.' * 200}invalid/",
            "http://user:p@ss@127.0.0.1:1/",
            "//127.0.0.1:1/",
        ),
    ],
)
async def test_an_address_that_is_none_is_a_dead_link(estates: Estates, address: str) -> None:
    """Whatever is written there; it is no reason to stop looking."""
    put(estates.folder, "a.md", f"# A\n\n[x](<{address}>)\n")
    outcome = await looked(estates, "document.page", {"links": "= all"}, path="a.md", links=True)
    assert outcome.verdict is Verdict.FAIL, outcome.summary
