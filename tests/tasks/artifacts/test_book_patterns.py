"""The names of tests that the books ask for: a test of something else must not stand for one of them."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest
from pydantic import JsonValue

from tasks.artifact_files import ArtifactFile
from tasks.artifact_pointer import at_pointer
from tasks.artifact_yaml import read_yaml
from tests.conftest import Estates
from tests.tasks.artifacts.looking import found, looked, put

BOOKS = Path(__file__).parents[3] / "runbooks"
TRAPS = {
    "vatic/1-testing/unit-tests/2": (3, ["test_coffee", "test_price_feed", "test_nonprofit", "test_feedback"]),
    "vatic/1-testing/unit-tests/3": (2, ["test_asterisk_per_trade"]),
    "vatic/1-testing/integration-tests/6": (
        6,
        ["test_border", "test_runs_in_order", "test_asterisk", "test_author", "test_authority", "test_reorder"],
    ),
    "vatic/1-testing/e2e-tests/2": (
        6,
        [
            "test_assessment_login_with_wrong_password_fails",
            "test_assessment_registration_fails",
            "test_assessment_purchase_is_refused",
            "test_assessment_extradition_password",
        ],
    ),
    "vatic/1-testing/e2e-tests/3": (3, ["test_funded_password", "test_funded_withdrawal_is_refused"]),
    "vatic/appendix-success-criteria/testing/2": (9, ["test_asterisk", "test_authority", "test_redistribution"]),
    "vatic/appendix-success-criteria/testing/3": (4, ["test_assessment_login_with_wrong_password_fails"]),
}


def _lines(value: JsonValue) -> Iterator[dict[str, JsonValue]]:
    if isinstance(value, dict):
        if "ref" in value:
            yield value
        for inner in value.values():
            yield from _lines(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _lines(inner)


@cache
def _by_ref() -> Mapping[str, JsonValue]:
    books = [ArtifactFile(path.name, path.read_bytes(), datetime.now(UTC)) for path in BOOKS.glob("*/*.yaml")]
    return {str(line["ref"]): line for book in books for line in _lines(read_yaml(book))}


@pytest.mark.parametrize("ref", TRAPS)
async def test_a_test_of_something_else_is_not_taken_for_one_that_is_asked_for(estates: Estates, ref: str) -> None:
    """Words that only hold the word, and a way that ends where it should not."""
    number, names = TRAPS[ref]
    cases = "".join(f"<testcase classname='a.B' name='{name}'/>" for name in names)
    put(estates.folder, "tests.xml", f"<testsuite name='s'>{cases}</testsuite>")
    only = at_pointer(_by_ref()[ref], "/with/only")
    assert isinstance(only, list)
    outcome = await looked(estates, "artifact.tests", {"unmatched": "= 0"}, reports="tests.xml", only=only)
    assert found(outcome)["unmatched"] == str(number)


@pytest.mark.parametrize(
    ("line", "matches"),
    [
        *((f"stripe_key: {'sk_' + 'live'}_51HabcdefREALabc", "1"), ("secret_access_key: wJalrXUtnFEMI/K7MDENG", "1")),
        *((f"access_key: {'AK' + 'IA'}IOSFODNN7EXAMPLE", "1"), (f"  - {'AK' + 'IA'}IOSFODNN7EXAMPLE", "1")),
        *(("password: hunter2-s3cr3t", "1"), ("key: ${JWT_KEY}", "0"), ("stripe_key: ${STRIPE_KEY}", "0")),
        *(("api_key: env:API_KEY", "0"), ("cache_key: customers-by-region", "0")),
    ],
)
async def test_a_secret_in_tradesenses_settings_is_found(estates: Estates, line: str, matches: str) -> None:
    """By its name or by its own form; a reference to one is none."""
    put(estates.folder, "settings/api.yaml", f"{line}\n")
    pattern = at_pointer(_by_ref()["tradesense/phase-1-security-hardening/secrets-management/1"], "/all/1/with/pattern")
    assert isinstance(pattern, str)
    outcome = await looked(estates, "artifact.text", {"matches": "= 0"}, files="settings/*.yaml", pattern=pattern)
    assert found(outcome)["matches"] == matches
