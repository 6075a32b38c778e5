"""What others say of the same files: pg_restore --list, pg_verifybackup, pg_amcheck, Redis' own checkers. Each is run.

They get what they are made for: the files as they are once decrypted, where they decrypt at all.
"""

import shutil
import subprocess
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pyrage

from bench.backups_gauntlet.base_copy import BASE_TAR, unpack
from bench.backups_gauntlet.damage import AOF, BASE, DUMP, RDB
from bench.backups_gauntlet.trial import Trial
from deployments.rehearsal.binaries import postgres_folder
from tests.tasks.backups.redis_room import PROGRAMS
from tminus.unprivileged import Account, unprivileged

_WITHIN = 60.0  # seconds
_START = 20  # seconds for a server to come up
RIVALS: Mapping[str, tuple[str, ...]] = {
    DUMP: ("pg_restore --list",),
    BASE: ("pg_verifybackup", "pg_amcheck"),
    RDB: ("redis-check-rdb",),
    AOF: ("redis-check-aof",),
}


def noticed(trial: Trial, *, consistent: bool) -> dict[str, bool]:
    """Who of them notices something; nobody is asked where there is nothing that decrypts.

    Where damage is plain, only a base backup has something that tells it: the manifest in its tar.
    """
    asked = {DUMP: _dump, BASE: _base, RDB: _redis, AOF: _redis} if consistent else {BASE: _verifybackup}
    ask: Mapping[str, Callable[[Trial, Path], dict[str, bool]]] = asked
    if trial.kind not in ask:
        return {}
    folder = trial.place.new_folder("rival")
    try:
        return ask[trial.kind](trial, folder)
    except (pyrage.DecryptError, trial.place.s3.exceptions.NoSuchKey):
        return {}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _plain(trial: Trial, name: str = "") -> bytes:
    """A file decrypted, or as it is where it is not encrypted."""
    stored = trial.stored(name)
    return trial.place.unseal(stored) if stored.startswith(b"age-encryption.org") else stored


def _dump(trial: Trial, folder: Path) -> dict[str, bool]:
    path = folder / "dump"
    path.write_bytes(_plain(trial))
    return {"pg_restore --list": _fails([str(postgres_folder() / "pg_restore"), "--list", str(path)])}


def _redis(trial: Trial, folder: Path) -> dict[str, bool]:
    names = trial.manifest.names
    manifest = [one for one in names if one.endswith(".manifest")]
    for name in names:
        (folder / name).write_bytes(_plain(trial, name))
    checker = RIVALS[trial.kind][0]
    program = folder / checker
    program.symlink_to(PROGRAMS[0].path)  # the server's own program is the checker by another name
    return {checker: _fails([str(program), str(folder / (manifest or list(names))[0])])}


def _base(trial: Trial, folder: Path) -> dict[str, bool]:
    said = _verifybackup(trial, folder)
    data = folder / "data"
    return {**said, "pg_amcheck": not (data / "PG_VERSION").exists() or _amcheck(data)}


def _verifybackup(trial: Trial, folder: Path) -> dict[str, bool]:
    data = folder / "data"
    data.mkdir(mode=0o700)
    try:
        unpack(_plain(trial, BASE_TAR), data)
    except (tarfile.TarError, EOFError, OSError):
        return {"pg_verifybackup": True}  # tar itself says so
    return {"pg_verifybackup": _fails([str(postgres_folder() / "pg_verifybackup"), "--quiet", str(data)])}


def _amcheck(data: Path) -> bool:
    """Whether it finds something in the cluster once that is recovered, or the cluster does not come up at all."""
    account = unprivileged(data.parent)
    account.own(data.parent, data, *data.rglob("*"))
    (data.parent / "socket").mkdir()
    account.own(data.parent / "socket")
    settings = f"-c listen_addresses= -c unix_socket_directories={data.parent / 'socket'} -c archive_mode=off -F"
    control = [str(postgres_folder() / "pg_ctl"), "-D", str(data), "-w", "-t", str(_START)]
    started = [*control, "-l", str(data.parent / "log"), "-o", settings, "start"]
    (data / "pg_hba.conf").write_text("local all all trust\n")
    (data / "recovery.conf").unlink(missing_ok=True)
    if _fails(started, account):
        _fails([*control, "-m", "immediate", "stop"], account)
        return True
    try:
        amcheck = [str(postgres_folder() / "pg_amcheck"), "-h", str(data.parent / "socket"), "-U", "postgres"]
        return _fails([*amcheck, "--install-missing", "--heapallindexed", "-d", "trading"], account)
    finally:
        _fails([*control, "-m", "immediate", "stop"], account)


def _fails(argv: list[str], account: Account | None = None) -> bool:
    words = [*(account.prefix if account else ()), *argv]
    try:
        done = subprocess.run(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_WITHIN,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return True
    return done.returncode != 0
