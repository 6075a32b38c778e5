"""What in a Markdown file is a line, and what it is called."""

import pytest

from tests.tminus.importing.imports import imported, lines_of
from tminus.importing.slugs import Taken, slug, system_of
from tminus.readiness.book import Holds


def titles(text: str) -> list[str]:
    """The titles of a text's lines."""
    return [line.title for line in lines_of(text)]


@pytest.mark.parametrize(
    ("text", "claimed", "title"),
    [
        ("- [ ] a", False, "a"),
        ("- [x] a", True, "a"),
        ("* [X] a", True, "a"),
        ("+ [] a", False, "a"),
        ("1. [x] a", True, "a"),
        ("[ ] a", False, "a"),
        ("# Ops\n☑ a", True, "a"),
        ("# Ops\n- ✅ a", True, "a"),
        ("# Ops\n- ❌ a", False, "a"),
        ("# Ops\n1. a", False, "a"),
        ("- [ ] **a** _b_ `c` [d](https://e.example)", False, "a b `c` d (https://e.example)"),
        ("- [ ] [d](page.md) <https://e.example>", False, "d https://e.example"),
        ("- [ ] a\n  b", False, "a b"),
        ("- [ ] restore <service> <br> now", False, "restore <service> now"),
        ("- [x] - a: {b} % # c", True, "- a: {b} % # c"),
    ],
)
def test_an_entry_is_a_line(text: str, claimed: bool, title: str) -> None:
    """With its tick, and its text as plain text."""
    (line,) = lines_of(text)
    assert (line.claimed, line.title) == (claimed, title)


def test_nested_boxes_are_parts() -> None:
    """Of the line above; under a bullet without a box they are lines of their own."""
    lines = lines_of("- [ ] a\n  - [x] b\n    - [ ] c\n  - a note\n- group\n  - [ ] d\n")

    assert [(line.title, line.part) for line in lines] == [("a", False), ("b", True), ("c", True), ("d", False)]


def test_plain_bullets_are_lines_only_where_there_are_no_boxes() -> None:
    """In a file with boxes they explain."""
    assert titles("# Ops\n- a\n- b\n") == ["a", "b"]
    assert titles("# Ops\n- a\n- [ ] b\n") == ["b"]
    assert titles("# Overview\n- why\n# Ops\n- a\n") == ["a"]


def test_headings_are_chapters_and_sections() -> None:
    """The title is none; deeper headings join those above them; the same name twice gets a number."""
    lines = lines_of(
        "# 🚀 Shop checklist\n- [ ] a\n## ✅ 1. Tests (DONE)\n- [ ] b\n### Unit & more\n- [ ] c\n#### Deep\n- [ ] d\n"
        "### Unit & more\n- [ ] e\n## 1. Tests\n- [ ] f\n## 数据库\n- [ ] g\n"
    )

    assert [line.ref for line in lines] == [
        "shop/shop-checklist/1",
        "shop/1-tests/1",
        "shop/1-tests/unit-more/1",
        "shop/1-tests/unit-more-deep/1",
        "shop/1-tests/unit-more-2/1",
        "shop/1-tests-2/1",
        "shop/chapter-3/1",
    ]


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ("| Item | Status |\n|-|-|\n| a | ✅ |\n| b | ❌ |\n| c | Done |\n| d | |", ["xa", " b", "xc", " d"]),
        ("| # | Check | Owner | Complete |\n|-|-|-|-|\n| 1 | a | Ann | Yes |\n| 2 | b | Bob | N/A |", ["xa", " b"]),
        ("| | Task |\n|-|-|\n| [x] | a |\n| [ ] | b |", ["xa", " b"]),
        ("| Task | Owner |\n|-|-|\n| [x] a | Ann |", ["xa"]),
        ("| Service | Done? |\n|-|-|\n| a | yes |", ["xa"]),
        ("| Item | Target date | Status |\n|-|-|-|\n| a | 2026-12-01 | open |", [" a"]),
    ],
)
def test_a_tables_rows_are_lines(table: str, expected: list[str]) -> None:
    """By the column that looks like the item, ticked by the column that says so."""
    found = lines_of(f"# Ops\n{table}\n")

    assert [f"{'x' if line.claimed else ' '}{line.title}" for line in found] == expected


def test_tables_of_other_sorts() -> None:
    """Sign-offs by their roles, metrics with their targets, contacts with how to reach them; a glossary is none."""
    found = lines_of(
        "# Ops\n| Role | Name | Signature |\n|-|-|-|\n| CEO | | |\n\n| Metric | Target |\n|-|-|\n| p99 | < 9 ms |\n\n"
        "| Name | Phone |\n|-|-|\n| Ann | 123 |\n\n| Term | Meaning |\n|-|-|\n| a | b |\n"
    )

    assert [(line.title, line.holds) for line in found] == [
        ("CEO", Holds.SIGN_OFFS),
        ("p99: < 9 ms", Holds.METRICS),
        ("Ann: 123", Holds.CONTACTS),
    ]


