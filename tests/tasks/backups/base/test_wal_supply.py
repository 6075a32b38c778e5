"""WAL is handed over through a folder in which whoever asks for it can plant nothing."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tasks.backups.wal_archive import Fetched
from tasks.backups.wal_supply import WalSupply
from tminus.backups.wal_names import DEFAULT_SIZE, Segment
from tminus.unprivileged import Account, unprivileged

FIRST = Segment(1, 7).name()
LATER = Segment(1, 8).name()


@pytest.fixture
def account() -> Iterator[tuple[Account, Path]]:
    """Whom a restored server runs as, and a folder that it reaches."""
    with TemporaryDirectory(prefix="tminus-") as name:
        Path(name).chmod(0o711)
        yield unprivileged(Path(name) / "wal", offline=True), Path(name)


def asks(account: Account, supply: WalSupply, name: str, into: Path) -> int:
    """As PostgreSQL's restore_command does; its status."""
    words = supply.command.replace("%f", name).replace("%p", into.name).split()
    return subprocess.run([*account.prefix, *words], cwd=into.parent, timeout=20, check=False).returncode


def test_what_is_there_is_handed_over_and_what_comes_later_too(account: tuple[Account, Path]) -> None:
    """1 is "there is none", each time it is asked; the server's own folder gets the file."""
    who, folder = account
    there = {FIRST: b"first"}

    def source(name: str, into: Path) -> Fetched | None:
        if name not in there:
            return None
        into.write_bytes(there[name])
        return Fetched(1, "", None)

    data = folder / "data"
    data.mkdir(mode=0o700)
    who.own(data)
    supply = WalSupply(folder / "wal", (source,), "1", DEFAULT_SIZE, who)
    supply.open()
    try:
        assert asks(who, supply, FIRST, data / "one") == 0
        assert (data / "one").read_bytes() == b"first"
        assert [asks(who, supply, LATER, data / "two") for _ in range(2)] == [1, 1]
        there[LATER] = b"later"
        statuses = [asks(who, supply, LATER, data / "two") for _ in range(20)]
        assert 0 in statuses
        assert supply.handed[:1] == [FIRST]
    finally:
        supply.close()
    assert asks(who, supply, FIRST, data / "three") in {0, 126}
    assert supply.failed is None


def test_who_cannot_ask_is_not_told_that_there_is_none(account: tuple[Account, Path]) -> None:
    """A folder that is full or gone is no end of the WAL: over 125 stops PostgreSQL."""
    who, folder = account
    supply = WalSupply(folder / "wal", (lambda _name, _into: None,), "1", DEFAULT_SIZE, who)
    supply.open()
    try:
        assert asks(who, supply, "../../passwords", folder / "one") == 126
    finally:
        supply.close()


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("setpriv") is None, reason="only root can become another user")
def test_a_link_in_the_place_of_a_segment_is_refused(account: tuple[Account, Path]) -> None:
    """Where it is fetched to, where it is handed over, where its absence is told, and in place of the script."""
    who, folder = account
    supply = WalSupply(folder / "wal", (lambda _name, _into: None,), "1", DEFAULT_SIZE, who)
    supply.open()
    try:
        for place in (f".{FIRST}.part", FIRST, f"ready/{FIRST}", f"absent/{FIRST}", "ask.sh"):
            link = ["ln", "-sf", "/etc/hosts", str(folder / "wal" / place)]
            assert subprocess.run([*who.prefix, *link], capture_output=True, check=False).returncode != 0, place
    finally:
        supply.close()
