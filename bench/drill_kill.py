"""Drills killed with SIGKILL at every boundary and at random moments; the next start undoes, and breaks nothing again.

    python -m bench.drill_kill [--kills 111] [--seed 1] [--sabotage undo]

Each history is a drill of real servers (PostgreSQL with a standby, another that
loses its data, Redis with a replica and Sentinels) by a real
process of `tminus drill`, which dies at a named point of its course, or at a random time; one in three is killed once
more while it undoes. Then the same command is typed again. What the servers are is asked of themselves, before all of
it and after each history, without a line of tminus:

- wrong_worlds: not the roles that there were before it;
- broken_again: a second fault after a kill;
- still_held: the environment is locked though all is as before;
- not_undone: the command that came after the kill did not end with all as before.

Each figure is a line of JSON; exit code 1 where one does not hold. `--sabotage undo` leaves out the undo of whoever
comes after a kill, and wrong_worlds must rise:

    python -m bench.drill_kill --kills 12 --sabotage undo
"""

import argparse
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from bench.approvals_figure import Figure, none_of
from bench.drill_world import World, look, takes_writes
from deployments.rehearsal.binaries import CHECKOUT
from deployments.rehearsal.drill_estate import DrillEstate
from flows.drill_round import opened_drills
from tminus.drills.course import FORWARD, Course

NAMES = ("database-failover", "records-restore", "cache-failover")
STAGES = (*FORWARD, "undo")
POINTS = [(what, stage) for stage in STAGES for what in ("began", "done")]
_WITHIN = 120.0  # seconds that one command may take
_LOOK = 0.002  # seconds between two looks at the ledger
_LONGEST = 6.0  # seconds after which a drill is over, nearly always
_AGAIN = 0.34  # share of the undoing that is killed too
_UNDO_TAKES = 2.0  # seconds, nearly always
_ALL_AS_BEFORE = (0, 1)  # exit codes: 0 where it had been measured before the kill, 1 where it had not
_KILLED = 0.9  # share of the histories that must be killed at all: a random moment may come after the end
_SWITCH = (sys.executable, "-m", "deployments.rehearsal.machinectl")
_SABOTAGED = """
import sys
from flows.drilling import Drilling
from tminus import events as ev

whole = Drilling._done

async def done(self, drill, stage):
    if stage != "undo":
        return await whole(self, drill, stage)
    await self.diary.write(ev.DrillStageDone(drill=drill.name, stage=stage, said="left out"))
    return True

Drilling._done = done
from flows import drilling
drilling._changes = lambda before, after: []
from cli.main import main
main(sys.argv[1:])
"""


@dataclass
class Ended:
    """How one history came out; `wrong` is what the servers were otherwise."""

    kills: int = 0
    wrong: str = ""
    broken_again: bool = False
    still_held: bool = False
    not_undone: str = ""


