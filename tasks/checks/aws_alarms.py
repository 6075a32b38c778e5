"""CloudWatch's alarms: is there somebody who would be told, and can they see?"""

from collections.abc import Iterator, Mapping
from typing import ClassVar, Literal

from pydantic import Field, JsonValue

from tasks.aws_alarm import Alarm, Listeners, why_blind
from tasks.aws_alarm import Alarms as Listed
from tasks.aws_check import AwsCheck, in_words
from tasks.aws_client import AwsService, aws_service
from tasks.estate import Estate
from tminus.expectation import Measurement
from tminus.outcome import Observation

_SHOWN = 20  # lines in the details
_AT_ONCE = 100  # names in one call, CloudWatch's own limit


class Alarms(AwsCheck, frozen=True):
    """Whether alarms are there, would tell somebody, and can see.

    `present`: those that are there, of one metric or composed; that all are, is expected also where the book does not
    say so. `acting`: those whose actions are turned on and that have one for the state ALARM that tells somebody: an
    SNS topic that exists and has a confirmed subscription, or a response plan of Incident Manager; recovering a
    machine or scaling a group tells nobody. Where SNS does not say who listens, the outcome is unknown.

    `blind`: those without data (INSUFFICIENT_DATA), which would not ring, and those that take missing data for good
    (`notBreaching`, `ignore`) while none of their metrics had data in the last 14 days and no metric filter of a log
    group makes one: such an alarm is silent whatever happens. An alarm on a count that AWS itself only sends when it
    happens looks the same; give it data once. What a composed alarm is composed of is not looked into.
    `alarming`: those that ring now.

    Attributes:
        alarms: their names.
    """

    expects: ClassVar[dict[str, str]] = {"present": "= all"}
    measures: ClassVar[Mapping[str, str]] = {"present": "", "acting": "", "blind": "", "alarming": ""}

    kind: Literal["aws.alarms"] = "aws.alarms"
    alarms: tuple[str, ...] = Field(min_length=1)

    def seen(self, estate: Estate) -> Observation:
        """One listing for every hundred names, and who listens and what has data where that is expected."""
        watch = aws_service(estate, "cloudwatch")
        there = {alarm.alarm_name: alarm for alarm in self._listed(watch) if alarm.alarm_name in self.alarms}
        total = len(set(self.alarms))
        found = [
            Measurement.number("present", len(there), of=total),
            Measurement.number("alarming", sum(alarm.state_value == "ALARM" for alarm in there.values())),
        ]
        problems = {name: ["rings"] if alarm.state_value == "ALARM" else [] for name, alarm in there.items()}
        if "acting" in self.expect:
            listeners = Listeners(estate)
            unheard = {name: why for name, alarm in there.items() if (why := listeners.why_unheard(alarm))}
            found.append(Measurement.number("acting", len(there) - len(unheard), of=total))
            for name, why in unheard.items():
                problems[name].append(why)
        if "blind" in self.expect:
            blind = {name: why for name, alarm in there.items() if (why := why_blind(alarm, estate))}
            found.append(Measurement.number("blind", len(blind)))
            for name, why in blind.items():
                problems[name].append(why)
        wrong = [
            f"{name}: {', '.join(said)}"
            for name in dict.fromkeys(self.alarms)
            if (said := problems.get(name, ["not there"]))
        ]
        return Observation(
            found=tuple(found), where=watch.where, details=tuple(wrong[:_SHOWN]), because=in_words(wrong)
        )

    def _listed(self, watch: AwsService) -> Iterator[Alarm]:
        for begin in range(0, len(self.alarms), _AT_ONCE):
            names: list[JsonValue] = [*self.alarms[begin : begin + _AT_ONCE]]
            for page in watch.pages(
                Listed, "DescribeAlarms", AlarmNames=names, AlarmTypes=["MetricAlarm", "CompositeAlarm"]
            ):
                yield from (*page.metric_alarms, *page.composite_alarms)
