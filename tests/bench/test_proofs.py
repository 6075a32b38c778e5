"""The proofs of the checklists' lines: each is of a line that is there, and breaks what can be broken."""

import inspect
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from functools import cache
from pathlib import Path

import pytest

from bench.checks import unproven
from bench.proofs.playing import Running, looks_at, prove, stage
from bench.proofs.proof import Fault, Proofs, all_proofs
from bench.proofs.tradesense_queries import HIT_RATE
from bench.worlds.all_worlds import all_worlds
from bench.worlds.datadog import Datadog
from bench.worlds.world import World
from deployments.rehearsal.binaries import CHECKOUT
from tasks.vocabulary import KINDS
from tminus.outcome import Verdict
from tminus.readiness.book import Line
from tminus.readiness.source import load_checklist, steps_beside
from tminus.runbook import Spec

BROKEN = all_proofs().broken
WORLDS = {world.system: world for world in all_worlds()}


def lines(system: str) -> Iterator[Line]:
    """The lines of a shipped checklist."""
    return load_checklist(CHECKOUT / "runbooks" / system, KINDS).lines()


@cache
def steps(system: str) -> Mapping[str, Spec]:
    """What the steps of its launch do."""
    return steps_beside(CHECKOUT / "runbooks" / system, KINDS)


def test_every_proof_is_of_a_line_that_is_looked_at() -> None:
    """By its own checks, or by the launch's; one that was left behind by a line which is gone proves nothing."""
    systems = {ref.partition("/")[0] for ref in BROKEN}
    judged = {line.ref for system in systems for line in lines(system) if looks_at(line, steps(system))}
    assert BROKEN.keys() <= judged


def test_what_the_launch_observes_is_looked_at_as_its_steps_do() -> None:
    """Its checks and its watch; what only people say, and what changes something, looks at nothing."""
    found = {line.ref.rpartition("checklist/")[2]: looks_at(line, steps("tradesense")) for line in lines("tradesense")}
    assert [one.kind for one in found["launch-t-0/1"]] == ["fleet.sameness", "http.health"]
    assert [one.kind for one in found["launch-t-0/4"]] == ["release.watch"]
    assert found["pre-launch-t-4-hours/5"] == ()


def test_an_observed_line_that_nothing_breaks_is_unproven() -> None:
    """Also one that the launch observes; one that is judged elsewhere is proven there."""
    checklist = load_checklist(CHECKOUT / "runbooks" / "tradesense", KINDS)
    chosen = [line for line in checklist.lines() if "/launch-day-checklist/" in line.ref]
    assert len(unproven(checklist, chosen, [], steps("tradesense"))) == 12


def test_anothers_report_is_no_penetration_test(tmp_path: Path) -> None:
    """A scanner's empty file in the place of the testers' says nothing of what they found."""
    line = next(one for one in lines("tradesense") if one.ref == "tradesense/pre-launch-checklist/security/5")
    others: Fault = (
        "artifacts",
        "says",
        "scans/penetration-test.sarif",
        '"name": "penetration-test"',
        '"name": "gitleaks"',
    )
    with stage(tmp_path, Proofs({}, ())) as on:
        healthy, blind = prove(on, [line], {line.ref: (others,)}, {})
    assert healthy.verdict is Verdict.PASS
    assert blind.verdict is Verdict.UNKNOWN
    assert "by gitleaks, not by penetration-test" in blind.said


@pytest.mark.parametrize("ref", sorted(BROKEN))
def test_every_fault_is_one_that_its_world_has(ref: str) -> None:
    """By its name, with as many words as it takes, and each once."""
    faults = BROKEN[ref]
    assert faults
    assert len(set(faults)) == len(faults)
    for system, name, *words in faults:
        assert name in WORLDS[system].faults()
        inspect.signature(getattr(WORLDS[system], name)).bind(None, *words)


def test_a_world_starts_when_it_is_asked_for(tmp_path: Path) -> None:
    """And no other does, so that one line is soon looked at."""
    with ExitStack() as closing:
        running = Running(tmp_path, closing, {})
        assert set(running) == WORLDS.keys()
        assert running["opa"] is running["opa"]
        assert not list(tmp_path.iterdir())
        running["artifacts"].sections()
        assert [one.name for one in tmp_path.iterdir()] == ["artifacts"]


def test_a_fault_that_breaks_nothing_is_said(tmp_path: Path) -> None:
    """A proof that proves nothing comes out as not right, and names its line."""
    line = next(one for one in lines("vatic") if one.ref == "vatic/1-testing/unit-tests/3")
    harmless: Fault = ("artifacts", "test_is", "tests/unit.xml", "test_a_fee_is_rounded_up", "failure")
    harmful: Fault = ("artifacts", "test_is", "tests/unit.xml", "test_drawdown_stops_trading", "failure")
    with stage(tmp_path, Proofs({}, ())) as on:
        healthy, passed, failed = prove(on, [line], {line.ref: (harmless, harmful)}, {})
    assert (healthy.verdict, healthy.right) == (Verdict.PASS, True)
    assert (passed.verdict, passed.right) == (Verdict.PASS, False)
    assert (failed.verdict, failed.right) == (Verdict.FAIL, True)
    assert str(passed).startswith(f"{line.ref}: artifacts test_is")


@pytest.mark.parametrize(("began", "verdict"), [("92 %", Verdict.PASS), ("92.1 %", Verdict.FAIL)])
def test_a_goal_counts_by_its_change(tmp_path: Path, began: str, verdict: Verdict) -> None:
    """Against what its period began with: a cache that answers 92 % of reads keeps up 92 %, and no more."""

    def prepare(worlds: Mapping[str, World]) -> None:
        datadog = worlds["datadog"]
        assert isinstance(datadog, Datadog)
        datadog.gives(HIT_RATE, 0.92)

    goal = next(one for one in lines("tradesense") if one.ref.endswith("quarterly-goals/2"))
    with stage(tmp_path, Proofs({}, (prepare,), {goal.ref: began})) as on:
        [healthy] = prove(on, [goal], {}, {})
    assert healthy.verdict is verdict
    assert "change" in healthy.said