@dataclass(frozen=True)
class Bench:
    """The servers, and what they were at the beginning."""

    estate: DrillEstate
    before: World
    sabotage: str | None

    def play(self, name: str, point: tuple[str, str] | float, *, again: float | None) -> Ended:
        """One history: a kill at a point of the course, or after so many seconds; then until it is over."""
        ended = Ended()
        drills = len(self.course(name).drills)
        self._killed(name, point, drills, ended)
        if again is not None:
            self._killed(name, again, len(self.course(name).drills), ended, undoing=True)
        begun = len(self.course(name).drills)
        unproven = self.course(name).unproven is not None
        done = subprocess.run(
            self._argv(name, undoing=True),
            env=self.estate.seen(),
            cwd=CHECKOUT,
            capture_output=True,
            text=True,
            timeout=_WITHIN,
            check=False,
        )
        if unproven:
            said = f"exit {done.returncode}: {(done.stdout + done.stderr)[-300:]}"
            ended.not_undone = "" if done.returncode in _ALL_AS_BEFORE else said
            ended.broken_again = len(self.course(name).drills) != begun
        found = look(self.estate)
        ended.wrong = "" if found == self.before else f"{found}"
        ended.still_held = self._held() and not ended.wrong
        if ended.wrong or ended.not_undone:
            self._mend(name)
        return ended

    def course(self, name: str) -> Course:
        """What the ledger knows of a scenario."""
        opened = opened_drills(self.estate.book, self.estate.environment_file)
        with closing(opened.store()) as store:
            return opened.course(store, name)

    def _killed(
        self, name: str, at: tuple[str, str] | float, drills: int, ended: Ended, *, undoing: bool = False
    ) -> None:
        process = subprocess.Popen(
            self._argv(name, undoing=undoing),
            env=self.estate.seen(),
            cwd=CHECKOUT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until = time.monotonic() + (at if isinstance(at, float) else _WITHIN)
        while process.poll() is None and time.monotonic() < until:
            if not isinstance(at, float) and self._is_there(name, at, drills):
                break
            time.sleep(_LOOK)
        ended.kills += process.poll() is None
        process.kill()
        process.wait()

    def _is_there(self, name: str, point: tuple[str, str], drills: int) -> bool:
        course = self.course(name)
        if len(course.drills) == drills:
            return False
        last, (what, stage) = course.drills[-1], point
        return stage in (last.moments if what == "began" else last.done)

    def _argv(self, name: str, *, undoing: bool) -> list[str]:
        files = ["--runbook", str(self.estate.book), "--environment", str(self.estate.environment_file)]
        if undoing and self.sabotage:
            return [sys.executable, "-c", _SABOTAGED, "drill", name, *files]
        return [sys.executable, "-m", "cli.main", "drill", name, *files]

    def _held(self) -> bool:
        opened = opened_drills(self.estate.book, self.estate.environment_file)
        with closing(opened.store()) as store:
            return store.locked_by("drills") is not None

    def _switched(self, deed: str, server: str) -> None:
        subprocess.run([*_SWITCH, str(self.estate.plan), deed, server], check=True, stdout=subprocess.DEVNULL)

    def _mend(self, name: str) -> None:
        """As whoever runs the servers would by hand, so that the next history begins well."""
        self._switched("give-back", "records")
        off = ["redis-a", "redis-b"] if look(self.estate).writable else ["redis-a", "redis-b", "pg-a", "pg-b"]
        for server in off:  # where nobody took over, whoever was the primary is it again
            self._switched("start", server)
        found = look(self.estate)
        if (found.writable, found.streaming) == (1, 0):
            sides = [self.estate.postgres.address.dsn("postgres", standby=standby) for standby in (False, True)]
            primary, other = sides if takes_writes(sides[0]) else reversed(sides)
            self.estate.rejoin(other, primary)
        until = time.monotonic() + _WITHIN
        while (found := look(self.estate)) != self.before:
            if time.monotonic() > until:
                raise SystemExit(f"the servers do not come back as they were: {found}")
            time.sleep(_LOOK)
        words = [*self._argv(name, undoing=False), "--undo"]
        subprocess.run(words, env=self.estate.seen(), cwd=CHECKOUT, check=False, capture_output=True)


def main(words: Sequence[str] | None = None) -> int:
    """Prints one JSON line a figure; 1 where one does not hold."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kills", type=int, default=111, help="histories, each with one kill at least")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sabotage", choices=["undo"])
    given = parser.parse_args(words)
    found, began = list[Ended](), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="tminus-bench-") as folder:
        Path(folder).chmod(0o711)
        with DrillEstate(Path(folder) / "drills", lead_in="300 ms") as estate:
            bench = Bench(estate, look(estate), given.sabotage)
            for name, point, again in histories(given.kills, random.Random(given.seed)):
                found.append(bench.play(name, point, again=again))
                print(f"{name} at {point}, again {again}: {found[-1]}", file=sys.stderr, flush=True)
    print(f"{len(found)} histories in {time.monotonic() - began:.0f} s", file=sys.stderr)
    shown = list(figures(found, given.kills))
    for figure in shown:
        print(figure.line(), flush=True)
    return 0 if all(figure.holds for figure in shown) else 1


def histories(count: int, draw: random.Random) -> Iterator[tuple[str, tuple[str, str] | float, float | None]]:
    """Every boundary of both scenarios, and random moments for the rest; some are killed once more."""
    places: list[tuple[str, tuple[str, str] | float]] = [(name, point) for point in POINTS for name in NAMES]
    while len(places) < count:
        places.append((NAMES[len(places) % len(NAMES)], round(draw.uniform(0.3, _LONGEST), 3)))
    for name, point in places[:count]:
        yield name, point, round(draw.uniform(0.1, _UNDO_TAKES), 3) if draw.random() < _AGAIN else None


def figures(found: Sequence[Ended], wanted: int) -> Iterator[Figure]:
    """What was counted."""
    kills, of = sum(one.kills for one in found), f"of {len(found)} histories"
    yield Figure("drill_kill.kills", kills, of, f">= {_KILLED * wanted:g}", holds=kills >= _KILLED * wanted)
    yield none_of("drill_kill.wrong_worlds", sum(bool(one.wrong) for one in found), of)
    yield none_of("drill_kill.broken_again", sum(one.broken_again for one in found), of)
    yield none_of("drill_kill.still_held", sum(one.still_held for one in found), of)
    yield none_of("drill_kill.not_undone", sum(bool(one.not_undone) for one in found), of)


if __name__ == "__main__":
    sys.exit(main())
