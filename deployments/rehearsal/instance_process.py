"""One instance of the trading service as a child process of the platform."""

import os
import subprocess
import sys
from pathlib import Path

from deployments.rehearsal.parent_death import SUPERVISOR
from deployments.rehearsal.pool_protocol import Image


class InstanceProcess:
    """A started instance; the kernel ends it when the platform ends.

    The process inherits the platform's environment, where the servers' addresses and the token key are. Its output
    goes to ``<logs>/<name>.out``, its structured log to ``<logs>/<name>.jsonl``.
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
            SUPERVISOR: str(os.getpid()),
        }
        with (logs / f"{name}.out").open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "deployments.rehearsal.trading"],
                env={**os.environ, **settings},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def has_ended(self) -> bool:
        """Whether it has ended; an ended child is reaped."""
        return self._process.poll() is not None

    def terminate(self) -> None:
        """Ask it to finish its requests and end."""
        self._process.terminate()

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()
