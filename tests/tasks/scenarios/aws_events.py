"""What AWS is asked and tells: events of RDS and ElastiCache, which moto does not make, and deeds that wait for it."""

import asyncio
from collections.abc import Coroutine, Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from xml.sax.saxutils import escape

from pydantic import JsonValue

from deployments.rehearsal.vendors.aws_moto import FakeAws

_ENOUGH = 7  # calls: twice what any deed asks before it looks again


async def require_waiting(aws: FakeAws, deed: Coroutine[object, object, str]) -> None:
    """Asserts that it goes on to wait, having asked AWS several times; then ends it."""
    waiting, enough = asyncio.create_task(deed), aws.asked.total() + _ENOUGH
    try:
        while aws.asked.total() < enough and not waiting.done():
            await asyncio.sleep(0.005)
        assert not waiting.done(), waiting.result()
    finally:
        waiting.cancel()
        await asyncio.wait([waiting])


def telling(aws: FakeAws, service: str, *events: tuple[datetime, str], kind: str = "") -> AbstractContextManager[None]:
    """The block in which a service tells of these, whenever they were asked for.

    Args:
        aws: the account.
        service: `rds` or `elasticache`.
        events: when, and what each says.
        kind: of which sources alone (`cache-cluster`); "" for all.
    """
    said = "".join(
        f"<Event><Date>{at.isoformat()}</Date><Message>{escape(message)}</Message></Event>" for at, message in events
    )

    def answer(asked: Mapping[str, JsonValue]) -> bytes:
        listed = said if kind in {"", asked["SourceType"]} else ""
        result = f"<DescribeEventsResult><Events>{listed}</Events></DescribeEventsResult>"
        return f"<DescribeEventsResponse>{result}</DescribeEventsResponse>".encode()

    return aws.answering(f"{service}.DescribeEvents", answer)
