"""Slack: whether a channel is there, and the app in it."""

import re
from collections.abc import Mapping
from typing import ClassVar, Literal, TypeVar

from tasks.check import Check
from tasks.estate import Estate
from tasks.vendor_api import Page, VendorApi
from tminus.environment import Impact
from tminus.errors import CouldNotObserve
from tminus.expectation import Measurement
from tminus.outcome import Observation

_ID = re.compile(r"^[CG][A-Z0-9]{8,}$")
_ERROR = re.compile(r"^[a-z_]{1,60}$")
_PAGE, _PAGES = 1000, 20  # Slack's most, and as many requests as it takes in a minute
_ABSENT = "channel_not_found"
_T = TypeVar("_T")


class _Said(Page):
    ok: bool
    error: str = ""


class _Channel(Page):
    id: str
    name: str = ""
    is_archived: bool = False
    is_member: bool = False
    num_members: int | None = None


class _Info(Page):
    channel: _Channel


class _More(Page):
    next_cursor: str = ""


class _List(Page):
    channels: list[_Channel]
    response_metadata: _More | None = None


class Channel(Check, frozen=True):
    """Whether a channel is there, in use, and the app is in it.

    `bot` is in or out: an app that is out may not write there. `archived` is yes or no; `members` counts people and
    apps. Slack shows an app no private channel that it is not in, so such a one counts as not there; then `bot` is out,
    `members` is 0, and `archived` is not measured. The app needs the scopes channels:read and, for private channels,
    groups:read.

    Attributes:
        channel: the channel's name, with or without `#`, or its id.
    """

    kind: Literal["slack.channel"] = "slack.channel"
    impact: ClassVar[Impact] = Impact.PROBE
    measures: ClassVar[Mapping[str, str]] = {"present": "word", "bot": "word", "members": "", "archived": "word"}

    channel: str

    async def look(self, estate: Estate) -> Observation:
        """Reads the channel by its id, or looks for its name in the list of all."""
        api, place = estate.api("slack"), f"slack {self.channel}"
        by_id = _ID.match(self.channel) is not None
        there = await _by_id(api, self.channel) if by_id else await _by_name(api, self.channel.removeprefix("#"))
        if there is None:
            return Observation(
                found=(
                    Measurement(name="present", word="no"),
                    Measurement(name="bot", word="out"),
                    Measurement.number("members", 0),
                ),
                where=place,
                because="Slack shows the app no such channel; if it is private, invite the app",
            )
        found = [
            Measurement(name="present", word="yes"),
            Measurement(name="bot", word="in" if there.is_member else "out"),
            Measurement(name="archived", word="yes" if there.is_archived else "no"),
        ]
        if there.num_members is not None:
            found.append(Measurement.number("members", there.num_members))
        return Observation(found=tuple(found), where=place)


async def _by_id(api: VendorApi, channel: str) -> _Channel | None:
    info = await _call(api, "conversations.info", _Info, {"channel": channel, "include_num_members": "true"})
    return info.channel if info else None


async def _by_name(api: VendorApi, name: str) -> _Channel | None:
    form = {"types": "public_channel,private_channel", "exclude_archived": "false", "limit": str(_PAGE)}
    for _ in range(_PAGES):
        page = await _call(api, "conversations.list", _List, form)
        found = [one for one in page.channels if one.name == name] if page else []
        if found:
            return found[0]
        cursor = page.response_metadata.next_cursor if page and page.response_metadata else ""
        if not cursor:
            return None
        form["cursor"] = cursor
    raise CouldNotObserve(f"slack's list of channels did not end after {_PAGES} pages; give the channel's id")


async def _call(api: VendorApi, method: str, model: type[_T], form: Mapping[str, str]) -> _T | None:
    """Calls a method of the Web API; None where Slack says that there is no such channel."""
    reply = await api.ask("POST", method, headers=await api.bearer(), form=form)
    if reply.absent:
        raise CouldNotObserve(f"slack {method}: status 404; is this address Slack's, with /api/ at its end?")
    said = api.parse(_Said, reply, method)
    if said.error == _ABSENT and not said.ok:
        return None
    if not said.ok:
        error = said.error if _ERROR.match(said.error) else "an error"
        raise CouldNotObserve(f"slack {method}: {error}; is the token the app's, with the scopes that this needs?")
    return api.parse(model, reply, method)
