"""What the other files contradict in a book: roles, impacts, systems, quorums."""

from collections.abc import Callable
from pathlib import Path
from typing import ClassVar, Literal

import pytest

from tminus.cross_check import against_environment, against_people, against_release
from tminus.environment import Environment, Impact, PagerDuty
from tminus.errors import Mistake
from tminus.people import People
from tminus.release import Release
from tminus.runbook import Spec
from tminus.runbook_source import Reading, read
from tminus.yaml_document import parse
from tminus.yaml_source import Source

DATA = Path(__file__).parents[1] / "data"
BOOK = """\
runbook: launch
system: tradesense
may_waive: [ceo]
phases:
  - phase: T-0
    late_by: 1h
    steps:
      - id: look
        title: Look
        owner: devops_lead
        check: look
        with:
          database: main
          services: [trading]
      - id: go
        title: Go
        owner: ceo
        approval:
          roles:
            devops_lead: 1
            security_lead: 1
          veto: [product_manager]
          deadline: 45m
      - id: switch
        title: Switch
        owner: ceo
        action: switch
        with: {service: trading}
"""


class FakeLook(Spec, frozen=True):
    """Stands for a check with an impact that names systems."""

    verb: ClassVar[str] = "check"
    impact: ClassVar[Impact] = Impact.SYNTHETIC
    kind: Literal["look"] = "look"
    database: str
    services: tuple[str, ...] | Literal["all"] = "all"
    dashboards: tuple[str, ...] = ()


class FakeSwitch(Spec, frozen=True):
    """Stands for an action on a service."""

    verb: ClassVar[str] = "action"
    kind: Literal["switch"] = "switch"
    service: str


def people(reading: Reading, source: Source) -> list[Mistake]:
    """Held against the people of the examples."""
    return against_people(reading, source, Source.read(DATA / "people.yaml").load(People))


def off_duty(reading: Reading, source: Source) -> list[Mistake]:
    """Held against those people when none of them is on duty but the security lead."""
    found = Source.read(DATA / "people.yaml").load(People)
    some = (one.model_copy(update={"on_duty": one.id == "security-1"}) for one in found.people)
    return against_people(reading, source, People(people=tuple(some)))


def environment(reading: Reading, source: Source) -> list[Mistake]:
    """Held against the environment of the examples."""
    return against_environment(reading, source, Source.read(DATA / "environment.yaml").load(Environment))


def cautious(reading: Reading, source: Source) -> list[Mistake]:
    """Held against that environment, allowing only what production does, and without dashboards."""
    narrow = Source.read(DATA / "environment.yaml").load(Environment)
    allows = frozenset({Impact.NONE, Impact.PROBE})
    return against_environment(reading, source, narrow.model_copy(update={"allows": allows, "grafana": None}))


def release(reading: Reading, source: Source) -> list[Mistake]:
    """Held against the release of the examples."""
    return against_release(reading, source, Source.read(DATA / "release.yaml").load(Release))


def told(against: Callable[[Reading, Source], list[Mistake]], old: str = "", new: str = "") -> list[str]:
    """What is found in the book with one thing changed."""
    assert old in BOOK
    source = Source(Path("b"), parse(BOOK.replace(old, new, 1) if old else BOOK))
    reading = read(source, {"look": FakeLook, "switch": FakeSwitch})
    return [str(mistake) for mistake in against(reading, source)]


@pytest.mark.parametrize("against", [people, environment, release])
def test_the_base_book_fits(against: Callable[[Reading, Source], list[Mistake]]) -> None:
    """The book that the others are broken from contradicts nothing."""
    assert told(against) == []


@pytest.mark.parametrize(
    ("against", "old", "new", "expected"),
    [
        (
            people,
            "owner: devops_lead",
            "owner: devops_led",
            "b:10: step look: owner: nobody has the role 'devops_led'; did you mean 'devops_lead'?",
        ),
        (
            people,
            "devops_lead: 1",
            "devop_lead: 1",
            "b:20: step go: approval.roles.devop_lead: nobody has the role 'devop_lead'; did you mean 'devops_lead'?",
        ),
        (
            people,
            "[product_manager]",
            "[produce_manager]",
            "b:22: step go: approval.veto[0]: nobody has the role 'produce_manager'; did you mean 'product_manager'?",
        ),
        (people, "[ceo]", "[cto]", "b:3: may_waive[0]: nobody has the role 'cto'; did you mean 'ceo'?"),
        (
            people,
            "devops_lead: 1",
            "devops_lead: 3",
            (
                "b:19: step go: approval.roles: with everyone's answer it still lacks 1 devops_lead; who could answer: "
                "devops-1 (devops_lead), devops-2 (devops_lead, security_lead), security-1 (security_lead)"
            ),
        ),
        (
            off_duty,
            "may_waive: [ceo]",
            "may_roll_back: [devops_lead, ceo]",
            (
                "b:3: may_roll_back: nobody with a role of devops_lead, ceo is on duty to roll back by hand; "
                "mark one person in people.yaml `on_duty: true`"
            ),
        ),
        (
            environment,
            "database: main",
            "database: mian",
            "b:13: step look: with.database: rehearsal-on-loopback has no 'mian' under postgres; did you mean 'main'?",
        ),
        (
            environment,
            "services: [trading]",
            "services: [trading, tradin]",
            (
                "b:14: step look: with.services[1]: rehearsal-on-loopback has no 'tradin' under services; "
                "did you mean 'trading'?"
            ),
        ),
        (
            cautious,
            "",
            "",
            (
                "b:11: step look: check: its impact is synthetic, and rehearsal-on-loopback allows none, probe; "
                "see `allows` there"
            ),
        ),
        (release, "tradesense", "other", "b:2: system: found 'other', and the release is of 'tradesense'"),
        (
            release,
            "{service: trading}",
            "{service: trade}",
            (
                "b:28: step switch: with.service: release trading-2.0.0 brings nothing for 'trade'; "
                "did you mean 'trading'?"
            ),
        ),
    ],
)
def test_a_contradiction_is_named(
    against: Callable[[Reading, Source], list[Mistake]], old: str, new: str, expected: str
) -> None:
    """Each is told with its line, its step, and the nearest right name."""
    assert told(against, old, new) == [expected]


