"""PagerDuty's incidents of the past: how long they lasted, and whether a test page was answered."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import ClassVar, Literal, Self

from pydantic import model_validator

from tasks.check import Check
from tasks.estate import Estate
from tasks.pagerduty_incidents import mean_minutes, resolution_times, uptime, youngest
from tasks.pagerduty_reading import PagerDutyReader, together
from tasks.pagerduty_records import Incident, Service, Urgency
from tminus.clock import Duration, now, show_duration
from tminus.environment import Impact
from tminus.errors import CouldNotObserve
from tminus.expectation import Measurement
from tminus.outcome import Observation

_SHOWN = 20  # lines of details
_TEST_PAGE = "test page of tminus"
_DAY = timedelta(days=1)
_LONGEST = 365 * _DAY
_BEFORE = 30 * _DAY  # an incident may have begun so long before the time that is asked about, and last into it
_MOST_LOGS = 100  # incidents whose log is read, one request each


class TestedPage(Check, frozen=True):
    """When a test page was last acknowledged by a person.

    A test page is an incident of the service whose title holds `title`; `pages` counts those that were found. `age` is
    how long ago the newest that a person acknowledged was created, by PagerDuty's own log of it, and `acknowledged`
    how long the person took. Where there is none, `age` is `within` and a day, which is how far back was searched: it
    is at least that old.

    Attributes:
        service: the service's name in PagerDuty.
        title: what a test page's title holds, in any case.
        within: how far back is searched, a year at most.
    """

    __test__: ClassVar[bool] = False  # its name is no test's
    kind: Literal["pagerduty.tested_page"] = "pagerduty.tested_page"
    impact: ClassVar[Impact] = Impact.PROBE
    measures: ClassVar[Mapping[str, str]] = {"age": "d", "acknowledged": "min", "pages": ""}

    service: str
    title: str = _TEST_PAGE
    within: Duration = 90 * _DAY

    @model_validator(mode="after")
    def _searches_far_enough(self) -> Self:
        _bounded("within", self.within)
        limit = self.expect["age"].limit if "age" in self.expect else None
        if limit is not None and limit.exactly("s") > self.within.total_seconds():
            raise ValueError(f"expect age {self.expect['age']}, but only {show_duration(self.within)} are searched")
        return self

    async def look(self, estate: Estate) -> Observation:
        """Reads the incidents, then the log of each test page until one was acknowledged."""
        reader, at = PagerDutyReader(estate.api("pagerduty")), now()
        service, place = await reader.service(self.service), f"pagerduty service {self.service}"
        if service is None:
            return self._never(place, 0, f"PagerDuty has no service called {self.service!r}")
        found = await reader.incidents([service.id], at - self.within - _DAY, at)
        pages = [one for one in found if self.title.casefold() in one.title.casefold()]
        for page in pages[:_MOST_LOGS]:
            answered = await reader.acknowledged(page)
            if answered is not None:
                return self._answered(page, answered, at, place, len(pages))
        said = f"a person acknowledged none of {len(pages)} test pages" if pages else "no test page"
        return self._never(place, len(pages), f"{said} within {show_duration(self.within)}")

    def _never(self, place: str, pages: int, because: str) -> Observation:
        found = (
            Measurement.number("age", (self.within + _DAY) / _DAY, "d"),
            Measurement.number("pages", pages),
        )
        return Observation(found=found, where=place, because=because)

    def _answered(self, page: Incident, answered: datetime, at: datetime, place: str, pages: int) -> Observation:
        took = (answered - page.created_at).total_seconds() / 60
        return Observation(
            found=(
                Measurement.number("age", (at - page.created_at) / _DAY, "d"),
                Measurement.number("acknowledged", took, "min"),
                Measurement.number("pages", pages),
            ),
            where=place,
            because=f"the last was on {page.created_at:%Y-%m-%d}",
            details=(f"incident {page.incident_number} of {page.created_at:%Y-%m-%d}, answered in {took:.1f} min",),
        )


class Incidents(Check, frozen=True):
    """The incidents of one service or several: how many, how long they took, and how much of the time was free of them.

    `incidents` counts those created within `since`, `open` those that nobody has resolved, however old. `mttr` is the
    mean time from creation to resolution over those created within `since` and resolved, `mtta` the mean time from
    creation until a person acknowledged; where there is none to measure, they are not measured, which is not zero.
    `uptime` is the share of `since` in which no incident was open, overlapping ones counted once; one that began within
    the 30 days before, or is open, counts for the part that lies within. `service_age` is how long ago the youngest of
    the services was made in PagerDuty. Where that is less than `since`, or is not said, `uptime` is not measured:
    nobody could have opened an incident before.

    Attributes:
        service: a service's name in PagerDuty.
        services: the same for several, counted together.
        since: how far back, a year at most.
        urgency: `high`, `low`, or `any`.
        title_contains: only incidents whose title holds this, in any case.
        leaving_out: incidents whose title holds one of these are left out, in any case; test pages are no outages.
    """

    kind: Literal["pagerduty.incidents"] = "pagerduty.incidents"
    impact: ClassVar[Impact] = Impact.PROBE
    measures: ClassVar[Mapping[str, str]] = {
        "incidents": "",
        "open": "",
        "mttr": "min",
        "mtta": "min",
        "uptime": "%",
        "service_age": "d",
    }

    service: str | None = None
    services: tuple[str, ...] = ()
    since: Duration = 30 * _DAY
    urgency: Literal["high", "low", "any"] = "high"
    title_contains: str | None = None
    leaving_out: tuple[str, ...] = (_TEST_PAGE,)

    @model_validator(mode="after")
    def _of_something(self) -> Self:
        if not self._names():
            raise ValueError("name a `service`, or several `services`")
        _bounded("since", self.since)
        return self

    def _names(self) -> tuple[str, ...]:
        return (*((self.service,) if self.service else ()), *self.services)

    async def look(self, estate: Estate) -> Observation:
        """Reads the incidents of the time, those still open, and the logs where `mtta` is expected."""
        reader, at = PagerDutyReader(estate.api("pagerduty")), now()
        services = await _services(reader, self._names())
        begin, urgency = at - self.since, None if self.urgency == "any" else self.urgency
        known = await self._known(reader, [one.id for one in services], begin - _BEFORE, at, urgency)
        age = youngest(services, at)
        within = [one for one in known if one.created_at >= begin]
        still = [one for one in known if one.status != "resolved"]
        found = [
            Measurement.number("incidents", len(within)),
            Measurement.number("open", len(still)),
        ]
        if age is not None:
            found.append(Measurement.number("service_age", age / _DAY, "d"))
        if age is not None and age >= self.since:
            found.append(Measurement.number("uptime", uptime(known, begin, at) * 100, "%"))
        took = {"mttr": resolution_times(within)}
        if "mtta" in self.expect:
            took["mtta"] = await _answer_times(reader, within)
        means = {name: mean_minutes(lengths) for name, lengths in took.items()}
        found += [Measurement.number(name, mean, "min") for name, mean in means.items() if mean is not None]
        nothing = [
            f"{name} is not measured: no incident to take it from" for name, mean in means.items() if mean is None
        ]
        if age is None or age < self.since:
            old = "when a service was made is not said" if age is None else f"a service is {age / _DAY:.1f} days old"
            nothing.append(f"uptime is not measured: {old}")
        shown = {one.id: _line(one) for one in (*still, *within)}
        return Observation(
            found=tuple(found),
            where=f"pagerduty {', '.join(self._names())}",
            because=f"{len(within)} in {show_duration(self.since)}, {len(still)} open",
            details=(*nothing, *shown.values())[:_SHOWN],
        )

    async def _known(
        self, reader: PagerDutyReader, services: Sequence[str], begin: datetime, end: datetime, urgency: Urgency | None
    ) -> list[Incident]:
        """Those created in that time, and those that are open, however old."""
        created, still = await together(
            reader.incidents(services, begin, end, urgency), reader.open_incidents(services, urgency)
        )
        known = {one.id: one for one in (*created, *still)}
        return [one for one in known.values() if self._counts(one.title.casefold())]

    def _counts(self, title: str) -> bool:
        left_out = any(part.casefold() in title for part in self.leaving_out)
        return (self.title_contains or "").casefold() in title and not left_out


async def _services(reader: PagerDutyReader, names: Sequence[str]) -> list[Service]:
    """All of them. A service that is not there has no incidents, and that must not read as a good sign."""
    found = await together(*(reader.service(name) for name in names))
    if missing := [name for name, service in zip(names, found, strict=True) if service is None]:
        raise CouldNotObserve(f"PagerDuty has no service called {', '.join(missing)}; give the name that it has there")
    return [service for service in found if service is not None]


async def _answer_times(reader: PagerDutyReader, incidents: Sequence[Incident]) -> list[timedelta]:
    if len(incidents) > _MOST_LOGS:
        raise CouldNotObserve(
            f"mtta of {len(incidents)} incidents would take as many requests, and {_MOST_LOGS} are made; ask about less"
        )
    answered = await together(*(reader.acknowledged(one) for one in incidents))
    return [at - one.created_at for one, at in zip(incidents, answered, strict=True) if at is not None]


def _line(one: Incident) -> str:
    ended = f"resolved {one.ended_at:%Y-%m-%d %H:%M}" if one.ended_at else one.status
    return f"incident {one.incident_number}, {one.urgency} urgency: {one.created_at:%Y-%m-%d %H:%M} UTC, {ended}"


def _bounded(name: str, length: timedelta) -> None:
    if not timedelta() < length <= _LONGEST:
        raise ValueError(f"{name} is {show_duration(length)}; it must be more than nothing and at most a year")
