"""What CloudWatch says of an alarm, and what tells whether anybody would hear it and whether it can see.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricAlarm.html has the fields.
"""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta

from pydantic import Field, JsonValue

from tasks.aws_client import CAMEL, Answer, AwsService, CamelAnswer, aws_service
from tasks.aws_errors import NotThere
from tasks.estate import Estate
from tminus.clock import now
from tminus.errors import CouldNotObserve

_PEOPLE = re.compile(r"arn:aws[a-z-]*:(sns|ssm-incidents):([a-z0-9-]*):")  # of all actions, those that tell somebody
_UNHEARD = frozenset({"notBreaching", "ignore"})  # without data such an alarm is quiet rather than INSUFFICIENT_DATA
_LOOK_BACK = timedelta(days=14)
_DAY = 86_400  # seconds


class _Dimension(Answer):
    name: str
    value: str


class Metric(Answer):
    """One metric that an alarm watches."""

    metric_name: str
    namespace: str
    dimensions: list[_Dimension] = Field(default_factory=list)


class _Stat(Answer):
    metric: Metric


class _Query(Answer):
    metric_stat: _Stat | None = None


class Alarm(Answer):
    """An alarm of one metric, of arithmetic on some, or composed of other alarms."""

    alarm_name: str
    actions_enabled: bool
    alarm_actions: list[str] = Field(default_factory=list)
    state_value: str
    treat_missing_data: str = "missing"
    metric_name: str = ""
    namespace: str = ""
    dimensions: list[_Dimension] = Field(default_factory=list)
    queries: list[_Query] = Field(default_factory=list, alias="Metrics")

    @property
    def quiet_without_data(self) -> bool:
        """Whether its state would not tell that it has no data."""
        return self.treat_missing_data in _UNHEARD and self.state_value != "ALARM"

    @property
    def metrics(self) -> list[Metric]:
        """What it watches; none for a composed one, and for one that searches for its metrics."""
        if self.metric_name:
            return [Metric(MetricName=self.metric_name, Namespace=self.namespace, Dimensions=self.dimensions)]
        return [query.metric_stat.metric for query in self.queries if query.metric_stat]


class Alarms(Answer):
    """A page of alarms."""

    metric_alarms: list[Alarm]
    composite_alarms: list[Alarm] = Field(default_factory=list)


class _Point(Answer):
    timestamp: datetime


class _Points(Answer):
    datapoints: list[_Point]


class _Transformation(CamelAnswer):
    metric_name: str
    metric_namespace: str


class _MetricFilter(CamelAnswer):
    metric_transformations: list[_Transformation]


class _MetricFilters(CamelAnswer):
    metric_filters: list[_MetricFilter]


class _Counted(Answer):
    confirmed: str = Field(alias="SubscriptionsConfirmed", pattern=r"^\d{1,9}$")


class _Topic(Answer):
    attributes: _Counted


class Listeners:
    """Whether an action reaches somebody; each topic is asked for once."""

    def __init__(self, estate: Estate) -> None:
        self._estate = estate
        self._known: dict[str, bool] = {}

    def why_unheard(self, alarm: Alarm) -> str:
        """Why nobody would be told, "" where somebody is; raises CouldNotObserve where SNS does not say."""
        if not alarm.actions_enabled:
            return "its actions are turned off"
        if not alarm.alarm_actions:
            return "has no action"
        telling = [arn for arn in alarm.alarm_actions if _PEOPLE.match(arn)]
        if not telling:
            return "none of its actions tells anybody"
        return (
            "" if any(self._reaches(arn) for arn in telling) else "nobody has confirmed that they listen to its topic"
        )

    def _reaches(self, arn: str) -> bool:
        found = _PEOPLE.match(arn)
        if found is None or found[1] != "sns":
            return found is not None
        if arn not in self._known:
            self._known[arn] = self._subscribed(arn, found[2])
        return self._known[arn]

    def _subscribed(self, arn: str, region: str) -> bool:
        try:
            topic = aws_service(self._estate, "sns", region or None).read(_Topic, "GetTopicAttributes", TopicArn=arn)
        except NotThere:
            return False
        return int(topic.attributes.confirmed) > 0


def why_blind(alarm: Alarm, estate: Estate) -> str:
    """Why an alarm would not ring, "" where it would; raises CouldNotObserve where that cannot be told."""
    if alarm.state_value == "INSUFFICIENT_DATA":
        return "has no data"
    if not alarm.quiet_without_data or (not alarm.queries and not alarm.metric_name):
        return ""
    metrics = alarm.metrics
    if not metrics:
        raise CouldNotObserve(f"alarm {alarm.alarm_name} searches for its metrics, so it cannot be told if it sees any")
    watch = aws_service(estate, "cloudwatch")
    if any(_had_data(watch, metric) for metric in metrics):
        return ""
    logs = aws_service(estate, "logs")
    if any(_is_counted(logs, metric) for metric in metrics):
        return ""
    named = ", ".join(f"{metric.namespace}/{metric.metric_name}" for metric in metrics[:3])
    return f"{named} had no data for {_LOOK_BACK.days} days and no log group's metric filter makes it"


def _had_data(watch: AwsService, metric: Metric) -> bool:
    until = now()
    dimensions: list[JsonValue] = [one.model_dump(by_alias=True) for one in metric.dimensions]
    points = watch.read(
        _Points,
        "GetMetricStatistics",
        Namespace=metric.namespace,
        MetricName=metric.metric_name,
        Dimensions=dimensions,
        StartTime=(until - _LOOK_BACK).isoformat(),
        EndTime=until.isoformat(),
        Period=_DAY,
        Statistics=["SampleCount"],
    )
    return bool(points.datapoints)


def _is_counted(logs: AwsService, metric: Metric) -> bool:
    """Whether the lines of a log group are counted as this metric: what is never counted may never have happened."""
    return any(
        (made.metric_name, made.metric_namespace) == (metric.metric_name, metric.namespace)
        for made in _made(logs, metric)
    )


def _made(logs: AwsService, metric: Metric) -> Iterator[_Transformation]:
    asked: dict[str, JsonValue] = {"metricName": metric.metric_name, "metricNamespace": metric.namespace}
    for page in logs.pages(_MetricFilters, "DescribeMetricFilters", CAMEL, **asked):
        for one in page.metric_filters:
            yield from one.metric_transformations
