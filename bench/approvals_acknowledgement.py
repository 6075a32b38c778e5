"""How soon a click is acknowledged at 100 clicks a second, and what comes of the clicks.

Two real gateways (`tminus gateway`) on one PostgreSQL ledger get signed clicks over HTTP. Slack is a stand-in process,
which takes what their couriers send. The generator is open-loop: every click has its moment on a fixed schedule, and
its latency counts from that moment, so waiting in the generator, in the socket or in the gateway is in the figure.

Of a hundred clicks eighty are somebody's first answer to a question, ten are the very same bytes sent to the other
gateway in the same moment, and ten are the same person once more. When all are judged, the ledger is read: every answer
must be there exactly once, whoever got it, however often. Only where a person's second click crossed with their first
one at the other gateway may both be recorded: they fill one seat. How often that happened is told, without a goal.
"""

import asyncio
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
from pydantic import SecretStr

from bench.approvals_clicks import LAUNCHES, Click, clicks, environment_file, open_launches
from bench.approvals_figure import Figure, below, none_of, percentile
from deployments.rehearsal.addresses import HOST, made_up, plain
from deployments.rehearsal.binaries import CHECKOUT
from deployments.rehearsal.ports import free_port
from deployments.rehearsal.postgres import Postgres
from deployments.rehearsal.processes import Processes
from deployments.rehearsal.readiness import http_answers
from tminus import events as ev
from tminus.ledger.logbook import Logbook
from tminus.ledger.postgres import PostgresStore
from tminus.ledger.store import Store

GATEWAYS = 2
RATE = 100.0  # clicks a second
_LIMIT_MS = 300.0
_JUDGED_WITHIN = 120.0  # seconds after the last click
_IMPORTS_WITHIN = 60.0


@dataclass(frozen=True)
class Answered:
    """One request: its latency from its scheduled moment in seconds, and its status (0: no answer)."""

    took: float
    status: int


def figures(seconds: float, seed: str) -> Iterator[Figure]:
    """Starts everything, clicks for so long, and counts."""
    with TemporaryDirectory(prefix="tminus-bench-") as made, Processes() as processes:
        folder = Path(made)
        folder.chmod(0o755)
        server = Postgres.plan(folder / "postgres", standby=False)
        server.start(processes)
        secrets = {"BENCH_DSN": server.address.dsn("postgres"), "BENCH_TOKEN": made_up(), "BENCH_SIGNING": made_up()}
        slack, ports = free_port(), [free_port() for _ in range(GATEWAYS)]
        with closing(PostgresStore(secrets["BENCH_DSN"])) as store:
            files = [environment_file(folder / f"gateway-{port}.yaml", port, slack) for port in ports]
            digests = open_launches(store, files[0], folder)
            _start(processes, folder, secrets, slack, dict(zip(ports, files, strict=True)))
            planned = clicks(digests, int(seconds * RATE), secrets["BENCH_SIGNING"], seed, slack)
            found = asyncio.run(_clicked(planned, ports))
            yield from _latencies(found)
            yield from _effects(store, planned)
            yield from _counts(ports, planned)


def _start(
    processes: Processes, folder: Path, secrets: Mapping[str, SecretStr], slack: int, files: Mapping[int, Path]
) -> None:
    module = (sys.executable, "-m")
    argv = [*module, "deployments.rehearsal.slack_stand_in", "--port", str(slack), "--burst", "5"]
    env = {"SLACK_BOT_TOKEN": secrets["BENCH_TOKEN"].get_secret_value()}
    processes.start("slack", argv, env=env, log=folder / "slack.log", ready=http_answers(slack, "/_control/messages"))
    for port, file in files.items():
        processes.start(
            f"gateway {port}",
            [*module, "cli.main", "gateway", "--environment", str(file)],
            env={**plain(secrets), "PREFECT_HOME": str(folder / "prefect")},
            cwd=CHECKOUT,
            log=folder / f"gateway-{port}.log",
            ready=http_answers(port, "/ready"),
            ready_within=_IMPORTS_WITHIN,
        )


async def _clicked(planned: Sequence[Click], ports: Sequence[int]) -> list[Answered]:
    """Every click in its moment, whatever became of those before it."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=64)
    async with httpx.AsyncClient(timeout=10, trust_env=False, limits=limits) as client:
        for port in ports:
            await asyncio.gather(*(client.get(f"http://{HOST}:{port}/health") for _ in range(8)))
        began = asyncio.get_running_loop().time() + 0.2
        return await asyncio.gather(*(_one(client, click, began, ports) for click in planned))


async def _one(client: httpx.AsyncClient, click: Click, began: float, ports: Sequence[int]) -> Answered:
    loop = asyncio.get_running_loop()
    moment = began + click.slot / RATE
    await asyncio.sleep(moment - loop.time())
    url = f"http://{HOST}:{ports[click.gateway]}/slack/interactions"
    try:
        status = (await client.post(url, content=click.body, headers=click.headers)).status_code
    except httpx.HTTPError:
        status = 0
    return Answered(loop.time() - moment, status)


def _latencies(found: Sequence[Answered]) -> Iterator[Figure]:
    took = [one.took * 1000.0 for one in found]
    of = f"ms, of {len(found)} clicks at {RATE:g} a second, two gateways on PostgreSQL"
    yield Figure("acknowledgement_ms.p50", percentile(took, 0.5), of)
    yield Figure("acknowledgement_ms.p99", percentile(took, 0.99), of)
    yield below("acknowledgement_ms.p99_9", percentile(took, 0.999), of, _LIMIT_MS)
    yield none_of("clicks_not_acknowledged", sum(one.status != HTTPStatus.OK for one in found), f"of {len(found)}")


def _effects(store: Store, planned: Sequence[Click]) -> Iterator[Figure]:
    """Waits until all are judged; an answer that is not there, or there twice, is counted."""
    wanted = {click.means for click in planned}
    until, books = time.monotonic() + _JUDGED_WITHIN, [Logbook(store, launch) for launch in LAUNCHES]
    while len(found := _recorded(books)) < len(wanted) and time.monotonic() < until:
        time.sleep(0.2)
    time.sleep(1.0)  # one that should not come would come now
    found = _recorded(books)
    yield none_of("clicks_lost", len(wanted - found.keys()), f"of {len(wanted)} different answers")
    twice = {click.means for click in planned if click.again == "same person"}
    once, again = wanted - twice, sum(found[means] > 1 for means in twice)
    yield none_of("clicks_doubled", sum(found[means] > 1 for means in once), f"of {len(once)} clicked once")
    yield Figure("second_clicks_recorded_too", again, f"of {len(twice)} by a person who clicked anew, at once")


def _recorded(books: Sequence[Logbook]) -> Counter[tuple[str, str, str]]:
    return Counter(
        (book.launch, event.ask, event.person)
        for book in books
        for event in book.refresh().events
        if isinstance(event, ev.Answered)
    )


def _counts(ports: Sequence[int], planned: Sequence[Click]) -> Iterator[Figure]:
    """The same bytes at both gateways: one of them accepts, the other calls it a replay."""
    twice = sum(click.again == "same bytes" for click in planned)
    texts = [httpx.get(f"http://{HOST}:{port}/metrics", trust_env=False).text for port in ports]
    lines = [line.split() for text in texts for line in text.splitlines()]
    replayed = sum(float(line[1]) for line in lines if "replayed" in line[0])
    yield none_of("same_click_accepted_twice", int(twice - replayed), f"of {twice} clicks sent to both gateways")
