"""Kafka: brokers, topics with their replicas, how far consumers are behind, and settings of topics."""

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from time import time
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from tasks import kafka_lag, kafka_topics
from tasks.check import Check
from tasks.estate import Estate
from tasks.kafka_client import Kafka, with_kafka
from tasks.kafka_lag import Behind
from tminus.environment import Impact
from tminus.errors import CouldNotObserve
from tminus.expectation import Expectation, Measurement
from tminus.outcome import Observation

Names = Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Field(min_length=1)]
_SHOWN = 20  # topics or partitions in the details
_WHOLE = re.compile(r"-?\d{1,19}")
_UNLIMITED = 2**63 - 1  # bytes
_MS_OF_HOUR = Decimal(3_600_000)
_LONGEST_WORD = 80


class Brokers(Check, frozen=True):
    """How many brokers the cluster has now, and whether one of them is its controller.

    A broker that is down is no longer in the metadata. `controller` is `yes` or `no`.
    """

    impact: ClassVar[Impact] = Impact.PROBE
    measures: ClassVar[Mapping[str, str]] = {"brokers": "", "controller": "word"}

    kind: Literal["kafka.brokers"] = "kafka.brokers"

    async def look(self, estate: Estate) -> Observation:
        """Asks for the metadata; raises CouldNotObserve."""
        seen = await with_kafka(estate, kafka_topics.cluster)
        return Observation(
            found=(
                Measurement.number("brokers", len(seen.brokers)),
                Measurement(name="controller", word="no" if seen.controller is None else "yes"),
            ),
            where="kafka",
            details=(f"brokers {', '.join(map(str, seen.brokers[:50]))}, controller {seen.controller}",),
        )


class Topics(Check, frozen=True):
    """Whether topics are there, with their replicas in sync and a leader for each partition.

    `replication`, `in_sync` and `partitions` are the fewest of any of the topics, 0 where one is not there; `offline`
    counts partitions without a leader. Topics of Kafka's own (`__…`) are left out of `all`. That every topic is there,
    and with `all` that there are any (`present`), is expected also where the book does not say so.

    Attributes:
        topics: their names, or `all` that there are.
    """

    impact: ClassVar[Impact] = Impact.PROBE
    measures: ClassVar[Mapping[str, str]] = {
        "present": "",
        "replication": "",
        "in_sync": "",
        "partitions": "",
        "offline": "",
    }

    kind: Literal["kafka.topics"] = "kafka.topics"
    topics: Literal["all"] | Names

    @model_validator(mode="after")
    def _there(self) -> Self:
        self.expect.setdefault("present", Expectation("= all"))
        return self

    async def look(self, estate: Estate) -> Observation:
        """Asks for the metadata; raises CouldNotObserve."""
        seen = await with_kafka(estate, kafka_topics.cluster)
        wanted = sorted(seen.topics) if self.topics == "all" else list(dict.fromkeys(self.topics))
        there = seen.named(wanted)
        missing = [name for name in wanted if name not in seen.topics]
        complete = bool(there) and not missing
        offline = [topic for topic in there if topic.offline]
        behind = [topic for topic in there if topic.in_sync < topic.replicas]
        parts = (("missing", missing), ("offline", _names(offline)), ("not in sync", _names(behind)))
        return Observation(
            found=(
                Measurement.number("present", len(there), of=len(wanted)),
                Measurement.number("replication", min(topic.replicas for topic in there) if complete else 0),
                Measurement.number("in_sync", min(topic.in_sync for topic in there) if complete else 0),
                Measurement.number("partitions", min(len(topic.partitions) for topic in there) if complete else 0),
                Measurement.number("offline", sum(len(topic.offline) for topic in there)),
            ),
            where="kafka",
            details=tuple(topic.line() for topic in there[:_SHOWN]),
            because="; ".join(f"{what}: {', '.join(names[:5])}" for what, names in parts if names)[:300],
        )


