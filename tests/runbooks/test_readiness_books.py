"""The shipped readiness books: whole, right to an editor too, and each line bound."""

from functools import cache
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from pydantic import JsonValue
from ruamel.yaml import YAML

from tasks.vocabulary import KINDS
from tminus.readiness.book import Bound, Holds
from tminus.readiness.coverage import Covered, coverage, shares
from tminus.readiness.schema import readiness_schema

ROOT = Path(__file__).parents[2]
BOOKS = ROOT / "runbooks"
SEED = ROOT.parent / "shared" / "seeds" / "items.tsv"
SYSTEMS = ("tradesense", "vatic")
CHAPTERS = sorted(path for path in BOOKS.glob("*/*.yaml") if path.read_text("utf-8").find("\nreadiness:") >= 0)


@cache
def covered() -> list[Covered]:
    """Every line of both systems."""
    return coverage([BOOKS / system for system in SYSTEMS], KINDS)


@cache
def validator() -> Draft202012Validator:
    """What an editor holds a chapter against."""
    schema = readiness_schema(KINDS)
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_an_editor_accepts_it(path: Path) -> None:
    """The JSON Schema that editors get accepts what the reader accepts."""
    data: JsonValue = YAML(typ="safe").load(path)
    assert [f"{error.json_path}: {error.message[:200]}" for error in validator().iter_errors(data)] == []


def test_an_editor_refuses_a_misspelt_parameter() -> None:
    """It knows each kind's own parameters and units, not only the keys of a line."""
    line = {
        "ref": "s/c/x/1",
        "title": "T",
        "check": "artifact.tests",
        "with": {"report": "x"},
        "expect": {"failed": "= 0"},
    }
    data = {
        "readiness": "c",
        "system": "s",
        "title": "C",
        "order": 1,
        "sections": [{"section": "x", "title": "X", "owner": "o", "lines": [line]}],
    }
    assert list(validator().iter_errors(data))
    line["with"] = {"reports": "x"}
    assert not list(validator().iter_errors(data))
    line["expect"] = {"failed": "= 0 ms"}
    assert list(validator().iter_errors(data))


def test_every_line_of_both_checklists_is_bound() -> None:
    """397 lines, none twice; at least three quarters of the boxes by a system or a parsed artifact."""
    assert len({line.ref for line in covered()}) == len(covered()) == 397
    observed, boxes = shares(covered(), Holds.BOXES)[Bound.OBSERVED]
    assert boxes == 334
    assert observed / boxes >= 0.75


@pytest.mark.skipif(not SEED.is_file(), reason="the checklists' own list of lines is not here (../shared/seeds)")
def test_the_books_are_the_checklists() -> None:
    """Every line of the checklists is there, in order, with the tick that its author gave it."""
    rows = [row.split("\t") for row in SEED.read_text("utf-8").splitlines()[1:]]
    for system in SYSTEMS:
        wanted = [(ref, ticked == "claimed") for ref, _kind, ticked, _text in rows if ref.startswith(f"{system}/")]
        assert [(line.ref, line.claimed) for line in covered() if line.ref.startswith(f"{system}/")] == wanted
