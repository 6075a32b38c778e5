"""A launch whose watch could not tell an outside cause from a bad release is refused before it exists."""

from pathlib import Path

import pytest
import rfc8785
from pydantic import JsonValue

from tasks.checks.watch import ReleaseWatch
from tasks.vocabulary import KINDS
from tminus.errors import UsageError
from tminus.launching import Documents
from tminus.yaml_source import Source

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "data"


def documents(**changed: JsonValue) -> Documents:
    """The shipped book and the example files, with fields of the service changed."""
    environment = Source.read(DATA / "environment.yaml").data
    assert isinstance(environment, dict)
    assert isinstance(environment["services"], dict)
    trading = environment["services"]["trading"]
    assert isinstance(trading, dict)
    trading.update(changed)
    return Documents(
        Source.read(DATA / "release.yaml"),
        Source.read(ROOT / "runbooks" / "tradesense" / "launch.yaml"),
        Source.read(DATA / "people.yaml"),
        Source.thawed("environment", rfc8785.dumps(environment).decode()),
        KINDS,
    )


def test_a_watched_service_needs_a_control() -> None:
    """With it the documents fit one another; without it the step is named, and what to add."""
    documents().check()
    with pytest.raises(
        UsageError, match=r"error-rate-watched: .* names no `control` .* add the path of something harmless"
    ):
        documents(control=None).check()


def test_a_watch_without_probes_is_refused() -> None:
    """Nobody would be asked."""
    plain = {"service": "trading", "for": "2h", "expect": {"error_rate": "< 0.1 %"}}
    assert ReleaseWatch.model_validate(plain).probes == 6
    with pytest.raises(ValueError, match="greater than or equal to 1"):
        ReleaseWatch.model_validate({**plain, "probes": 0})
