"""One place for an instance in a pool: an address that stays, and a process that comes and goes."""

import time
from pathlib import Path

import httpx

from deployments.rehearsal.instance_process import InstanceProcess
from deployments.rehearsal.pool_protocol import Image, InstanceView, State

FIRST_BACKOFF_S = 0.2
LONGEST_BACKOFF_S = 5.0
SETTLED_AFTER_S = 10.0
STOP_WITHIN_S = 4.0
RECHECK_S = 1.0


class Slot:
    """Drives one instance towards what is wanted, one small move each time ``step`` is called.

    An instance that dies is started again after 0.2 s, doubled each time up to 5 s; one that ran 10 s starts afresh.
    """

    def __init__(self, name: str, port: int, logs: Path) -> None:
        self.name = name
        self.port = port
        self.state: State = "down"
        self.wanted: Image | None = None
        self.held_down = False
        self.restarts = 0
        self._logs = logs
        self._reported: Image | None = None
        self._process: InstanceProcess | None = None
        self._since = 0.0
        self._backoff_s = FIRST_BACKOFF_S
        self._start_at = 0.0
        self._checked_at = 0.0

    @property
    def address(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self.port}"

    @property
    def is_empty(self) -> bool:
        """Whether no process runs here."""
        return self._process is None

    @property
    def is_outdated(self) -> bool:
        """Whether a process runs here that should not, or another image than the wanted one."""
        if self._process is None:
            return False
        return self.held_down or self._process.image != self.wanted

    def want(self, image: Image | None, *, reported: Image | None = None, start_delay_s: float = 0.0) -> None:
        """Set what should run here from now on, None for nothing; a restart that waits no longer waits.

        ``reported`` is what the platform says runs here, where that is not the truth.
        """
        self.wanted = image
        self._reported = reported or image
        self.restarts = 0
        self._backoff_s, self._start_at = FIRST_BACKOFF_S, time.monotonic() + start_delay_s

    async def step(self, client: httpx.AsyncClient, *, may_replace: bool) -> None:
        """Make the next move: reap, stop, start or look; ``may_replace`` allows stopping an outdated instance."""
        now = time.monotonic()
        if self._process is not None and self._process.has_ended():
            self._reap(now)
        if self._process is None:
            self._start_if_due(now)
        elif self.state == "stopping":
            if now - self._since > STOP_WITHIN_S:
                self._process.kill()
        elif self.is_outdated:
            if may_replace or self.wanted is None or self.held_down:
                self.stop(now)
        elif self.state == "starting" or now - self._checked_at > RECHECK_S:
            await self._look(client, now)

    def stop(self, now: float) -> None:
        """Ask the instance to end, if one runs."""
        if self._process is None or self.state == "stopping":
            return
        self.state, self._since = "stopping", now
        if self.held_down:
            self._process.kill()
        else:
            self._process.terminate()

    def kill(self) -> None:
        """End the instance at once, if one runs."""
        if self._process is not None:
            self._process.kill()

    def view(self) -> InstanceView | None:
        """What the platform believes to run here; None where nothing is wanted and nothing runs."""
        image = self._reported
        if self._process is not None and self._process.image != self.wanted:
            image = self._process.image
        if image is None:
            return None
        return InstanceView(
            name=self.name,
            address=self.address,
            pid=self._process.pid if self._process else None,
            **image.model_dump(),
            state=self.state,
            restarts=self.restarts,
        )

    def _reap(self, now: float) -> None:
        asked = self.state == "stopping"
        lived_s = now - self._since
        self._process = None
        self.state = "down"
        if asked or self.wanted is None:
            return
        self._backoff_s = FIRST_BACKOFF_S if lived_s > SETTLED_AFTER_S else self._backoff_s
        self.state, self._start_at = "backing_off", now + self._backoff_s
        self._backoff_s = min(LONGEST_BACKOFF_S, self._backoff_s * 2)
        self.restarts += 1

    def _start_if_due(self, now: float) -> None:
        if self.wanted is None or self.held_down:
            self.state = "down"
        elif now >= self._start_at:
            self._process = InstanceProcess(self.name, self.port, self.wanted, self._logs)
            self.state, self._since = "starting", now

    async def _look(self, client: httpx.AsyncClient, now: float) -> None:
        self._checked_at = now
        try:
            answer = await client.get(f"http://{self.address}/ready")
        except httpx.TransportError:
            ready = False
        else:
            ready = answer.is_success
        if self.state == "stopping":
            return
        if ready:
            self.state = "ready"
        elif self.state == "ready":
            self.state = "not_ready"
