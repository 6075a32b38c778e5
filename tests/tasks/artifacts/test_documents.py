"""Written documents: what counts as a section, a blank and a date, beyond what the world shows."""

import time
from datetime import date

import pytest
from pydantic import ValidationError

from tasks import document_pages
from tasks.document_dates import filled, read_date, said_of
from tasks.document_placeholders import placeholders, says_nothing
from tests.conftest import Estates
from tests.tasks.artifacts.foreign import file
from tests.tasks.artifacts.looking import check, looked, put
from tminus.errors import CouldNotObserve
from tminus.outcome import Verdict

REMINDER = "to-do".replace("-", "").upper()  # what nobody may leave in this repository either


@pytest.mark.parametrize(
    ("text", "written"),
    [
        *(("# Rollback\nWait.", True), ("###### ROLLBACK:\nWait.", True), ("## 3. Rollback\nWait.", True)),
        *(("## 3.1.2) Rollback\nWait.", True), ("## **Rollback**\nWait.", True), ("## 🔥 Rollback\nWait.", True)),
        *(("Rollback\n========\nWait.", True), ("# `Rollback`\n- one", True), ("# Rollback\n## Steps\nWait.", True)),
        *(
            ("# Rollback\n```sh\nkubectl rollout undo\n```", True),
            ("# Rollback\n| a | b |\n|---|---|\n| c | d |", True),
        ),
        *(("# Rollback", False), ("# Rollback\n\n# Next\nWait.", False), ("# Rollback\n## Steps\n## Next", False)),
        *(
            (f"# Rollback\n```\n{REMINDER}\n```", False),
            ("# Rollback\nn/a", False),
            ("# Rollback\nComing soon!", False),
        ),
        *((f"# Rollback\n{REMINDER}: [your name]", False), ("# Rollback\nAsk [your name].", True)),
        *(("Rollback\nWait.", False), ("# Rollbacks\nWait.", False), ("```\n# Rollback\nWait.\n```", False)),
        *(("<!-- # Rollback\nWait. -->", False), ("# Rollback\n---\n", False)),
    ],
)
async def test_a_section_is_a_heading_with_words_under_it(estates: Estates, text: str, written: bool) -> None:
    """On any level, in any capitals, numbered or not; a heading alone, or in code or a comment, is none."""
    put(estates.folder, "a.md", text)
    outcome = await looked(estates, "document.page", {"sections": "= all"}, path="a.md", sections=["rollback"])
    assert (outcome.verdict is Verdict.PASS) is written


@pytest.mark.parametrize(
    "text",
    [
        *("[Name]", "[Phone]", "[DATE]", "[Contract #]", "[Account SID]", "[Support Tier]", "[Your name here]"),
        *(
            "[IN PROGRESS / READY FOR REVIEW / APPROVED]",
            "[READY / NOT READY]",
            "[Account Manager]",
            "$(date)",
            '$(date -d "+7 days")',
            "[...]",
        ),
        *(
            "TBD",
            "tba",
            "T" + "ODO: write",
            "F" + "IXME",
            "to be determined",
            "{{ owner }}",
            "Lorem ipsum",
            "____",
            "changeme",
        ),
        *("YYYY-MM-DD", "<your name>", "[___]", "[ ? ]", "**[Name]**", "| [Phone] |"),
    ],
)
def test_a_blank_is_found(text: str) -> None:
    """In prose, in bold, in a table."""
    page = document_pages.read(file(f"# A\n\nCall {text} first.\n", "a.md"))
    assert placeholders(page.texts)


@pytest.mark.parametrize(
    "text",
    [
        *("- [ ] done", "- [x] done", "- [X] Name it", "a footnote[^1]\n\n[^1]: b", "[ERROR] in a line", "[RFC 6901]"),
        *(
            "[Name](a.md)",
            "[Name][ref]\n\n[ref]: a.md",
            "[Name]\n\n[Name]: a.md",
            "`[Name]`",
            "```\n[Name] $(date)\n```",
        ),
        *(
            "    $(date)",
            "the date, the name",
            "a list of names",
            "names[Index]",
            "___",
            "SEV1",
        ),
        *("<!-- [Name] <your name> -->", "![Name](a.png)"),
    ],
)
def test_what_only_looks_like_a_blank_is_none(text: str) -> None:
    """Boxes, links, footnotes, code, pictures, words in brackets that are meant."""
    page = document_pages.read(file(f"# A\n\n{text}\n", "a.md"))
    assert placeholders(page.texts) == []


