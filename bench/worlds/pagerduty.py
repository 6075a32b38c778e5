"""PagerDuty's rotation and services, and what leaves nobody to be paged."""

from collections.abc import Iterator
from datetime import timedelta
from typing import ClassVar

from starlette.types import ASGIApp

from bench.worlds.pagerduty_account import DAY, PagerDutyAccount
from bench.worlds.vendor_world import changed
from bench.worlds.world import Case, fault

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
    )

    def app(self) -> ASGIApp:
        """The account."""
        return self.fake.app()

    @fault
    def nobody_is_on_call(self) -> Iterator[None]:
        """Level 1 has nobody until tomorrow."""
        with changed(self.first[0], end=self.begin - _HOUR):
            yield

    @fault
    def nobody_is_on_call_on_thursday(self) -> Iterator[None]:
        """A day in the middle of the week was left out."""
        with changed(self.first[1], start=self.first[0].end and self.first[0].end + DAY):
            yield

    @fault
    def nobody_is_on_call_for_an_hour(self) -> Iterator[None]:
        """The second shift begins an hour after the first one ends."""
        with changed(self.first[1], start=self.first[0].end and self.first[0].end + _HOUR):
            yield

    @fault
    def the_second_level_is_empty(self) -> Iterator[None]:
        """Whoever does not answer is the last."""
        before = self.fake.shifts
        self.rota(*self.first)
        try:
            yield
        finally:
            self.fake.shifts = before

    @fault
    def both_levels_are_one_person(self) -> Iterator[None]:
        """Anna is paged, and when she does not answer, Anna is."""
        with changed(self.second[0], person="PANNA"):
            yield

    @fault
    def both_levels_are_one_person_later(self) -> Iterator[None]:
        """The same, from the next handover on."""
        with changed(self.second[1], person="PBORIS"):
            yield

    @fault
    def somebody_has_only_mail(self) -> Iterator[None]:
        """Anna has no phone in PagerDuty."""
        with changed(self.fake.people[0], methods=["email"]):
            yield

    @fault
    def somebody_later_has_only_mail(self) -> Iterator[None]:
        """Dario, who takes over, has none."""
        with changed(self.fake.people[3], methods=["email"]):
            yield

    @fault
    def no_policy(self, name: str) -> Iterator[None]:
        """There is no policy of that name."""
        with changed(next(one for one in self.fake.policies if one.name == name), name="renamed"):
            yield

    @fault
    def the_service(self, field: str, value: str) -> Iterator[None]:
        """Something about the service is otherwise."""
        with changed(self.fake.services[2], **{field: value}):
            yield

    @fault
    def nothing_is_integrated(self) -> Iterator[None]:
        """No alert can come in."""
        with changed(self.fake.services[2], integrations=[]):
            yield
