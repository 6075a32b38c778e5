"""Plays one rehearsal: the estate up, the sign-off, the launch by the same commands as in production, the end.

One launch an estate: what is broken, and what the launch is judged by, are the whole estate's.
"""

import os
import re
import shlex
import ssl
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from threading import Event, Thread
from typing import IO

import httpx

from deployments.rehearsal.addresses import HOST, plain
from deployments.rehearsal.binaries import CHECKOUT
from deployments.rehearsal.fault_ending import Ending, differences
from deployments.rehearsal.fault_evidence import launches, outside
from deployments.rehearsal.fault_file import write_faults
from deployments.rehearsal.fault_judge import ending
from deployments.rehearsal.faults import Fault
from deployments.rehearsal.nightly_backup import StoredAt
from deployments.rehearsal.rotation_play import LoginRotation, Rotated
from deployments.rehearsal.whole_estate import WholeEstate
from tminus import events as ev

BOOK = CHECKOUT / "runbooks" / "tradesense" / "launch.yaml"
Say = Callable[[str], None]
_LOOK = 0.5  # seconds between two looks into the ledger
_COMMAND = 120.0  # seconds for one short command
_STDERR = 5.0  # seconds for the rest of what an ended command said; what it leaves behind may hold the pipe open
_T0 = ("+5h", "+7h")  # the book's first phase begins four hours before it
_PAST = "choose a later T-0"  # so a launch is refused whose first phase would have begun already
_LATE = re.compile(r"is late by \d")  # so a phase that came too late is held
_TMINUS = (sys.executable, "-m", "cli.main")


@dataclass(frozen=True)
class Played:
    """How a rehearsal went.

    Attributes:
        code: the launch's own exit code.
        launch: its id; empty where none was created.
        seconds: from the launch command's start to its end.
        said: the sentence with which it was closed.
        ending: how it ended, by the record and by what others wrote down.
        too_slow: what to do, where the machine did not keep up with the clock; else empty.
        rotated: how the rotation before it went; None where there was none.
    """

    code: int
    launch: str
    seconds: float
    said: str
    ending: Ending
    too_slow: str = ""
    rotated: Rotated | None = None

    def otherwise_than(self, fault: Fault) -> list[str]:
        """What is not as the fault promises, a line each; none where it ended just so."""
        wrong = differences(fault.ending, self.ending)
        if self.code != fault.exit_code:
            wrong.append(f"exit code: promised {fault.exit_code}, found {self.code}")
        return [*wrong, *(self.rotated.wrong if self.rotated else ())]


def play(estate: WholeEstate, out: Path, say: Say, book: Path = BOOK) -> Played:
    """Signs off, launches by `book`, follows to the end; the estate runs already."""
    fault = estate.fault
    rotated = _prepare(estate, say, book)
    started = time.monotonic()
    code, late = _launch_in_time(estate, out, say, book)
    seconds = time.monotonic() - started
    if fault.slack or fault.pagerduty:
        say("The outage is over; what waits is sent now.")
        _outage(estate, "none")
        _until(lambda: _outbox_is_empty(estate), 60, "every message has arrived")
    launch, events = _the_launch(estate)
    said = next((one.sentence for one in events if isinstance(one, ev.LaunchClosed)), "No launch came to an end.")
    late = late or any(isinstance(one, ev.Held) and _LATE.search(one.why) for one in events)
    too_slow = too_slow_for(estate.documents.hour) if late else ""
    if rotated is not None:
        say(rotated.said)
    return Played(code, launch, seconds, said, ending(events, outside(estate)), too_slow, rotated)


def too_slow_for(hour: timedelta) -> str:
    """What to try where an hour of the countdown is too short for this machine."""
    long = [f"{length.total_seconds():g}" for length in (hour, 2 * hour)]
    return f"this machine is too slow for an hour in {long[0]} s; try make rehearsal HOUR={long[1]}s"


def _prepare(estate: WholeEstate, say: Say, book: Path) -> Rotated | None:
    """A backup, a rotation where nothing is broken on purpose, and the sign-off."""
    fault, rotated = estate.fault, None
    with ThreadPoolExecutor(2) as meanwhile:
        backed_up = meanwhile.submit(last_night, estate)
        rotation = LoginRotation(estate, environment_of(estate))
        rotating = meanwhile.submit(rotation.play) if fault.name == "none" else None
        key = str(estate.documents.key("release_manager"))
        say(_tminus(estate, "sign-off", *_documents(estate, book), "--key", key).strip())
        _until(lambda: _nothing_pending(estate), 60, "the release is signed off")
        backed_up.result()
        if rotating is not None:
            rotated = rotating.result()
            say(rotated.said)
    if not fault.from_watch:
        _switch_faults(estate)
    _outage(estate, "down")
    return rotated


def last_night(estate: WholeEstate) -> None:
    """The backup of last night, and its restore; otherwise than it should be where the fault says so."""
    fault, stored = estate.fault, _database(estate)
    stored.mark()
    if fault.backup_age_hours or fault.backup_damaged:
        age = timedelta(hours=fault.backup_age_hours)
        stored.take_otherwise(estate.servers.addresses.aws, age=age, damaged=fault.backup_damaged)
    else:
        stored.take_and_prove()


def back_up_after(estate: WholeEstate, began: Callable[[], bool], over: Event) -> None:
    """What the platform's scheduler does after a launch, once its last phase began: a backup, and its restore."""
    while not over.wait(_LOOK):
        if began():
            _database(estate).take_and_prove()
            return


def _last_phase_began(estate: WholeEstate) -> bool:
    return any(isinstance(one, ev.PhaseStarted) and one.phase.startswith("T+") for one in _the_launch(estate)[1])


