"""report.html and report.md: valid, self-contained, safe, and complete."""

import re
from collections.abc import Callable, Mapping
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tminus.launch_story import Story
from tests.tminus.told_launches import STORIES, launched
from tminus.errors import UsageError
from tminus.ledger.logbook import Logbook
from tminus.report.drawing_up import draw_up
from tminus.report.rendering import checklist, markdown_escaped, page
from tminus.report.writing import write_report

Told = Callable[[str], Story]
_EMPTY = frozenset({"meta", "br"})
_NASTY = "<script>alert('x')</script> & \"so\" on"


class Balanced(HTMLParser):
    """Reads a page, and remembers what is wrong with it."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.faults: list[str] = []
        self.addresses: list[str] = []
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.text: list[str] = []
        self.opened: list[Mapping[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Opens an element."""
        self.tags.append(tag)
        found = dict(attrs)
        self.addresses += [found[name] or "" for name in ("src", "href", "xlink:href", "action") if name in found]
        self.faults += [f"{tag} has {name}" for name in found if name.startswith("on")]
        if "id" in found:
            self.ids.append(found["id"] or "")
        if tag == "details":
            self.opened.append(found)
        if tag not in _EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element that closes itself, as in SVG."""
        self.handle_starttag(tag, attrs)
        if tag not in _EMPTY:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        """Closes the element that was opened last."""
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> closes something else")

    def handle_data(self, data: str) -> None:
        """Collects the text."""
        if "style" not in self.open:
            self.text.append(data)


def read(html: str) -> Balanced:
    """The page, parsed."""
    found = Balanced()
    found.feed(html)
    found.close()
    return found


def html_of(story: Story) -> str:
    """The story's page."""
    return page(draw_up(story.frozen, story.record, story.at))


@pytest.mark.parametrize("name", STORIES)
def test_the_page_is_balanced_and_needs_no_network(told: Told, name: str) -> None:
    """Every element closes, ids are unique, links lead only into the page, there is no script, nothing is fetched."""
    html = html_of(told(name))
    found = read(html)
    assert found.faults == []
    assert found.open == []
    assert len(found.ids) == len(set(found.ids))
    assert all(address.startswith("#") and address[1:] in found.ids for address in found.addresses)
    assert not {"script", "link", "img", "iframe", "object", "embed"} & set(found.tags)
    assert set(re.findall(r"url\(([^)]*)\)", html)) <= {"#waiting", "#nothing"}
    assert "@import" not in html


@pytest.mark.parametrize("name", STORIES)
def test_the_verdict_comes_first_and_everything_in_order(told: Told, name: str) -> None:
    """Verdict, countdown, watch, way back, decisions, checklist, follow-ups, provenance."""
    html = html_of(told(name))
    order = ['class="said"', 'id="countdown"', 'id="watch"', 'id="rollback"', 'id="decisions"', 'id="checklist"']
    places = [html.index(part) for part in (*order, 'id="follow-ups"', 'id="provenance"') if part in html]
    assert places == sorted(places)
    assert len(places) >= 6


@pytest.mark.parametrize("name", STORIES)
def test_every_step_stands_with_a_symbol_and_a_word(told: Told, name: str) -> None:
    """Colour is never the only sign."""
    story = told(name)
    found = draw_up(story.frozen, story.record, story.at)
    text = " ".join(" ".join(read(page(found)).text).split())
    for phase in found.phases:
        for step in phase.steps:
            assert f"{step.mark.symbol} {step.mark.word}" in text
            assert step.id in text


def test_phases_are_folded_except_where_something_blocked(told: Told) -> None:
    """Who opens the page sees at once what stood in the way."""
    phases = [found for found in read(html_of(told("stale-backup"))).opened if found.get("class") == "phase"]
    assert ["open" in found for found in phases] == [True, False, False, False]
    phases = [found for found in read(html_of(told("launched"))).opened if found.get("class") == "phase"]
    assert not any("open" in found for found in phases)


def test_it_is_made_for_phones_the_dark_and_paper(told: Told) -> None:
    """A viewport, both schemes, a print style, and drawings of two widths."""
    html = html_of(told("rolled-back"))
    for part in ("width=device-width", "prefers-color-scheme: dark", "@media print", "max-width: 719px"):
        assert part in html
    assert html.count('class="drawing wide"') == html.count('class="drawing narrow"') == 3


def test_what_people_wrote_is_never_markup(tmp_path: Path) -> None:
    """A title with a script is shown as text, in the page as in the checklist."""
    story = launched(tmp_path, title=_NASTY)
    found = draw_up(story.frozen, story.record, story.at)
    html, markdown = page(found), checklist(found)
    assert "<script" not in html
    assert _NASTY in " ".join(read(html).text)
    assert "<script" not in markdown.replace("\\<", "")


def test_the_checklist_ticks_what_passed_or_was_waived(told: Told) -> None:
    """A tick for those, none for the others, each with its refs, what was expected and found, and when."""
    story = told("waived")
    text = checklist(draw_up(story.frozen, story.record, story.at))
    assert "- [x] ~ waived: **Nothing critical or high is known in what we launch**" in text
    assert "- [x] ✓ pass: **Last night's database backup" in text
    assert "- [ ] · not begun: **Customers are switched" in text
    assert "waived by Security lead, first shift until 2026-12-22: not reachable in our setup" in text
    assert "refs: tradesense/launch-day-checklist/pre-launch-t-4-hours/1" in text
    assert "expected: age \\< 24 h" in text
    assert "when: 2026-11-22 02:30:42 UTC" in text


@given(st.text(max_size=60))
def test_escaped_text_stays_one_line_and_means_only_itself(text: str) -> None:
    """No list, table, link or tag comes of it, and nothing of it is lost."""
    escaped = markdown_escaped(text)
    assert "\n" not in escaped
    assert re.sub(r"\\([\\`*_{}\[\]<>#|~])", r"\1", escaped) == " ".join(text.split())
    assert not re.search(r"(?<!\\)(?:\\\\)*[<`|\[]", escaped)


def test_three_files_are_written(told: Told, tmp_path: Path) -> None:
    """Into a folder that is made; read from the ledger as it is now."""
    story = told("rolled-back")
    book = Logbook(story.store, story.frozen.created.launch)
    written = write_report(book, story.frozen, tmp_path / "deep" / "out")
    assert [path.name for path in written] == ["report.html", "report.md", "report.json"]
    assert all(path.stat().st_size > 1000 for path in written)


def test_a_folder_that_cannot_be_written_to_is_named(told: Told, tmp_path: Path) -> None:
    """With what to do next."""
    (tmp_path / "file").write_text("in the way")
    story = told("created")
    with pytest.raises(UsageError, match="give another folder with --out"):
        write_report(Logbook(story.store, story.frozen.created.launch), story.frozen, tmp_path / "file" / "out")
