"""A world of CloudWatch Logs."""

import json
import time
from collections.abc import Iterator
from typing import Any, ClassVar

from bench.worlds.aws import REGION, AwsWorld
from bench.worlds.world import Case, fault
from deployments.rehearsal.vendors.aws_moto import ACCOUNT, state

_GROUPS = ("/vatic/orders", "/vatic/market-data", "/vatic/risk")
_ONE = _GROUPS[0]
_PODS = ("pod-a", "pod-b", "pod-c")
_KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/11111111-2222-3333-4444-555555555555"
_MARKER = "tminus-marker-7f3a"
_HOUR_MS = 3_600_000
_SORTS = {
    "email": "ada.lovelace@example.com",
    "card": "4111 1111 1111 1111",
    "phone": "+49 30 901820",
    "iban": "DE89370400440532013000",
}


class AwsLogsWorld(AwsWorld):
    """Three log groups with three pods each; one of the pods has been quiet for twenty hours."""

    system: ClassVar[str] = "aws-logs"
    cases: ClassVar[tuple[Case, ...]] = (
        Case(
            check="aws.log_groups",
            given={"groups": list(_GROUPS)},
            expect={"present": "= all", "retention": ">= 90 d", "encrypted": "= all", "newest": "< 5 min"},
            broken_by=(
                "group_gone",
                "kept_for_a_week",
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
            broken_by=("marker_lost", "group_gone"),
        ),
    )

    def build(self) -> None:
        """Makes the groups with their lines."""
        for group in _GROUPS:
            self._make_group(group)

    def _make_group(self, group: str) -> None:
        self.call("logs", "CreateLogGroup", logGroupName=group, kmsKeyId=_KEY)
        self.call("logs", "PutRetentionPolicy", logGroupName=group, retentionInDays=90)
        for pod in _PODS:
            self.call("logs", "CreateLogStream", logGroupName=group, logStreamName=pod)
            ends = {"pod-a": 0, "pod-b": 60_000, "pod-c": 20 * _HOUR_MS}
            lines = [_line(number, f"{pod}-{number}") for number in range(60)]
            self._write(group, pod, lines, ends[pod])
        self._write(group, "pod-a", [_line(0, _MARKER)], 1000)

    def _write(self, group: str, pod: str, lines: list[str], ago: int) -> None:
        end = int(time.time() * 1000) - ago
        events = [{"timestamp": end - 100 * place, "message": line} for place, line in enumerate(lines)]
        self.call("logs", "PutLogEvents", logGroupName=group, logStreamName=pod, logEvents=events[::-1])

    def _kept(self, group: str) -> Any:
        return state("logs", REGION).groups[group]

    @fault
    def group_gone(self) -> Iterator[None]:
        """A log group is not there; one whose name only begins like it is."""
        kept = state("logs", REGION).groups.pop(_ONE)
        self.call("logs", "CreateLogGroup", logGroupName=f"{_ONE}-archive")
        yield
        self.call("logs", "DeleteLogGroup", logGroupName=f"{_ONE}-archive")
        state("logs", REGION).groups[_ONE] = kept

    @fault
    def kept_for_a_week(self) -> Iterator[None]:
        """One group is kept for seven days."""
        self.call("logs", "PutRetentionPolicy", logGroupName=_ONE, retentionInDays=7)
        yield
        self.call("logs", "PutRetentionPolicy", logGroupName=_ONE, retentionInDays=90)

    @fault
    def kept_for_ever(self) -> Iterator[None]:
        """One group does not say how long it is kept."""
        self.call("logs", "DeleteRetentionPolicy", logGroupName=_ONE)
        yield
        self.call("logs", "PutRetentionPolicy", logGroupName=_ONE, retentionInDays=90)

    @fault
    def group_without_key(self) -> Iterator[None]:
        """One group is encrypted with AWS's own key."""
        with self.changed(self._kept(_ONE), "kms_key_id", None):
            yield

    @fault
    def group_fell_silent(self) -> Iterator[None]:
        """Nothing was written to a group for two days."""
        streams = self._kept(_ONE).streams.values()
        for stream in streams:
            for event in stream.events:
                event.timestamp -= 48 * _HOUR_MS
        yield
        for stream in streams:
            for event in stream.events:
                event.timestamp += 48 * _HOUR_MS

    @fault
    def group_without_a_line(self) -> Iterator[None]:
        """A group was never written to."""
        with self.changed(self._kept(_ONE), "streams", {}):
            yield

    @fault
    def lines_like(self, line: str) -> Iterator[None]:
        """One pod writes one line of another form."""
        yield from self._with_line("pod-b", line)

    @fault
    def personal_data(self, sort: str) -> Iterator[None]:
        """One pod writes what should have been masked, in a line that is well in all other ways."""
        yield from self._with_line("pod-a", _line(1, f"receipt for {_SORTS[sort]} sent"))

    def _with_line(self, pod: str, line: str) -> Iterator[None]:
        stream = self._kept(_ONE).streams[pod]
        before = list(stream.events)
        self._write(_ONE, pod, [line], 0)
        yield
        stream.events[:] = before

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
