"""Plays damages and good backups of one store: real servers, moto's S3, and tminus from the taking to the verdict."""

import logging
import random
import struct
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import SubprocessError
from tarfile import TarError

import psycopg
import pyrage
import redis
from botocore.exceptions import BotoCoreError, ClientError

from bench.backups_gauntlet.damage import AOF, BASE, DUMP, OBJECTS, RDB, Came, Damage, Mode, damages, wrong_aspects
from bench.backups_gauntlet.live import Live, Taken, look
from bench.backups_gauntlet.lives.bases import LiveBase
from bench.backups_gauntlet.lives.dumps import LiveDump
from bench.backups_gauntlet.lives.objects import LiveObjects
from bench.backups_gauntlet.lives.redises import LiveAof, LiveRdb
from bench.backups_gauntlet.place import BACKUPS, Place
from bench.backups_gauntlet.rivals import noticed
from bench.backups_gauntlet.sabotage import SEEN_BY
from bench.backups_gauntlet.trial import Trial
from deployments.rehearsal.aws import Aws
from deployments.rehearsal.processes import Processes
from tminus import events as ev
from tminus.errors import TminusError
from tminus.outcome import Verdict

_LIVES: Mapping[str, type[Live]] = {DUMP: LiveDump, BASE: LiveBase, RDB: LiveRdb, AOF: LiveAof, OBJECTS: LiveObjects}
# What a play may end with, and the next one goes on; it counts as wrong.
_BROKE = (
    *(TminusError, OSError, AssertionError, KeyError, IndexError, ValueError, TarError, SubprocessError),
    *(BotoCoreError, ClientError, psycopg.Error, redis.RedisError, pyrage.DecryptError, struct.error),
)
_A_SECOND = 1.1  # two backups of one second would have one name


@dataclass(frozen=True)
class Alarm:
    """How one good backup came out; `said` is "" where it passed."""

    store: str
    number: int
    what: str
    said: str
    took: float


@contextmanager
def live(store: str, folder: Path) -> Iterator[Live]:
    """A live store of that kind and an S3 for its backups, until the block ends."""
    with ExitStack() as stack:
        processes = stack.enter_context(Processes())
        aws = Aws.plan(folder / "s3", bucket="unused")
        (folder / "s3").mkdir()
        aws.start(processes)
        place = Place(folder, aws)
        place.make_bucket(BACKUPS, versions=False)
        one = _LIVES[store](place, processes, stack)
        one.start()
        yield one


@contextmanager
def room(store: str) -> Iterator[Live]:
    """The same, in a folder that is removed."""
    logging.disable(logging.CRITICAL)
    try:
        with tempfile.TemporaryDirectory(prefix="gauntlet-") as name, live(store, Path(name)) as one:
            yield one
    finally:
        logging.disable(logging.NOTSET)


def play_damages(
    one: Live, plays: Sequence[tuple[type[Damage], Mode]], tell: Callable[[Came], None], *, rivals: bool = True
) -> list[Came]:
    """These damages, on one good backup of the store."""
    one.fill()
    older = one.take("older")
    time.sleep(_A_SECOND)
    one.grow()
    good = one.take("good")
    came = []
    for kind, mode in plays:
        came.append(_played(one, good, older, kind, mode, rivals=rivals))
        tell(came[-1])
    return came


def plays_of(store: str, mechanism: str = "") -> list[tuple[type[Damage], Mode]]:
    """Every damage that applies to a store in each of its modes; with a mechanism only those that it is there for."""
    told = SEEN_BY.get(mechanism)
    return [
        (kind, mode)
        for kind in damages(store)
        for mode in kind.modes
        if told is None or (kind.harmful and set(kind.promised(mode, store)) <= told)
    ]


def _played(one: Live, good: Taken, older: Taken, kind: type[Damage], mode: Mode, *, rivals: bool) -> Came:
    began = time.perf_counter()
    trial = Trial(one, good, older)
    verified, said, broke = None, dict[str, bool](), ""
    try:
        kind().do(trial, consistent=mode == "consistent")
        if mode == "consistent":
            trial.trust_files()
        said = noticed(trial, consistent=mode == "consistent") if rivals else {}
        trial.settle()
        verified = trial.verified()
    except _BROKE as e:
        broke = f"{type(e).__name__}: {e}"[:300]
    finally:
        trial.end()
    return Came(
        kind=kind.__name__,
        title=kind.title(),
        store=one.kind,
        mode=mode,
        harmful=kind.harmful,
        promised=kind.promised(mode, one.kind),
        may_be_unknown=bool(kind.unknown),
        verdict=str(verified.outcome.verdict) if verified else "broke",
        wrong=wrong_aspects(verified) if verified else (),
        summary=verified.outcome.summary[:300] if verified else broke,
        took=round(time.perf_counter() - began, 2),
        rivals=said,
        broke=broke,
    )


def play_good(one: Live, seed: int, numbers: Sequence[int], tell: Callable[[Alarm], None]) -> list[Alarm]:
    """Good backups, each of something else that is drawn: taken, maybe under writes, and verified."""
    came = []
    prepared = one.kind == BASE
    if prepared:
        one.fill()
    for number in numbers:
        drawn = random.Random(f"{seed}:{one.kind}:{number}")
        began = time.perf_counter()
        prefix, what = f"good-{number}", "nothing was drawn"
        try:
            with one.varied(drawn) as what:
                taken = one.take(prefix)
            verified: ev.BackupVerified | None = look(taken.opened)
            said = "" if verified and verified.outcome.verdict is Verdict.PASS else _said(verified)
        except _BROKE as e:
            said = f"{type(e).__name__}: {e}"[:400]
        one.place.empty(prefix)
        came.append(Alarm(one.kind, number, what, said, round(time.perf_counter() - began, 2)))
        tell(came[-1])
    return came


def _said(verified: ev.BackupVerified | None) -> str:
    if verified is None:
        return "nothing was written into the ledger"
    outcome = verified.outcome
    return f"{outcome.verdict}: {outcome.summary}; {' | '.join(outcome.details)}"[:900]
