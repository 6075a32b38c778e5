"""Plays one rehearsal: the estate up, the sign-off, the launch by the same commands as in production, the end."""

import os
import ssl
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from threading import Thread

import httpx

from deployments.rehearsal.addresses import HOST, plain
from deployments.rehearsal.binaries import CHECKOUT
from deployments.rehearsal.fault_file import write_faults
from deployments.rehearsal.nightly_backup import back_up
from deployments.rehearsal.whole_estate import WholeEstate

BOOK = CHECKOUT / "runbooks" / "tradesense" / "launch.yaml"
Say = Callable[[str], None]
_COMMAND = 120.0  # seconds for one short command
_TMINUS = (sys.executable, "-m", "cli.main")


@dataclass(frozen=True)
class Played:
    """How a rehearsal went.

    Attributes:
        code: the launch's own exit code.
        launch: its id; empty where none was created.
        seconds: from the launch command's start to its end.
        said: the last line that the launch printed.
    """

    code: int
    launch: str
    seconds: float
    said: str


def play(estate: WholeEstate, out: Path, say: Say) -> Played:
    """Signs off, launches, follows to the end; the estate runs already."""
    fault = estate.fault
    _prepare(estate, say)
    started = time.monotonic()
    launch, code, said = _launch(estate, out, say)
    seconds = time.monotonic() - started
    if fault.slack or fault.pagerduty:
        say("The outage is over; what waits is sent now.")
        _outage(estate, "none")
        _until(lambda: _outbox_is_empty(estate), 60, "every message has arrived")
    return Played(code, launch, seconds, said)


def _prepare(estate: WholeEstate, say: Say) -> None:
    addresses, fault = estate.servers.addresses, estate.fault
    back_up(addresses.postgres, addresses.aws, estate.folder, timedelta(hours=fault.backup_age_hours))
    say(_tminus(estate, "sign-off", *_documents(estate)).strip())
    _until(lambda: _nothing_pending(estate), 60, "the release is signed off")
    if not fault.from_watch:
        _switch_faults(estate)
    _outage(estate, "down")


def _documents(estate: WholeEstate) -> list[str]:
    files = estate.documents
    named = {"release": files.release, "runbook": BOOK, "people": files.people, "environment": files.environment}
    return [word for name, path in named.items() for word in (f"--{name}", str(path))]


def _launch(estate: WholeEstate, out: Path, say: Say) -> tuple[str, int, str]:
    key = str(estate.documents.key("release_manager"))
    argv = [*_TMINUS, "launch", *_documents(estate), "--t0", "+5h", "--report", str(out), "--key", key]
    process = subprocess.Popen(argv, env=_env(estate), cwd=CHECKOUT, stdout=subprocess.PIPE, text=True)
    launch, said = "", ""
    try:
        for line in process.stdout or ():
            said = line.rstrip()
            say(said)
            if not launch and " is created; " in said:
                launch = said.split()[0]
                if estate.fault.from_watch:
                    Thread(target=_switch_at_watch, args=(estate, launch), daemon=True).start()
        code = process.wait(_COMMAND)
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(10)
    return launch, code, said


def _switch_at_watch(estate: WholeEstate, launch: str) -> None:
    """Breaks the service once the watch has had a second of good samples."""
    from tminus.ledger.sqlite import SqliteStore

    store = SqliteStore(estate.documents.ledger)
    while not any('"watch.began"' in event.body for event in store.read(launch)):
        time.sleep(0.1)
    store.close()
    time.sleep(1.0)
    _switch_faults(estate)


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
        argv, env=_env(estate), cwd=CHECKOUT, capture_output=True, text=True, timeout=_COMMAND, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"`tminus {words[0]}` ended with {done.returncode}: {done.stderr.strip()[-800:]}")
    return done.stdout


def _env(estate: WholeEstate) -> dict[str, str]:

    return {**os.environ, **estate.environment(), **plain(estate.servers.addresses.prefect.environment())}


def _until(holds: Callable[[], bool], seconds: float, what: str) -> None:
    until = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > until:
            raise RuntimeError(f"after {seconds:g} s it is still not so that {what}")
        time.sleep(0.2)
