"""One instance of the trading service as a child process of the platform."""

import multiprocessing
import os
import sys
import threading
from multiprocessing import forkserver
from pathlib import Path

from deployments.rehearsal.pool_protocol import Image

_PRELOADED = ("deployments.rehearsal.orchestrator", "deployments.rehearsal.trading.__main__")
_ORPHANED = 71
_FORKS = multiprocessing.get_context("forkserver")


def prepare_to_start() -> None:
    """Have the service's code loaded once, in a process from which instances are forked.

    Three instances that each load it take about a second of a core; forked, they take a tenth and share its memory.
    """
    _FORKS.set_forkserver_preload(list(_PRELOADED))
    forkserver.ensure_running()


class InstanceProcess:
    """A started instance; it ends when the platform ends, however that happens.

    It inherits the platform's environment, where the servers' addresses and the token key are. Its output goes to
    ``<logs>/<name>.out``, its structured log to ``<logs>/<name>.jsonl``.
    """

    def __init__(self, name: str, port: int, image: Image, logs: Path) -> None:
        self.image = image
        settings = {
            "TRADING_VERSION": image.version,
            "TRADING_ARTIFACT_DIGEST": image.artifact_digest,
            "TRADING_CONFIG_DIGEST": image.config_digest,
            "TRADING_INSTANCE": name,
            "TRADING_PORT": str(port),
            "TRADING_LOG": str(logs / f"{name}.jsonl"),
        }
        self._process = _FORKS.Process(target=_serve, args=(settings, logs / f"{name}.out"), name=name, daemon=True)
        self._process.start()

    @property
    def pid(self) -> int | None:
        """Its process id."""
        return self._process.pid

    def has_ended(self) -> bool:
        """Whether it has ended; an ended child is reaped."""
        return self._process.exitcode is not None

    def terminate(self) -> None:
        """Ask it to finish its requests and end."""
        self._process.terminate()

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()


def _serve(settings: dict[str, str], output: Path) -> None:
    """Run one instance, in a process just forked."""
    _end_with_platform()
    with output.open("ab") as file:
        os.dup2(file.fileno(), sys.stdout.fileno())
        os.dup2(file.fileno(), sys.stderr.fileno())
    os.environ.update(settings)
    from deployments.rehearsal.trading.__main__ import main

    sys.exit(main())


def _end_with_platform() -> None:
    """End this process as soon as the platform is gone, also by kill -9: its end closes a pipe that is watched here.

    Not by PR_SET_PDEATHSIG: the parent is the fork server, and it lives as long as any instance does.
    """
    platform = multiprocessing.parent_process()

    def watch() -> None:
        if platform is not None:
            platform.join()
        os._exit(_ORPHANED)

    threading.Thread(target=watch, name="platform-watch", daemon=True).start()
