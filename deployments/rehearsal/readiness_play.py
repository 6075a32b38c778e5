"""Plays a readiness sweep: the estate up, and a system's whole checklist looked at by the command that people use.

What the estate has is looked at: PostgreSQL, Redis, S3, the trading service behind nginx, Grafana, Slack, PagerDuty,
and made-up papers: the reports that CI leaves behind, and written documents. What it has not is skipped, and the
checklist says so.
"""

import os
import shlex
import subprocess
import sys
from pathlib import Path

from pydantic import JsonValue
from ruamel.yaml import YAML

from deployments.rehearsal.addresses import HOST
from deployments.rehearsal.binaries import CHECKOUT
from deployments.rehearsal.nightly_backup import StoredAt
from deployments.rehearsal.papers.pages import documents
from deployments.rehearsal.papers.reports import write
from deployments.rehearsal.papers.systems import tradesense, vatic
from deployments.rehearsal.play import Say, environment_of, read_first
from deployments.rehearsal.whole_estate import WholeEstate
from tminus.readiness.terminal import whole_list

_TMINUS = (sys.executable, "-m", "cli.main")
_WITHIN = 300.0  # seconds; then something hangs
# The stores of each system's book of backups that the estate has.
_BACKED_UP = {"tradesense": ("database", "database-files"), "vatic": ("cache",)}


NOT_READY = 3
"""The exit code of a sweep that went through and found lines that block."""


def sweep(estate: WholeEstate, system: str, out: Path, say: Say) -> int:
    """Runs `tminus readiness` over the estate, which runs already; every format is left in `out`.

    Returns the command's own exit code.
    """
    files = estate.documents
    write(estate.folder / "artifacts", vatic() if system == "vatic" else tradesense())
    write(estate.folder / "documents", documents())
    environment = environment_file(estate, system)
    _write(environment, system, estate)
    stores = [StoredAt(system, name, environment, environment_of(estate)) for name in _BACKED_UP[system]]
    stores[0].mark()
    for store in stores:
        store.take_and_prove()
    argv = [
        *(*_TMINUS, "readiness", system, "--environment", str(environment), "--people", str(files.people)),
        *("--release", str(files.release), "--report", str(out)),
    ]
    done = subprocess.run(
        argv,
        env=_with_tminus(environment_of(estate)),
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        text=True,
        timeout=_WITHIN,
        check=False,
    )
    for line in done.stdout.splitlines():
        # The estate, and its ledger with it, may be gone in a moment; what is in `out` stays.
        say(f"  The whole list is in {out / 'readiness.html'}." if line.strip() == whole_list(system) else line)
    return done.returncode


def environment_file(estate: WholeEstate, system: str) -> Path:
    """Where the sweep's own environment file is: beside `environment.yaml`, which is the launch's."""
    return estate.folder / f"{system}.yaml"


def what_to_type(estate: WholeEstate, system: str, variables: Path) -> list[str]:
    """What shows, from another terminal, what this sweep found, as long as the estate stays up.

    Args:
        estate: it.
        system: whose checklist was swept.
        variables: the file that a shell reads first.
    """
    files = estate.documents
    named = {"environment": environment_file(estate, system), "people": files.people, "release": files.release}
    options = [word for name, path in named.items() for word in (f"--{name}", str(path))]
    return [
        read_first(variables),
        shlex.join(["tminus", "next", system, *options]),
        shlex.join(["tminus", "line", "show", "REF", *options]),
    ]


def _with_tminus(environment: dict[str, str]) -> dict[str, str]:
    """As in an activated venv: a line may want that a command of tminus is there."""
    return {**environment, "PATH": os.pathsep.join([str(Path(sys.executable).parent), environment.get("PATH", "")])}


def _write(path: Path, system: str, estate: WholeEstate) -> None:
    """The estate's own environment file, and what only readiness asks."""
    known: dict[str, JsonValue] = YAML(typ="safe").load(estate.documents.environment)
    addresses = estate.servers.addresses
    front: JsonValue = {"url": addresses.nginx.url("trading")}
    pagerduty = known["pagerduty"]
    more: dict[str, JsonValue] = {
        "environment": f"{system}-rehearsal",
        "allows": ["none", "probe", "synthetic", "load"],
        "clock": {"hour": "1h"},
        "endpoints": {"api": front, "web": front},
        "redis": {name: {"url": "env:TMINUS_REHEARSAL_REDIS_URL"} for name in ("main", "cache")},
        "pagerduty": {
            **(pagerduty if isinstance(pagerduty, dict) else {}),
            "api": f"https://{HOST}:{estate.ports.pagerduty}",
            "token": "env:TMINUS_REHEARSAL_PAGERDUTY_TOKEN",
        },
        "documents": str(estate.folder / "documents"),
        "artifacts": str(estate.folder / "artifacts"),
        "contacts": str(CHECKOUT / "runbooks" / system / "contacts.yaml"),
        "runbooks": str(CHECKOUT / "runbooks"),
    }
    with path.open("w", encoding="utf-8") as file:
        YAML().dump({**known, **more}, file)
