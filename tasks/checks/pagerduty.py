"""PagerDuty: who is on call now and next week, and whether a service would page anybody."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import ClassVar, Literal, Self

from pydantic import model_validator

from tasks.check import Check
from tasks.estate import Estate
from tasks.pagerduty_cover import doubled, gaps, whole_days
from tasks.pagerduty_reading import PagerDutyReader, together
from tasks.pagerduty_records import OnCall, Policy, Reference
from tminus.clock import now
from tminus.environment import Impact
from tminus.expectation import Expectation, Measurement
from tminus.outcome import Observation

_DAYS = 7
_SHOWN = 20  # lines of details
_YES = Expectation("= yes")


class OnCalls(Check, frozen=True):
    """Whether somebody is on call by an escalation policy, now and for the seven days from now on.

    `now` counts the people on call at level 1, who are paged first. `next_week` counts those of the next seven spans
    of 24 hours in which level 1 is covered at every moment. `levels` are those with somebody on call now. `same`
    counts the levels at which, at some moment of that week, a person is on call who is on call at another level at the
    same moment: paging them again when they did not answer helps nobody. `reachable` counts the people on call at any
    level within that week whom PagerDuty wakes: by a notification rule of theirs for urgent incidents that rings their
    phone, or sends a text message or a message of its app, before the next level is paged. Mail wakes nobody, and
    neither does a telephone that no rule uses.

    Attributes:
        policy: the escalation policy's name in PagerDuty.
    """

    kind: Literal["pagerduty.on_call"] = "pagerduty.on_call"
    impact: ClassVar[Impact] = Impact.PROBE
    measures: ClassVar[Mapping[str, str]] = {"now": "", "next_week": "", "levels": "", "reachable": "", "same": ""}

    policy: str

    async def look(self, estate: Estate) -> Observation:
        """Reads the policy, its shifts of the week, and how each person is told of an incident."""
        reader, place = PagerDutyReader(estate.api("pagerduty")), f"pagerduty policy {self.policy}"
        policy = await reader.policy(self.policy)
        if policy is None:
            return Observation(
                found=_measured(now=0, next_week=0, levels=0, reachable=0),
                where=place,
                because=f"PagerDuty has no escalation policy called {self.policy!r}",
            )
        begin = now().replace(microsecond=0)
        end = begin + timedelta(days=_DAYS)
        shifts = await reader.on_calls([policy.id], begin, end)
        current = [shift for shift in shifts if shift.at(begin)]
        first = [shift for shift in shifts if shift.escalation_level == 1]
        people = {shift.user.id: shift.user for shift in shifts}
        unreachable = await _unreachable(reader, list(people.values()), _times_to_ring(policy, shifts))
        missing, twice = gaps(first, begin, end), doubled(shifts)
        troubles = [
            *(f"nobody at level 1 from {gap}" for gap in missing),
            *(f"{person.name} has no rule in PagerDuty that rings before the next level" for person in unreachable),
            *(f"{people[user].name} is on call at {_said(levels)} at the same time" for user, levels in twice.items()),
        ]
        levels = {shift.escalation_level for shift in current}
        found = _measured(
            now=len({shift.user.id for shift in current if shift.escalation_level == 1}),
            next_week=whole_days(missing, begin, _DAYS),
            levels=len(levels),
            reachable=len(people) - len(unreachable),
            of=len(people),
        )
        if shifts:  # of nobody it cannot be said that they are different people
            found = (*found, Measurement.number("same", len(frozenset().union(*twice.values()))))
        return Observation(
            found=found,
            where=place,
            because=troubles[0]
            if troubles
            else f"{len(levels)} of {len(policy.escalation_rules)} levels have somebody",
            details=(*troubles, *_lines(current))[:_SHOWN],
        )


def _measured(*, now: int, next_week: int, levels: int, reachable: int, of: int = 0) -> tuple[Measurement, ...]:
    return (
        Measurement.number("now", now),
        Measurement.number("next_week", next_week, of=_DAYS),
        Measurement.number("levels", levels),
        Measurement.number("reachable", reachable, of=of),
    )


def _said(levels: Iterable[int]) -> str:
    return "levels " + " and ".join(str(level) for level in sorted(levels))


def _times_to_ring(policy: Policy, shifts: Sequence[OnCall]) -> dict[str, int | None]:
    """User id → the fewest minutes that a level has on which they are; None where the policy does not say."""
    found: dict[str, int | None] = {}
    for shift in shifts:
        ours = policy.next_after(shift.escalation_level)
        known = found.get(shift.user.id, ours)
        found[shift.user.id] = None if ours is None or known is None else min(ours, known)
    return found


async def _unreachable(
    reader: PagerDutyReader, people: Sequence[Reference], minutes: Mapping[str, int | None]
) -> list[Reference]:
    rules = await together(*(reader.notification_rules(person.id) for person in people))
    return [
        person
        for person, theirs in zip(people, rules, strict=True)
        if not any(rule.wakes_within(minutes[person.id]) for rule in theirs)
    ]


def _lines(current: Sequence[OnCall]) -> list[str]:
    return [
        f"level {shift.escalation_level}: {shift.user.name}, "
        + (f"until {shift.end:%a %Y-%m-%d %H:%M} UTC" if shift.end else "always")
        for shift in sorted(current, key=lambda shift: shift.escalation_level)
    ]


class Service(Check, frozen=True):
    """Whether a service is there, takes alerts, and pages by a policy.

    `policy` is its escalation policy's name. `integrations` are the ways by which alerts come in; without one nothing
    does. `maintenance` says whether a maintenance window is open, during which nothing pages; `status` is PagerDuty's
    own word: active, warning or critical (it has open incidents), maintenance, disabled. `pages` is yes in the first
    three of these; where nothing else is expected of it, it must be. Of a service that is not there, `pages` is no, and
    `policy`, `maintenance` and `status` are `none`.

    Attributes:
        service: its name in PagerDuty.
    """

    kind: Literal["pagerduty.service"] = "pagerduty.service"
    impact: ClassVar[Impact] = Impact.PROBE
    measures: ClassVar[Mapping[str, str]] = {
        "present": "word",
        "policy": "word",
        "integrations": "",
        "maintenance": "word",
        "status": "word",
        "pages": "word",
    }

    service: str

    @model_validator(mode="after")
    def _pages_too(self) -> Self:
        self.expect.setdefault("pages", _YES)
        return self

    async def look(self, estate: Estate) -> Observation:
        """One list of services, by name."""
        place = f"pagerduty service {self.service}"
        service = await PagerDutyReader(estate.api("pagerduty")).service(self.service)
        if service is None:
            words = {"present": "no", "policy": "none", "maintenance": "none", "status": "none", "pages": "no"}
            because, integrations = f"PagerDuty has no service called {self.service!r}", 0
        else:
            words = {
                "present": "yes",
                "policy": service.escalation_policy.name,
                "maintenance": "yes" if service.status == "maintenance" else "no",
                "status": service.status[:40],
                "pages": "yes" if service.pages else "no",
            }
            because, integrations = f"its status is {words['status']}", len(service.integrations)
        found = (Measurement(name=name, word=word) for name, word in words.items())
        return Observation(
            found=(*found, Measurement.number("integrations", integrations)), where=place, because=because
        )
