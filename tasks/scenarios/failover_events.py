"""What RDS and ElastiCache tell of a failover in their events.

AWS keeps events for 14 days, and says that they come on a best effort, so one may be missing: see
https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/working-with-events.html and USER_Events.Messages.html beside it.
The calls hand out no numbers of events, so they are told by what they say.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal

from pydantic import Field

from tasks.aws_client import MARKER, Answer, AwsService
from tminus.clock import now

Turn = Literal["began", "ended", "abandoned"]
Turns = Mapping[str, Turn]
"""How an event's message begins → what became of a failover by it."""

_MINUTE = timedelta(minutes=1)
_KEPT = 14 * 24 * 60  # minutes for which AWS keeps events


class Event(Answer):
    """One event, as both services have it."""

    at: datetime = Field(alias="Date")
    message: str = ""


class _Events(Answer):
    events: Sequence[Event] = ()


def turns_since(
    service: AwsService, since: datetime, turns: Turns, sources: Mapping[str, str]
) -> Sequence[tuple[datetime, Turn]]:
    """What became of failovers since a moment, the earliest first; raises CouldNotObserve. Blocks.

    A clock that is ahead of AWS' hides events, and never takes an older one for one of these.

    Args:
        service: RDS or ElastiCache.
        since: the moment.
        turns: which events count.
        sources: whose events: what AWS calls its kind (`db-instance`) → its identifier.
    """
    minutes = min(max((now() - since) // _MINUTE, 0) + 2, _KEPT)
    found = (
        event
        for kind, name in sources.items()
        for page in service.pages(
            _Events, "DescribeEvents", MARKER, SourceType=kind, SourceIdentifier=name, Duration=minutes
        )
        for event in page.events
        if event.at >= since
    )
    said = ((event.at, turn) for event in found for begins, turn in turns.items() if event.message.startswith(begins))
    return sorted(said)