@pytest.mark.parametrize(
    "text",
    [
        *(
            "Last Updated: 2026-11-01",
            "**Last Updated:** 2026-11-01",
            "**Last Updated**: 2026-11-01",
            "- *last updated* = 2026-11-01",
        ),
        *("> Last updated - November 1, 2026", "Last Updated: 1st Nov. 2026", "_Last-Updated:_ 1 november 2026."),
        *("| Last Updated | 2026-11-01 |\n|---|---|\n| Status | ok |", "---\nlast_updated: 2026-11-01\n---\n# A"),
        *(
            "---\nLast Updated: '2026-11-01T10:00:00Z'\n---\n",
            "Last Updated: `2026-11-01`",
            "Intro.\nLast Updated: 2026-11-01\nMore.",
        ),
    ],
)
def test_a_date_is_read_from_wherever_it_stands(text: str) -> None:
    """A line, a list, a quotation, a table, the front matter; in the forms that mean one day only."""
    page = document_pages.read(file(text, "a.md"))
    assert read_date(said_of(page, "Last Updated")) == date(2026, 11, 1)


@pytest.mark.parametrize(
    "said",
    [None, "", "01/11/2026", "11/2026", "[DATE]", "$(date)", "2026-02-31", "Smarch 3, 2026", "2026", "99999-11-01"],
)
def test_what_may_mean_two_days_or_none_is_no_date(said: str | None) -> None:
    """It is not guessed."""
    assert read_date(said) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        *(
            ("Status: approved", "approved"),
            ("Status:", ""),
            ("Status", ""),
            ("The status is: good", None),
            ("Statuses: 3", None),
        ),
        *(("**Status**: 🟡 READY", "🟡 READY"), ("Status: [APPROVED]", "[APPROVED]"), ("```\nStatus: ok\n```", None)),
    ],
)
def test_what_a_label_says(text: str, said: str | None) -> None:
    """The rest of its line; a blank is said, and does not fill it in."""
    page = document_pages.read(file(text, "a.md"))
    assert said_of(page, "Status") == said
    assert filled(said) is (said in {"approved", "🟡 READY"})


@pytest.mark.parametrize(("said", "verdict"), [("2026-12-01", "pass"), ("soon", "fail"), ("01/12/2026", "fail")])
async def test_a_label_that_wants_a_date_has_one(estates: Estates, said: str, verdict: str) -> None:
    """Words that are no day fill a label in, and name no date; nor does a date that may be two days."""
    put(estates.folder, "a.md", f"Launch date: {said}\n")
    expect = {"present": "= all", "dated": "= all"}
    outcome = await looked(estates, "document.dates", expect, path="a.md", labels=["Launch date"])
    assert outcome.verdict.value == verdict
    assert "present 1 of 1" in outcome.summary or "dated 0 of 1" in outcome.summary


async def test_a_review_to_come_is_not_believed(estates: Estates) -> None:
    """It would never be out of date."""
    put(estates.folder, "a.md", "Last reviewed: 2999-01-01\n")
    outcome = await looked(estates, "document.page", {"reviewed": "< 90 d"}, path="a.md")
    assert outcome.verdict is Verdict.UNKNOWN
    assert "a day to come" in outcome.summary


async def test_a_page_without_a_review_does_not_say(estates: Estates) -> None:
    """Its file's time is not taken for one."""
    put(estates.folder, "a.md", "# A\nWords.\n")
    outcome = await looked(estates, "document.page", {"present": "= yes", "reviewed": "< 90 d"}, path="a.md")
    assert outcome.verdict is Verdict.UNKNOWN


def test_a_page_that_nobody_could_read_is_not_read() -> None:
    """Too long, or with front matter that is no YAML."""
    with pytest.raises(CouldNotObserve, match="none is read"):
        document_pages.read(file("a" * (document_pages.LARGEST + 1), "a.md"))
    with pytest.raises(CouldNotObserve, match="front matter"):
        document_pages.read(file("---\na: [\n---\n", "a.md"))


@pytest.mark.parametrize("path", ["/etc/motd", "../a.md"])
@pytest.mark.parametrize("kind", ["document.page", "document.dates"])
def test_a_page_outside_of_the_folder_is_refused_when_the_book_is_read(kind: str, path: str) -> None:
    """And so it can never be read."""
    with pytest.raises(ValidationError):
        check(kind, {"placeholders": "= 0"}, path=path)


@pytest.mark.parametrize(
    ("text", "nothing"),
    [
        *(
            ("n/a", True),
            ("N / A.", True),
            ("_later_", False),
            ("- soon -", True),
            ("To follow…", True),
            ("[Name]", True),
        ),
        *(("None.", False), ("Nothing", False), ("Not applicable", False), ("none known", False)),
    ],
)
def test_a_section_that_says_that_there_is_none_is_written(text: str, nothing: bool) -> None:
    """Known issues: none. What is to follow, or does not apply, is not."""
    assert says_nothing(text) == nothing


@pytest.mark.parametrize("line", ["-", "- ", "=x", "n/a ", "n ", ". ", "("])
def test_a_long_ruled_line_is_read_at_once(line: str) -> None:
    """In a time that grows as it does, not as its square."""
    begun = time.process_time()
    says_nothing(line * (262_144 // len(line)) + "x")
    assert time.process_time() - begun < 5
