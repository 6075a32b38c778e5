"""Ages and spans: what is young, what is old, and what no clock could have said."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from tasks.aws_client import age, days_until, moment
from tasks.checks.aws_storage import Objects
from tests.conftest import Estates
from tests.tasks.aws.scripted import outcome, scripted
from tminus.clock import now
from tminus.errors import CouldNotObserve
from tminus.outcome import Verdict


def test_a_time_that_is_still_to_come_is_no_age() -> None:
    """A clock that is minutes ahead makes nothing younger than now; one that is hours ahead is not believed."""
    assert age(now() + timedelta(minutes=5), "s3") == timedelta(0)
    with pytest.raises(CouldNotObserve, match="still to come"):
        age(now() + timedelta(hours=2), "s3")
    with pytest.raises(CouldNotObserve, match="without a zone"):
        age(datetime(2026, 11, 22, tzinfo=UTC).replace(tzinfo=None), "s3")
    assert days_until(now() - timedelta(days=1)) == 0


@pytest.mark.parametrize("milliseconds", [10**30, -(10**30)])
def test_a_time_that_is_none_is_unknown(milliseconds: int) -> None:
    """A number beyond all calendars is no moment."""
    with pytest.raises(CouldNotObserve, match="a time that is none"):
        moment(milliseconds, "logs")


@pytest.mark.parametrize(
    ("event", "verdict"),
    [
        ({"timestamp": 0}, Verdict.PASS),
        ({"timestamp": 10**7, "ingestionTime": 0}, Verdict.PASS),
        ({"timestamp": 10**10}, Verdict.UNKNOWN),
        ({"timestamp": 10**25}, Verdict.UNKNOWN),
        ({"timestamp": "now"}, Verdict.UNKNOWN),
        ({"timestamp": None}, Verdict.UNKNOWN),
        ({"timestamp": True}, Verdict.UNKNOWN),
        ({"timestamp": -(10**7)}, Verdict.FAIL),
    ],
)
async def test_a_line_is_as_old_as_cloudwatch_says(
    estates: Estates, event: dict[str, JsonValue], verdict: Verdict
) -> None:
    """A program's clock that is ahead makes its lines no younger than when CloudWatch had them (times are from now)."""
    at = round(now().timestamp() * 1000)
    event = {key: value + at if type(value) is int else value for key, value in event.items()}
    answers: dict[str, JsonValue] = {
        "DescribeLogGroups": {"logGroups": [{"logGroupName": "/vatic/orders"}]},
        "DescribeLogStreams": {"logStreams": [{"logStreamName": "pod"}]},
        "GetLogEvents": {"events": [{"message": "x", **event}]},
    }
    with scripted(lambda call, _asked: (200, json.dumps(answers[call]).encode())) as server:
        found = await outcome(estates, server.url, "aws.log_groups", {"groups": ["/vatic/orders"]}, newest="< 5 min")
    assert found.verdict is verdict, found.summary


async def test_a_stream_with_empty_pages_is_gone_back_through(estates: Estates) -> None:
    """CloudWatch hands out empty pages before one with lines; they are followed, and not for ever."""
    at = round(now().timestamp() * 1000)
    empty: dict[str, JsonValue] = {"events": [], "nextBackwardToken": "b1"}
    full: dict[str, JsonValue] = {"events": [{"message": "{}", "timestamp": at}], "nextBackwardToken": "b2"}
    streams: JsonValue = {"logStreams": [{"logStreamName": "pod"}]}
    given = {"group": "/vatic/orders"}
    with scripted(lambda call, asked: _page(call, streams, full if "nextToken" in asked else empty)) as server:
        found = await outcome(estates, server.url, "aws.log_lines", given, structured="= all")
    assert found.verdict is Verdict.PASS, found.summary
    numbers = iter(range(1000))
    with scripted(
        lambda call, _: _page(call, streams, {"events": [], "nextBackwardToken": str(next(numbers))})
    ) as server:
        found = await outcome(estates, server.url, "aws.log_lines", given, structured="= all")
    assert found.verdict is Verdict.FAIL
    assert server.calls["GetLogEvents"] == 10


def _page(call: str, streams: JsonValue, events: JsonValue) -> tuple[int, bytes]:
    return 200, json.dumps(streams if call == "DescribeLogStreams" else events).encode()


@given(st.lists(st.timedeltas(timedelta(0), timedelta(days=90)), min_size=1), st.timedeltas(timedelta(hours=1)))
def test_gaps_are_the_spans_that_are_too_long(ages: list[timedelta], every: timedelta) -> None:
    """None is counted twice, none is left out, and the time since the newest counts as one."""
    check = Objects.model_validate({"bucket": "backups", "every": every, "expect": {"gaps": "= 0"}})
    oldest_first = sorted(ages, reverse=True)
    spans = [a - b for a, b in zip(oldest_first, [*oldest_first[1:], timedelta(0)], strict=True)]
    assert len(check._gaps(oldest_first)) == sum(span > every for span in spans)
