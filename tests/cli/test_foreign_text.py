"""What other systems write never steers the terminal of whoever reads it."""

from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from cli.main import main
from deployments.rehearsal.in_thread import served
from deployments.rehearsal.vendors.pagerduty import PagerDutyFake
from deployments.rehearsal.vendors.pagerduty_records import Person, Policy, Shift
from tasks.estate import Estate
from tasks.vocabulary import KINDS
from tests.cli.operating import CHECKLIST, Shop
from tminus.errors import CouldNotObserve
from tminus.expectation import Expectation, Measurement
from tminus.foreign_text import printable
from tminus.outcome import Observation, Outcome, judge
from tminus.runbook import Spec

STEERS = "\x1b[2J\x1b]0;x\x07"  # clears the screen, and renames the window
SHOWN = printable(STEERS)


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """A system whose checks trust whatever they read, and everything that they read steers a terminal."""
    for name in ("TMINUS_LEDGER", "TMINUS_KEY", "TMINUS_ENVIRONMENT", "TMINUS_PEOPLE"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)

    async def trusting(_: Spec, __: Estate) -> Observation:
        found = (Measurement(name="healthy", word=STEERS), Measurement.number("high", 1))
        return Observation(found=found, where=STEERS, details=(STEERS,), because=STEERS)

    for kind in ("endpoint.health", "artifact.scan", "artifact.vulnerabilities"):
        monkeypatch.setattr(KINDS[kind], "look", trusting)
    shop = Shop(tmp_path, "http://127.0.0.1:1")
    weekly = CHECKLIST.replace("    title: Network\n", "    title: Network\n    every: week\n")
    (tmp_path / "runbooks" / "shop" / "1.yaml").write_text(weekly, "utf-8")
    return shop


def typed(*words: str) -> str:
    """What the command shows, on both streams."""
    return CliRunner().invoke(main, words).output


def test_no_command_shows_what_steers_a_terminal(shop: Shop) -> None:
    """Live, from the ledger, and in what is to be mended first: the words stay, what steers is replaced."""
    swept = [*shop.where, *shop.people, *shop.books]

    said = {
        "validate-deployment": shop.operate("validate-deployment", *shop.where, *shop.book, *shop.release).output,
        "monitor": shop.operate("monitor", "--once", *shop.where, *shop.book, *shop.release).output,
        "scan": shop.operate("scan", *shop.where, *shop.book, *shop.release).output,
        "audit": shop.operate("audit", "shop", *swept).output,
        "reviews": typed("reviews", "shop", *swept),
        "next": typed("next", "shop", *swept),
        "show": typed("line", "show", "shop/hardening/network-security/1", *swept),
    }

    for name, output in said.items():
        assert ("\x1b" in output, "\x07" in output) == (False, False), name
        assert SHOWN in output, output


def test_names_from_pagerduty_are_shown_without_what_steers(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Policies and people; and where one is asked for that is not there, the error too."""
    fake = PagerDutyFake("made-up")
    fake.people = [Person("PANNA", f"Anna{STEERS}", [])]
    fake.policies = [Policy("PSHOP", f"shop{STEERS}", 1)]
    fake.shifts = [Shift("PANNA", "PSHOP", 1)]
    monkeypatch.setenv("PAGERDUTY_TOKEN", "made-up")
    with served(fake.app()) as url:
        token = "env:PAGERDUTY_TOKEN"
        shop.set(pagerduty={"routing_key": token, "token": token, "api": url})
        output = typed("contacts", *shop.where)
        missing = typed("contacts", *shop.where, "--policy", STEERS)

    assert f"shop{SHOWN}" in output
    assert "Anna" in output
    for shown in (output, missing):
        assert ("\x1b" in shown, "\x07" in shown) == (False, False)


@given(st.text(max_size=40))
def test_an_outcome_is_printable_however_it_is_made(text: str) -> None:
    """Measured, judged, not looked at, not configured, or read back: all of its words, and once is enough."""
    seen = Observation(found=(Measurement(name="word", word=text),), where=text, details=(text,), because=text)
    judged = judge({"word": Expectation("= never-said")}, seen)
    made = [judged, Outcome.unknown(text), Outcome.skipped(text), Outcome.passed(text), Outcome.failed(text)]

    for one in (*made, Outcome.model_validate_json(judged.model_dump_json())):
        for said in (one.summary, one.where, *one.details, *(str(found.word) for found in one.found)):
            assert said == printable(said)
    assert Outcome.model_validate_json(judged.model_dump_json()) == judged


def test_a_lone_surrogate_is_no_crash() -> None:
    """Some systems answer with half a character."""
    assert Outcome.unknown(str(CouldNotObserve("half \ud800"))).summary == "half \N{REPLACEMENT CHARACTER}"
