"""What the page on rotation shows of a book is one that tminus takes: its example, and one of each kind."""

import re
from pathlib import Path

import pytest
from pydantic import BaseModel
from ruamel.yaml import YAML

from tasks.rotators.vocabulary import ROTATORS
from tminus.environment import Environment
from tminus.rotations.book import load_book
from tminus.yaml_source import Source

PAGE = Path(__file__).parents[2] / "docs" / "rotation.md"
EXAMPLES = re.findall(r"```yaml\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
KINDS = {match[1]: example for example in EXAMPLES if (match := re.match(r"kind: (\S+)\n", example))}
PLAIN = "title: T\nowner: devops_lead\nsecret: tradesense/one\nevery: 60d\n"


def read(folder: Path, text: str) -> Source:
    """The text as a book."""
    (folder / "secrets.yaml").write_text(text, "utf-8")
    return Source.read(folder / "secrets.yaml")


def test_the_book_is_taken(tmp_path: Path) -> None:
    """As a file by itself."""
    (example,) = (one for one in EXAMPLES if one.startswith("secrets:"))
    assert list(load_book(read(tmp_path, example), ROTATORS).rotations) == ["database"]


@pytest.mark.parametrize("kind", KINDS)
def test_each_kinds_example_is_taken(tmp_path: Path, kind: str) -> None:
    """As an entry of a book, with what every entry says."""
    entry = "".join(f"    {line}\n" for line in f"{PLAIN}{KINDS[kind]}".splitlines())
    book = f"secrets: shop\ntitle: T\nleaked: [devops_lead]\nrotations:\n  one:\n{entry}"
    policy = load_book(read(tmp_path, book), ROTATORS).rotations["one"]
    assert policy.kind == kind


def test_every_kind_has_one() -> None:
    """None is left out, and none is made up."""
    assert sorted(KINDS) == sorted(ROTATORS)


def test_the_sections_of_an_environment_are_taken() -> None:
    """Each key is one of the environment's."""
    (example,) = (one for one in EXAMPLES if one.startswith("aws:"))
    for name, value in YAML(typ="safe", pure=True).load(example).items():
        plain = {"environment": "e", "kind": "staging", "ledger": {"sqlite": "l"}, "state": "s"}
        found = Environment.model_validate({**plain, "prefect": {"api": "http://p"}, name: value})
        section = getattr(found, name)
        assert isinstance(section, BaseModel) or all(isinstance(one, BaseModel) for one in section.values())
