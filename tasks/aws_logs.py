"""What CloudWatch Logs says: groups, and the newest events in them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import perf_counter

from pydantic import Field

from tasks.aws_client import CAMEL, AwsService, CamelAnswer, moment
from tasks.aws_errors import NotThere
from tminus.clock import now
from tminus.errors import CouldNotObserve

_STREAMS = 10  # those that were written to last; a group may have thousands that are over
_STEPS = 10  # pages that are gone back in one stream: CloudWatch hands out empty ones
_MOST_PER_CALL = 10_000  # events, CloudWatch's own limit
_ENOUGH = 10_000  # lines found by a search; nobody expects more
_SEARCH_WITHIN = 60.0  # seconds


class Group(CamelAnswer):
    """A log group."""

    log_group_name: str
    retention_in_days: int | None = None
    kms_key_id: str = ""


class _Groups(CamelAnswer):
    log_groups: list[Group]


class _Stream(CamelAnswer):
    log_stream_name: str
    last_event_timestamp: int | None = None


class _Streams(CamelAnswer):
    log_streams: list[_Stream]


class Event(CamelAnswer):
    """One line; `message` must not leave this process."""

    message: str = Field(repr=False)
    timestamp: int
    ingestion_time: int | None = None

    @property
    def milliseconds(self) -> int:
        """When it was, since 1970: what its program says, but not after CloudWatch had it."""
        return self.timestamp if self.ingestion_time is None else min(self.timestamp, self.ingestion_time)


class _Events(CamelAnswer):
    events: list[Event]
    next_backward_token: str | None = None


class _Found(CamelAnswer):
    events: list[Event]


@dataclass(frozen=True)
class Search:
    """What a search came to: how many lines, and how long it took in seconds."""

    found: int
    seconds: float


def group(logs: AwsService, name: str) -> Group | None:
    """The group of this name; None where there is none. The listing is by prefix, so it may have pages of others."""
    for page in logs.pages(_Groups, "DescribeLogGroups", CAMEL, logGroupNamePrefix=name):
        for one in page.log_groups:
            if one.log_group_name == name:
                return one
    return None


def newest(logs: AwsService, name: str) -> datetime | None:
    """When the newest line was written; None where there is no line.

    The time that CloudWatch keeps of a stream may be an hour old, so it only says which streams are asked.
    """
    times = [event.milliseconds for stream in _streams(logs, name) for event in _last(logs, name, stream, 1, 0)]
    return moment(max(times), logs.where) if times else None


def sample(logs: AwsService, name: str, lines: int, within: timedelta) -> list[Event]:
    """The newest lines of that span, as even over the group's streams as may be; raises NotThere."""
    streams = _streams(logs, name)
    since = _milliseconds(now() - within)
    found: list[Event] = []
    for place, stream in enumerate(streams):
        share = -(-(lines - len(found)) // (len(streams) - place))
        found += _last(logs, name, stream, share, since)
    return sorted(found, key=lambda event: -event.milliseconds)[:lines]


def search(logs: AwsService, name: str, pattern: str, within: timedelta) -> Search:
    """How many lines of that span match a filter pattern; raises NotThere, and CouldNotObserve where it takes long."""
    started, found = perf_counter(), 0
    since = _milliseconds(now() - within)
    for page in logs.pages(_Found, "FilterLogEvents", CAMEL, logGroupName=name, filterPattern=pattern, startTime=since):
        found += len(page.events)
        took = perf_counter() - started
        if found >= _ENOUGH:
            break
        if took > _SEARCH_WITHIN:
            raise CouldNotObserve(f"{logs.where}: the search in {name} was not over after {took:.0f} s; search less")
    return Search(found, perf_counter() - started)


def _streams(logs: AwsService, name: str) -> list[str]:
    page = logs.read(
        _Streams, "DescribeLogStreams", logGroupName=name, orderBy="LastEventTime", descending=True, limit=_STREAMS
    )
    return [one.log_stream_name for one in page.log_streams]


def _last(logs: AwsService, name: str, stream: str, lines: int, since: int) -> list[Event]:
    """The newest lines of one stream; none where it was deleted meanwhile."""
    try:
        return list(_backwards(logs, name, stream, min(lines, _MOST_PER_CALL), since))[:lines]
    except NotThere:
        return []


def _backwards(logs: AwsService, name: str, stream: str, lines: int, since: int) -> Iterator[Event]:
    token: str | None = None
    got = 0
    for _ in range(_STEPS):
        page = logs.read(
            _Events,
            "GetLogEvents",
            logGroupName=name,
            logStreamName=stream,
            startFromHead=False,
            startTime=since,
            limit=lines,
            **({"nextToken": token} if token else {}),
        )
        yield from sorted(page.events, key=lambda event: -event.milliseconds)
        got += len(page.events)
        if got >= lines or page.next_backward_token in {None, token}:
            return
        token = page.next_backward_token


def _milliseconds(when: datetime) -> int:
    return max(round(when.timestamp() * 1000), 0)
