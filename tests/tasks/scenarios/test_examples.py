"""What docs/drill-scenarios.md shows is a book and an environment that are taken."""

import re
from itertools import chain
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tasks.scenarios.vocabulary import SCENARIOS
from tminus.drills.book import book_of
from tminus.systems.drills import Drills

PAGE = (Path(__file__).parents[3] / "docs" / "drill-scenarios.md").read_text("utf-8")
MADE_HERE = ("machine.", "proxy.", "redis.connections", "kafka.", "region.")


def blocks() -> list[dict[str, dict[str, object]]]:
    """The page's YAML."""
    return [YAML(typ="safe").load(one) for one in re.findall(r"(?ms)^```yaml\n(.*?)^```", PAGE)]


def scenarios() -> dict[str, object]:
    """All entries; a block without a heading is entries alone."""
    books = [one.get("scenarios", one) for one in blocks() if "drills" not in one]
    return dict(chain.from_iterable(one.items() for one in books))


def test_the_book() -> None:
    """Every entry, with the two of drills.md that the region is made of."""
    failover = {"title": "T", "owner": "o", "rto": "1h", "rpo": "1h"}
    elsewhere = {
        "database-failover": {**failover, "kind": "postgres.failover", "cluster": "main"},
        "cache-failover": {**failover, "kind": "redis.failover", "group": "cache"},
    }
    book = book_of(SCENARIOS).model_validate(
        {"drills": "house", "title": "H", "scenarios": {**elsewhere, **scenarios()}}
    )
    assert "region" in book.scenarios


def test_the_environment() -> None:
    """Every section."""
    sections = [Drills.model_validate(one["drills"]) for one in blocks() if "drills" in one]
    names = [[*one.services, *one.links, *one.kafka] for one in sections]
    assert names == [["orders-1"], ["secrets", "cache"], ["main"]]


@pytest.mark.parametrize("kind", [kind for kind in SCENARIOS if kind.startswith(MADE_HERE)])
def test_every_kind_is_there(kind: str) -> None:
    """In the table."""
    assert f"| `{kind}` |" in PAGE
