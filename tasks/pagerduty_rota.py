"""Who is on call now, level by level, for people to read."""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime

from tasks.estate_http import Clients, vendor_api
from tasks.pagerduty_reading import PagerDutyReader
from tasks.pagerduty_records import OnCall, Policy
from tminus.clock import now
from tminus.environment import Environment
from tminus.errors import CouldNotObserve


@dataclass(frozen=True, slots=True)
class Duty:
    """Somebody on call; without an end, always."""

    person: str
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Level:
    """One level of a policy: who is on call there, and after how many minutes without an answer the next one is."""

    number: int
    people: tuple[Duty, ...]
    next_after: int | None


@dataclass(frozen=True, slots=True)
class Rota:
    """A policy and its levels, the one that is paged first at the top."""

    policy: str
    levels: tuple[Level, ...]


async def on_call_now(environment: Environment, policies: Sequence[str] = ()) -> list[Rota]:
    """The escalation policies so called, or all, by PagerDuty.

    Raises CouldNotObserve where PagerDuty cannot be asked or has no policy of a name, NotConfigured, MissingSecret.
    """
    async with AsyncExitStack() as stack:
        reader = PagerDutyReader(vendor_api(environment, "pagerduty", Clients(stack)))
        there = await reader.policies()
        if missing := set(policies) - {policy.name for policy in there}:
            raise CouldNotObserve(f"PagerDuty has no escalation policy called {', '.join(sorted(missing))}")
        wanted = [policy for policy in there if not policies or policy.name in policies]
        at = now().replace(microsecond=0)
        shifts = await reader.on_calls([policy.id for policy in wanted], at, at)
        current = [shift for shift in shifts if shift.at(at)]
    return [_rota(policy, current) for policy in sorted(wanted, key=lambda policy: policy.name)]


def _rota(policy: Policy, shifts: Sequence[OnCall]) -> Rota:
    last = len(policy.escalation_rules)
    levels = [
        Level(number, _duties(policy, number, shifts), rule.escalation_delay_in_minutes if number < last else None)
        for number, rule in enumerate(policy.escalation_rules, start=1)
    ]
    return Rota(policy.name, tuple(levels))


def _duties(policy: Policy, level: int, shifts: Sequence[OnCall]) -> tuple[Duty, ...]:
    ours = [one for one in shifts if one.escalation_policy.id == policy.id and one.escalation_level == level]
    return tuple(dict.fromkeys(Duty(one.user.name, one.end) for one in ours))
