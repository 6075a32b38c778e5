"""Reading a checklist: every mistake is said with its line and the nearest right name."""

import contextlib
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from tests.tminus.readiness.room import CHECK, KINDS, book, checklist, source
from tminus.errors import BookError, UsageError
from tminus.readiness.book import Bound
from tminus.readiness.judging import bound_of
from tminus.readiness.source import build_checklist, load_checklist
from tminus.runbook import Severity
from tminus.yaml_source import Source

MISTAKES = {
    "an unknown key": ("title: A, chek: made.counted", "unknown key 'chek'; did you mean 'check'?"),
    "an unknown kind": ('title: A, check: made.countd, expect: {count: "= 1"}', "did you mean 'made.counted'?"),
    "a wrong unit": ('title: A, check: made.counted, expect: {lag: "< 5 h/s"}', "is measured in ms"),
    "an unknown measurement": ('title: A, check: made.counted, expect: {cout: "= 1"}', "did you mean 'count'?"),
    "nothing that judges it": ("title: A", "expected one of check, all, attestation"),
    "two ways at once": (f"title: A, same_as: shop/testing/unit/1, {CHECK}", "found checks and same_as"),
    "a line that leads nowhere": ("title: A, same_as: shop/testing/unit/99", "no line is 'shop/testing/unit/99'"),
    "a step that is not there": ("title: A, at_launch: [deploy]", "no step of the launch is 'deploy'"),
    "an unknown promise": (f"title: A, {CHECK}, promises: {{rpoo: 1 h}}", "did you mean 'rpo'?"),
    "a promise in a wrong unit": (f"title: A, {CHECK}, promises: {{rpo: 1 %}}", "'1 %' is not in min"),
    "no list of checks": ("title: A, all: made.counted", "expected a list of checks"),
    "an empty list of checks": ("title: A, all: []", "expected a list of checks"),
    "a statement without a role": ("title: A, attestation: {statement: I did, valid_for: 1d}", "'role' is missing"),
    "a goal that nothing measures": (
        f"title: A, {CHECK}, baseline: {{measurement: cuont, per: month, change: '<= 0 %'}}",
        "no check of this line measures 'cuont' as a number; did you mean 'count'?",
    ),
    "an unknown severity": (f"title: A, {CHECK}, severity: urgent", "severity"),
}


def said(folder: Path, *lines: str) -> str:
    """What is wrong with a book of these lines."""
    with pytest.raises(BookError) as found:
        checklist(folder, *lines)
    return str(found.value)


def test_two_sections_of_one_place_are_refused(tmp_path: Path) -> None:
    """In one file or in two: what is told of one place would be told of both."""
    one = book(f"title: A, {CHECK}")
    begun = (
        one[one.index("  - section: unit") :].replace("unit/1,", "unit/2,").replace("section: unit", "section: more")
    )
    with pytest.raises(BookError, match="begin with `shop/testing/unit/` too; give this section's another beginning"):
        build_checklist([source(tmp_path, one + begun)], [], KINDS)

    head = one[: one.index("  - section: unit")].replace("readiness: testing", "readiness: other")
    with pytest.raises(BookError, match=r"the section at 1\.yaml line 7"):
        build_checklist([source(tmp_path, one), source(tmp_path, head + begun, "2.yaml")], [], KINDS)


def test_a_right_book_reads_as_it_says(tmp_path: Path) -> None:
    """Every key of a line is taken as written, and a line without an owner has its section's."""
    found = checklist(
        tmp_path,
        f"title: A, {CHECK}, claimed: true, fresh_for: 2h, severity: advisory, owner: ceo",
        'title: B, part: true, all: [{check: made.counted, expect: {count: "= 1"}}, '
        '{check: made.paper, expect: {word: "= yes"}}]',
        "title: C, attestation: {role: ceo, statement: I say so, valid_for: 30d}",
        "title: D, same_as: shop/testing/unit/1",
    )

    first, second, third, fourth = found.lines()
    assert (first.owner, first.claimed, first.severity) == ("ceo", True, Severity.ADVISORY)
    assert first.fresh_for == timedelta(hours=2)
    assert [check.kind for check in second.checks] == ["made.counted", "made.paper"]
    assert second.owner == "engineering_lead"
    assert second.part
    assert third.attestation is not None
    assert found.judged_by(fourth) is first


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_said_with_its_line(tmp_path: Path, mistake: str) -> None:
    """It names the file, the line, the ref, what is wrong and what would be right."""
    line, wanted = MISTAKES[mistake]

    found = said(tmp_path, f"title: Good, {CHECK}", line)

    assert wanted in found
    assert "1.yaml:12: shop/testing/unit/2" in found


