"""One whole estate, and launches in it by the same commands that a release manager types."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING

import boto3
import psutil
from ruamel.yaml import YAML

from deployments.rehearsal import nginx
from deployments.rehearsal.addresses import plain
from deployments.rehearsal.binaries import CHECKOUT
from deployments.rehearsal.play import back_up_after, last_night
from deployments.rehearsal.trading_logins import SECRET
from deployments.rehearsal.whole_estate import WholeEstate
from tasks.vocabulary import KINDS
from tminus.frozen import Frozen
from tminus.ledger.logbook import Logbook
from tminus.ledger.sqlite import SqliteStore
from tminus.record import Record

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

BOOK = CHECKOUT / "runbooks" / "tradesense" / "launch.yaml"
TMINUS: Sequence[str] = (sys.executable, "-m", "cli.main")
_SHORTER = {"T-4h": "T-1h", "T+4h": "T+2h"}
_PATIENT = "12h"  # on the countdown's clock: three conductors are lost, and nothing is to be too late for it
T0 = "+110m"  # on the countdown's clock: the flow that schedules the phases needs a few seconds first
CANARY = "TMINUS_REHEARSAL_CANARY"
_PRINTED = (CANARY, "TMINUS_REHEARSAL_DSN", "TMINUS_REHEARSAL_REDIS_URL", "TMINUS_REHEARSAL_SLACK_TOKEN")
_TALK = (
    f'"$@"; status=$?; echo; echo printed: {" ".join(f"${name}" for name in _PRINTED)}; '
    "dsn=${TMINUS_REHEARSAL_DSN#*//tminus:}; echo and a password alone: ${dsn%%@*}; exit $status"
)
_COMMAND = 60.0  # seconds for a short command
_LAUNCH = 150.0  # seconds for a whole launch


def wait_for(holds: Callable[[], bool], what: str, seconds: float = 60.0) -> None:
    """Looks until it holds; fails, saying what it waited for."""
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, f"after {seconds:g} s it is still not so that {what}"
        time.sleep(0.05)


def read_lines(path: Path) -> list[dict[str, object]]:
    """A file of JSON lines; none where it is not there."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []


@dataclass
class Launched:
    """A launch under way, followed by `tminus launch`."""

    name: str
    process: "subprocess.Popen[str]"
    book: Logbook
    said: list[str] = field(default_factory=list)

    def record(self) -> Record:
        """What the ledger says so far."""
        return self.book.refresh()

    def after_t0(self) -> bool:
        """Whether a phase after T-0 began."""
        return any(name.startswith("T+") for name in list(self.record().phases_started))

    def conductor(self) -> int:
        """The process that holds the lease now; 0 where nobody does."""
        lease = self.book.store.lease(self.name)
        return int(json.loads(lease.holder)["pid"]) if lease and lease.holder else 0

    def token(self) -> int:
        """The lease's token: it grows with every conductor."""
        lease = self.book.store.lease(self.name)
        return lease.token if lease else 0

    def end(self) -> int:
        """Waits for the end; returns the exit code."""
        return self.process.wait(_LAUNCH)


