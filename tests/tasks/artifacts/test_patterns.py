"""Patterns on texts of strangers: bounded in time, and what they find is counted and never shown."""

from time import monotonic

import pytest
from pydantic import ValidationError

from tasks import artifact_patterns
from tests.conftest import Estates
from tests.tasks.artifacts.looking import check, found, looked, put
from tminus.outcome import Verdict


async def test_a_pattern_that_takes_for_ever_is_given_up(estates: Estates, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unknown in time, with what to do about it."""
    monkeypatch.setattr(artifact_patterns, "_WITHIN", 0.3)
    put(estates.folder, "a.txt", "x" * 60)
    began = monotonic()

    outcome = await looked(estates, "artifact.text", {"matches": "= 0"}, files="a.txt", pattern=r"(x+x+)+y|(x|xx)+z\1")

    assert outcome.verdict is Verdict.UNKNOWN
    assert "write a simpler pattern" in outcome.summary
    assert monotonic() - began < 10


@pytest.mark.parametrize("pattern", ["(", "[a", "*", "", "x" * 1001, "(?P<a>x)(?P<a"])
def test_what_is_no_pattern_is_refused_when_the_book_is_read(pattern: str) -> None:
    """With the reason."""
    with pytest.raises(ValidationError):
        check("artifact.text", {"matches": "= 0"}, files="*", pattern=pattern)
    with pytest.raises(ValidationError):
        check("artifact.tests", {"tests": "> 0"}, reports="*", only=[pattern])


async def test_lines_and_files_are_counted_and_not_shown(estates: Estates) -> None:
    """Two matches in a line are one; the evidence has places, and nothing of what stands there."""
    secret = "ghp_" + "a1b2c3d4e5" * 3
    put(estates.folder, "a/one.py", f"x = 1\ny = '{secret}' + '{secret}'\n")
    put(estates.folder, "a/two.py", "z = 3\n")
    put(estates.folder, "a/three.txt", f"{secret}\n".encode("utf-16"))

    outcome = await looked(estates, "artifact.text", {"matches": "= 0"}, files="a/**/*", pattern="ghp_[a-z0-9]{30}")

    assert found(outcome) == {"matches": "2", "files": "2 of 3", "searched": "3"}
    assert outcome.details == ("a/one.py:2", "a/three.txt:1")
    assert secret not in outcome.model_dump_json()


async def test_no_file_to_search_is_no_clean_bill(estates: Estates) -> None:
    """Nothing was looked at, so nothing is known."""
    outcome = await looked(estates, "artifact.text", {"matches": "= 0"}, files="*.py", pattern="x")
    assert outcome.verdict is Verdict.UNKNOWN