def test_all_mistakes_are_said_at_once(tmp_path: Path) -> None:
    """Whoever mends a book needs one run to know what is wrong."""
    assert len(said(tmp_path, *(line for line, _ in MISTAKES.values())).splitlines()) >= len(MISTAKES)


def test_a_ref_is_one_line(tmp_path: Path) -> None:
    """A ref in two places, of one file or of two, would be judged twice."""
    twice = book(f"title: A, {CHECK}").replace(
        "lines:\n", f"lines:\n      - {{ref: shop/testing/unit/1, title: B, {CHECK}}}\n"
    )
    with pytest.raises(BookError, match="taken by the line in line 11"):
        build_checklist([source(tmp_path, twice)], [], KINDS)

    other = book(f"title: A, {CHECK}").replace("order: 1", "order: 2")
    with pytest.raises(BookError, match=r"taken in 1\.yaml"):
        build_checklist([source(tmp_path, book(f"title: A, {CHECK}")), source(tmp_path, other, "2.yaml")], [], KINDS)


def test_a_folder_is_one_system(tmp_path: Path) -> None:
    """Refs of another system in a folder are a mistake, be it of a line or of a file."""
    text = book(f"title: A, {CHECK}").replace("ref: shop/", "ref: mall/")
    with pytest.raises(BookError, match="is not of shop"):
        build_checklist([source(tmp_path, text)], [], KINDS)


def test_the_same_as_the_same_is_refused(tmp_path: Path) -> None:
    """A chain of them would hide which line judges."""
    lines = (f"title: A, {CHECK}", "title: B, same_as: shop/testing/unit/1", "title: C, same_as: shop/testing/unit/2")

    assert "is itself the same as another" in said(tmp_path, *lines)


def test_a_folder_without_chapters_is_said(tmp_path: Path) -> None:
    """A mistyped folder must not read as a checklist without lines, which would be ready."""
    (tmp_path / "launch.yaml").write_text("runbook: launch\n", "utf-8")

    with pytest.raises(UsageError, match="holds no readiness chapter"):
        load_checklist(tmp_path, KINDS)


def test_what_a_line_is_bound_by(tmp_path: Path) -> None:
    """One system among its checks makes a line observed; documents alone make it a document; people make it a word."""
    found = checklist(
        tmp_path,
        f"title: A, {CHECK}",
        'title: B, check: made.paper, expect: {word: "= yes"}',
        'title: C, all: [{check: made.paper, expect: {word: "= yes"}}, {check: made.counted, expect: {count: "= 1"}}]',
        "title: D, attestation: {role: ceo, statement: I say so, valid_for: 30d}",
        "title: E, same_as: shop/testing/unit/2",
        "title: F, sign_off: {role: ceo}",
    )

    assert [bound_of(found, line, {}) for line in found.lines()] == [
        Bound.OBSERVED,
        Bound.DOCUMENT,
        Bound.OBSERVED,
        Bound.ATTESTED,
        Bound.DOCUMENT,
        Bound.ATTESTED,
    ]


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(["made.counted", "= 1", "1d"]),
    lambda inside: (
        st.lists(inside, max_size=3)
        | st.dictionaries(
            st.sampled_from(["ref", "check", "with", "expect", "all", "count", "role", "title"]), inside, max_size=4
        )
    ),
    max_leaves=12,
)


@given(
    lines=st.lists(
        st.dictionaries(
            st.sampled_from(
                [
                    "ref",
                    "title",
                    "check",
                    "with",
                    "expect",
                    "all",
                    "same_as",
                    "at_launch",
                    "attestation",
                    "sign_off",
                    "promises",
                    "owner",
                    "baseline",
                ]
            ),
            _VALUES,
            max_size=6,
        ),
        max_size=4,
    )
)
def test_whatever_stands_in_a_book_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, lines: list[object]
) -> None:
    """Odd lines are mistakes in words, never a crash."""
    folder = tmp_path_factory.mktemp("book")
    data = {
        "readiness": "testing",
        "system": "shop",
        "title": "T",
        "order": 1,
        "sections": [{"section": "unit", "title": "U", "owner": "x", "lines": lines}],
    }
    with (folder / "1.yaml").open("w", encoding="utf-8") as file:
        YAML().dump(data, file)

    with contextlib.suppress(BookError):
        build_checklist([Source.read(folder / "1.yaml")], [], KINDS)
