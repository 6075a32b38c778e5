"""The checks' gauntlet: every check in worlds where it must fail, and every observed line of the shipped checklists.

    python -m bench.checks [--only worlds|lines] [--world NAME …] [--system NAME …] [--ref PREFIX …]
                           [--triples FILE] [--sabotage judgement|observation]

A world is healthy, then one thing in it is broken, then nothing in it answers. A healthy world in which a check does
not pass is a false alarm. A broken one in which it does not fail is missed. Where it cannot look, since the world is
silent or what it reads is torn, it must be unknown; that is counted by itself, since it shows nothing of the judgement.
For the lines of the books the same is played with the line's own checks and expectations, and with those of the
launch's steps where the launch observes it: it counts as observed only where a world that breaks that very line's claim
made it fail. `--triples` writes each distinct (check, parameters, fault) that was caught.

`--sabotage judgement` lets every judgement come out as a pass: no fault is caught then, and nearly all that could not
be looked at stays unknown, since nothing is judged there.
`--sabotage observation` lets every check find what is expected: then neither is left. Either ends with exit code 1.
"""

import argparse
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.checks_sabotage import SABOTAGES
from bench.proofs.playing import HEALTHY as HEALTHY_LINE
from bench.proofs.playing import Proved, prove, stage
from bench.proofs.proof import all_proofs
from bench.worlds.all_worlds import all_worlds
from bench.worlds.playing import HEALTHY, play
from bench.worlds.world import World
from deployments.rehearsal.binaries import CHECKOUT
from tasks.check import Check
from tasks.vocabulary import KINDS
from tminus.outcome import Verdict
from tminus.readiness.book import Bound, Checklist, Line
from tminus.readiness.judging import bound_of
from tminus.readiness.source import load_checklist, steps_beside
from tminus.runbook import Spec

_GOAL = 0.99


@dataclass
class Tally:
    """What one system's worlds came to.

    Attributes:
        checks: those that failed where they had to.
        faults, caught: looks at something broken, and those that failed.
        blind, told: looks that cannot find anything out, and those that said so.
        alarms: looks at healthy worlds that did not pass.
    """

    checks: set[str] = field(default_factory=set)
    faults: int = 0
    caught: int = 0
    blind: int = 0
    told: int = 0
    alarms: int = 0
    wrong: list[str] = field(default_factory=list)


