"""What a launch of fake steps is created from: its book, its people and its release."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path

import rfc8785
from pydantic import JsonValue

from tminus import events as ev
from tminus.clock import now
from tminus.frozen import digest_of

LAUNCH = "tradesense-2-0-0-flows"
ENVIRONMENT = "rehearsal-of-fakes"
PEOPLE: Mapping[str, tuple[str, ...]] = {
    "engineering": ("engineering_lead",),
    "devops": ("devops_lead",),
    "security": ("security_lead",),
    "product": ("product_manager",),
    "starter": ("engineering_lead",),
}
BUILD = {"version": "2.0.0", "artifact": f"sha256:{'a' * 64}", "config": f"sha256:{'b' * 64}"}


def check(name: str, **more: JsonValue) -> dict[str, JsonValue]:
    """A step that looks; `proves` makes it a proof of the way back."""
    proves = {"proves": True} if more.pop("proves", False) else {}
    return _step(name, {"check": "fake.check", "with": {"name": name, **proves}, "expect": {"good": "= 1"}}, more)


def action(name: str, **more: JsonValue) -> dict[str, JsonValue]:
    """A step that changes something."""
    return _step(name, {"action": "fake.action", "with": {"name": name}}, more)


def approval(name: str, *roles: str, deadline: str = "400h", **more: JsonValue) -> dict[str, JsonValue]:
    """A go/no-go, by one of each role."""
    asked: dict[str, JsonValue] = dict.fromkeys(roles or ("engineering_lead", "devops_lead"), 1)
    return _step(name, {"approval": {"roles": asked, "deadline": deadline, **more}}, {})


def watch(name: str, **more: JsonValue) -> dict[str, JsonValue]:
    """The watch."""
    plain: dict[str, JsonValue] = {
        "service": "trading",
        "for": "8h",
        "every": "50 ms",
        "min_requests": 50,
        "missing_after": 10,
        "probes": 2,
        **more,
    }
    return _step(name, {"watch": "release.watch", "with": plain, "expect": {"error_rate": "< 1 %"}}, {})


def _step(name: str, does: dict[str, JsonValue], more: dict[str, JsonValue]) -> dict[str, JsonValue]:
    return {"id": name, "title": f"The {name}", "owner": "devops_lead", "retries": 0, "timeout": "5s", **does, **more}


Steps = Mapping[str, Sequence[dict[str, JsonValue]]]
USUAL: Steps = {
    "T-4h": [check("a"), check("b"), check("nice", severity="advisory")],
    "T-15m": [approval("go", observe_again=True)],
    "T-0": [action("deploy"), action("switch"), check("serves", proves=True)],
    "T+4h": [check("after"), {"id": "notes", "title": "Notes", "owner": "product_manager", "follow_ups": {}}],
}
PHASES = tuple(USUAL)


def book_of(steps: Steps, late_by: str) -> dict[str, JsonValue]:
    """A launch's book of these phases."""
    phases: list[JsonValue] = [{"phase": name, "late_by": late_by, "steps": list(some)} for name, some in steps.items()]
    return {"runbook": "launch", "system": "tradesense", "may_waive": ["devops_lead"], "phases": phases}


def launch_of(
    folder: Path, book: dict[str, JsonValue], environment: dict[str, JsonValue], keys: Mapping[str, str]
) -> ev.LaunchCreated:
    """The first event of a launch, nine hours before its T-0."""
    people: list[JsonValue] = [
        {"id": one, "name": one.capitalize(), "roles": list(roles), "on_duty": one != "product", "key": keys.get(one)}
        for one, roles in PEOPLE.items()
    ]
    release: dict[str, JsonValue] = {
        "release": "tradesense-2.0.0",
        "system": "tradesense",
        "ticket": "OPS-1",
        "services": {"trading": {**BUILD, "rollback_to": {**BUILD, "version": "1", "artifact": f"sha256:{'c' * 64}"}}},
    }
    texts = {
        name: rfc8785.dumps(data).decode()
        for name, data in (
            ("release", release),
            ("runbook", book),
            ("people", {"people": people}),
            ("environment", environment),
        )
    }
    return ev.LaunchCreated(
        launch=LAUNCH,
        system="tradesense",
        title="tradesense 2.0.0",
        environment_name=ENVIRONMENT,
        t0=now() + timedelta(hours=9),
        started_by="starter",
        base=str(folder),
        digests={name: digest_of(text) for name, text in texts.items()},
        **texts,
    )
