"""The shipped launch book: every checklist line is a real step, and it fits the example files."""

from datetime import timedelta
from functools import cache
from pathlib import Path

import jsonschema
import pytest

from tasks.action import Action
from tasks.check import Check
from tasks.vocabulary import KINDS
from tminus.cross_check import against_environment, against_people, against_release
from tminus.editor_schema import runbook_schema
from tminus.environment import Environment
from tminus.people import People
from tminus.release import Release
from tminus.runbook import Acknowledgement, Approval, FollowUps, Runbook, Severity, SignOff
from tminus.runbook_source import build, load, read
from tminus.yaml_source import Source

ROOT = Path(__file__).parents[2]
PATH = ROOT / "runbooks" / "tradesense" / "launch.yaml"
DATA = ROOT / "tests" / "data"
LINES = [
    f"tradesense/launch-day-checklist/{part}/{number}"
    for part in ("pre-launch-t-4-hours", "launch-t-0", "post-launch-t+4-hours")
    for number in range(1, 6)
]
# What each line asks for: something looked at or done, never only a person's word, except where people are the point.
REAL = (Check, Action, FollowUps, Acknowledgement)


@cache
def book() -> Runbook:
    """The book."""
    return load(PATH, KINDS)


def test_every_line_is_a_step() -> None:
    """All 15 launch-day lines are referred to, and of the other chapters that the secrets are rotated."""
    rotated = "tradesense/pre-launch-checklist/security/1"
    assert sorted({ref for step in book().steps() for ref in step.refs}) == sorted([*LINES, rotated])


def test_an_old_secret_is_told_and_stops_nobody() -> None:
    """The age of the secrets is looked at four hours before, by whoever answers for security."""
    step = book().step("secrets-young")
    assert step in book().phase("T-4h").steps
    assert step is not None
    assert (step.owner, step.severity, step.does.kind) == ("security_lead", Severity.ADVISORY, "secret.age")


@pytest.mark.parametrize("line", LINES)
def test_a_line_is_really_done(line: str) -> None:
    """Each line is looked at, carried out, or read by people; no line is only ticked."""
    steps = [step for step in book().steps() if line in step.refs]
    assert any(isinstance(step.does, REAL) or getattr(step.does, "verb", "") == "watch" for step in steps)


def test_phases() -> None:
    """The countdown is T-4h, T-15m, T-0, T+4h."""
    assert [phase.offset for phase in book().phases] == [
        timedelta(hours=-4),
        timedelta(minutes=-15),
        timedelta(0),
        timedelta(hours=4),
    ]


def test_a_go_rests_on_fresh_evidence() -> None:
    """The go/no-go observes again, asks the three on-duty roles, and stands before every change."""
    go = next(step for step in book().steps() if isinstance(step.does, Approval))
    assert isinstance(go.does, Approval)
    assert go.does.observe_again
    assert go.does.roles == {"engineering_lead": 1, "devops_lead": 1, "security_lead": 1}
    before = list(book().steps())[: list(book().steps()).index(go)]
    assert not any(isinstance(step.does, Action) for step in before)


@pytest.mark.parametrize(
    ("step", "name", "limit"),
    [
        ("no-known-vulnerability", "unaudited", "= 0"),
        ("backup-completed", "holds", "= all"),
        ("backup-completed", "manifest", "= recorded"),
        ("backup-proven", "verdict", "= pass"),
        ("backup-after-launch-proven", "after_launch", "= yes"),
        ("backup-after-launch-whole", "holds", "= all"),
        ("services-healthy", "front", "= all"),
        ("dashboards-ready", "answering", "= all"),
        ("error-log-reviewed", "unstructured", "= 0"),
        ("performance-since-launch", "restarted", "= 0"),
    ],
)
def test_what_would_make_a_check_hollow_is_expected_not_to_be(step: str, name: str, limit: str) -> None:
    """Dependencies left out, an empty dump, lines that cannot be read, counters that began anew: none may be."""
    found = book().step(step)
    assert found is not None
    assert isinstance(found.does, Check)
    assert str(found.does.expect[name]) == limit


def test_the_readiness_sign_off() -> None:
    """Five roles, one each, for a fortnight."""
    (sign_off,) = [step.does for step in book().steps() if isinstance(step.does, SignOff)]
    assert set(sign_off.roles) == {"engineering_lead", "devops_lead", "security_lead", "product_manager", "ceo"}
    assert set(sign_off.roles.values()) == {1}
    assert sign_off.valid_for == timedelta(days=14)


def test_a_way_back_is_taken_before_the_first_change() -> None:
    """T-0 begins with the restore point, rolls out, proves the idle pool, and only then switches."""
    kinds = [step.does.kind for step in book().phase("T-0").steps]
    assert kinds[0] == "postgres.backup"
    assert kinds.index("deploy.roll_out") < kinds.index("fleet.sameness") < kinds.index("deploy.switch")
    assert kinds.index("deploy.switch") < kinds.index("release.watch")


def test_the_examples_fit() -> None:
    """Roles, quorums, services, databases and impacts are all there in the example files."""
    source = Source.read(PATH)
    reading = read(source, KINDS)
    assert against_people(reading, source, Source.read(DATA / "people.yaml").load(People)) == []
    assert against_environment(reading, source, Source.read(DATA / "environment.yaml").load(Environment)) == []
    assert against_release(reading, source, Source.read(DATA / "release.yaml").load(Release)) == []


def test_editors_accept_it() -> None:
    """The JSON Schema accepts the shipped book."""
    jsonschema.Draft202012Validator(runbook_schema(KINDS)).validate(Source.read(PATH).data)


def test_frozen_it_is_the_same_book() -> None:
    """What a launch freezes of it builds an equal book."""
    assert build(Source.thawed("runbook", Source.read(PATH).freeze()), KINDS) == book()
