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


@dataclass(frozen=True)
class Account:
    """As whom a program runs.

    Attributes:
        prefix: the words to put before its command line.
        uid: who must own its files; None where we do.
        offline: whether the program is kept from every network, loopback too; sockets in the file system remain.
    """

    prefix: tuple[str, ...] = ()
    uid: int | None = None
    offline: bool = False

    def own(self, *paths: Path) -> None:
        """Give files to the account, where it is not ours already."""
        if self.uid is not None:
            for path in paths:
                os.chown(path, self.uid, self.uid)


def unprivileged(folder: Path, *, offline: bool = False) -> Account:
    """An account, not root, that can write below `folder`.

    A normal user stays who they are. Root becomes uid 1000 of a user namespace of its own (user_namespaces(7)), which
    needs neither useradd nor chown. Where namespaces are blocked, root becomes uid 65534 and every folder above
    `folder` must let that user through; CouldNotObserve names the first one that does not.

    Args:
        folder: where the program's files are to lie.
        offline: also put it into a network namespace of its own, where that can be had; `Account.offline` says whether.
    """
    if offline and (prefix := _namespaces(offline=True)):
        return Account(prefix, offline=True)
    if os.geteuid() != 0:
        return Account()
    if prefix := _namespaces(offline=False):
        return Account(prefix)
    return nobody(folder, offline=offline)


def nobody(folder: Path, *, offline: bool = False) -> Account:
    """Uid 65534, by setpriv of util-linux."""
    for above in folder.resolve().parents:
        if not above.stat().st_mode & stat.S_IXOTH:
            raise CouldNotObserve(
                f"PostgreSQL must not run as root, user namespaces are blocked here, and uid {NOBODY} cannot pass "
                f"{above}: run as a normal user, or choose a folder that others may enter (chmod o+x {above})"
            )
    cut = ("unshare", "--net") if offline and _runs(("unshare", "--net")) else ()
    return Account(
        prefix=(*cut, "setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"),
        uid=NOBODY,
        offline=bool(cut),
    )


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
