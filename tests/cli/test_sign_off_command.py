"""`tminus sign-off`: what those who sign are told before they do."""

import pytest

from tests.cli.launch_desk import NAMES, Desk, tminus, with_slack
from tminus.ledger.sqlite import SqliteStore

BOOK = """\
runbook: little
system: tradesense
phases:
  - phase: T-1h
    late_by: 1h
    steps:
      - id: signed-off
        title: It was signed off
        owner: devops_lead
        sign_off: {roles: {devops_lead: 1, ceo: 1}, valid_for: 14d}
"""
SCAN = '{"dependencies": [{"name": "click", "version": "8.0", "vulns": []}]}'


def sign_off(desk: Desk) -> str:
    """Asks, and returns what was said on standard error."""
    desk.path("runbook").write_text(BOOK, "utf-8")
    files = [word for name in NAMES for word in (f"--{name}", str(desk.path(name)))]
    done = tminus("sign-off", *files, "--key", str(desk.folder / "key"))
    assert (done.code, done.stdout.startswith("Asked: sign-off-tradesense-")) == (0, True), done
    return done.stderr


def test_it_says_what_is_signed(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """What changes, the artifact, the way back, by how many it was written; it steers neither Slack nor a terminal."""
    desk.change("release", "TS-2000", '"<!here> \\e[31m"')
    desk.change("release", "authors: []", "authors: [one@example.com, two@example.com, one@example.com]")
    with_slack(desk, 8080)
    sign_off(desk)
    monkeypatch.setenv("TMINUS_LEDGER", f"sqlite:{desk.ledger}")
    said = tminus("pending").stdout
    assert [line.strip() for line in said.splitlines() if line.startswith("    | ")] == [
        "| Is release trading-2.0.0 of tradesense ready? <!here> \ufffd[31m; asked by Engineering lead, first shift.",
        "| Environment: rehearsal-on-loopback.",
        "| trading 1.0.0 → 2.0.0 (`222222222222`); the way back is 1.0.0.",
        "| Commits v1.0.0 to v2.0.0 of tradesense/trading, by 2 authors.",
    ]
    ((letter,),) = SqliteStore(desk.ledger).look("SELECT body FROM outbox WHERE key LIKE 'ask-%'", {})
    assert "&lt;!here&gt;" in str(letter)
    assert "<!here>" not in str(letter)


def test_a_scan_report_that_is_not_there_is_a_warning(desk: Desk) -> None:
    """Whoever signs could not read it; the same release may be asked about all the same."""
    warning = "warning: scan report scans/pip-audit.json cannot be read: No such file or directory; make it again\n"
    assert sign_off(desk) == warning


def test_one_that_is_there_is_none(desk: Desk) -> None:
    """Nothing is said."""
    (desk.folder / "scans").mkdir()
    (desk.folder / "scans" / "pip-audit.json").write_text(SCAN, "utf-8")
    assert sign_off(desk) == ""