def main(words: Sequence[str] | None = None) -> int:
    """Prints a line a system, what went wrong, and one JSON line a figure; 1 where one does not hold."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", choices=["worlds", "lines"])
    parser.add_argument("--world", action="append", default=[], help="only this world")
    parser.add_argument("--system", action="append", default=[], help="only this system's books")
    parser.add_argument("--ref", action="append", default=[], help="only lines whose ref begins with this")
    parser.add_argument("--triples", type=Path, help="a file for each (check, parameters, fault) that was caught")
    parser.add_argument("--sabotage", choices=sorted(SABOTAGES))
    given = parser.parse_args(words)
    if given.sabotage:
        SABOTAGES[given.sabotage]()
    with tempfile.TemporaryDirectory(prefix="tminus-") as folder:
        held = _worlds(Path(folder), given.world) if given.only != "lines" else True
        if given.only != "worlds":
            held &= _lines(Path(folder), given.system, given.ref or [""], given.triples)
    return 0 if held else 1


def _worlds(folder: Path, only: Sequence[str]) -> bool:
    tallies = {}
    for world in all_worlds():
        if not only or world.system in only:
            tallies[world.system] = _tally(world(folder / "worlds" / world.system))
            _say_row(world.system, world.real, tallies[world.system])
    found = list(tallies.values())
    caught = _share(sum(one.caught for one in found), sum(one.faults for one in found))
    told = _share(sum(one.told for one in found), sum(one.blind for one in found))
    alarms, checks = sum(one.alarms for one in found), set().union(*(one.checks for one in found))
    return all(
        (
            _figure(
                "checks_in_a_failing_world",
                len(checks),
                "kinds",
                f"= {len(_checks(only, checks))}",
                checks == _checks(only, checks),
            ),
            _figure("faults_caught", caught, "share", f">= {_GOAL}", caught >= _GOAL),
            _figure("blind_looks_unknown", told, "share", f">= {_GOAL}", told >= _GOAL),
            _figure("false_alarms", alarms, "looks", "= 0", alarms == 0),
        )
    )


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _checks(only: Sequence[str], seen: set[str]) -> set[str]:
    """Every kind of check there is; of some worlds only, those that they have."""
    return seen if only else {kind for kind, spec in KINDS.items() if issubclass(spec, Check)}


def _tally(world: World) -> Tally:
    tally = Tally()
    for one in play(world):
        if one.fault == HEALTHY:
            tally.alarms += not one.right
        elif one.wanted is Verdict.UNKNOWN:
            tally.blind += 1
            tally.told += one.right
        else:
            tally.faults += 1
            tally.caught += one.right
            tally.checks |= {one.check} if one.right else set()
        if not one.right:
            tally.wrong.append(str(one))
    return tally


def _say_row(system: str, real: bool, tally: Tally) -> None:
    missed = tally.faults - tally.caught
    kind = "real servers" if real else "stand-in"
    row = f"{system:18} {len(tally.checks):3} checks {tally.faults:4} faults {tally.caught:4} caught {missed:3} missed"
    print(f"{row} {tally.told:3} of {tally.blind:3} unknown {tally.alarms:3} false alarms  ({kind})", flush=True)
    for wrong in tally.wrong:
        print(f"    {wrong}", flush=True)


def _lines(folder: Path, systems: Sequence[str], prefixes: Sequence[str], triples: Path | None) -> bool:
    proofs = all_proofs()
    found: list[Proved] = []
    unproven_lines: list[str] = []
    with stage(folder / "lines", proofs) as on:
        for name in systems or sorted({path.parent.name for path in (CHECKOUT / "runbooks").glob("*/*.yaml")}):
            checklist = load_checklist(CHECKOUT / "runbooks" / name, KINDS)
            chosen = [line for line in checklist.lines() if line.ref.startswith(tuple(prefixes))]
            steps = steps_beside(CHECKOUT / "runbooks" / name, KINDS)
            came = list(prove(on, chosen, proofs.broken, steps))
            found += came
            unproven_lines += unproven(checklist, chosen, came, steps)
            print(f"{name:18} {len({one.ref for one in came}):4} lines looked at, {len(came)} looks", flush=True)
    for one in found:
        if not one.right:
            print(f"    {one}", flush=True)
    for ref in unproven_lines:
        print(f"    {ref}: nothing that breaks its claim is known, or it did not fail", flush=True)
    wanted = [one for one in found if one.fault != HEALTHY_LINE]
    caught = {(check, one.fault) for one in wanted if one.right for check in one.failed}
    idle = _idle(found)
    for check in idle:
        print(f"    {check}: no fault makes it fail", flush=True)
    if triples is not None:
        triples.write_text("".join(f"{check}\t{fault}\n" for check, fault in sorted(caught)), "utf-8")
    alarms = sum(not one.right for one in found if one.fault == HEALTHY_LINE)
    share = _share(sum(one.right for one in wanted), len(wanted))
    return all(
        (
            _figure("line_faults_caught", share, "share", f">= {_GOAL}", share >= _GOAL),
            _figure("line_false_alarms", alarms, "lines", "= 0", alarms == 0),
            _figure("observed_lines_unproven", len(unproven_lines), "lines", "= 0", not unproven_lines),
            _figure("idle_checks", len(idle), "checks", "= 0", not idle),
            _figure("distinct_triples", len(caught), "(check, parameters, fault)", ">= 1", bool(caught)),
        )
    )


def unproven(
    checklist: Checklist, chosen: Iterable[Line], came: Iterable[Proved], steps: Mapping[str, Spec]
) -> list[str]:
    """Observed lines, also those that the launch observes, that no fault made fail; `same_as` is judged elsewhere."""
    failed = Counter(one.ref for one in came if one.right and one.fault != HEALTHY_LINE)
    own = [line for line in chosen if line.same_as is None]
    return [line.ref for line in own if bound_of(checklist, line, steps) is Bound.OBSERVED and not failed[line.ref]]


def _idle(found: Iterable[Proved]) -> list[str]:
    """Checks of a line that none of its faults made fail: the line would say the same without them."""
    failed: dict[tuple[str, str], bool] = {}
    for one in found:
        for check in one.checks:
            key = (one.ref, check)
            failed[key] = failed.get(key, False) or (one.fault != HEALTHY_LINE and check in one.failed)
    return [f"{ref}: {check}" for (ref, check), ever in failed.items() if not ever]


def _figure(name: str, value: float, unit: str, goal: str, holds: bool) -> bool:
    print(
        json.dumps({"figure": name, "value": round(value, 4), "unit": unit, "goal": goal, "holds": holds}), flush=True
    )
    return holds


if __name__ == "__main__":
    sys.exit(main())
