"""What docs/drills.md shows to be copied is a book and an environment that are taken, and that belong together."""

import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from ruamel.yaml import YAML

from cli.main import main
from tminus.yaml_document import parse

PAGE = (Path(__file__).parents[3] / "docs" / "drills.md").read_text("utf-8")
BLOCKS: list[Any] = [parse(one).data for one in re.findall(r"(?ms)^```yaml\n(.*?)^```", PAGE)]


def block(key: str) -> dict[str, Any]:
    """The one that has this key at its top."""
    [found] = [one for one in BLOCKS if key in one and ("environment" in one) == (key == "environment")]
    return found


def validated(folder: Path, book: dict[str, Any]) -> Result:
    """What `tminus validate` says of this book in that environment."""
    for name, data in (("drills", book), ("environment", block("environment"))):
        with (folder / f"{name}.yaml").open("w", encoding="utf-8") as file:
            YAML().dump(data, file)
    words = [str(folder / "drills.yaml"), "--environment", str(folder / "environment.yaml")]
    return CliRunner().invoke(main, ["validate", *words])


def book_with(*keys: str) -> dict[str, Any]:
    """The page's book, with what further blocks say of these keys."""
    book = block("drills")
    for key in keys:
        more = block(key)
        book = {**book, **more, "scenarios": {**book["scenarios"], **more.get("scenarios", {})}}
    return book


def test_the_environment_takes_the_book(tmp_path: Path) -> None:
    """Both whole: nothing in them is left out."""
    came = validated(tmp_path, book_with())
    assert (came.exit_code, "3 scenarios, no mistake found" in came.stdout) == (0, True), came.output


def test_the_months_and_the_year(tmp_path: Path) -> None:
    """What `yearly` names is there."""
    came = validated(tmp_path, book_with("monthly"))
    assert (came.exit_code, "4 scenarios" in came.stdout) == (0, True), came.output


def test_the_guards(tmp_path: Path) -> None:
    """They ask what that environment does not name, which is found."""
    came = validated(tmp_path, book_with("guards"))
    assert came.exit_code == 2
    assert "staging has no `prometheus`" in came.stderr


@pytest.mark.parametrize("word", ["patience", "rejoin", "restorable"])
def test_nothing_is_left_to_the_reader(word: str) -> None:
    """No dots stand for something."""
    [text] = [one for one in re.findall(r"(?ms)^```yaml\n(.*?)^```", PAGE) if one.startswith("environment:")]
    assert word in text
    assert "…" not in text