def _database(estate: WholeEstate) -> StoredAt:
    return StoredAt("tradesense", "database", estate.documents.environment, environment_of(estate))


def _documents(estate: WholeEstate, book: Path) -> list[str]:
    files = estate.documents
    named = {"release": files.release, "runbook": book, "people": files.people, "environment": files.environment}
    return [word for name, path in named.items() for word in (f"--{name}", str(path))]


def _launch_in_time(estate: WholeEstate, out: Path, say: Say, book: Path) -> tuple[int, bool]:
    """Its exit code, and whether no T-0 was late enough. T-0 is reckoned once everything else is prepared.

    Between that and the launch's creation the command still reads files and asks Prefect. Where this took so long that
    the first phase was past already, nothing was created, and it is tried again with more time.
    """
    for t0 in _T0:
        code, refused = _launch(estate, out, say, book, t0)
        late = code != 0 and _PAST in refused and not _the_launch(estate)[0]
        if not late:
            break
        say(f"T-0 at {t0} was too early: creating the launch took longer than there was before its first phase.")
    return code, late


def _launch(estate: WholeEstate, out: Path, say: Say, book: Path, t0: str) -> tuple[int, str]:
    """Runs `tminus launch` as a release manager would: live on a terminal, else line by line.

    Returns its exit code and what it said on stderr.
    """
    key = str(estate.documents.key("release_manager"))
    argv = [*_TMINUS, "launch", *_documents(estate, book), "--t0", t0, "--report", str(out), "--key", key]
    shown = None if sys.stdout.isatty() else subprocess.PIPE
    over = Event()
    Thread(target=back_up_after, args=(estate, lambda: _last_phase_began(estate), over), daemon=True).start()
    if estate.fault.from_watch:
        Thread(target=_switch_at_watch, args=(estate, over), daemon=True).start()
    process = subprocess.Popen(
        argv, env=environment_of(estate), cwd=CHECKOUT, stdout=shown, stderr=subprocess.PIPE, text=True
    )
    refused: list[str] = []
    listening = Thread(target=_repeat, args=(process.stderr, refused), daemon=True)
    listening.start()
    try:
        with process.stdout or nullcontext(()) as lines:
            for line in lines:
                say(line.rstrip())
        code = process.wait()
        listening.join(_STDERR)
        return code, "".join(refused)
    finally:
        over.set()
        if process.poll() is None:
            process.terminate()
            process.wait(10)


def _repeat(lines: IO[str], heard: list[str]) -> None:
    """Says on stderr what another process says there, and keeps it."""
    with lines:
        for line in lines:
            heard.append(line)
            sys.stderr.write(line)
            sys.stderr.flush()


def _the_launch(estate: WholeEstate) -> tuple[str, list[ev.Event]]:
    """Its id and its events; nothing where none was created."""
    return next(iter(launches(estate.documents.ledger).items()), ("", []))


def _switch_at_watch(estate: WholeEstate, over: Event) -> None:
    """Breaks the service once the watch has had a second of good samples, unless the launch is over before."""
    while not over.wait(0.1):
        if any(isinstance(one, ev.WatchBegan) for one in _the_launch(estate)[1]):
            time.sleep(1.0)
            _switch_faults(estate)
            return


def _switch_faults(estate: WholeEstate) -> None:
    if estate.fault.services or estate.fault.platform.one_old_instance or estate.fault.platform.service_down:
        write_faults(estate.trading.address.faults, estate.fault.services, estate.fault.platform)


def _outage(estate: WholeEstate, mode: str) -> None:
    authority = str(estate.documents.certificates / "ca.pem")
    for is_out, url, verify in (
        (estate.fault.slack, f"http://{HOST}:{estate.ports.slack}", True),
        (estate.fault.pagerduty, f"https://{HOST}:{estate.ports.pagerduty}", authority),
    ):
        if is_out:
            answer = httpx.post(f"{url}/_control/fault", json={"mode": mode}, verify=_trusting(verify), timeout=5)
            answer.raise_for_status()


def _trusting(verify: bool | str) -> bool | ssl.SSLContext:
    return ssl.create_default_context(cafile=verify) if isinstance(verify, str) else verify


def _nothing_pending(estate: WholeEstate) -> bool:
    return _tminus(estate, "pending", "--json").strip() == "[]"


def _outbox_is_empty(estate: WholeEstate) -> bool:
    return "Every message has arrived" in _tminus(estate, "outbox")


def _tminus(estate: WholeEstate, *words: str) -> str:
    argv = [*_TMINUS, *words]
    done = subprocess.run(
        argv, env=environment_of(estate), cwd=CHECKOUT, capture_output=True, text=True, timeout=_COMMAND, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"`tminus {words[0]}` ended with {done.returncode}: {done.stderr.strip()[-800:]}")
    return done.stdout


def environment_of(estate: WholeEstate) -> dict[str, str]:
    """What a command that plays in this rehearsal sees."""
    prefect = plain(estate.servers.addresses.prefect.environment())
    return {**os.environ, **estate.environment(), **prefect, **estate.processes.mark()}


def read_first(variables: Path) -> str:
    """What another terminal reads first: where `tminus` is, and what every process of the rehearsal knows.

    Where Python is no venv's there is nothing to activate.
    """
    activate = Path(sys.executable).parent / "activate"
    read = [activate, variables] if activate.is_file() else [variables]
    return " && ".join(f". {shlex.quote(str(path))}" for path in read)


def _until(holds: Callable[[], bool], seconds: float, what: str) -> None:
    until = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > until:
            raise RuntimeError(f"after {seconds:g} s it is still not so that {what}")
        time.sleep(0.2)