def test_somebody_in_two_roles_counts_where_they_are_needed() -> None:
    """Two security leads are there although one of them is also a DevOps lead: another fills that seat."""
    assert told(people, "security_lead: 1", "security_lead: 2") == []


def test_dashboards_need_somewhere_to_be() -> None:
    """A check of dashboards in an environment without them is told, not skipped in the night."""
    assert told(cautious, "database: main", "dashboards: [a]\n          database: main") == [
        (
            "b:11: step look: check: its impact is synthetic, and rehearsal-on-loopback allows none, probe; "
            "see `allows` there"
        ),
        "b:13: step look: with.dashboards: rehearsal-on-loopback has no grafana; add that section to it",
    ]


def test_a_broken_book_is_held_against_the_others_all_the_same() -> None:
    """A mistake in one step does not hide what is wrong with the owner of another."""
    assert told(people, "database: main\n", "databse: main\n") == []
    source = Source(Path("b"), parse(BOOK.replace("database", "databse").replace("owner: ceo", "owner: cio", 1)))
    reading = read(source, {"look": FakeLook, "switch": FakeSwitch})
    assert reading.book is None
    assert [str(mistake) for mistake in people(reading, source)] == [
        "b:17: step go: owner: nobody has the role 'cio'; did you mean 'ceo'?"
    ]


class FakeWindow(Spec, frozen=True):
    """Stands for a maintenance window over services of PagerDuty's."""

    verb: ClassVar[str] = "action"
    kind: Literal["pagerduty.maintenance_window"] = "pagerduty.maintenance_window"
    services: tuple[str, ...]


@pytest.mark.parametrize(("services", "own"), [("PDATABASE", False), ("PDATABASE, PLAUNCH", True)])
def test_a_window_over_our_own_pages_is_refused(services: str, own: bool) -> None:
    """The services are PagerDuty's and not the environment's, and the one that tminus pages by is not among them."""
    place = Source.read(DATA / "environment.yaml").load(Environment)
    rest = {"token": "env:A", "from_email": "tminus@example.com", "service": "PLAUNCH"}
    section = PagerDuty.model_validate({"routing_key": "env:B", "rest": rest})
    book = BOOK.replace("action: switch", f"action: {FakeWindow(services=()).kind}")
    source = Source(Path("b"), parse(book.replace("{service: trading}", f"{{services: [{services}]}}")))
    reading = read(source, {"look": FakeLook, FakeWindow(services=()).kind: FakeWindow})
    assert against_environment(reading, source, place) == []
    found = against_environment(reading, source, place.model_copy(update={"pagerduty": section}))
    assert [str(mistake) for mistake in found] == (
        [
            (
                "b:28: step switch: with.services: PLAUNCH is the service that tminus pages by in "
                "rehearsal-on-loopback (pagerduty.rest.service), and in a maintenance window its pages wake nobody; "
                "leave it out"
            )
        ]
        if own
        else []
    )


class FakeWatch(Spec, frozen=True):
    """Stands for a watch over a service."""

    verb: ClassVar[str] = "watch"
    kind: Literal["watch"] = "watch"
    service: str


def test_a_watch_needs_an_old_version_that_can_be_asked() -> None:
    """Without `control` an outside cause would be taken for a bad release."""
    place = Source.read(DATA / "environment.yaml").load(Environment)
    trading = place.services["trading"].model_copy(update={"control": None})
    source = Source(Path("b"), parse(BOOK.replace("action: switch", "watch: watch")))
    reading = read(source, {"look": FakeLook, "watch": FakeWatch})
    assert against_environment(reading, source, place) == []
    (mistake,) = against_environment(reading, source, place.model_copy(update={"services": {"trading": trading}}))
    assert str(mistake).startswith("b:28: step switch: with.service: ")
    assert "names no `control` for this service" in str(mistake)
