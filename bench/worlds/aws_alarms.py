"""A world of CloudWatch's alarms and of a budget."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from typing import Any, ClassVar
from unittest.mock import patch

from pydantic import JsonValue

from bench.worlds.aws import REGION, AwsWorld
from bench.worlds.world import Case, fault
from deployments.rehearsal.vendors.aws_moto import ACCOUNT, state

_ALARMS = ("vatic-orders-log-errors", "vatic-market-data-log-errors", "vatic-risk-log-errors")
_TRADESENSE = ("tradesense-backup-failed", "tradesense-backup-missing")
_BUDGETS = ("vatic-monthly", "tradesense")
_TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:on-call"
_RECOVERY = f"arn:aws:automate:{REGION}:ec2:recover"
_GROUP = "/aws-alarms/lines"
_NONE = (("budget_of", "USAGE"), ("budget_of", "RI_UTILIZATION"), "budget_over", "told_too_late")


class AwsAlarmsWorld(AwsWorld):
    """Three alarms of Vatic and two of TradeSense that page, and a budget of each that tells somebody.

    Vatic's count errors in log lines, of which there has been none, so that without data they are quiet; TradeSense's
    watch what is always sent. Moto has no subscribers of a budget's notifications; the fake in front of it has. It does
    not count those of a topic either; so their number is set in what it keeps.
    """

    system: ClassVar[str] = "aws-alarms"
    cases: ClassVar[tuple[Case, ...]] = (
        Case(
            check="aws.alarms",
            given={"alarms": list(_ALARMS)},
            expect={"present": "= all", "acting": "= all", "blind": "= 0", "alarming": "= 0"},
            broken_by=(
                "alarm_gone",
                "alarm_without_actions",
                "alarm_with_actions_off",
                "alarm_only_recovers",
                "nobody_confirmed",
                "topic_gone",
                "errors_not_counted",
                ("errors_not_counted", "vatic-risk-log-errors"),
                "another_metric_counted",
                ("alarm_state", "INSUFFICIENT_DATA"),
                ("alarm_state", "ALARM"),
            ),
        ),
        Case(
            check="aws.alarms",
            given={"alarms": list(_TRADESENSE)},
            expect={"acting": "= all", "blind": "= 0"},
            broken_by=(("quiet_and_never_measured", _TRADESENSE[0]), "topic_gone"),
        ),
        Case(
            check="aws.budget",
            given={"budget": "vatic-monthly"},
            expect={"limit": "<= 20000", "spent": "< 80 %", "notifications": "= all"},
            broken_by=(
                "budget_gone",
                "budget_raised",
                "budget_spent",
                "budget_tells_nobody",
                "budget_without_notice",
                *_NONE,
            ),
        ),
    )

    def build(self) -> None:
        """Makes the alarms and the budgets."""
        self.call("sns", "CreateTopic", Name="on-call")
        self._topics()[_TOPIC].subscriptions_confimed = 1  # moto's own spelling
        self.call("logs", "CreateLogGroup", logGroupName=_GROUP)
        for alarm in _ALARMS:
            self._count(alarm, alarm)
        for alarm in _TRADESENSE:
            self._measure(alarm)
        for alarm in (*_ALARMS, *_TRADESENSE):
            self._make_alarm(alarm)
        for budget in _BUDGETS:
            self._make_budget(budget)
        self.subscribers: list[JsonValue] = [{"SubscriptionType": "EMAIL", "Address": "costs@vatic.example"}]
        self.aws.answers["budgets.DescribeSubscribersForNotification"] = lambda _: {"Subscribers": self.subscribers}

    def _topics(self) -> Any:
        return state("sns", REGION).topics

    def _count(self, name: str, metric: str) -> None:
        made = {"metricName": metric, "metricNamespace": "Vatic", "metricValue": "1"}
        self.call(
            "logs",
            "PutMetricFilter",
            logGroupName=_GROUP,
            filterName=name,
            filterPattern='{ $.level = "error" }',
            metricTransformations=[made],
        )

    def _count_no_more(self, name: str) -> None:
        self.call("logs", "DeleteMetricFilter", logGroupName=_GROUP, filterName=name)

    def _measure(self, metric: str) -> None:
        self.call("cloudwatch", "PutMetricData", Namespace="Vatic", MetricData=[{"MetricName": metric, "Value": 0.0}])

    def _make_alarm(self, name: str, *, missing: str = "") -> None:
        self.call(
            "cloudwatch",
            "PutMetricAlarm",
            AlarmName=name,
            Namespace="Vatic",
            MetricName=name,
            ComparisonOperator="GreaterThanThreshold",
            EvaluationPeriods=3,
            Period=60,
            Statistic="Average",
            Threshold=1.0,
            ActionsEnabled=True,
            AlarmActions=[_TOPIC, _RECOVERY],
            TreatMissingData=missing or ("notBreaching" if name in _ALARMS else "missing"),
        )
        self._state(name, "OK")

    def _state(self, name: str, value: str) -> None:
        self.call("cloudwatch", "SetAlarmState", AlarmName=name, StateValue=value, StateReason="world")

    def _make_budget(self, name: str, limit: str = "15000") -> None:
        notice: dict[str, JsonValue] = {
            "NotificationType": "ACTUAL",
            "ComparisonOperator": "GREATER_THAN",
            "ThresholdType": "PERCENTAGE",
        }
        self.call(
            "budgets",
            "CreateBudget",
            AccountId=ACCOUNT,
            Budget={
                "BudgetName": name,
                "BudgetType": "COST",
                "TimeUnit": "MONTHLY",
                "BudgetLimit": {"Amount": limit, "Unit": "USD"},
                "CalculatedSpend": {"ActualSpend": {"Amount": "4200.50", "Unit": "USD"}},
            },
            NotificationsWithSubscribers=[
                {
                    "Notification": dict(notice, Threshold=threshold),
                    "Subscribers": [{"SubscriptionType": "EMAIL", "Address": "costs@vatic.example"}],
                }
                for threshold in (80.0, 100.0)
            ],
        )

    def _drop_budget(self, name: str) -> None:
        self.call("budgets", "DeleteBudget", AccountId=ACCOUNT, BudgetName=name)

    def _budget(self, name: str) -> Any:
        return state("budgets", "aws").budgets[ACCOUNT][name]

    @fault
    def alarm_gone(self, name: str = _ALARMS[0]) -> Iterator[None]:
        """An alarm is not there."""
        self.call("cloudwatch", "DeleteAlarms", AlarmNames=[name])
        yield
        self._make_alarm(name)

    @fault
    def alarm_without_actions(self, name: str = _ALARMS[0]) -> Iterator[None]:
        """An alarm tells nobody."""
        with self.changed(state("cloudwatch", REGION).alarms[name], "alarm_actions", []):
            yield

    @fault
    def alarm_with_actions_off(self, name: str = _ALARMS[0]) -> Iterator[None]:
        """An alarm's actions were turned off for a maintenance, and never on again."""
        self.call("cloudwatch", "DisableAlarmActions", AlarmNames=[name])
        yield
        self.call("cloudwatch", "EnableAlarmActions", AlarmNames=[name])

    @fault
    def alarm_only_recovers(self, name: str = _ALARMS[0]) -> Iterator[None]:
        """An alarm recovers a machine, and tells nobody."""
        with self.changed(state("cloudwatch", REGION).alarms[name], "alarm_actions", [_RECOVERY]):
            yield

    @fault
    def nobody_confirmed(self) -> Iterator[None]:
        """Whoever was to listen to the topic has never confirmed it."""
        with self.changed(self._topics()[_TOPIC], "subscriptions_confimed", 0):
            yield

    @fault
    def topic_gone(self) -> Iterator[None]:
        """The topic that the alarms write to was deleted."""
        kept = self._topics().pop(_TOPIC)
        yield
        self._topics()[_TOPIC] = kept

    @fault
    def errors_not_counted(self, name: str = _ALARMS[0]) -> Iterator[None]:
        """Nothing counts the errors that a quiet alarm waits for."""
        self._count_no_more(name)
        yield
        self._count(name, name)

    @fault
    def another_metric_counted(self, name: str = _ALARMS[0]) -> Iterator[None]:
        """The errors are counted under a name that the alarm does not watch."""
        self._count_no_more(name)
        self._count(name, f"{name}-2")
        yield
        self._count_no_more(name)
        self._count(name, name)

    @fault
    def quiet_and_never_measured(self, name: str) -> Iterator[None]:
        """An alarm on what is never sent takes that for good."""
        kept = state("cloudwatch", REGION).metric_data
        before = list(kept)
        kept[:] = [point for point in before if point.name != name]
        self._make_alarm(name, missing="notBreaching")
        yield
        kept[:] = before
        self._make_alarm(name)

    @fault
    def alarm_state(self, value: str, name: str = _ALARMS[0]) -> Iterator[None]:
        """An alarm has no data, or rings."""
        self._state(name, value)
        yield
        self._state(name, "OK")

    @fault
    def budget_gone(self, name: str = _BUDGETS[0]) -> Iterator[None]:
        """There is no such budget."""
        self._drop_budget(name)
        yield
        self._make_budget(name)

    @fault
    def budget_raised(self, name: str = _BUDGETS[0], limit: str = "150000") -> Iterator[None]:
        """Somebody gave the budget another limit."""
        self._drop_budget(name)
        self._make_budget(name, limit)
        yield
        self._drop_budget(name)
        self._make_budget(name)

    @fault
    def budget_spent(self) -> Iterator[None]:
        """Nine tenths of it are spent."""
        kept: Mapping[str, Any] = self._budget(_BUDGETS[0]).budget
        actual = kept["CalculatedSpend"]["ActualSpend"]
        actual["Amount"] = "13500"
        yield
        actual["Amount"] = "4200.50"

    @fault
    def budget_tells_nobody(self) -> Iterator[None]:
        """Its notifications have no subscriber."""
        with self.changed(self, "subscribers", []):
            yield

    @fault
    def budget_without_notice(self, name: str = _BUDGETS[0]) -> Iterator[None]:
        """It has no notification."""
        with self.changed(self._budget(name), "notifications", []):
            yield

    @fault
    def budget_of(self, sort: str, name: str = _BUDGETS[0]) -> Iterator[None]:
        """It bounds how much of something is used, not what that costs."""
        with self._budget_says(name, BudgetType=sort):
            yield

    @fault
    def budget_over(self, name: str = _BUDGETS[0]) -> Iterator[None]:
        """The time that it is for has passed."""
        with self._budget_says(name, TimePeriod={"Start": 1577836800, "End": 1609459200}):
            yield

    @contextmanager
    def _budget_says(self, name: str, **instead: JsonValue) -> Iterator[None]:
        kept = self._budget(name).budget
        with patch.dict(kept, instead):
            yield

    @fault
    def told_too_late(self, name: str = _BUDGETS[0]) -> Iterator[None]:
        """Somebody is told when half as much again is spent, and not before."""
        kept = self._budget(name)
        late = copy(kept.notifications[0])
        late.details = {**late.details, "Threshold": 150.0}
        with self.changed(kept, "notifications", [late]):
            yield
