"""Whatever stands in a file is read, or refused in one clear sentence; what is written always loads."""

import time
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.sampling import few
from tests.tminus.importing.imports import checklist_of, imported
from tminus.errors import UsageError
from tminus.importing.importer import Imported

OF_MARKDOWN = (
    "- [ ] ,- [x] ,* ,1. ,# ,## ,### ,> ,| ,|-|-|,---,```,```bash,    ,\t,\n,\n\n,**,`,[a](b),[a]: b,![,<b>,<!-- ,-->"
)
NESTED = "\n- [ ] ,\n  - [x] ,\n\n## ,\n| Item | Done |\n|-|-|\n,\n\n```bash\n,\n```\n,\n> ,\n1. ,\n\n"
OF_YAML = "{,},%,: ,- ,&,*,!,@,',\",#,[,],~,null,yes,0x1,1e5,=,<,>,\\,\ufeff,\u2028,\x07,\r\n"
ENTITIES = "&#27;,&#xFEFF;,&#12;,&nbsp;,&#x2028;,&#xD800;,&colon;,&lt;,🚀,ש,\u202e,é,✅ ,❌ ,☑"
CLAIMS = (
    "p99 <10ms,Uptime: 99.9%,backups every 6 hours,Last Updated: ,Contacts,Metrics,**Uptime**: 99 %,./x.sh,$ ls,Status"
)
PIECES = st.sampled_from(f"{OF_MARKDOWN},{NESTED},{OF_YAML},{ENTITIES},{CLAIMS}".split(","))
MARKDOWN = st.lists(PIECES | st.text(max_size=5), max_size=60).map("".join)
TITLES = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=60)


def attempt(given: str | bytes) -> tuple[Imported | None, str]:
    """What is made of it, or why nothing is."""
    try:
        return imported(given), ""
    except UsageError as e:
        return None, str(e)


def read(text: str) -> None:
    """Imports a text; what is written of it is loaded, and says the same."""
    found, refused = attempt(text)
    if found is None:
        assert refused.startswith("shop.md ")
        return
    lines = [one.line for one in found.lines()]
    loaded = list(checklist_of(found).lines())
    assert [(one.ref, one.title, one.claimed, one.part) for one in loaded] == [
        (one.ref, one.title, one.claimed, one.part) for one in lines
    ]
    assert len({one.ref for one in lines}) == len(lines)
    places = [*(one.line for one in lines), *(one.line for one in found.not_understood)]
    assert all(1 <= place <= text.count("\n") + text.count("\r") + 1 for place in places)


@given(MARKDOWN)
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_whatever_looks_like_markdown_is_read(text: str) -> None:
    """Every ref once, every title as it was read, and no file that a sweep would refuse."""
    read(text)
    read(f"# A\n{text}\n\n# B\n- [ ] b\n")


@given(TITLES, TITLES)
@settings(deadline=None)
def test_any_title_survives_being_written(heading: str, title: str) -> None:
    """Colons, quotes, braces, control characters, other scripts: YAML gives back what was put in."""
    read(f"# {heading}\n## {heading}\n- [x] {title}\n  - [ ] {title}\n- [ ] plain\n")


@given(st.binary(max_size=200))
@settings(deadline=None)
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    """In a sentence that names the file."""
    found, refused = attempt(raw)
    assert checklist_of(found) if found is not None else refused.startswith("shop.md ")


@pytest.mark.parametrize(
    ("raw", "wanted"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf \n", "is empty"),
        (b"- [ ] \xff", r"is not text in UTF-8 \(byte 6\)"),
        (b"\x89PNG\0", "byte 4 is zero"),
        (b"# Nothing\n\nsome text\n", "holds nothing that looks like a line"),
        (b"a" * (2 * 1024 * 1024 + 1), r"2,097,152 are the most \(2 MiB\)"),
        (b"\n" * 20_000, "20,001 lines; 20,000 are the most"),
        (b"- [ ] a\n" * 6000, "6,000 lines of a checklist; 5,000 are the most"),
    ],
)
def test_what_cannot_be_imported_is_refused_with_its_reason(raw: bytes, wanted: str) -> None:
    """And with what to do next, where that is not plain."""
    with pytest.raises(UsageError, match=wanted):
        imported(raw)


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_line_ends_and_byte_order_marks_change_nothing(ends: str, mark: str) -> None:
    """Files come from Windows, too."""
    text = f"{mark}# A\n\n- [x] p99 latency <10ms\n\t- [ ] b\n".replace("\n", ends)

    assert [(one.line.line, one.line.title, one.line.part) for one in imported(text.encode()).lines()] == [
        (3, "p99 latency <10ms", False),
        (4, "b", True),
    ]


MEANT_TO_HANG: dict[str, Callable[[], str]] = {
    "quotes in quotes": lambda: "> " * 10_000 + "- [ ] a\n- [ ] b",
    "lists in lists": lambda: "- " * 10_000 + "[ ] a\n\n# B\n- [ ] b",
    "deep lists": lambda: "\n".join(f"{' ' * depth}- [ ] a" for depth in range(0, 1000, 2)),
    "brackets": lambda: "- [ ] " + "[" * 1900 + "\n- [ ] b",
    "brackets on every line": lambda: "- [ ] " + "\n- [ ] ".join(["[" * 400] * 900),
    "pictures": lambda: "- [ ] " + "![" * 900 + "\n- [ ] b",
    "stars": lambda: ("- [ ] " + "*a _b " * 300 + "\n") * 500,
    "a wide table": lambda: f"|{'a|' * 20_000}\n|{'-|' * 20_000}\n" + "|x|\n" * 500 + "- [ ] b",
    "a long table": lambda: "| Item | Done |\n|-|-|\n" + "| a | x |\n" * 4000,
    "headings": lambda: "# A\n" * 19_000 + "- [ ] b",
    "chapters": lambda: "# A\n- [ ] b\n" * 400,
    "fences": lambda: "```\n" * 19_000 + "```\n- [ ] b",
    "HTML": lambda: "<div>\n" * 10_000 + "\n- [ ] b",
    "one long line": lambda: "- [ ] " + "a" * 2_000_000 + "\n- [ ] b",
    "redis": lambda: ("- [ ] " + "redis " * 300 + "\n") * 200,
    "numbers": lambda: ("- [ ] p99 latency " + "1,000 " * 300 + "\n") * 200,
    "spaces": lambda: ("- [ ] a" + " " * 1800 + "b documented\n") * 200,
}


@pytest.mark.parametrize("name", few(MEANT_TO_HANG, "lists in lists", "brackets", "a wide table", "redis", "spaces"))
def test_nothing_takes_long(name: str) -> None:
    """What is built to take a parser long is imported within seconds."""
    text = MEANT_TO_HANG[name]()
    started = time.perf_counter()

    found, refused = attempt(text)

    assert found or "nothing that looks like a line" in refused
    assert time.perf_counter() - started < 20
