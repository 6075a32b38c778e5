"""A broken book: every mistake is named with its line, step and the nearest right name; and editors see it too."""

from pathlib import Path

import jsonschema
import pytest

from tests.tminus.mistaken_books import BOOK, BROKEN, EDITORS_CANNOT_SEE, KINDS, broken
from tminus.editor_schema import runbook_schema
from tminus.errors import BookError
from tminus.runbook_source import build, load
from tminus.wording import PATTERNS
from tminus.yaml_source import Source

# What a JSON Schema has no words for.


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a book is written to."""
    return tmp_path / "book.yaml"


def test_the_base_book_is_right(path: Path) -> None:
    """The book that the others are broken from reads without a mistake."""
    path.write_text(BOOK)
    assert [step.id for step in load(path, KINDS).steps()] == ["healthy", "go", "switch"]


@pytest.mark.parametrize("case", BROKEN)
def test_a_mistake_is_named(case: str, path: Path) -> None:
    """Each mistake is reported with exactly its file, line, step, what was found and what was expected."""
    path.write_text(broken(case))
    with pytest.raises(BookError) as caught:
        load(path, KINDS)
    assert str(caught.value).splitlines() == [f"{path}:{message}" for message in BROKEN[case][1]]


@pytest.mark.parametrize("case", [case for case in BROKEN if case not in EDITORS_CANNOT_SEE])
def test_editors_refuse_it_too(case: str, path: Path) -> None:
    """The JSON Schema refuses what the loader refuses, where a schema can say it at all."""
    validator = jsonschema.Draft202012Validator(runbook_schema(KINDS))
    path.write_text(broken(case))
    assert not validator.is_valid(Source.read(path).data)


def test_editors_accept_the_right_one(path: Path) -> None:
    """The JSON Schema is itself valid, and accepts the book that the loader accepts."""
    schema = runbook_schema(KINDS)
    jsonschema.Draft202012Validator.check_schema(schema)
    path.write_text(BOOK)
    jsonschema.Draft202012Validator(schema).validate(Source.read(path).data)


def test_all_mistakes_at_once(path: Path) -> None:
    """A book with one mistake of many kinds is told all of them, in the order of the file, each once."""
    text = BOOK
    for case in ("unknown parameter", "wrong unit", "bad duration", "duplicate step id", "unknown severity"):
        old, new = BROKEN[case][0]
        head, _, tail = text.partition(old)
        text = head + new + tail
    path.write_text(text.replace("= all", "= some"))
    with pytest.raises(BookError) as caught:
        load(path, KINDS)
    lines = [mistake.line for mistake in caught.value.mistakes]
    assert lines == [13, 15, 16, 26, 31, 32]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "1: expected `key: value` lines at the top of the file"),
        ("- a\n- b\n", "1: expected `key: value` lines at the top of the file"),
        (
            "a: [1\n",
            (
                "2: not valid YAML: expected ',' or ']', but got '<stream end>' while parsing a flow sequence "
                "that begins in line 1"
            ),
        ),
        (
            "a: b\n\tc: d\n",
            "2: not valid YAML: found character '\\t' that cannot start any token while scanning for the next token",
        ),
        (
            "a: b\n---\nc: d\n",
            (
                "2: not valid YAML: but found another document expected a single document in the stream "
                "that begins in line 1"
            ),
        ),
    ],
)
def test_no_yaml(text: str, message: str, path: Path) -> None:
    """What is no YAML, or no mapping, is refused with the line where it goes wrong."""
    path.write_text(text)
    with pytest.raises(BookError) as caught:
        load(path, KINDS)
    assert str(caught.value) == f"{path}:{message}"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "late_by: 2h",
            "late_by: &long 2h\n    <<: {a: b}",
            "6: phase T-4h: '<<' means nothing here; write the lines out",
        ),
        (
            "samples: 3",
            "samples: !int 3",
            "13: step healthy: with.samples: the tag !int means nothing here; leave it out",
        ),
        ("samples: 3", "samples: 99999999999999999999", None),
        ("samples: 3", "samples: .nan", None),
        ("samples: 3", "samples: 9007199254740992", None),
    ],
)
def test_what_yaml_allows_and_a_book_does_not(old: str, new: str, message: str | None, path: Path) -> None:
    """Merge keys, tags and numbers that cannot be kept exactly are mistakes with a line, not surprises later."""
    path.write_text(BOOK.replace(old, new))
    with pytest.raises(BookError) as caught:
        load(path, KINDS)
    kept = f"13: step healthy: with.samples: {new.split()[1]} cannot be kept exactly as a number; put it in quotes"
    assert f"{path}:{message or kept}" in str(caught.value).splitlines()


def test_an_alias_that_holds_itself_ends(path: Path) -> None:
    """A recursive alias is a mistake, not an endless loop."""
    path.write_text(BOOK.replace("with:\n", "with: &self\n          within: *self\n"))
    with pytest.raises(BookError, match="an alias to something that holds it has no end"):
        load(path, KINDS)


def test_a_secret_in_the_wrong_place_is_not_repeated(path: Path) -> None:
    """A value of the wrong type is not echoed: it may be a secret where its reference belongs."""
    path.write_text(BOOK.replace("owner: devops_lead", "owner: 8675309", 1))
    with pytest.raises(BookError) as caught:
        load(path, KINDS)
    assert "8675309" not in str(caught.value)


def test_every_pattern_has_words() -> None:
    """No message shows a regular expression: each pattern of the language is put in words."""
    patterns = set()

    def walk(node: object) -> None:
        if isinstance(node, dict):
            if isinstance(pattern := node.get("pattern"), str) and not pattern.startswith(r"^\s*"):
                patterns.add(pattern)
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    walk(runbook_schema({}))
    assert patterns <= set(PATTERNS)


def test_build_from_frozen_data_names_the_step(path: Path) -> None:
    """Frozen data has no lines any more, and a mistake in it is still named by its step."""
    path.write_text(broken("unknown parameter"))
    thawed = Source.thawed("runbook", Source.read(path).freeze())
    with pytest.raises(BookError) as caught:
        build(thawed, KINDS)
    assert str(caught.value) == "runbook:1: step healthy: with: unknown key 'sampels'; did you mean 'samples'?"
