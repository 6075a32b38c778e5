"""A maintenance window in PagerDuty: for a while, incidents of some services page nobody."""

from datetime import datetime, timedelta
from hashlib import sha256
from typing import ClassVar, Literal

from pydantic import Field

from tasks.action import Action, Fence, Standing, State, Undo
from tasks.estate import Estate
from tasks.pagerduty_windows import Window, Windows
from tminus.clock import Duration, now, show_duration
from tminus.errors import ActionFailed, CouldNotObserve, MissingSecret, NotConfigured
from tminus.expectation import Measurement
from tminus.outcome import Observation
from tminus.runbook import Slug
from tminus.systems.pagerduty import ServiceId

_CANNOT_LOOK = (CouldNotObserve, NotConfigured, MissingSecret)
_LATE = timedelta(minutes=15)  # an act that waits, or is tried again, opens it later than planned


class MaintenanceWindow(Action, frozen=True):
    """A maintenance window over services that a drill or a launch makes noisy; it ends by itself, or when taken back.

    Its description names launch and purpose, with a digest of its services and its length, and it is found by that:
    whoever tries how often, taking it back ends every window that was opened for this. The service that tminus itself
    pages by (`pagerduty.rest.service`) is refused: its pages would wake nobody. Which service the routing key leads to
    is not known here; do not name it.

    It changes nothing for customers, so an open one is no change to the countdown. A launch that ends early ends it,
    last of all and within 15 s; where PagerDuty does not answer, it ends by itself, and a follow-up says so.

    Attributes:
        services: the ids of the services, as PagerDuty has them.
        lasts: how long from when it is opened, on no compressed clock.
        purpose: what it is for, such as `failover-drill`.
    """

    kind: Literal["pagerduty.maintenance_window"] = "pagerduty.maintenance_window"
    fence: ClassVar[Fence] = Fence.IDEMPOTENCY_KEY
    harmless_if_left: ClassVar[bool] = True

    services: tuple[ServiceId, ...] = Field(min_length=1)
    lasts: Duration
    purpose: Slug

    def describe(self, estate: Estate) -> str:
        """Which services, for how long, under which description."""
        services = ", ".join(self.services)
        return f"maintenance window {self._description(estate)!r} of {show_duration(self.lasts)} over {services}"

    async def state(self, estate: Estate) -> Standing:
        """Done while a window of this description goes on."""
        try:
            found = await Windows.of(estate).open_ones(self._description(estate))
        except _CANNOT_LOOK as e:
            return Standing(state=State.UNKNOWN, seen=Observation(details=(str(e),)))
        return Standing(state=State.DONE if found else State.ABSENT, seen=_seen(found))

    async def plan_undo(self, estate: Estate) -> Undo | None:
        """To end it before its time; None where it is open already."""
        if (await self.state(estate)).state is State.DONE:
            return None
        description = self._description(estate)
        over = now() + self.lasts + _LATE
        data = {"description": description, "over": over.isoformat(timespec="seconds")}
        return Undo(summary=f"end the maintenance window {description!r}", data=data)

    async def act(self, estate: Estate, token: int) -> Observation:  # noqa: ARG002 - a second window harms nobody
        """Opens it, unless it is open."""
        try:
            windows = Windows.of(estate)
            found = await windows.open_ones(self._description(estate))
        except _CANNOT_LOOK as e:
            raise ActionFailed(str(e), began=False) from e
        if windows.own_service in self.services:
            raise ActionFailed(
                f"{windows.own_service} is the service that tminus pages by (pagerduty.rest.service), and in a "
                f"maintenance window its pages wake nobody; leave it out",
                began=False,
            )
        if found:
            return _seen(found)
        since = now()
        try:
            opened = await windows.open(self._description(estate), self.services, since, since + self.lasts)
        except CouldNotObserve as e:
            raise ActionFailed(f"{e}; the window may have been opened") from e
        return _seen([opened])

    async def undo(self, estate: Estate, undo: Undo, token: int) -> Observation:  # noqa: ARG002 - ending twice is harmless
        """Ends every window that was opened for this."""
        try:
            windows = Windows.of(estate)
            found = await windows.open_ones(undo.data["description"])
            for window in found:
                await windows.end(window)
        except _CANNOT_LOOK as e:
            raise ActionFailed(f"{e}; end {undo.data['description']!r} in PagerDuty by hand") from e
        return Observation(details=tuple(f"ended {window.id}" for window in found) or ("none was open",))

    async def undone(self, estate: Estate, undo: Undo) -> Standing:
        """Done where no window of this description is open any more; once it is over by itself, without asking."""
        if (over := undo.data.get("over")) and now() >= datetime.fromisoformat(over):
            return Standing(state=State.DONE, seen=Observation(where=f"it ended by itself before {over}"))
        try:
            found = await Windows.of(estate).open_ones(undo.data["description"])
        except _CANNOT_LOOK as e:
            return Standing(state=State.UNKNOWN, seen=Observation(details=(str(e),)))
        return Standing(state=State.ABSENT if found else State.DONE, seen=_seen(found))

    def _description(self, estate: Estate) -> str:
        what = f"{sorted(set(self.services))} {self.lasts.total_seconds():g}"
        return f"tminus {estate.launch} {self.purpose} {sha256(what.encode()).hexdigest()[:8]}"


def _seen(windows: list[Window]) -> Observation:
    return Observation(
        found=(Measurement.number("open", len(windows)),),
        where="pagerduty",
        details=tuple(f"{one.id} until {one.end_time:%Y-%m-%d %H:%M:%S} UTC" for one in windows),
    )
