"""A rotation before the launch: the trading service's login is replaced while a witness goes on logging in with it."""

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from deployments.rehearsal.binaries import CHECKOUT
from deployments.rehearsal.processes import Child
from deployments.rehearsal.trading_logins import SECRET, USERS
from deployments.rehearsal.whole_estate import WholeEstate
from deployments.rehearsal.witness_count import Refusal, Testimony, read_testimony
from deployments.rehearsal.witness_plan import Lived, WitnessPlan
from deployments.rehearsal.witness_servers import differences, refused_by_postgres

_NAME = "database"  # what the book calls the secret
_ARM = "rehearsal"
_QUESTION = "SELECT count(*) FROM orders"
_RATE, _POOLS = 20.0, 2  # log-ins a second; connections that stay open besides
_TMINUS = (sys.executable, "-m", "cli.main", "rotate")
_COMMAND = 60.0  # seconds for one command
_WITHIN = 120.0  # seconds for the whole rotation
_PAUSE = 1.0  # seconds between two commands
_ENDING = 30.0  # seconds for the witness to do what was due
_OVER = f"{_NAME} is rotated"
_SHOWN = 5  # refusals


@dataclass(frozen=True)
class Rotated:
    """How it went.

    Attributes:
        said: the sentence about it.
        wrong: what was otherwise than it must be, a line each.
    """

    said: str
    wrong: tuple[str, ...]


@dataclass(frozen=True)
class LoginRotation:
    """The rotation of one rehearsal's login.

    Attributes:
        seen: every environment variable that the commands see.
    """

    estate: WholeEstate
    seen: Mapping[str, str]

    def play(self) -> Rotated:
        """The witness begins; the rotation is taken from its beginning to its end; the witness is heard."""
        record = self.estate.folder / "witness.jsonl"
        witness = self._begin(record)
        try:
            failed = self._rotate()
        finally:
            witness.terminate()
            witness.wait(_ENDING)
        primary = self.estate.folder / "servers" / "postgres" / "primary"
        return judged(read_testimony([record]), refused_by_postgres(primary), failed)

    def _begin(self, record: Path) -> Child:
        addresses = self.estate.servers.addresses
        lived = Lived(
            arm=_ARM,
            kind="postgres",
            secret=SECRET,
            port=addresses.postgres.port,
            database=addresses.postgres.database,
            query=_QUESTION,
            rate=_RATE,
            pools=_POOLS,
        )
        plan = self.estate.folder / "keys" / "witness.json"
        with os.fdopen(os.open(plan, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
            file.write(WitnessPlan(aws=addresses.aws, lived=(lived,), pool_lives=2.0).written())
        argv = (sys.executable, "-m", "deployments.rehearsal.witness", str(plan), str(record))
        log = self.estate.folder / "witness.log"
        return self.estate.processes.start("witness", argv, log=log, ready=record.exists)

    def _rotate(self) -> str:
        """Begins it, and goes on with it as the schedule would; why it did not come to its end, or ""."""
        said, until = self._tminus(_NAME, "--reason", "the rehearsal"), time.monotonic() + _WITHIN
        while _OVER not in said:
            if time.monotonic() > until or said.startswith("failed: "):
                return f"the rotation did not come to its end: {said}; `tminus secrets {_NAME}` tells how far it came"
            time.sleep(_PAUSE)
            said = self._tminus("--due")
        return ""

    def _tminus(self, *words: str) -> str:
        files = ["--runbook", self.estate.documents.secrets, "--environment", self.estate.documents.environment]
        argv = [*_TMINUS, *words, *map(str, files)]
        done = subprocess.run(
            argv, env=dict(self.seen), cwd=CHECKOUT, capture_output=True, text=True, timeout=_COMMAND, check=False
        )
        return done.stdout if done.returncode == 0 else f"failed: {(done.stdout + done.stderr).strip()[-800:]}"


def judged(heard: Testimony, logged: Counter[str], failed: str) -> Rotated:
    """What the witness says, held against the server's own log.

    Args:
        heard: the witness.
        logged: how often each user was not let in, by PostgreSQL's log.
        failed: why the rotation did not come to its end; "" where it did.
    """
    sight, refused = heard.of(_ARM), heard.refused(_ARM)
    counted = sum(logged[user] for user in USERS)
    wrong = [failed] if failed else []
    wrong += [_told(one) for one in refused[:_SHOWN]]
    if apart := differences(heard.authentication(), logged, USERS):
        more = ", ".join(f"{user}: {number:+d}" for user, number in apart.items())
        wrong.append(f"PostgreSQL's log counts other refusals than the witness ({more}): who else logs in with it?")
    if not heard.whole:
        wrong.append("the witness did not come to its end, so it saw more than it tells: see its witness.log")
    if not failed and len(sight.versions) < len(USERS):
        wrong.append(f"the witness got in with {len(sight.versions)} versions of the secret, and both must have worked")
    said = (
        f"{sight.log_ins} log-ins during the rotation, {len(refused)} refused "
        f"({sight.rate:.0f} a second with AWSCURRENT; PostgreSQL's log counts {counted} refusals)."
    )
    return Rotated(said, tuple(wrong))


def _told(one: Refusal) -> str:
    at = datetime.fromtimestamp(one.at, UTC)
    return (
        f"{at:%H:%M:%S.%f} a {one.by} of {one.user} was refused ({one.kind}: {one.said}), with a value held for "
        f"{one.held:.1f} s: see servers-postgres-primary-log-*.json, and `tminus secrets {_NAME}`"
    )
