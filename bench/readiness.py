"""What a sweep costs: hundreds of checks inside the flow, against a bare loop of the very same requests.

    python -m bench.readiness [--checks 400] [--growth 1000,10000] [--without prefect] [--sabotage NAME]

- sweep_over_bare_loop: 400 checks of 50 ms each, inside a real flow run on a real Prefect server, from the event that
  the sweep began to the last evidence, written durably; over a bare asyncio loop that sends the same requests with the
  same client, as many at once, and parses the same JSON. The whole wall time of `readiness` is told on stderr.
- cost_growth: the time a check from 1,000 to 10,000 checks of 0 ms, from the sweep's first event to its end, each in a
  process of its own, and the most resident memory that the larger one ever had.
- delayed_by_hanging: how much later the other checks are done while 200 checks of another system wait for ever, and
  200 of a third block the threads that they wait in.

A sweep counts only if it did its work: it came to its end, each check passed (those that hang are unknown), and the
site itself counted one request a check. Else this ends at once, says what is missing, and prints no figure of it.

`--sabotage together` looks at one line after another: the first figure must not hold. `--sabotage isolation` lets all
systems share one place in the queue: the last must not hold. `--sabotage nothing-sent` lets checks pass without asking
anybody, which must be noticed. Each ends with exit code 1.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from operator import itemgetter
from pathlib import Path
from statistics import median

import httpx

import flows.queues
import tasks.check
from bench.readiness_books import STUCK, SYSTEM, opened, write_book, write_environment
from bench.readiness_done import NotDone, answered_by, events_of, raise_unless_done
from flows.readiness import sweep
from tasks.vocabulary import KINDS
from tminus import events as ev
from tminus.expectation import Measurement
from tminus.outcome import Observation

WAIT_MS = 50
_MEMORY = 400  # MB
_HANGING = 200
_ROUNDS = 5
_AT_ONCE = flows.queues.AT_ONCE  # read before anything is sabotaged


def main(words: Sequence[str] | None = None) -> int:
    """Prints one JSON line a figure; 1 where one does not hold."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--checks", type=int, default=400)
    parser.add_argument("--growth", default="1000,10000", help="two numbers of checks")
    parser.add_argument("--without", choices=["prefect"], help="the sweep alone, as `tminus readiness --no-prefect`")
    parser.add_argument("--sabotage", choices=["together", "isolation", "nothing-sent"], help="switch a mechanism off")
    given = parser.parse_args(words)
    _sabotage(given.sabotage)
    with tempfile.TemporaryDirectory() as folder, site() as address:
        try:
            return _measure(given, Path(folder), address)
        except NotDone as e:
            _tell(f"a sweep did not do its work, so it has no time: {e}")
            return 1


def _measure(given: argparse.Namespace, folder: Path, site: str) -> int:
    held = []
    if given.sabotage != "isolation":
        with prefect_server(folder, wanted=given.without is None) as api:
            held.append(_against_bare_loop(folder, site, api, given.checks))
    if given.sabotage != "together":
        held.append(_delay(folder, site))
    if given.sabotage is None:
        held += _growth(folder, site, [int(number) for number in given.growth.split(",")])
    return 0 if all(held) else 1


def _against_bare_loop(folder: Path, site: str, api: str, checks: int) -> bool:
    ratios = []
    for number in range(_ROUNDS):
        bare = asyncio.run(bare_loop(site, checks))
        inside, whole = swept(folder / f"round-{number}", site, checks, f"/wait/{WAIT_MS}", api)
        _tell(f"{checks} checks of {WAIT_MS} ms: bare {bare:.2f} s, sweep {inside:.2f} s, whole {whole:.2f} s")
        ratios.append(inside / bare)
    return _figure("sweep_over_bare_loop", median(ratios), "ratio", "<= 1.2", median(ratios) <= 1.2)


async def bare_loop(site: str, checks: int) -> float:
    """The same requests, as plainly as they can be sent: one client, as many at once, each answer parsed.

    All 400 at once would be three times slower: httpx looks through its whole pool for each.
    """
    turn = asyncio.Semaphore(_AT_ONCE)
    async with httpx.AsyncClient(timeout=10, trust_env=False) as client:

        async def ask() -> object:
            async with turn:
                answer: object = json.loads((await client.get(f"{site}/wait/{WAIT_MS}")).content)
                return answer

        started = time.perf_counter()
        await asyncio.gather(*(ask() for _ in range(checks)))
        return time.perf_counter() - started


