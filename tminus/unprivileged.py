"""How to run a program that refuses to be root, when we are root, and how to keep it from the network."""

import os
import shutil
import stat
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tminus.errors import CouldNotObserve

NOBODY = 65534
_INSIDE = 1000  # who root becomes within a namespace
_AS_NOBODY = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
_CUT = ("unshare", "--net")
_CUT_BY_ITSELF = ("unshare", "--user", f"--map-user={NOBODY}", f"--map-group={NOBODY}", "--net")
_ONLINE = "the scratch server was not cut off from the network: this machine has no namespaces"
_AS_US = "the scratch server ran as our own user: what is in a backup could have read what we can"


@dataclass(frozen=True)
class Account:
    """As whom a program runs.

    Attributes:
        prefix: the words to put before its command line.
        uid: who must own its files, a user that owns nothing else; None where we do, whoever we are to the program.
        offline: whether the program is kept from every network, loopback too; sockets in the file system remain.
    """

    prefix: tuple[str, ...] = ()
    uid: int | None = None
    offline: bool = False

    @property
    def exposed(self) -> tuple[str, ...]:
        """What a program that may do harm is not kept from, in sentences."""
        return (*(() if self.offline else (_ONLINE,)), *(() if self.uid is not None else (_AS_US,)))

    def own(self, *paths: Path) -> None:
        """Give files to the account, where it is not ours already."""
        if self.uid is not None:
            for path in paths:
                os.chown(path, self.uid, self.uid, follow_symlinks=False)

    def pass_through(self, *folders: Path) -> None:
        """Let the account into folders that stay ours: what lies there it can neither replace nor add to."""
        if self.uid is not None:
            for folder in folders:
                os.chown(folder, os.geteuid(), self.uid, follow_symlinks=False)
                folder.chmod(0o710)

    def put(self, path: Path, text: str = "") -> None:
        """Write a file of the account's anew; whatever stood in its place, a link to another file, say, is removed."""
        path.unlink(missing_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            if self.uid is not None:
                os.fchown(file.fileno(), self.uid, self.uid)


def unprivileged(folder: Path, *, offline: bool = False, program: Path | None = None) -> Account:
    """An account, not root, that can write below `folder`.

    A normal user stays who they are. Root becomes uid 1000 of a user namespace of its own (user_namespaces(7)), which
    needs neither useradd nor chown. Where namespaces are blocked, root becomes uid 65534 and every folder above
    `folder` must let that user through; CouldNotObserve names the first one that does not.

    To everything outside its namespace uid 1000 is still root. So a program that may do harm becomes uid 65534 wherever
    it can; `Account.exposed` says where it did not.

    Args:
        folder: where the program's files are to lie.
        offline: it may do harm: also put it into a network namespace of its own, where that can be had.
        program: where it lies, which uid 65534 must reach too.
    """
    reached = all(_closed(one) is None for one in (folder, program) if one is not None)
    if offline and os.geteuid() == 0 and reached and _runs(_AS_NOBODY):
        return nobody(folder, offline=True)
    if offline and (prefix := _namespaces(offline=True)):
        return Account(prefix, offline=True)
    if os.geteuid() != 0:
        return Account()
    if prefix := _namespaces(offline=False):
        return Account(prefix)
    return nobody(folder, offline=offline)


def nobody(folder: Path, *, offline: bool = False) -> Account:
    """Uid 65534, by setpriv of util-linux."""
    if (above := _closed(folder)) is not None:
        raise CouldNotObserve(
            f"PostgreSQL must not run as root, user namespaces are blocked here, and uid {NOBODY} cannot pass "
            f"{above}: run as a normal user, or choose a folder that others may enter (chmod o+x {above})"
        )
    if not offline:
        return Account(_AS_NOBODY, NOBODY)
    for prefix in ((*_CUT, *_AS_NOBODY), (*_AS_NOBODY, *_CUT_BY_ITSELF)):
        if _runs(prefix):
            return Account(prefix, NOBODY, offline=True)
    return Account(_AS_NOBODY, NOBODY)


def no_link(path: str, flags: int) -> int:
    """An opener for files in a folder of such a program, which may have put a link or a pipe in their place."""
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)


def _closed(folder: Path) -> Path | None:
    """The folder above it through which uid 65534 cannot pass."""
    return next((one for one in folder.resolve().parents if not one.stat().st_mode & stat.S_IXOTH), None)


def _namespaces(*, offline: bool) -> tuple[str, ...]:
    """The words that put a program into namespaces of its own, as nobody's root; none where they are blocked."""
    uid, gid = (_INSIDE, _INSIDE) if os.geteuid() == 0 else (os.geteuid(), os.getegid())
    words = ("unshare", "--user", f"--map-user={uid}", f"--map-group={gid}", *(("--net",) if offline else ()))
    return words if _runs(words) else ()


@cache
def _runs(prefix: tuple[str, ...]) -> bool:
    if shutil.which(prefix[0]) is None:
        return False
    env = {"PATH": os.environ.get("PATH", os.defpath)}  # and none of our secrets
    return subprocess.run([*prefix, "true"], env=env, capture_output=True, check=False).returncode == 0
