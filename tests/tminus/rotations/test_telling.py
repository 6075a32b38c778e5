"""What a page says of a rotation that does not go on: how bad it is, and what works now."""

from pathlib import Path
from typing import ClassVar, Literal

import pytest

from tminus import events as ev
from tminus.environment import Environment
from tminus.ledger.store import Letter
from tminus.rotations.book import Policy, SecretsBook
from tminus.rotations.course import Course
from tminus.rotations.opened import OpenedSecrets
from tminus.rotations.telling import letters


class Single(Policy, frozen=True):
    """One value works at a time."""

    two_at_a_time: ClassVar[bool] = False
    kind: Literal["single"] = "single"


class Double(Policy, frozen=True):
    """Two do."""

    kind: Literal["double"] = "double"


def told(kind: type[Policy], *stages: ev.RotationStage, at_once: bool = False) -> Letter:
    """The page of a rotation in which these stages were begun, and all but the last are done, when it breaks off."""
    policy = kind(title="A key", owner="security_lead", secret="house/key", every="30d", kind=kind.__name__.lower())
    book = SecretsBook(secrets="house", title="Secrets", leaked=("security_lead",), rotations={"key": policy})
    environment = Environment.model_validate(
        {
            "environment": "test",
            "kind": "staging",
            "ledger": {"sqlite": "/nowhere/ledger.db"},
            "prefect": {"api": "http://127.0.0.1:1/api"},
            "state": "/nowhere",
            "pagerduty": {"routing_key": "env:NONE"},
        }
    )
    opened = OpenedSecrets(book, environment, Path("/nowhere"), {}, ())  # type: ignore[arg-type]  # nothing is frozen
    course = Course(
        [
            ev.RotationBegan(
                rotation="r",
                secret="key",
                stored_as="house/key",
                kind="single",
                environment="test",
                digests={},
                version="new",
                replaces="old",
                way={},
                at_once=at_once,
            )
        ]
    )
    for stage in stages:
        course.take(ev.RotationStageBegan(rotation="r", stage=stage))
    for stage in stages[:-1]:
        course.take(ev.RotationStageDone(rotation="r", stage=stage, said="done"))
    broke = ev.RotationBrokeOff(rotation="r", stage=stages[-1], why="it does not answer")
    [page] = letters(opened, "key", course, broke)
    return page


@pytest.mark.parametrize(
    ("kind", "stages", "at_once", "severity", "works"),
    [
        (Double, ("create", "set", "test"), False, "warning", "What is current in Secrets Manager works; nothing was"),
        (Double, ("create", "set", "test"), True, "critical", "What leaked may still open"),
        (Single, ("create", "set"), False, "warning", "nothing was switched off"),
        (Single, ("create", "set", "test"), False, "critical", "Perhaps nothing"),
        (Single, ("create", "set", "test", "promote"), False, "critical", "Perhaps nothing"),
        (Single, ("create", "set", "test", "promote", "off"), False, "warning", "nothing was switched off"),
    ],
)
def test_what_works(
    kind: type[Policy], stages: tuple[ev.RotationStage, ...], at_once: bool, severity: str, works: str
) -> None:
    """It never says that all works where what is current may be refused, and a leak is never a mere warning."""
    body = told(kind, *stages, at_once=at_once).body
    assert f'"severity":"{severity}"' in body
    assert works in body