def swept(folder: Path, site: str, checks: int, path: str, api: str, hanging: int = 0) -> tuple[float, float]:
    """Seconds from the sweep's first event to its last evidence, and of the whole run, reading and judging included.

    Raises NotDone where the sweep left something out.
    """
    folder.mkdir(parents=True, exist_ok=True)
    environment = write_environment(folder, site, api or "http://127.0.0.1:1/api")
    books = write_book(folder, checks, path, hanging)
    before = answered_by(site)
    started = time.perf_counter()
    if api:
        asyncio.run(_flow_run(books, environment, api))
    else:
        asyncio.run(sweep(opened(books, environment), shown=False))
    whole = time.perf_counter() - started
    raise_unless_done(events_of(books, environment), checks, hanging, answered_by(site) - before)
    return _between_events(books, environment), whole


async def _flow_run(books: Path, environment: Path, api: str) -> None:
    from prefect.settings import PREFECT_API_URL, temporary_settings

    from flows.readiness import readiness

    with temporary_settings({PREFECT_API_URL: api}):
        state = await readiness(runbooks=str(books), environment=str(environment), return_state=True)
    if not state.is_completed():
        raise NotDone(f"the flow run ended as {state.name}: {state.message}")


def _between_events(books: Path, environment: Path, but: Sequence[str] = ()) -> float:
    """As the ledger has it: from the event that a sweep began to the last evidence of any section but these."""
    events = events_of(books, environment)
    last = max(one.at for one in events if isinstance(one, ev.LinesSeen) and one.section.rpartition("/")[2] not in but)
    return (last - events[0].at).total_seconds()


def _delay(folder: Path, site: str) -> bool:
    """When the last event of another section than the stuck one was written, with and without the stuck one."""
    path = f"/wait/{WAIT_MS}"
    alone = _last_other(folder / "alone", site, path, 0)
    beside = _last_other(folder / "beside", site, path, _HANGING)
    ratio = beside / alone
    _tell(f"200 checks are done after {alone:.2f} s, and after {beside:.2f} s beside {2 * _HANGING} that hang")
    return _figure("delayed_by_hanging", ratio, "ratio", "<= 1.5", ratio <= 1.5)


def _last_other(folder: Path, site: str, path: str, hanging: int) -> float:
    swept(folder, site, 200, path, "", hanging)
    return _between_events(folder / SYSTEM, folder / "environment.yaml", but=STUCK)


def _growth(folder: Path, site: str, sizes: list[int]) -> list[bool]:
    costs, peaks = [], []
    for size in sizes:
        argv = [sys.executable, "-m", "bench.readiness_growth", site, str(folder / f"size-{size}"), str(size)]
        done = subprocess.run(argv, check=False, capture_output=True, text=True)
        if done.returncode:
            raise NotDone(f"{size} checks of 0 ms: {done.stderr.strip().rpartition(chr(10))[2]}")
        inside, whole, peak = itemgetter("inside", "whole", "peak")(json.loads(done.stdout))
        _tell(f"{size} checks of 0 ms: {inside:.2f} s, {inside / size * 1000:.2f} ms a check, whole {whole:.2f} s")
        costs.append(inside / size)
        peaks.append(peak)
    growth = costs[-1] / costs[0]
    return [
        _figure("cost_growth", growth, "ratio", "<= 1.1", growth <= 1.1),
        _figure("memory", max(peaks), "MB", f"<= {_MEMORY}", max(peaks) <= _MEMORY),
    ]


def _figure(name: str, value: float, unit: str, goal: str, holds: bool) -> bool:
    print(json.dumps({"figure": name, "value": round(value, 3), "unit": unit, "goal": goal, "holds": holds}))
    return holds


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _sabotage(mechanism: str | None) -> None:
    if mechanism == "together":
        flows.queues.AT_ONCE = 1
    if mechanism == "nothing-sent":

        async def look(_check: object, _estate: object) -> Observation:
            await asyncio.sleep(WAIT_MS / 1000)
            return Observation(found=(Measurement(name="word", word="ok"),))

        KINDS["http.json"].look = look  # type: ignore[attr-defined]  # that is the sabotage
    if mechanism == "isolation":
        tasks.check.Check.asks = lambda _check: "all"  # type: ignore[method-assign,assignment]  # that is the sabotage


@contextmanager
def site() -> Iterator[str]:
    """The block in which the site runs, by its address."""
    with subprocess.Popen([sys.executable, "-m", "bench.readiness_site"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        finally:
            process.terminate()


@contextmanager
def prefect_server(folder: Path, *, wanted: bool) -> Iterator[str]:
    """The block in which a Prefect server runs, by its API's address; "" where none is wanted."""
    if not wanted:
        yield ""
        return
    from deployments.rehearsal.prefect_server import PrefectServer
    from deployments.rehearsal.processes import Processes

    server = PrefectServer.plan(folder / "prefect")
    with Processes() as processes:
        server.start(processes)
        yield f"http://127.0.0.1:{server.address.port}/api"


if __name__ == "__main__":
    sys.exit(main())
