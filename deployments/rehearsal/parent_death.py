"""Lets a child end when the supervisor that started it is gone, however that ended."""

from __future__ import annotations

import ctypes
import os
import signal
import sys

SUPERVISOR = "TMINUS_SUPERVISOR_PID"
_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def end_with_supervisor() -> None:
    """Have the kernel kill this process when its parent ends, where the parent named itself in ``SUPERVISOR``.

    Called by the child first of all; a parent that ended before that shows as a changed parent id, and the child
    leaves. See prctl(2), PR_SET_PDEATHSIG.
    """
    supervisor = os.environ.get(SUPERVISOR)
    if supervisor is None:
        return
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != int(supervisor):
        sys.exit(0)
