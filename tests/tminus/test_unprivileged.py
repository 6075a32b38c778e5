"""Who a program that refuses to be root runs as, and whether it can reach a network."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tminus import unprivileged
from tminus.errors import CouldNotObserve

LISTS = "import socket; print([name for _, name in socket.if_nameindex()])"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_folder_that_nobody_can_pass_is_named(tmp_path: Path) -> None:
    """The error names the first folder in the way, and the command that opens it."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    tmp_path.chmod(0o711)
    with pytest.raises(CouldNotObserve, match=r"chmod o\+x"):
        unprivileged.nobody(closed / "postgres")


def test_it_is_never_root(tmp_path: Path) -> None:
    """Whoever we are, the program sees another user than root."""
    account = unprivileged.unprivileged(tmp_path)
    said = subprocess.run([*account.prefix, "id", "-u"], capture_output=True, text=True, check=True).stdout
    assert said.strip() != "0"
    assert not account.offline


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("setpriv") is None, reason="only root can become another user")
def test_what_may_do_harm_is_another_user_outside_too() -> None:
    """In a namespace of its own root would still be root to every file: it neither reads nor writes ours."""
    with TemporaryDirectory(prefix="tminus-") as name:
        folder, secret = Path(name), Path(name) / "secret"
        folder.chmod(0o711)
        secret.touch(mode=0o600)
        account = unprivileged.unprivileged(folder / "scratch", offline=True)
        ours = f"/proc/{os.getpid()}/environ"
        for reads in (["cat", str(secret)], ["sh", "-c", f"echo x >> {secret}"], ["cat", ours]):
            assert subprocess.run([*account.prefix, *reads], capture_output=True, check=False).returncode != 0
    assert account.uid == unprivileged.NOBODY
    assert not any("our own user" in line for line in account.exposed)


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("setpriv") is None, reason="only root can become another user")
def test_in_a_folder_that_stays_ours_it_can_plant_nothing() -> None:
    """It passes through to what is its own; it neither adds a file there, nor puts a link in one's place."""
    with TemporaryDirectory(prefix="tminus-") as name:
        ours, own = Path(name) / "ours", Path(name) / "ours" / "own"
        Path(name).chmod(0o711)
        own.mkdir(parents=True, mode=0o700)
        account = unprivileged.unprivileged(ours, offline=True)
        account.pass_through(ours)
        account.own(own)
        for does, refused in ((f"touch {own}/x", False), (f"ln -s / {ours}/x", True), (f"mv {own} {ours}/away", True)):
            done = subprocess.run([*account.prefix, "sh", "-c", does], capture_output=True, check=False)
            assert (done.returncode != 0) is refused, does


def test_what_is_put_goes_through_no_link(tmp_path: Path) -> None:
    """A link in its place is removed; what it led to stays as it is, with its owner."""
    other, path = tmp_path / "other", tmp_path / "postgresql.conf"
    other.write_text("another's")
    path.symlink_to(other)
    unprivileged.Account(uid=os.geteuid()).put(path, "ours")
    assert (other.read_text(), path.read_text(), path.is_symlink()) == ("another's", "ours", False)


def test_a_pipe_in_a_files_place_makes_nobody_wait(tmp_path: Path) -> None:
    """Where a log or a pid file should be: it reads as empty."""
    os.mkfifo(tmp_path / "postmaster.pid")
    with open(tmp_path / "postmaster.pid", "rb", opener=unprivileged.no_link) as file:
        assert file.read(100) == b""


def test_where_only_our_own_user_is_to_be_had_that_is_said(tmp_path: Path) -> None:
    """A folder that nobody else may enter, or a program: it runs as us, and whoever reads the outcome knows."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    for folder, program in ((closed / "scratch", None), (Path("/tmp/scratch"), closed / "postgres")):
        account = unprivileged.unprivileged(folder, offline=True, program=program)
        assert any("our own user" in line for line in account.exposed)


def test_an_offline_program_has_no_network(tmp_path: Path) -> None:
    """It has at most a loopback of its own, which is down; where that cannot be had, the account says so."""
    account = unprivileged.unprivileged(tmp_path, offline=True)
    if not account.offline:
        pytest.skip("network namespaces are blocked here")
    said = subprocess.run([*account.prefix, sys.executable, "-c", LISTS], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "['lo']"