def test_lists_are_what_their_heading_says() -> None:
    """Contacts, next steps, metrics and criteria need no boxes; a tick among criteria is a bullet."""
    found = lines_of(
        "# A\n- [ ] box\n# Emergency contacts\n- Primary: [Name]\n# Next steps\n1. go\n# KPIs\n- **Uptime**: 99 %\n"
        "- **Users**: grow\n# Success criteria\n- ✅ fast\n"
    )

    assert [(line.title, line.holds, line.claimed) for line in found[1:]] == [
        ("Primary: [Name]", Holds.CONTACTS, False),
        ("go", Holds.NEXT_STEPS, False),
        ("Uptime: 99 %", Holds.METRICS, False),
        ("Users: grow", Holds.METRICS, False),
        ("fast", Holds.CRITERIA, False),
    ]


def test_each_command_of_a_shell_block_is_a_line() -> None:
    """Comments and output are none, a backslash joins two; a script and another language are not understood."""
    found = imported(
        "# A\n- [ ] b\n```bash\n# why\n./x.sh <env> \\\n  --all\nmake *all*\n```\n```\n$ make y\nmade\n```\n"
        "```bash\nfor i in 1 2; do\n  x\ndone\n```\n```yaml\na: b\n```\n"
    )

    operations = [one.line for one in found.lines() if one.line.holds is Holds.OPERATIONS]
    assert [(line.title, line.line) for line in operations] == [
        ("./x.sh <env> --all", 5),
        ("make *all*", 7),
        ("make y", 10),
    ]
    assert [(note.line, note.what.partition(";")[0]) for note in found.not_understood] == [
        (13, "a script of several lines"),
        (18, "yaml code"),
    ]


def test_the_checklists_own_dates_are_a_chapter() -> None:
    """Where a date stands; a status alone is a chapter's, and not understood."""
    found = imported("# A\n- [ ] b\n\n**Status**: done\n\n# C\n**Last Updated**: today\n**Status**: ok\nmore\n")

    assert [one.line.ref for one in found.lines()] == ["shop/a/1", "shop/review/1", "shop/review/2"]
    assert [(note.line, note.what) for note in found.not_understood] == [(4, "text"), (9, "text")]


def test_what_is_not_understood_is_named_with_its_line() -> None:
    """Front matter, text, images, HTML, empty boxes, links to headings: nothing is lost silently."""
    found = imported(
        "---\ntitle: x\n---\ntext\n\n- [a](#a)\n\n![i](i.png)\n\n<p>html</p>\n\n"
        "- [ ]\n- [ ] a\n\n  more\n\n  ```\n  code\n  ```\n"
    )

    assert [(note.line, note.what) for note in found.not_understood] == [
        (1, "front matter of 3 lines"),
        (4, "text"),
        (6, "text"),
        (8, "an image"),
        (10, "HTML"),
        (12, "a line without words"),
        (15, "text"),
        (17, "code in a list"),
    ]


def test_what_is_nested_too_deep_is_named() -> None:
    """The parser stops at a depth; the first line beyond it is said."""
    deep = "\n".join(f"{'  ' * depth}- [ ] level {depth}" for depth in range(200))

    found = imported(deep)

    assert 20 < len(list(found.lines())) < 200
    assert found.not_understood[-1].what == "what is nested too deep to be read"


@pytest.mark.parametrize(
    ("names", "system"),
    [
        (("🚀 TradeSense Production Readiness Checklist", "x"), "tradesense"),
        (("Production Readiness Checklist", "web-shop"), "web-shop"),
        (("Checklist", "README"), "checklist"),
        (("", "数据"), "checklist"),
        (("Launch Checklist for the Web Shop", ""), "web-shop"),
    ],
)
def test_the_system_is_guessed_from_what_says_more(names: tuple[str, ...], system: str) -> None:
    """The title, else the file's name, without the words that every checklist has."""
    assert system_of(*names) == system


def test_slugs() -> None:
    """Small letters, digits, hyphens and plus signs; a state in brackets is no part of a name."""
    assert slug("✅ Phase 1: Security Hardening (COMPLETED)") == "phase-1-security-hardening"
    assert slug("Post-Launch (T+4 hours)") == "post-launch-t+4-hours"
    assert slug("Café & Don't") == "cafe-dont"
    assert slug("数据库 🚀") == ""
    taken = Taken()
    assert [taken.name(one) for one in ("a", "a", "a-2", "a")] == ["a", "a-2", "a-2-2", "a-3"]
