"""A team's experiment of Chaos Toolkit, run by Chaos Toolkit itself: rolled back whatever ends it."""

import asyncio
import hashlib
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import psutil
import pytest
from click.testing import CliRunner
from pydantic import JsonValue

from cli.main import exit_code, main
from deployments.rehearsal.drill_site import DrillSite
from tasks import chaos_run
from tasks.chaos_run import ChaosRun
from tasks.scenarios.scenario import Scenario, Site
from tasks.scenarios.vocabulary import SCENARIOS
from tests.conftest import Estates
from tests.flows.drills.playing import drill, last, locked, require_undone_after_a_kill
from tests.tasks.scenarios.staging import staged, standing
from tminus.drills.book import book_of
from tminus.environment import Kind
from tminus.errors import ActionFailed, NotConfigured, NotInstalled, Refused
from tminus.process_identity import Process

ENTRY: dict[str, JsonValue] = {
    "kind": "chaostoolkit.experiment",
    "title": "Ours",
    "system": "orders",
    "experiment": "chaos/ours.json",
}


@pytest.fixture(scope="module")
def chaos() -> str:
    """Chaos Toolkit's own command; skips the test where it is not installed."""
    found = shutil.which("chaos", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]))
    if found is None:
        pytest.skip("Chaos Toolkit is not installed: pip install 'tminus[chaos]'")
    return found


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DrillSite]:
    """A service that an experiment can make hang."""
    with standing(tmp_path_factory.mktemp("chaos")) as made:
        (made.folder / "chaos").mkdir()
        yield made