@dataclass
class Stage:
    """An estate that runs, with a short book; several launches may be played on it, one after another."""

    estate: WholeEstate
    book: Path
    canary: str

    def environment(self) -> dict[str, str]:
        """What every tminus process sees."""
        prefect = plain(self.estate.servers.addresses.prefect.environment())
        return {**os.environ, **self.estate.environment(), **prefect}

    def documents(self) -> list[str]:
        """The four files, as options."""
        files = self.estate.documents
        named = {"release": files.release, "runbook": self.book, "people": files.people}
        options = {**named, "environment": files.environment}
        return [word for name, path in options.items() for word in (f"--{name}", str(path))]

    def tminus(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """One short command, to its end."""
        return subprocess.run(
            [*TMINUS, *words],
            env=self.environment(),
            cwd=CHECKOUT,
            capture_output=True,
            text=True,
            timeout=_COMMAND,
            check=False,
        )

    def key(self, role: str) -> str:
        """Whoever has this role signs with it."""
        return str(self.estate.documents.key(role))

    def s3(self) -> "S3Client":
        """A client that is allowed everything."""
        return self._aws().client("s3", endpoint_url=self.estate.servers.addresses.aws.url)

    def _aws(self) -> boto3.Session:
        aws = self.estate.servers.addresses.aws
        return boto3.Session(
            region_name=aws.region,
            aws_access_key_id=aws.access_key_id,
            aws_secret_access_key=aws.secret_access_key.get_secret_value(),
        )

    def rotate(self) -> None:
        """The service's login is rotated as far as it goes at once: the new password is current beside the old one."""
        files = self.estate.documents
        where = ("--runbook", str(files.secrets), "--environment", str(files.environment))
        rotated = self.tminus("rotate", "database", "--reason", "before the launch", *where)
        assert rotated.returncode == 0, rotated.stdout + rotated.stderr
        assert "promote" in rotated.stdout

    def rotated_values(self) -> dict[str, str]:
        """The passwords of every version of the service's login, by version."""
        client = self._aws().client("secretsmanager", endpoint_url=self.estate.servers.addresses.aws.url)
        versions = [one["VersionId"] for one in client.list_secret_version_ids(SecretId=SECRET)["Versions"]]
        values = {one: client.get_secret_value(SecretId=SECRET, VersionId=one)["SecretString"] for one in versions}
        return {f"password of version {one[:8]}": json.loads(value)["password"] for one, value in values.items()}

    def sign_off(self) -> None:
        """The readiness roles sign the release off, and last night's backup is there."""
        last_night(self.estate)
        asked = self.tminus("sign-off", *self.documents(), "--key", self.key("release_manager"))
        assert asked.returncode == 0, asked.stderr
        wait_for(lambda: self.tminus("pending", "--json").stdout.strip() == "[]", "the release is signed off")

    @contextmanager
    def launch(self, out: Path) -> Iterator[Launched]:
        """`tminus launch`, followed; ended with the block whatever happens in it."""
        argv = [*TMINUS, "launch", *self.documents(), "--t0", T0, "--report", str(out)]
        process = subprocess.Popen(
            [*argv, "--key", self.key("release_manager")],
            env=self.environment(),
            cwd=CHECKOUT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert process.stdout is not None
        said = [line] if (line := process.stdout.readline().rstrip()) else []
        assert said, f"the launch was not created: exit code {process.wait(10)}"
        store = SqliteStore(self.estate.documents.ledger)
        launched = Launched(said[0].split()[0], process, Logbook(store, said[0].split()[0]), said)
        listener = Thread(target=lambda: said.extend(line.rstrip() for line in process.stdout or ()), daemon=True)
        listener.start()
        over = Event()
        scheduled = Thread(target=back_up_after, args=(self.estate, launched.after_t0, over), daemon=True)
        scheduled.start()
        try:
            yield launched
        finally:
            over.set()
            process.kill()
            process.wait()
            listener.join(5)
            scheduled.join(_COMMAND)
            process.stdout.close()
            store.close()

    def frozen(self, launched: Launched) -> Frozen:
        """What the launch froze."""
        created = launched.record().created
        assert created is not None
        return Frozen(created, KINDS)

    def reset(self) -> None:
        """Blue serves the old version again, and green is empty: the world before the first launch."""
        address, trading = self.estate.servers.addresses.nginx, self.estate.trading.address
        address.upstream("trading").write_text(nginx.upstream("trading", trading.pools["blue"]), "utf-8")
        retire = [*trading.ctl, "retire", "--pool", "green"]
        for argv in (address.reload, retire, trading.roll_out("blue", "1.9.0")):
            subprocess.run(argv, check=True, timeout=_COMMAND, cwd=CHECKOUT, capture_output=True)

    def secrets(self) -> dict[str, str]:
        """Every secret there is here, by name."""
        addresses = self.estate.servers.addresses
        ours = plain(self.estate.secrets)
        found = {name: ours[name] for name in ours if name.startswith("TMINUS_") or name == "AWS_SECRET_ACCESS_KEY"}
        for role, password in addresses.postgres.passwords.items():
            found[f"PostgreSQL password of {role}"] = password.get_secret_value()
        for role in sorted(path.name for path in (self.estate.folder / "keys").iterdir()):
            found[f"private key of {role}"] = Path(self.key(role)).read_text("ascii").splitlines()[2]
        found["Redis password"] = addresses.redis.password.get_secret_value()
        found["JWT key"] = self.estate.trading.jwt_key.get_secret_value()
        found["canary"] = self.canary
        return found | self.rotated_values()

    @contextmanager
    def people_look_away(self) -> Iterator[None]:
        """Nobody answers while the block runs."""
        people = next(one for one in self.estate.processes._children if one.name.startswith("people"))
        os.kill(people.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(people.pid, signal.SIGCONT)


def shorter(folder: Path) -> Path:
    """The book of the rehearsal with a shorter countdown, in which nothing is ever too late, and slow is no fault.

    What is slow on a machine that others use too says nothing of the release.
    """
    yaml = YAML()
    book = yaml.load(BOOK)
    for phase in book["phases"]:
        phase["phase"] = _SHORTER.get(phase["phase"], phase["phase"])
        phase["late_by"] = _PATIENT
        for step in phase["steps"]:
            if "approval" in step:
                step["approval"]["deadline"] = _PATIENT
            if "p95" in step.get("expect", {}):
                step["expect"]["p95"] = "< 10 s"
            if "watch" in step:
                step["expect"]["p95"] = "< 2500 ms"  # a watch counts at the bounds of the histogram's buckets
                step["with"] |= {"tolerate_slow": 0.99, "missing_after": 30}
    path = folder / "short-launch.yaml"
    yaml.dump(book, path)
    return path


def talkative(environment: Path) -> None:
    """Makes the commands that deploy print every secret they inherit, whole and in parts, after their work."""
    yaml = YAML()
    document = yaml.load(environment)
    document["prometheus"] = {"url": "http://127.0.0.1:1", "token": f"env:{CANARY}"}
    roll_out = document["services"]["trading"]["roll_out"]
    for name in ("run", "probe"):
        roll_out[name]["argv"] = ["sh", "-c", _TALK, "talk", *roll_out[name]["argv"]]
    with environment.open("w", encoding="utf-8") as file:
        yaml.dump(document, file)


def command_lines() -> list[str]:
    """Every process's argv on this machine, as anybody on it may read them."""
    found = []
    for process in psutil.process_iter():
        try:
            found.append(" ".join(process.cmdline()))
        except psutil.Error:
            continue
    return found
