"""The book of secrets says every mistake with its line, and nothing that could not end is rotated."""

from datetime import timedelta
from pathlib import Path
from typing import Literal

import pytest

from tminus.errors import BookError, UsageError
from tminus.rotations.book import Policy, SecretsBook, load_book
from tminus.yaml_source import Source


class Lock(Policy, frozen=True):
    """A kind."""

    kind: Literal["a.lock"] = "a.lock"
    door: str


class Safe(Policy, frozen=True):
    """Another."""

    kind: Literal["a.safe"] = "a.safe"


KINDS: dict[str, type[Policy]] = {"a.lock": Lock, "a.safe": Safe}
GOOD = """
secrets: house
title: The house's secrets
leaked: [security_lead]
rotations:
  front: {kind: a.lock, title: Front door, owner: ops, secret: house/front, every: 30d, door: front}
  safe: {kind: a.safe, title: Safe, owner: ops, secret: house/safe, every: 90d, overlap: 2h, cycle: 0s}
"""


def book(tmp_path: Path, text: str) -> SecretsBook:
    """The book that a file with this text says."""
    file = tmp_path / "secrets.yaml"
    file.write_text(text)
    return load_book(Source.read(file), KINDS)


def test_each_kind_is_its_own_class(tmp_path: Path) -> None:
    """What a kind needs besides is read by that kind."""
    read = book(tmp_path, GOOD)
    assert isinstance(read.rotations["front"], Lock)
    assert read.rotations["front"].door == "front"
    assert read.rotations["safe"].takes == timedelta(hours=2, days=1)


@pytest.mark.parametrize(
    ("wrong", "right", "line", "said"),
    [
        ("a.safe", "a.saef", 7, "a.saef"),
        ("door: front", "dor: front", 6, "dor"),
        ("every: 90d", "every: 1d", 7, "the next would begin before the end"),
        ("house/safe", "house/front", 5, "is rotated by front already"),
        ("overlap: 2h", "overlap: 0s", 7, "overlap"),
        ("leaked: [security_lead]", "leaked: []", 4, "leaked"),
    ],
)
def test_a_mistake_has_its_line(tmp_path: Path, wrong: str, right: str, line: int, said: str) -> None:
    """Each is told where it stands."""
    assert wrong in GOOD
    with pytest.raises(BookError) as raised:
        book(tmp_path, GOOD.replace(wrong, right))
    assert any(one.line == line and said in str(one) for one in raised.value.mistakes), str(raised.value)


def test_an_unknown_name_is_told_the_nearest(tmp_path: Path) -> None:
    """Who mistypes a secret's name is told which is meant."""
    with pytest.raises(UsageError, match="did you mean 'front'"):
        list(book(tmp_path, GOOD).named(("frnt",)))