class Lag(Check, frozen=True):
    """How far a consumer group is behind on topics, in messages and in time.

    The group's committed offsets are compared with the ends of the partitions, and of each partition that it is behind
    on one message is read to see its timestamp; nothing joins the group or commits for it. `lag` is the sum over all
    partitions, `worst` the most of one, `behind` the age of the oldest message that it has not read, 0 where it has
    read all. Where the group committed nothing that is still there, all of a partition is unread. `committed` counts
    the partitions where it did. `members` is how many consumers are in the group now. That every topic is there
    (`present`) is expected also where the book does not say so. A group that committed nothing on topics that are empty
    proves nothing: unknown.

    Attributes:
        group: the consumer group's name.
        topics: what it reads.
    """

    impact: ClassVar[Impact] = Impact.PROBE
    measures: ClassVar[Mapping[str, str]] = {
        "lag": "",
        "worst": "",
        "behind": "ms",
        "members": "",
        "committed": "",
        "present": "",
    }

    kind: Literal["kafka.lag"] = "kafka.lag"
    group: Annotated[str, Field(min_length=1)]
    topics: Names

    @model_validator(mode="after")
    def _there(self) -> Self:
        self.expect.setdefault("present", Expectation("= all"))
        return self

    async def look(self, estate: Estate) -> Observation:
        """Asks for offsets, and reads a message of each partition that is behind; raises CouldNotObserve."""
        wanted = list(dict.fromkeys(self.topics))
        there, found, members = await with_kafka(estate, lambda kafka: self._asked(kafka, wanted))
        present = Measurement.number("present", len(there), of=len(wanted))
        joined = [] if members is None else [Measurement.number("members", members)]
        missing = [name for name in wanted if name not in there]
        return Observation(
            found=(*_lags(self.group, found), *joined, present) if found else (*joined, present),
            where=f"kafka group {self.group}",
            details=tuple(one.line() for one in sorted(found, key=lambda one: -one.messages)[:_SHOWN]),
            because=f"missing: {', '.join(missing[:5])}" if missing else _slowest(found),
        )

    def _asked(self, kafka: Kafka, wanted: Sequence[str]) -> tuple[list[str], list[Behind], int | None]:
        there = kafka_topics.cluster(kafka).named(wanted)
        partitions = [(topic.name, one.number) for topic in there for one in topic.partitions]
        if offline := [topic.name for topic in there if topic.offline]:
            raise CouldNotObserve(
                f"kafka: {', '.join(offline[:5])} has partitions without leader: their end is unknown"
            )
        found = kafka_lag.behind(kafka, self.group, partitions) if partitions else []
        return _names(there), found, kafka_lag.members(kafka, self.group)


class Settings(Check, frozen=True):
    """What one setting of a topic is, the broker's default where the topic has none of its own.

    `value` is a number, `word` the text. Of settings whose name ends with `.ms` also `seconds`, `milliseconds` and
    `retention` (in hours) are measured, where -1 is no limit and counts from 1970; of those that end with `.bytes`,
    `bytes`, where -1 counts as 2^63 - 1. That topic and setting are there (`present`) is expected also where the book
    does not say so.

    Attributes:
        topic: the topic's name.
        setting: the setting's (`retention.ms`, `min.insync.replicas`).
    """

    impact: ClassVar[Impact] = Impact.PROBE
    measures: ClassVar[Mapping[str, str]] = {
        "value": "",
        "word": "word",
        "seconds": "s",
        "milliseconds": "ms",
        "retention": "h",
        "bytes": "B",
        "present": "word",
    }

    kind: Literal["kafka.settings"] = "kafka.settings"
    topic: Annotated[str, Field(min_length=1)]
    setting: Annotated[str, Field(min_length=1)]

    @model_validator(mode="after")
    def _there(self) -> Self:
        self.expect.setdefault("present", Expectation("= yes"))
        return self

    async def look(self, estate: Estate) -> Observation:
        """Asks for the topic's settings; raises CouldNotObserve."""
        known = await with_kafka(estate, lambda kafka: kafka_topics.settings(kafka, self.topic))
        where = f"kafka topic {self.topic}"
        if known is None or self.setting not in known:
            because = "there is no such topic" if known is None else f"it has no setting {self.setting!r}"
            return Observation(found=(Measurement(name="present", word="no"),), where=where, because=because)
        text = known[self.setting]
        if text is None:
            raise CouldNotObserve(f"{where}: {self.setting} is kept secret, and cannot be judged")
        return Observation(
            found=(Measurement(name="present", word="yes"), *_read(self.setting, text)),
            where=where,
            details=(f"{self.setting} {text[:_LONGEST_WORD]}",),
        )


def _names(topics: Sequence[kafka_topics.Topic]) -> list[str]:
    return [topic.name for topic in topics]


def _lags(group: str, found: Sequence[Behind]) -> list[Measurement]:
    committed = sum(one.committed is not None for one in found)
    unread = sum(one.messages for one in found)
    if not committed and not unread:
        raise CouldNotObserve(f"kafka: group {group!r} committed nothing, and the topics are empty: nothing to compare")
    ages = [one.age_ms for one in found]
    known = [age for age in ages if age is not None]
    return [
        Measurement.number("lag", unread),
        Measurement.number("worst", max(one.messages for one in found)),
        Measurement.number("committed", committed, of=len(found)),
        *([Measurement.number("behind", round(max(known), 3), "ms")] if len(known) == len(ages) else []),
    ]


def _slowest(found: Sequence[Behind]) -> str:
    lagging = [one for one in found if one.messages]
    return max(lagging, key=lambda one: one.messages).line() if lagging else ""


def _read(setting: str, text: str) -> list[Measurement]:
    """What the setting's text can be measured as."""
    found = [Measurement(name="word", word=text)] if len(text) <= _LONGEST_WORD else []
    if not _WHOLE.fullmatch(text):
        return found
    number = Decimal(text)
    found.append(Measurement.number("value", number))
    if setting.endswith(".ms"):
        span = Decimal(round(time() * 1000)) if number == -1 else number
        found += [
            Measurement.number("milliseconds", span, "ms"),
            Measurement.number("seconds", span / 1000, "s"),
            Measurement.number("retention", round(span / _MS_OF_HOUR, 6), "h"),
        ]
    if setting.endswith(".bytes"):
        found.append(Measurement.number("bytes", _UNLIMITED if number == -1 else number, "B"))
    return found
