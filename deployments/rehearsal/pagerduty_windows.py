"""Maintenance windows of PagerDuty's REST API: listed, opened, ended."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from deployments.rehearsal.pagerduty_account import Account, User, Window


class _Sent(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Reference(_Sent):
    id: str
    type: str


class _WindowMade(_Sent):
    type: Literal["maintenance_window"]
    start_time: AwareDatetime
    end_time: AwareDatetime
    description: str = ""
    services: Annotated[list[_Reference], Field(min_length=1)]


class NewWindow(_Sent):
    """The body of POST /maintenance_windows."""

    maintenance_window: _WindowMade


class WindowRefused(Exception):
    """PagerDuty would not do that; `status` is the HTTP status."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


def windows_shown(account: Account, query: str, services: Sequence[str], which: str) -> list[Window]:
    """Those whose description holds a text, of some services or all, that are past, ongoing, to come, open, or all."""
    now = datetime.now(UTC)
    return [
        one
        for one in account.windows
        if query.lower() in one.description.lower()
        and (not services or set(services) & set(one.services))
        and which in _standing(one, now)
    ]


def open_window(account: Account, sent: NewWindow, by: User) -> Window:
    """A new one; raises WindowRefused."""
    made = sent.maintenance_window
    if made.end_time <= made.start_time:
        raise WindowRefused(400, "End time must be after start time")
    services = [one.id for one in made.services]
    if not all(map(account.directory.any_service, services)):
        raise WindowRefused(400, "Service not found")
    window = Window(made.start_time, made.end_time, made.description, services, by)
    account.windows.append(window)
    return window


def end_window(account: Account, window_id: str) -> None:
    """One to come is gone, one that goes on ends; raises WindowRefused for one that ended or never was."""
    window, now = next((one for one in account.windows if one.id == window_id), None), datetime.now(UTC)
    if window is None:
        raise WindowRefused(404, "Not Found")
    if window.end <= now:
        raise WindowRefused(405, "Maintenance window has already ended")
    if window.start > now:
        account.windows.remove(window)
    window.end = now


def _standing(window: Window, now: datetime) -> set[str]:
    """The filters that show a window."""
    if window.end <= now:
        return {"all", "past"}
    return {"all", "open", "ongoing" if window.start <= now else "future"}