@pytest.fixture
def on_path(chaos: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Chaos Toolkit is found, and asks nobody whether there is a newer one."""
    monkeypatch.setenv("PATH", f"{Path(chaos).parent}{os.pathsep}{os.environ['PATH']}")


def shell(name: str, script: str, kind: str = "action", **more: JsonValue) -> dict[str, JsonValue]:
    """An activity that is a command."""
    provider: JsonValue = {"type": "process", "path": "sh", "arguments": ["-c", script]}
    return {"type": kind, "name": name, "provider": provider, **more}


def keep(
    site: DrillSite,
    action: str = "touch broken",
    rollback: str = "rm -f broken",
    probe: str = "true",
    **changed: JsonValue,
) -> Path:
    """Writes the experiment: `broken` lies beside it while it breaks something, and each rollback leaves a line."""
    whole: dict[str, JsonValue] = {
        "title": "Ours",
        "description": "Breaks a file",
        "steady-state-hypothesis": {
            "title": "It is whole",
            "probes": [shell("whole", probe, "probe", tolerance=0)],
        },
        "method": [shell("break", action)],
        "rollbacks": [shell("mend", f"{rollback} && echo mended >> mended")],
        **changed,
    }
    path = site.folder / "chaos" / "ours.json"
    path.write_text(json.dumps({key: one for key, one in whole.items() if one is not None}), "utf-8")
    for left in ("broken", "mended"):
        path.with_name(left).unlink(missing_ok=True)
    return path


def is_broken(site: DrillSite) -> bool:
    """What the experiment broke."""
    return (site.folder / "chaos" / "broken").exists()


def mended(site: DrillSite) -> int:
    """How often its rollback was run to its end."""
    lines = site.folder / "chaos" / "mended"
    return len(lines.read_text("utf-8").splitlines()) if lines.exists() else 0


async def until_broken(site: DrillSite) -> None:
    """Once the method began."""
    async with asyncio.timeout(20):
        while not is_broken(site):
            await asyncio.sleep(0.02)


def running(drill: Site) -> ChaosRun:
    """The run of a drill."""
    return ChaosRun(drill.estate.environment.state / "chaos" / drill.drill, "run")


def process(drill: Site) -> Process:
    """Chaos Toolkit's own."""
    return Process.model_validate_json((running(drill).folder / "run-process.json").read_bytes())


def beside(site: DrillSite) -> list[psutil.Process]:
    """What an experiment started, and still runs."""
    home = str(site.folder / "chaos")
    return [one for one in psutil.process_iter(["cwd"]) if one.info["cwd"] == home]


@pytest.fixture(autouse=True)
def nothing_left(site: DrillSite) -> Iterator[None]:
    """Each test has drills of its own; whatever it started is over with it."""
    shutil.rmtree(site.folder / "state" / "chaos", ignore_errors=True)
    yield
    patience = time.monotonic() + 2
    while (left := beside(site)) and time.monotonic() < patience:
        time.sleep(0.02)
    assert left == []


@pytest.mark.usefixtures("on_path")
def test_a_whole_drill(site: DrillSite) -> None:
    """It is run, measured, rolled back, and its journal kept as evidence."""
    hang = f"echo $(pgrep -f {site.folder}/[o]rders) > stopped && kill -STOP $(cat stopped) && sleep 2"
    keep(site, hang, "kill -CONT $(cat stopped)")
    site.keep_book({"ours": ENTRY})
    came = drill(site, "ours")
    assert came.returncode == 0, came.stdout + came.stderr
    played = last(site, "ours")
    assert played.measured is not None
    assert played.measured.rto_s is not None
    assert played.measured.rto_s > 0
    assert mended(site) == 1
    journal = site.folder / "state" / "chaos" / played.name / "run-journal.json"
    assert str(journal) in played.done["verify"].said
    evidence = site.folder / "evidence"
    words = ["drills", "--runbook", site.book, "--environment", site.environment_file, "--evidence", evidence]
    assert CliRunner().invoke(main, [str(one) for one in words]).exit_code == 0
    copied = evidence / "ours-run-journal.json"
    assert copied.read_bytes() == journal.read_bytes()
    assert hashlib.sha256(copied.read_bytes()).hexdigest() in played.done["verify"].said
    assert [one.stat().st_mode & 0o077 for one in (copied, journal.parent)] == [0, 0]


@pytest.mark.usefixtures("on_path")
def test_tminus_is_killed(site: DrillSite) -> None:
    """While the experiment runs: it goes on, and whoever comes next has it roll back, and breaks nothing more."""
    keep(site, "touch broken && exec sleep 60")
    site.keep_book({"ours": ENTRY})
    require_undone_after_a_kill(site, "ours", "detect")
    assert not is_broken(site)
    assert mended(site) == 1


@pytest.mark.usefixtures("on_path")
async def test_it_still_runs(site: DrillSite) -> None:
    """Undone by a process that never started it: it is interrupted once, and rolls back; again, nothing is."""
    keep(site, "touch broken && exec sleep 60")
    async with staged(site, {"ours": ENTRY}, "ours") as (scenario, here):
        await scenario.inject(here)
        await until_broken(site)
        child = chaos_run._CHILDREN.pop(process(here).pid)
        reaped = asyncio.create_task(asyncio.to_thread(child.wait))
        assert "had rolled back" in await scenario.undo(here)
        await reaped
        assert (is_broken(site), mended(site)) == (False, 1)
        over = running(here).over()
        assert over is not None
        assert over.status == "interrupted"
        await scenario.undo(here)
        assert mended(site) == 1
        with pytest.raises(ActionFailed, match="status interrupted"):
            await scenario.verify(here)


@pytest.mark.usefixtures("on_path")
async def test_an_action_that_goes_on(site: DrillSite) -> None:
    """Chaos Toolkit is interrupted and rolls back, a command of it is not: it is ended, and rolled back anew."""
    keep(site, "(trap '' INT; touch broken; sleep 60; touch broken) & wait", "sleep 60 > /dev/null 2>&1 & rm -f broken")
    async with staged(site, {"ours": ENTRY}, "ours") as (scenario, here):
        await scenario.inject(here)
        await until_broken(site)
        await asyncio.sleep(0.05)
        assert "rollbacks alone" in await scenario.undo(here)
        assert (is_broken(site), mended(site)) == (False, 2)
        assert "had rolled back" in await scenario.undo(here)
    assert len(beside(site)) == 2, "what rollbacks started is left"
    for one in beside(site):
        one.kill()


@pytest.mark.usefixtures("on_path")
async def test_it_was_killed(site: DrillSite) -> None:
    """Kill -9 while an action is under way: that is ended, and the rollbacks are run alone; the method never again."""
    path = keep(site, "touch broken && sleep 60 && touch broken")
    async with staged(site, {"ours": ENTRY}, "ours") as (scenario, here):
        await scenario.inject(here)
        await until_broken(site)
        os.kill(process(here).pid, signal.SIGKILL)
        path.write_text("{}", "utf-8")  # whatever becomes of the file, what was planned is rolled back
        with pytest.raises(ActionFailed, match="without a journal"):
            await scenario.recover(here)
        assert is_broken(site)
        assert "by a run of its rollbacks alone" in await scenario.undo(here)
        assert (is_broken(site), mended(site)) == (False, 1)
        await scenario.undo(here)
        assert mended(site) == 1
        assert set(scenario.papers(here.estate.environment, here.drill)) == {"rollbacks-1-journal.json"}


@pytest.mark.usefixtures("on_path")
async def test_whoever_undoes_is_killed(site: DrillSite) -> None:
    """The rollbacks that were begun go on, and are waited for; where they are killed as well they are run once more."""
    keep(site, rollback="sleep 1 && rm -f broken")
    async with staged(site, {"ours": ENTRY}, "ours") as (scenario, here):
        await scenario.inject(here)
        await until_broken(site)
        os.kill(process(here).pid, signal.SIGKILL)
        again = ChaosRun(running(here).folder, "rollbacks-1")
        first = asyncio.create_task(scenario.undo(here))
        async with asyncio.timeout(20):
            while not again.log.exists() or b"Rollback: mend" not in again.log.read_bytes():
                await asyncio.sleep(0.02)
        first.cancel()
        assert "had rolled back" in await scenario.undo(here)
        assert (is_broken(site), mended(site)) == (False, 1)
        again.journal.unlink()  # as though it had been killed just before its end
        assert "rollbacks alone" in await scenario.undo(here)
        assert mended(site) == 2


def test_papers_of_a_region(tmp_path: Path, estates: Estates) -> None:
    """Of each part, by its name."""
    common = {**ENTRY, "owner": "o", "rto": "1h", "rpo": "1h"}
    region = {**common, "kind": "region.lost", "parts": ["a", "b"]}
    del region["system"], region["experiment"]
    scenarios = {"a": common, "b": common, "region": region}
    book = book_of(SCENARIOS).model_validate({"drills": "h", "title": "H", "scenarios": scenarios}).scenarios
    environment = estates.make().environment
    journal = environment.state.resolve() / "chaos" / "a-drill" / "b" / "run-journal.json"
    journal.parent.mkdir(parents=True)
    journal.touch()
    lost = book["region"]
    assert isinstance(lost, Scenario)
    assert lost.among(book).papers(environment, "a-drill") == {"b-run-journal.json": journal}


@pytest.mark.usefixtures("on_path")
async def test_it_deviated(site: DrillSite) -> None:
    """The drill breaks off with the journal's words; it has rolled back by itself."""
    keep(site, probe="test ! -e broken")
    async with staged(site, {"ours": ENTRY}, "ours") as (scenario, here):
        await scenario.inject(here)
        with pytest.raises(ActionFailed, match="deviated; the steady state was not met after the method"):
            await scenario.recover(here)
        assert not is_broken(site)
        await scenario.undo(here)
        assert mended(site) == 1


@pytest.mark.usefixtures("on_path")
async def test_a_rollback_that_fails(site: DrillSite) -> None:
    """By its exit status, which Chaos Toolkit lets pass: tried once more alone, and told."""
    keep(site, rollback="test -e mendable")
    async with staged(site, {"ours": ENTRY}, "ours") as (scenario, here):
        await scenario.inject(here)
        with pytest.raises(ActionFailed, match="rollback 'mend' ended with exit status 1"):
            await scenario.recover(here)
        with pytest.raises(ActionFailed, match="is not rolled back: rollback 'mend' ended with exit status 1"):
            await scenario.undo(here)
        (site.folder / "chaos" / "mendable").touch()
        assert "rollbacks alone" in await scenario.undo(here)


@pytest.mark.usefixtures("on_path")
async def test_it_is_not_as_it_was_planned(site: DrillSite) -> None:
    """Nothing is run; and undone, there is nothing to undo."""
    keep(site)
    async with staged(site, {"ours": ENTRY}, "ours") as (scenario, here):
        keep(site, action="touch broken # other")
        with pytest.raises(Refused, match="not as it was planned; nothing was run"):
            await scenario.inject(here)
        assert "was never begun" in await scenario.undo(here)
        elsewhere = Site(here.estate, here.drill, {**here.way, "host": "another"})
        with pytest.raises(Refused, match="known on another alone"):
            await scenario.undo(elsewhere)
    assert (is_broken(site), mended(site)) == (False, 0)


@pytest.mark.usefixtures("on_path")
@pytest.mark.parametrize(
    ("changed", "entry", "why"),
    [
        ({"steady-state-hypothesis": None}, {}, "has no steady-state-hypothesis"),
        ({"rollbacks": None}, {}, "nothing would undo it"),
        ({"method": None}, {}, "no experiment of Chaos Toolkit"),
        ({"description": None}, {}, "experiment requires a description"),
        ({}, {"digest": "0" * 64}, "and the book says 000"),
    ],
)
async def test_refused(
    site: DrillSite, changed: Mapping[str, JsonValue], entry: Mapping[str, JsonValue], why: str
) -> None:
    """Before anything is broken."""
    keep(site, **changed)
    with pytest.raises(Refused, match=why):
        async with staged(site, {"ours": {**ENTRY, **entry}}, "ours"):
            pass


@pytest.mark.usefixtures("on_path")
async def test_in_production_it_is_one_file(site: DrillSite) -> None:
    """Whose digest the book names, so that somebody said yes to just that."""
    digest = hashlib.sha256(keep(site).read_bytes()).hexdigest()
    async with staged(site, {"ours": ENTRY}, "ours") as (_, here):
        production = here.estate.environment.model_copy(update={"kind": Kind.PRODUCTION})
    with pytest.raises(Refused, match=f"say in the book `digest: {digest}`"):
        async with staged(site, {"ours": ENTRY}, "ours", production):
            pass
    async with staged(site, {"ours": {**ENTRY, "digest": digest}}, "ours", production) as (_, here):
        assert here.way["digest"] == digest


@pytest.mark.usefixtures("on_path")
async def test_without_rollbacks(site: DrillSite) -> None:
    """Where the book says so; killed, what is left of it is ended."""
    keep(site, "touch broken && sleep 60", rollbacks=None)
    async with staged(site, {"ours": {**ENTRY, "without_rollbacks": True}}, "ours") as (scenario, here):
        await scenario.inject(here)
        await until_broken(site)
        os.kill(process(here).pid, signal.SIGKILL)
        assert "had rolled back" in await scenario.undo(here)


async def test_no_such_file(site: DrillSite) -> None:
    """Is told by its path."""
    keep(site).unlink()
    with pytest.raises(NotConfigured, match=r"chaos/ours\.json: the experiment cannot be read"):
        async with staged(site, {"ours": ENTRY}, "ours"):
            pass


async def test_it_is_not_installed(site: DrillSite, monkeypatch: pytest.MonkeyPatch) -> None:
    """What to install is said, and the shell is told 2."""
    keep(site)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(NotInstalled, match=r"pip install 'tminus\[chaos\]'") as error:
        async with staged(site, {"ours": ENTRY}, "ours"):
            pass
    assert exit_code(error.value) == 2
    came = drill(site, "ours")
    assert came.returncode == 2, came.stdout + came.stderr
    assert "pip install 'tminus[chaos]'" in came.stderr
    assert locked(site) is None
