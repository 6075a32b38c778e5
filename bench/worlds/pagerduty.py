"""PagerDuty's rotation and services, and what leaves nobody to be paged."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import ClassVar

from starlette.types import ASGIApp

from bench.worlds.pagerduty_account import DAY, PagerDutyAccount
from bench.worlds.vendor_world import changed
from bench.worlds.world import Case, fault
from deployments.rehearsal.vendors.pagerduty_records import NotificationRule, Person, Shift

_HOUR = timedelta(hours=1)


class PagerDuty(PagerDutyAccount):
    """Who is on call."""

    system: ClassVar[str] = "pagerduty"
    cases: ClassVar[tuple[Case, ...]] = (
        Case(
            "pagerduty.on_call",
            {"policy": "vatic"},
            {"now": ">= 1", "next_week": "= all", "levels": ">= 2", "reachable": "= all", "same": "= 0"},
            (
                "nobody_is_on_call",
                "nobody_is_on_call_on_thursday",
                "the_second_level_is_empty",
                "both_levels_are_one_person",
                "both_levels_are_one_person_later",
                "somebody_has_only_mail",
                "somebody_later_has_only_mail",
                ("somebody_is_told_by", "email", "0", "high"),
                ("somebody_is_told_by", "phone", "0", "low"),
                ("somebody_is_told_by", "phone", "10", "high"),
                ("somebody_is_told_by", "phone", "30", "high"),
                "nobody_said_how_to_tell_somebody",
                ("the_next_level_is_paged_after", "9"),
                ("no_policy", "vatic"),
            ),
        ),
        Case("pagerduty.on_call", {"policy": "vatic"}, {"next_week": "= 7"}, ("nobody_is_on_call_for_an_hour",)),
        Case(
            "pagerduty.service",
            {"service": "vatic"},
            {
                "present": "= yes",
                "policy": "= vatic",
                "integrations": ">= 1",
                "maintenance": "= no",
                "status": "= active",
            },
            (
                ("the_service", "name", "something-else"),
                ("the_service", "policy", "PTRADES"),
                ("the_service", "status", "maintenance"),
                ("the_service", "status", "disabled"),
                "nothing_is_integrated",
            ),
        ),
        Case(
            "pagerduty.service",
            {"service": "vatic"},
            {"present": "= yes", "maintenance": "= no"},
            (("the_service", "status", "disabled"), ("the_service", "status", "maintenance")),
        ),
    )

    def app(self) -> ASGIApp:
        """The account."""
        return self.fake.app()

    @fault
    def nobody_is_on_call(self, policy: str = "vatic") -> Iterator[None]:
        """Level 1 has nobody until tomorrow."""
        with changed(self.rotas[policy][0], end=self.begin - _HOUR):
            yield

    @fault
    def nobody_is_on_call_on_thursday(self, policy: str = "vatic") -> Iterator[None]:
        """A day in the middle of the week was left out."""
        with self._gap(policy, DAY):
            yield

    @fault
    def nobody_is_on_call_for_an_hour(self, policy: str = "vatic") -> Iterator[None]:
        """The second shift begins an hour after the first one ends."""
        with self._gap(policy, _HOUR):
            yield

    def _gap(self, policy: str, length: timedelta) -> AbstractContextManager[None]:
        now, then = self.rotas[policy][:2]
        return changed(then, start=now.end and now.end + length)

    @fault
    def the_second_level_is_empty(self, policy: str = "vatic") -> Iterator[None]:
        """Whoever does not answer is the last."""
        second = self.rotas[policy][2:]
        with changed(self.fake, shifts=[one for one in self.fake.shifts if one not in second]):
            yield

    @fault
    def both_levels_are_one_person(self, policy: str = "vatic") -> Iterator[None]:
        """Anna is paged, and when she does not answer, Anna is."""
        now, _, behind, _ = self.rotas[policy]
        with changed(behind, person=now.person):
            yield

    @fault
    def both_levels_are_one_person_later(self, policy: str = "vatic") -> Iterator[None]:
        """The same, from the next handover on."""
        _, then, _, behind = self.rotas[policy]
        with changed(behind, person=then.person):
            yield

    @fault
    def somebody_has_only_mail(self, policy: str = "vatic") -> Iterator[None]:
        """Whoever is paged first has no phone in PagerDuty."""
        with self._mail_only(self.rotas[policy][0]):
            yield

    @fault
    def somebody_later_has_only_mail(self, policy: str = "vatic") -> Iterator[None]:
        """Whoever takes over the second level has none."""
        with self._mail_only(self.rotas[policy][3]):
            yield

    def _mail_only(self, shift: Shift) -> AbstractContextManager[None]:
        return changed(self._person(shift), methods=["email"], rules=[NotificationRule("email")])

    def _person(self, shift: Shift) -> Person:
        return next(one for one in self.fake.people if one.id == shift.person)

    @fault
    def somebody_is_told_by(self, method: str, minutes: str, urgency: str, policy: str = "vatic") -> Iterator[None]:
        """Whoever is paged first has a phone in PagerDuty, and by this rule alone is told of anything."""
        rule = NotificationRule(method, int(minutes), urgency)
        with changed(self._person(self.rotas[policy][0]), methods=["email", "phone"], rules=[rule]):
            yield

    @fault
    def nobody_said_how_to_tell_somebody(self, policy: str = "vatic") -> Iterator[None]:
        """Whoever is paged first has a phone, and no rule by which it would ring."""
        with changed(self._person(self.rotas[policy][0]), methods=["email", "phone"], rules=[]):
            yield

    @fault
    def the_next_level_is_paged_after(self, minutes: str, name: str = "vatic") -> Iterator[None]:
        """The policy goes on before somebody's phone would ring."""
        with changed(next(one for one in self.fake.policies if one.name == name), minutes=int(minutes)):
            yield

    @fault
    def no_policy(self, name: str) -> Iterator[None]:
        """There is no policy of that name."""
        with changed(next(one for one in self.fake.policies if one.name == name), name="renamed"):
            yield

    @fault
    def the_service(self, field: str, value: str, name: str = "vatic") -> Iterator[None]:
        """Something about a service is otherwise."""
        with changed(self.service(name), **{field: value}):
            yield

    @fault
    def nothing_is_integrated(self, name: str = "vatic") -> Iterator[None]:
        """No alert can come in."""
        with changed(self.service(name), integrations=[]):
            yield
