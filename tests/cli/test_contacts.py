"""`tminus contacts`."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from ruamel.yaml import YAML

from cli.contacts import command
from cli.main import exit_code
from deployments.rehearsal.in_thread import served
from deployments.rehearsal.vendors.pagerduty import PagerDutyFake
from deployments.rehearsal.vendors.pagerduty_records import Person, Policy, Shift

TODAY = datetime.now(UTC).date()
CONTACTS = f"""
contacts:
  - id: railway
    what: hosting of the api
    name: Railway support
    reach: {{phone: +49 30 23125 014, email: team@railway.app}}
    support: {{plan: enterprise, account: "[Account]"}}
    confirmed: {TODAY - timedelta(days=12)}
  - id: on-call
    name: TBD
"""
NOBODY = "http://127.0.0.1:1"


@pytest.fixture
def fake() -> PagerDutyFake:
    """Two levels, the second of which is empty, and another policy with somebody who is always on call."""
    fake = PagerDutyFake("made-up")
    fake.people = [Person("PANNA", "Anna", []), Person("PBORIS", "Boris", [])]
    fake.policies = [Policy("PVATIC", "vatic", 2), Policy("PTRADES", "tradesense", 1)]
    end = datetime(2100, 1, 1, 8, tzinfo=UTC)
    fake.shifts = [Shift("PANNA", "PVATIC", 1, end=end), Shift("PBORIS", "PTRADES", 1)]
    return fake


@pytest.fixture
def pagerduty(fake: PagerDutyFake) -> Iterator[str]:
    """Its address."""
    with served(fake.app()) as url:
        yield url


def contacts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pagerduty: str | None, *words: str) -> Result:
    """The command's result, with the contacts file beside the environment's."""
    monkeypatch.setenv("PAGERDUTY_TOKEN", "made-up")
    environment: dict[str, object] = {
        "environment": "test",
        "kind": "rehearsal",
        "ledger": {"sqlite": "ledger.db"},
        "prefect": {"api": f"{NOBODY}/api"},
        "state": "state",
        "contacts": "contacts.yaml",
    }
    if pagerduty is not None:
        token = "env:PAGERDUTY_TOKEN"
        environment["pagerduty"] = {"routing_key": token, "token": token, "api": pagerduty}
    file = tmp_path / "environment.yaml"
    with file.open("w", encoding="utf-8") as out:
        YAML(typ="safe").dump(environment, out)
    return CliRunner().invoke(command, ["--environment", str(file), *words])


def test_it_says_who_is_on_call_and_how_vendors_are_reached(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pagerduty: str
) -> None:
    """Every policy's levels with people and ends, then every contact; what is not filled in shows as missing."""
    (tmp_path / "contacts.yaml").write_text(CONTACTS, "utf-8")

    result = contacts(tmp_path, monkeypatch, pagerduty)

    assert result.exit_code == 0, result.output
    assert result.output.splitlines() == [
        "On call now",
        "  tradesense",
        "    level 1: Boris, always",
        "  vatic",
        "    level 1: Anna, until Fri 2100-01-01 08:00 UTC (the next level after 10 min)",
        "    level 2: NOBODY",
        "",
        "Contacts",
        "  railway: hosting of the api",
        "    Railway support",
        "    +49 30 23125 014, team@railway.app",
        "    plan enterprise",
        "    MISSING support.account: a placeholder stands there",
        f"    confirmed {TODAY - timedelta(days=12)}, 12 days ago",
        "  on-call: MISSING what for",
        "    MISSING name",
        "    MISSING phone, email and url",
        "    NEVER confirmed",
    ]


def test_one_policy_may_be_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pagerduty: str) -> None:
    """`--policy` leaves the others out; one that is not there is an error."""
    (tmp_path / "contacts.yaml").write_text(CONTACTS, "utf-8")

    one = contacts(tmp_path, monkeypatch, pagerduty, "--policy", "tradesense")
    none = contacts(tmp_path, monkeypatch, pagerduty, "--policy", "orders")

    assert "Boris" in one.output
    assert "Anna" not in one.output
    assert "no escalation policy called orders" in str(none.exception)


@pytest.mark.parametrize("pagerduty_url", [NOBODY, None])
def test_vendors_are_shown_where_pagerduty_is_silent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pagerduty_url: str | None
) -> None:
    """Whoever has to call gets what can be had; the rest is an error, which says why."""
    (tmp_path / "contacts.yaml").write_text(CONTACTS, "utf-8")

    result = contacts(tmp_path, monkeypatch, pagerduty_url)

    assert "+49 30 23125 014" in result.output
    assert "pagerduty" in str(result.exception)
    assert exit_code(result.exception) == 1


def test_who_is_on_call_is_shown_where_the_file_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pagerduty: str
) -> None:
    """The other way round."""
    result = contacts(tmp_path, monkeypatch, pagerduty)

    assert "Anna" in result.output
    assert "contacts.yaml" in str(result.exception)


def test_a_mistake_in_the_file_is_shown_with_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pagerduty: str
) -> None:
    """Where it stands, and what is wrong."""
    (tmp_path / "contacts.yaml").write_text("contacts:\n  - id: railway\n    telefon: 1\n", "utf-8")

    result = contacts(tmp_path, monkeypatch, pagerduty)

    assert "contacts.yaml:3" in str(result.exception)
