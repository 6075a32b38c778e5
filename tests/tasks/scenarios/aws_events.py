"""Events of RDS and ElastiCache, which moto does not make: answered in front of it, in AWS's XML."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from xml.sax.saxutils import escape

from pydantic import JsonValue

from deployments.rehearsal.vendors.aws_moto import FakeAws


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
