"""AWS's budgets: is there one, how much of it is spent, and is there somebody who would be told?"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import ClassVar, Literal

from pydantic import Field

from tasks.aws_check import AwsCheck, absent, in_words, yes
from tasks.aws_client import Answer, AwsService, aws_service, days_until
from tasks.aws_errors import NotThere
from tasks.estate import Estate
from tminus.errors import CouldNotObserve
from tminus.expectation import Measurement
from tminus.outcome import Observation

_ALL = 100  # percent
_SHOWN = 40  # characters
_ONE_REGION = "us-east-1"  # where budgets are kept, wherever the account works


class _Identity(Answer):
    account: str


class _Spend(Answer):
    amount: str
    unit: str = ""


class _Calculated(Answer):
    actual_spend: _Spend


class _Period(Answer):
    end: datetime | None = None


class _BudgetEntry(Answer):
    budget_type: str
    time_period: _Period = _Period()
    budget_limit: _Spend | None = None
    calculated_spend: _Calculated | None = None

    def why_none(self) -> str:
        """Why it bounds no spending today, "" where it does."""
        if self.budget_type != "COST":
            return f"is one of {self.budget_type[:_SHOWN]}, not of cost"
        return "is over" if self.time_period.end is not None and days_until(self.time_period.end) <= 0 else ""


class _Budget(Answer):
    budget: _BudgetEntry


class _Notification(Answer):
    notification_type: str
    comparison_operator: str
    threshold: float
    threshold_type: str | None = None

    def in_time(self, limit: Decimal | None) -> bool:
        """Whether it comes at the latest when all is spent."""
        if self.comparison_operator == "LESS_THAN":
            return False
        if self.threshold_type == "ABSOLUTE_VALUE":
            return limit is not None and self.threshold <= limit
        return self.threshold <= _ALL


class _Notifications(Answer):
    notifications: list[_Notification]


class _Subscribers(Answer):
    subscribers: list[object]


class Budget(AwsCheck, frozen=True):
    """Whether the account has a budget, and somebody who is told when it is nearly spent.

    `present`: there is such a budget, of cost and not over; expected also where the book does not say so. `limit`: its
    amount, in its own currency. `spent`: how much of it this period has cost so far. `notifications`: those with a
    subscriber, of all; none where none of these comes before more than all is spent (100 % or less).

    Attributes:
        budget: the budget's name.
    """

    measures: ClassVar[Mapping[str, str]] = {"present": "word", "limit": "", "spent": "%", "notifications": ""}

    kind: Literal["aws.budget"] = "aws.budget"
    budget: str = Field(min_length=1, max_length=100)

    def seen(self, estate: Estate) -> Observation:
        """Asks which account this is, for its budget, and for who is told."""
        account = aws_service(estate, "sts").read(_Identity, "GetCallerIdentity").account
        budgets = aws_service(estate, "budgets", _ONE_REGION)
        where = f"budget {self.budget}, {budgets.where}"
        try:
            budget = budgets.read(_Budget, "DescribeBudget", AccountId=account, BudgetName=self.budget).budget
            told = self._told(budgets, account) if "notifications" in self.expect else []
        except NotThere:
            return absent(f"budget {self.budget}", where)
        if why := budget.why_none():
            return Observation(found=(yes("present", False),), where=where, because=f"budget {self.budget} {why}")
        found, problems = [yes("present", True)], list[str]()
        limit = _amount(budget.budget_limit, where)
        if limit is not None:
            found.append(Measurement.number("limit", limit))
            spent = _amount(budget.calculated_spend.actual_spend if budget.calculated_spend else None, where)
            if limit > 0 and spent is not None:
                found.append(Measurement.number("spent", float(100 * spent / limit), "%"))
        if "notifications" in self.expect:
            heard = [one for one, somebody in told if somebody]
            late = bool(heard) and not any(one.in_time(limit) for one in heard)
            found.append(Measurement.number("notifications", 0 if late else len(heard), of=len(told)))
            if len(heard) < len(told) or not told:
                problems.append(f"{len(told) - len(heard)} of {len(told)} notifications tell nobody")
            problems += ["nobody is told before more than all is spent"] if late else []
        return Observation(found=tuple(found), where=where, because=in_words(problems))

    def _told(self, budgets: AwsService, account: str) -> list[tuple[_Notification, bool]]:
        """The notifications, and whether anybody is told."""
        pages = budgets.pages(
            _Notifications, "DescribeNotificationsForBudget", AccountId=account, BudgetName=self.budget
        )
        every = [one for page in pages for one in page.notifications]
        return [(one, self._has_subscriber(budgets, account, one)) for one in every]

    def _has_subscriber(self, budgets: AwsService, account: str, one: _Notification) -> bool:
        pages = budgets.pages(
            _Subscribers,
            "DescribeSubscribersForNotification",
            AccountId=account,
            BudgetName=self.budget,
            Notification=one.model_dump(by_alias=True, exclude_none=True),
        )
        try:
            return any(page.subscribers for page in pages)
        except NotThere:
            return False


def _amount(spend: _Spend | None, where: str) -> Decimal | None:
    if spend is None:
        return None
    try:
        amount = Decimal(spend.amount)
    except InvalidOperation as e:
        raise CouldNotObserve(f"{where}: an amount that is no number") from e
    if not amount.is_finite():
        raise CouldNotObserve(f"{where}: an amount that is no number")
    return amount
