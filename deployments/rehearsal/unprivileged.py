"""How to run a program that refuses to be root, when we are root."""

import os
import shutil
import stat
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from deployments.rehearsal.server_errors import ServerError

NOBODY = 65534
_NAMESPACE = ("unshare", "--user", "--map-user=1000", "--map-group=1000")


@dataclass(frozen=True)
class Account:
    """As whom a program runs: the words to put before its command line, and who must own its files (None: we do)."""

    prefix: tuple[str, ...] = ()
    uid: int | None = None

    def own(self, *paths: Path) -> None:
        """Give files to the account, where it is not ours already."""
        if self.uid is not None:
            for path in paths:
                os.chown(path, self.uid, self.uid)


def unprivileged(folder: Path) -> Account:
    """An account, not root, that can write below `folder`.

    A normal user stays who they are. Root becomes uid 1000 of a user namespace of its own (user_namespaces(7)), which
    needs neither useradd nor chown. Where namespaces are blocked, root becomes uid 65534 and every folder above
    `folder` must let that user through; ServerError names the first one that does not.
    """
    if os.geteuid() != 0:
        return Account()
    if _namespaces_allowed():
        return Account(prefix=_NAMESPACE)
    return nobody(folder)


def nobody(folder: Path) -> Account:
    """Uid 65534, by setpriv of util-linux."""
    for above in folder.resolve().parents:
        if not above.stat().st_mode & stat.S_IXOTH:
            raise ServerError(
                f"PostgreSQL must not run as root, user namespaces are blocked here, and uid {NOBODY} cannot pass "
                f"{above}: run as a normal user, or choose a folder that others may enter (chmod o+x {above})"
            )
    return Account(
        prefix=("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"),
        uid=NOBODY,
    )


@cache
def _namespaces_allowed() -> bool:
    if shutil.which("unshare") is None:
        return False
    return subprocess.run([*_NAMESPACE, "true"], capture_output=True, check=False).returncode == 0
