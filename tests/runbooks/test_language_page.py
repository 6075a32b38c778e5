"""The page about the language says what is so: its example is a book, and every key is on it."""

import re
from pathlib import Path

import pytest

from tasks.vocabulary import KINDS
from tminus.runbook import PEOPLE_KINDS, Phase, Runbook
from tminus.runbook_source import STEP_KEYS, build
from tminus.yaml_document import parse
from tminus.yaml_source import Source

PAGE = Path(__file__).parents[2] / "docs" / "runbook-language.md"


def test_the_example_is_a_book() -> None:
    """The book on the page reads without a mistake."""
    (example,) = re.findall(r"```yaml\n(runbook:.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert build(Source(PAGE, parse(example)), KINDS).runbook == "launch"


@pytest.mark.parametrize(
    "key",
    sorted(
        {*STEP_KEYS, *Phase.model_fields, *Runbook.model_fields}
        | {name for spec in PEOPLE_KINDS.values() for name in spec.model_fields if name != "kind"}
    ),
)
def test_every_key_is_on_the_page(key: str) -> None:
    """No key of the language is undocumented."""
    assert re.search(rf"`{key}\b", PAGE.read_text("utf-8"))
