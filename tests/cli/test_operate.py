"""`tminus operate`: every command is there, does what it says on real files, and refuses what it cannot do yet."""

import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.main import main
from deployments.rehearsal.in_thread import served
from tests.cli.launch_desk import NAMES, Desk, chains, tminus, tminus_alone, use_prefect
from tests.cli.operating import Health, Shop
from tminus import events as ev
from tminus.chain_names import readiness_chain
from tminus.ledger.sqlite import SqliteStore
from tminus.record_parts import read_event

NINE = ("deploy", "validate-deployment", "monitor", "backup", "restore", "emergency", "rotate", "audit", "scan")


@pytest.fixture
def health() -> Health:
    """What the system answers."""
    return Health()


@pytest.fixture
def shop(tmp_path: Path, health: Health, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    """The system, served."""
    for name in ("TMINUS_LEDGER", "TMINUS_KEY", "TMINUS_ENVIRONMENT", "TMINUS_PEOPLE"):
        monkeypatch.setenv(name, "")  # what a command sets for itself ends with the test
        monkeypatch.delenv(name)
    with served(health.app()) as url:
        yield Shop(tmp_path, url)


@pytest.mark.parametrize("name", NINE)
def test_every_name_has_its_help(name: str) -> None:
    """A book may refer to `tminus operate NAME --help`; it needs no file and no server."""
    done = CliRunner().invoke(main, ["operate", name, "--help"])
    assert (done.exit_code, f"Usage: main operate {name}" in done.output) == (0, True)


@pytest.mark.parametrize("name", NINE)
def test_a_machine_is_told_whether_a_command_is_in_this_release(name: str) -> None:
    """`--check` needs no file: one line and 0, or the reason and 3; `--help` exits 0 for all."""
    done = CliRunner().invoke(main, ["operate", name, "--check"])
    (said,) = done.output.strip().splitlines()
    if name == "rotate":
        assert (done.exit_code, "is not in this release" in said) == (3, True)
    else:
        assert (done.exit_code, said.startswith(f"{name}: ")) == (0, True)


def test_what_is_not_in_this_release_says_what_it_will_need(shop: Shop) -> None:
    """Exit code 3, one sentence, and nothing changed, whatever was given."""
    done = shop.operate("rotate", *shop.where, "anything")
    assert (done.exit_code, done.stdout) == (3, "")
    (said,) = done.stderr.strip().splitlines()
    assert "is not in this release, and nothing was changed: it will need" in said
    assert not shop.ledger.exists()


@pytest.mark.parametrize("name", ["operate restore", "operate emergency restore"])
def test_restoring_is_the_one_command(name: str) -> None:
    """By whichever name: the same options and the same answers; `tminus restore` itself has no --check."""
    told = [CliRunner().invoke(main, [*words.split(), "database"]) for words in ("restore", name)]
    assert told[0].exit_code == 2
    assert told[0].output.splitlines()[-1] == told[1].output.splitlines()[-1]
    assert "--undo" in CliRunner().invoke(main, [*name.split(), "--help"]).output
    assert CliRunner().invoke(main, ["restore", "--check"]).exit_code == 2


class TestDeploy:
    """A launch, shown first."""

    def given(self, desk: Desk, *more: str) -> list[str]:
        """The options."""
        files = [word for name in NAMES for word in (f"--{name}", str(desk.path(name)))]
        key = ["--key", str(desk.folder / "key")]
        return ["operate", "deploy", *files, "--t0", "+4h", "--detach", *key, *more]

    def test_it_shows_the_exact_launch_and_starts_nothing_unconfirmed(self, desk: Desk) -> None:
        """A no, or no terminal, creates nothing."""
        for typed, code, said in (("n\n", 1, "Nothing was created."), ("", 2, "nothing was created. A script gives")):
            done = CliRunner().invoke(main, self.given(desk), input=typed)
            assert (done.exit_code, said in done.stderr) == (code, True), done.output
            shown = shlex.split(done.output.splitlines()[0])
            assert shown[:2] == ["tminus", "launch"]
            assert set(shown[2:]) == set(self.given(desk)[2:])
            assert chains(desk) == []

    def test_what_it_shows_is_a_command(self, desk: Desk) -> None:
        """Typed as it stands, it comes to what `deploy` comes to."""
        shown = shlex.split(CliRunner().invoke(main, self.given(desk), input="n\n").output.splitlines()[0])
        desk.change("release", "system: tradesense", "system: other")
        typed, deployed = tminus(*shown[1:]), tminus(*self.given(desk, "--yes"))
        assert (typed.code, typed.stderr) == (deployed.code, deployed.stderr)
        assert typed.code == 2

    def test_confirmed_it_starts_that_launch(self, desk: Desk, prefect_api: str) -> None:
        """The launch is in the ledger, with its own phases and its own go/no-go before it."""
        use_prefect(desk, prefect_api)
        done = tminus_alone(*self.given(desk, "--yes"))
        assert " is created; T-0 is " in done.stdout
        assert len([chain for chain in chains(desk) if chain.startswith("tradesense-trading-2.0.0-")]) == 1


class TestLooking:
    """validate-deployment and monitor."""

    def test_a_deployment_is_validated_by_what_stands_behind_it(self, shop: Shop, health: Health) -> None:
        """Checks before the last action of T-0 are of the launch's own and not asked; no ledger is made."""
        health.sick = {"/idle"}
        done = shop.operate("validate-deployment", *shop.where, *shop.book, *shop.release)
        assert done.exit_code == 0, done.output
        assert [line.split()[1] for line in done.output.splitlines() if line.startswith("pass")] == [
            "online:",
            "still-online:",
        ]
        assert set(health.asked) == {"/health", "/later"}
        assert not shop.ledger.exists()

    def test_what_does_not_hold_is_named(self, shop: Shop, health: Health) -> None:
        """And the exit code says so; silence is no pass either."""
        health.sick = {"/later"}
        broken = shop.operate("validate-deployment", *shop.where, *shop.book, *shop.release)
        shop.set(endpoints={"api": {"url": "http://127.0.0.1:1"}})
        silent = shop.operate("validate-deployment", *shop.where, *shop.book, *shop.release)
        assert (broken.exit_code, silent.exit_code) == (3, 3)
        assert "fail     still-online: It is still online" in broken.output
        assert "1 of 2 checks pass; 1 that block do not." in broken.output
        assert "0 of 2 checks pass; 2 that block do not." in silent.output

    def test_the_release_must_be_the_books(self, shop: Shop) -> None:
        """A mistake of whoever asked."""
        file = shop.folder / "release.yaml"
        file.write_text(file.read_text("utf-8").replace("system: shop", "system: other"), "utf-8")
        assert shop.operate("validate-deployment", *shop.where, *shop.book, *shop.release).exit_code == 2

    def test_one_look_of_monitor(self, shop: Shop, health: Health) -> None:
        """The checks of health, each question once; 0 where all is well, 3 where not."""
        well = shop.operate("monitor", *shop.where, *shop.book, *shop.release, "--once")
        assert well.exit_code == 0, well.output
        assert sorted(health.asked) == ["/health", "/idle", "/later"]
        assert "well-before" in well.output
        assert "nothing-known" not in well.output
        health.sick = {"/health"}
        sick = shop.operate("monitor", *shop.where, *shop.book, *shop.release, "--once")
        assert (sick.exit_code, "fail" in sick.output) == (3, True)

    def test_monitor_goes_on_until_ctrl_c_and_exits_by_the_last_look(self, shop: Shop, health: Health) -> None:
        """Well first, broken then: exit code 3, without a traceback."""
        argv = [sys.executable, "-m", "cli.main", "operate", "monitor", *shop.where, *shop.book, *shop.release]
        with subprocess.Popen(
            [*argv, "--every", "1"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as child:
            self.until(lambda: len(health.asked) >= 3)
            health.sick = {"/health"}
            seen = len(health.asked)
            self.until(lambda: len(health.asked) >= seen + 6)
            child.send_signal(signal.SIGINT)
            out, err = child.communicate(timeout=20)
        assert child.returncode == 3
        assert out.count("shop-2.0.0 in here") >= 2
        assert "Traceback" not in err

    def until(self, so: Callable[[], bool]) -> None:
        """Waits, at most 30 s."""
        for _ in range(300):
            if so():
                return
            time.sleep(0.1)
        pytest.fail("it did not come so far")

    def test_monitor_does_not_hammer(self, shop: Shop) -> None:
        """Less than a second between two looks is refused."""
        assert shop.operate("monitor", *shop.where, *shop.book, *shop.release, "--every", "0.1").exit_code == 2


class TestScan:
    """The reports that there are."""

    def test_reports_are_judged_and_their_age_is_said(self, shop: Shop) -> None:
        """Those of the release and those of the checklist beside the book."""
        done = shop.operate("scan", *shop.where, *shop.book, *shop.release)
        assert done.exit_code == 0, done.output
        assert "pass     nothing-known: " in done.output
        assert "pass     shop/hardening/network-security/2: " in done.output
        assert done.output.count("1 report, the oldest 0") == 2

    def test_a_finding_is_named(self, shop: Shop) -> None:
        """And the exit code is 3."""
        shop.scan("PYSEC-2026-7")
        done = shop.operate("scan", *shop.where, *shop.book, *shop.release)
        assert (done.exit_code, "PYSEC-2026-7" in done.output) == (3, True)

    def test_no_report_is_no_pass(self, shop: Shop) -> None:
        """What was not scanned is unknown."""
        (shop.folder / "pip.json").unlink()
        done = shop.operate("scan", *shop.where, *shop.book, *shop.release)
        assert (done.exit_code, "unknown  nothing-known" in done.output) == (3, True)

    def test_a_book_without_scans_says_so(self, shop: Shop) -> None:
        """Exit 0 of nothing would read as clean."""
        (shop.folder / "runbooks" / "shop" / "1.yaml").unlink()
        book = shop.folder / "runbooks" / "shop" / "launch.yaml"
        lines = book.read_text("utf-8").splitlines()
        at = next(number for number, line in enumerate(lines) if "nothing-known" in line)
        book.write_text("\n".join(lines[:at] + lines[at + 2 :]), "utf-8")
        done = shop.operate("scan", *shop.where, *shop.book, *shop.release)
        assert (done.exit_code, "nor a chapter beside it has" in done.stderr) == (2, True)


class TestAudit:
    """The security sections as a sweep."""

    def test_only_security_is_swept_and_reported(self, shop: Shop, health: Health) -> None:
        """The evidence is in the ledger, as a sweep of those sections; what fails elsewhere does not matter."""
        health.sick = {"/idle"}
        report = shop.folder / "report"
        done = shop.operate("audit", "shop", *shop.where, *shop.books, "--all", "--report", str(report))
        assert done.exit_code == 0, done.output
        assert "It answers" in done.output
        assert "It is quick" not in done.output
        page = (report / "readiness.html").read_text("utf-8")
        assert "It answers" in page
        assert "It is quick" not in page
        assert (report / "readiness.junit.xml").exists()
        with closing(SqliteStore(shop.ledger)) as store:
            ended = [read_event(one) for one in store.read(readiness_chain("shop", "here"))]
        assert [one.sections for one in ended if isinstance(one, ev.SweepEnded)] == [("network-security",)]
        assert "/idle" not in health.asked

    def test_what_blocks_is_said(self, shop: Shop, health: Health) -> None:
        """Exit code 3."""
        health.sick = {"/health"}
        done = shop.operate("audit", "shop", *shop.where, *shop.books)
        assert (done.exit_code, "It answers" in done.output) == (3, True)

    def test_sections_by_name(self, shop: Shop, health: Health) -> None:
        """Instead of those about security; a name that is not there is a mistake with the nearest one."""
        health.sick = {"/health"}
        assert shop.operate("audit", "shop", *shop.where, *shop.books, "--section", "performance").exit_code == 0
        wrong = shop.operate("audit", "shop", *shop.where, *shop.books, "--section", "performence")
        assert (wrong.exit_code, "performance" in wrong.stderr) == (2, True)
