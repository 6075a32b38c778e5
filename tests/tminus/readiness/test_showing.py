"""The account of a checklist in every format: the same lines, in order, and nothing in them breaks the format."""

import json
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from defusedxml import ElementTree
from markdown_it import MarkdownIt
from rich.console import Console

from tests.tminus.readiness.room import AT, CHECK, checklist, seen
from tminus.environment import Environment
from tminus.outcome import Outcome, Verdict
from tminus.readiness.account import Account, account
from tminus.readiness.book import Checklist
from tminus.readiness.judging import judge_lines
from tminus.readiness.opened import Opened
from tminus.readiness.showing import FORMATS, shown_as
from tminus.readiness.standing import Standing
from tminus.readiness.terminal import render
from tminus.release import no_release

ODD = "a \x1b[2J [/data] \ufffe \ud800 <script>alert(1)</script> *star* [x](javascript:1) | & \x07 \u202e end"
REFS = [f"shop/testing/unit/{number}" for number in range(1, 5)]


def opened(folder: Path, book: Checklist) -> Opened:
    """The checklist, in an environment with nothing in it."""
    place = Environment.model_validate(
        {
            "environment": "here",
            "kind": "rehearsal",
            "ledger": {"sqlite": "x"},
            "prefect": {"api": "http://127.0.0.1:1"},
            "state": "s",
        }
    )
    return Opened(folder, book, place, None, no_release("shop"), folder, {})


@pytest.fixture
def drawn(tmp_path: Path) -> Account:
    """A pass, a failure that says odd things, a skip that was claimed, and a part that is unknown."""
    book = checklist(
        tmp_path,
        f"title: First, {CHECK}",
        f"title: Second, {CHECK}",
        f"title: Third, {CHECK}, claimed: true",
        f"title: Fourth, {CHECK}, part: true, promises: {{rpo: 1 h, backup_every: 6 h}}",
    )
    evidence = dict(
        zip(
            REFS,
            ([seen()], [seen(Verdict.FAIL, summary=ODD)], [Outcome.skipped("none")], [Outcome.unknown("silent")]),
            strict=True,
        )
    )
    standing = Standing("c", [], None)
    return account(opened(tmp_path, book), judge_lines(book, evidence, standing, AT), standing, AT)


def test_the_checklist_comes_back_in_order_ticked_by_evidence(drawn: Account) -> None:
    """Every line is there once, in order; only what holds is ticked, and a part stands under its line."""
    text = shown_as("md", drawn)

    boxes = [line for line in text.splitlines() if line.lstrip().startswith("- [")]
    assert [line.lstrip()[:5] for line in boxes] == ["- [x]", "- [ ]", "- [ ]", "- [ ]"]
    assert [ref in line for ref, line in zip(REFS, boxes, strict=True)] == [True] * 4
    assert boxes[3].startswith("  - [ ]")
    assert text.index("Claimed done, not proven") < text.index("## Testing")


def test_what_the_launch_observes_is_not_marked_as_blocking(tmp_path: Path, drawn: Account) -> None:
    """The page marks what blocks now, and as many as its first sentence counts."""
    assert [line.blocked for line in drawn.chapters[0].sections[0].lines] == [False, True, True, True]
    assert shown_as("html", drawn).count('class="step blocked"') == 3

    book, standing = checklist(tmp_path, f"title: Switched, {CHECK}"), Standing("c", [], None)
    judged = [replace(one, at_launch=True) for one in judge_lines(book, {}, standing, AT)]
    later = account(opened(tmp_path, book), judged, standing, AT)
    assert later.ready
    assert 'class="step blocked"' not in shown_as("html", later)


def test_odd_evidence_stays_text(drawn: Account) -> None:
    """What a system said is shown as text: no markup of it comes alive in the page or in rendered Markdown."""
    assert "<script>alert" not in shown_as("html", drawn)
    rendered = MarkdownIt().render(shown_as("md", drawn))
    assert "<script>" not in rendered
    assert "javascript:" not in rendered or "href" not in rendered
    case = next(ElementTree.fromstring(shown_as("junit", drawn)).iter("failure"))
    assert "<script>" in case.get("message")


def test_ci_reads_the_same_verdicts(drawn: Account) -> None:
    """A line is a case; what failed, could not be looked at, or was skipped is told apart."""
    suite = next(ElementTree.fromstring(shown_as("junit", drawn)).iter("testsuite"))

    assert {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")} == {
        "tests": "4",
        "failures": "1",
        "errors": "1",
        "skipped": "1",
    }


def test_the_data_has_everything(drawn: Account) -> None:
    """The JSON holds the verdict, the counts and every line with its evidence."""
    data = json.loads(shown_as("json", drawn))

    lines = [line for chapter in data["chapters"] for section in chapter["sections"] for line in section["lines"]]
    assert [line["ref"] for line in lines] == REFS
    assert data["counts"] == {"pass": 1, "fail": 1, "skipped": 1, "unknown": 1}
    assert not data["ready"]


def test_every_format_begins_with_the_verdict_and_the_unproven_claims(drawn: Account) -> None:
    """Whoever opens any of them learns first whether it is ready, and what is claimed and not proven."""
    assert set(FORMATS) == {"md", "html", "json", "junit"}
    terminal = Console(file=StringIO(), width=200)
    for block in render(drawn, everything=False):
        terminal.print(block)
    assert isinstance(terminal.file, StringIO)
    said = terminal.file.getvalue()
    assert said.index("not ready") < said.index("Claimed done, not proven: 1 of the 1") < said.index("contradict")
    assert "First" not in said
    page = shown_as("html", drawn)
    assert page.index("not ready") < page.index("Claimed done, not proven: 1 of 1") < page.index("may lose 6 h")
