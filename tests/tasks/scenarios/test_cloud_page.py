"""What docs/drill-cloud.md shows is a book and an environment that are taken, and fit each other."""

import re
from pathlib import Path

from ruamel.yaml import YAML

from tasks.scenarios.vocabulary import SCENARIOS
from tminus.drills.book import Drill, book_of
from tminus.systems.drills import Drills

PAGE = (Path(__file__).parents[3] / "docs" / "drill-cloud.md").read_text("utf-8")
CLOUD = ("rds.", "aurora.", "elasticache.", "aws.")


def entries(heading: str) -> dict[str, object]:
    """All that its blocks name under a heading."""
    blocks = [YAML(typ="safe").load(one) for one in re.findall(r"(?ms)^```yaml\n(.*?)^```", PAGE)]
    return {name: entry for one in blocks for name, entry in one.get(heading, {}).items()}


def test_its_examples() -> None:
    """Every scenario of the cloud is there once, in the table too, and the environment names what it breaks."""
    book = book_of(SCENARIOS).model_validate({"drills": "h", "title": "H", "scenarios": entries("scenarios")})
    places = Drills.model_validate(entries("drills"))
    shown: dict[str, Drill] = {one.kind: one for one in book.scenarios.values()}
    assert sorted(shown) == sorted(kind for kind in SCENARIOS if kind.startswith(CLOUD))
    for kind, drill in shown.items():
        assert f"| `{kind}` |" in PAGE
        for field, section in drill.sections.items():
            assert getattr(drill, field) in getattr(places, section)
