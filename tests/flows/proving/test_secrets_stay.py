"""Secrets of backups: in no argument, no log, no evidence and no scratch, and in no variable of what is started.

Commands run as a scheduler would run them, with every logger at DEBUG, and all that they start is looked at: by an
audit hook in the command itself, and from outside, for what those programs start in turn.
"""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest
from pydantic import SecretStr
from pyrage import x25519

from tests.conftest import Estates
from tests.flows.proving.shop import STORES, ProvenShop
from tests.sampling import few
from tminus.outcome import Verdict

ROOT = Path(__file__).parents[3]


@dataclass
class Seen:
    """What a command let be seen: `words` are arguments, `variables` those of programs that it started."""

    words: list[str] = field(default_factory=list)
    variables: list[str] = field(default_factory=list)
    logged: str = ""
    programs: set[str] = field(default_factory=set)


def run(shop: ProvenShop, *words: str, code: int) -> Seen:
    """Runs a command; returns what could be seen of it."""
    started = shop.folder / "started.jsonl"
    started.unlink(missing_ok=True)
    files = ["--runbook", str(shop.folder), "--environment", str(shop.environment)]
    argv = [sys.executable, "-m", "tests.flows.proving.watched_command", str(started), *words, *files]
    with (
        subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as command,
        watching(command.pid) as seen,
    ):
        seen.logged, _ = command.communicate()
    assert command.returncode == code, seen.logged[-2000:]
    for line in started.read_text("utf-8").splitlines():
        said = json.loads(line)
        seen.words += said["argv"]
        seen.variables += [f"{name}={value} of {said['argv']}" for name, value in said["env"].items()]
        seen.programs.update(Path(word).name for word in said["argv"])
    return seen


@contextmanager
def watching(pid: int) -> Iterator[Seen]:
    """In the block, every process below this one is looked at, again and again."""
    seen, over = Seen(), threading.Event()

    def look(one: psutil.Process, command: psutil.Process) -> None:
        variables = one.environ()
        if (words := one.cmdline()) != command.cmdline():  # else it is about to become what it is to be
            seen.words.extend(words)
            seen.variables.extend(f"{name}={value} of {words[:3]}" for name, value in variables.items())

    def watch() -> None:
        while not over.wait(0.003):
            with suppress(psutil.Error):
                command = psutil.Process(pid)
                for one in command.children(recursive=True):
                    with suppress(psutil.Error):
                        look(one, command)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


def kept(shop: ProvenShop) -> bytes:
    """All that stays behind on this machine: ledger, state, whatever lies in the folder."""
    files = [path for path in shop.folder.rglob("*") if path.is_file() and path.name != "started.jsonl"]
    return b"\n".join(path.read_bytes() for path in files)


def leaks(shop: ProvenShop, seen: Seen, *, variables: bool = True) -> list[str]:
    """Where which secret was seen."""
    places = {"arguments": "\n".join(seen.words), "logs": seen.logged, "files": kept(shop).decode("latin-1")}
    if variables:
        places["variables"] = "\n".join(seen.variables)
    return [
        f"{name} in {where}: {next(line for line in text.splitlines() if one in line).replace(one, '…')[:300]}"
        for where, text in places.items()
        for name, one in shop.secrets.items()
        if one in text
    ]


@pytest.mark.parametrize("store", few(STORES, "dump"))
def test_a_verification_shows_none(shop: ProvenShop, store: str) -> None:
    """Of the private key, the database's password and the bucket's key; the programs that it starts get none either."""
    seen = run(shop, "verify-backup", store, "--no-prefect", code=0)
    assert shop.last(store).outcome.verdict is Verdict.PASS
    assert leaks(shop, seen) == []
    wanted = {"dump": {"initdb", "postgres", "pg_restore"}, "base": {"postgres", "pg_verifybackup"}}
    assert wanted.get(store, set()) <= seen.programs
    assert "AGE-SECRET-KEY-1" not in "".join([*seen.words, *seen.variables, seen.logged])


@pytest.mark.parametrize("store", few(["dump", "base"], "dump"))
def test_taking_shows_none(shop: ProvenShop, store: str) -> None:
    """PostgreSQL's tools get the password as a variable, since no other way is out of sight, and nothing else."""
    seen = run(shop, "backup", store, code=0)
    assert leaks(shop, seen, variables=False) == []
    given = leaks(shop, seen)
    assert len(given) == 1
    assert given[0].startswith("password in variables: PGPASSWORD=")


@pytest.mark.long
@pytest.mark.parametrize(
    "wrong",
    few(
        ["another key", "no key at all", "a bucket that refuses", "a password that is wrong"],
        *("another key", "a password that is wrong"),
    ),
)
def test_what_fails_shows_none(shop: ProvenShop, estates: Estates, wrong: str) -> None:
    """Errors quote what they were given only where that is no secret."""
    text = shop.environment.read_text("utf-8")
    canary = "AGE-SECRET-KEY-1CANARYCANARYCANARY"
    shop.secrets = {**shop.secrets, "canary": canary, "wrong password": "c4nary-w0rd"}
    command = ("verify-backup", "dump", "--no-prefect")
    if wrong == "another key":
        other = x25519.Identity.generate()
        shop.secrets["other"] = str(other)
        shop.change(backups={"identity": estates.secret(SecretStr(str(other)))})
    elif wrong == "no key at all":
        shop.change(backups={"identity": estates.secret(SecretStr(canary))})
    elif wrong == "a bucket that refuses":
        shop.change(buckets={"backups": {"bucket": "no-such-bucket"}})
    else:
        dsn = shop.postgres.at.address.dsn("postgres").get_secret_value()
        spoiled = dsn.replace(shop.secrets["password"], "c4nary-w0rd")
        shop.change(postgres={"main": {"dsn": estates.secret(SecretStr(spoiled))}})
        command = ("backup", "dump")  # type: ignore[assignment]
    try:
        seen = run(shop, *command, code=1)
    finally:
        shop.environment.write_text(text, "utf-8")
    assert leaks(shop, seen) == []
