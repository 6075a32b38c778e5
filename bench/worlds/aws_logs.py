"""A world of CloudWatch Logs."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

from bench.worlds.aws import REGION, AwsWorld
from bench.worlds.world import Case, fault
from deployments.rehearsal.vendors.aws_moto import ACCOUNT, state

_GROUPS = ("/vatic/orders", "/vatic/market-data", "/vatic/risk")
_TRADESENSE = ("/tradesense/api", "/tradesense/web", "/tradesense/worker")
_ONE = _GROUPS[0]
_PODS = ("pod-a", "pod-b", "pod-c")
_KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/11111111-2222-3333-4444-555555555555"
_MARKER = "tminus-marker-7f3a"
_KEPT = 30  # days
_HOUR_MS, _MINUTE_MS = 3_600_000, 60_000
_SORTS = {
    "email": "ada.lovelace@example.com",
    "card": "4111 1111 1111 1111",
    "phone": "+49 30 901820",
    "iban": "DE89370400440532013000",
}


class AwsLogsWorld(AwsWorld):
    """Three log groups of each system, with three pods each; one of the pods has been quiet for twenty hours."""

    system: ClassVar[str] = "aws-logs"
    cases: ClassVar[tuple[Case, ...]] = (
        Case(
            check="aws.log_groups",
            given={"groups": list(_GROUPS)},
            expect={"present": "= all", "retention": ">= 30 d", "encrypted": "= all", "newest": "< 5 min"},
            broken_by=(
                "group_gone",
                "kept_for_a_week",
                ("kept_for", "/vatic/risk", "14"),
                "group_without_key",
                "group_fell_silent",
                "group_without_a_line",
            ),
        ),
        Case(
            check="aws.log_groups",
            given={"groups": list(_GROUPS)},
            expect={"expires": "<= 3650 d"},
            broken_by=("kept_for_ever",),
        ),
        Case(
            check="aws.log_lines",
            given={"group": _ONE},
            expect={
                "structured": "= all",
                "correlated": "= all",
                "levelled": "= all",
                "debug": "= 0 %",
                "unmasked": "= 0",
            },
            broken_by=(
                ("lines_like", "2026-11-22 10:00:00 INFO order placed"),
                ("lines_like", '{"level": "info", "message": "order placed"}'),
                ("lines_like", '{"level": "info", "message": "order placed", "trace_id": ""}'),
                ("lines_like", '{"level": "loud", "message": "order placed", "trace_id": "4bf92f35"}'),
                ("lines_like", '{"level": "debug", "message": "order placed", "trace_id": "4bf92f35"}'),
                *(("personal_data", sort) for sort in _SORTS),
                "group_fell_silent",
                "group_gone",
            ),
        ),
        Case(
            check="aws.log_search",
            given={"group": _ONE, "pattern": f'"{_MARKER}"', "within": "1h"},
            expect={"found": ">= 1", "took": "< 10 s"},
            broken_by=("marker_lost", ("nobody_writes", _MARKER), "group_gone"),
        ),
    )

    def build(self) -> None:
        """Makes the groups with their lines."""
        for group in (*_GROUPS, *_TRADESENSE):
            self._make_group(group)

    def freshen(self) -> None:
        """A line from one pod of each group."""
        for group in (*_GROUPS, *_TRADESENSE):
            self._write(group, _PODS[0], [_line(0, "request 0")], 0)

    def _make_group(self, group: str) -> None:
        self.call("logs", "CreateLogGroup", logGroupName=group, kmsKeyId=_KEY)
        self.call("logs", "PutRetentionPolicy", logGroupName=group, retentionInDays=_KEPT)
        for pod in _PODS:
            self.call("logs", "CreateLogStream", logGroupName=group, logStreamName=pod)
            ends = {"pod-a": 0, "pod-b": 60_000, "pod-c": 20 * _HOUR_MS}
            lines = [_line(number, f"request {number} of {pod}") for number in range(60)]
            self._write(group, pod, lines, ends[pod])
        self._write(group, "pod-a", [_line(0, _MARKER)], 1000)

    def _write(self, group: str, pod: str, lines: list[str], ago: int) -> None:
        end = int(time.time() * 1000) - ago
        events = [{"timestamp": end - 100 * place, "message": line} for place, line in enumerate(lines)]
        self.call("logs", "PutLogEvents", logGroupName=group, logStreamName=pod, logEvents=events[::-1])

    def _kept(self, group: str) -> Any:
        return state("logs", REGION).groups[group]

    @fault
    def group_gone(self, group: str = _ONE) -> Iterator[None]:
        """A log group is not there; one whose name only begins like it is."""
        kept = state("logs", REGION).groups.pop(group)
        self.call("logs", "CreateLogGroup", logGroupName=f"{group}-archive")
        yield
        self.call("logs", "DeleteLogGroup", logGroupName=f"{group}-archive")
        state("logs", REGION).groups[group] = kept

    @fault
    def kept_for_a_week(self) -> Iterator[None]:
        """One group is kept for seven days."""
        with self._keeping(_ONE, "7"):
            yield

    @fault
    def kept_for_ever(self, group: str = _ONE) -> Iterator[None]:
        """One group does not say how long it is kept."""
        self.call("logs", "DeleteRetentionPolicy", logGroupName=group)
        yield
        self.call("logs", "PutRetentionPolicy", logGroupName=group, retentionInDays=_KEPT)

    @fault
    def kept_for(self, group: str, days: str) -> Iterator[None]:
        """One group is kept for another time."""
        with self._keeping(group, days):
            yield

    @contextmanager
    def _keeping(self, group: str, days: str) -> Iterator[None]:
        self.call("logs", "PutRetentionPolicy", logGroupName=group, retentionInDays=int(days))
        yield
        self.call("logs", "PutRetentionPolicy", logGroupName=group, retentionInDays=_KEPT)

    @fault
    def group_without_key(self, group: str = _ONE) -> Iterator[None]:
        """One group is encrypted with AWS's own key."""
        with self.changed(self._kept(group), "kms_key_id", None):
            yield

    @fault
    def group_fell_silent(self, group: str = _ONE, minutes: str = "2880") -> Iterator[None]:
        """Nothing was written to a group for so many minutes."""
        events = [event for stream in self._kept(group).streams.values() for event in stream.events]
        for event in events:
            event.timestamp -= int(minutes) * _MINUTE_MS
        yield
        for event in events:
            event.timestamp += int(minutes) * _MINUTE_MS

    @fault
    def group_without_a_line(self) -> Iterator[None]:
        """A group was never written to."""
        with self.changed(self._kept(_ONE), "streams", {}):
            yield

    @fault
    def lines_like(self, line: str, group: str = _ONE) -> Iterator[None]:
        """One pod writes one line of another form."""
        yield from self._with_line(group, "pod-b", line)

    @fault
    def personal_data(self, sort: str, group: str = _ONE) -> Iterator[None]:
        """One pod writes what should have been masked, in a line that is well in all other ways."""
        yield from self._with_line(group, "pod-a", _line(1, f"receipt for {_SORTS[sort]} sent"))

    def _with_line(self, group: str, pod: str, line: str) -> Iterator[None]:
        stream = self._kept(group).streams[pod]
        before = list(stream.events)
        self._write(group, pod, [line], 0)
        yield
        stream.events[:] = before

    @fault
    def nobody_writes(self, word: str, group: str = _ONE) -> Iterator[None]:
        """No line of a group holds a word."""
        streams = self._kept(group).streams.values()
        before = [list(stream.events) for stream in streams]
        for stream in streams:
            stream.events[:] = [event for event in stream.events if word not in event.message]
        yield
        for stream, events in zip(streams, before, strict=True):
            stream.events[:] = events

    @fault
    def marker_lost(self) -> Iterator[None]:
        """The line that is searched for never arrived."""
        stream = self._kept(_ONE).streams["pod-a"]
        before = list(stream.events)
        stream.events[:] = [event for event in before if _MARKER not in event.message]
        yield
        stream.events[:] = before


def _line(number: int, message: str) -> str:
    trace = f"4bf92f3577b34da6a3ce929d0e{number:06x}"
    return json.dumps({"timestamp": time.time(), "level": "info", "message": message, "trace_id": trace})
