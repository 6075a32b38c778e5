"""A book that is right, and what is said of each way to get it wrong."""

from datetime import timedelta
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, Field

from tminus.clock import Duration
from tminus.expectation import Expectation
from tminus.runbook import Spec


class Request(BaseModel, frozen=True, extra="forbid"):
    """One request of a fake journey."""

    path: str
    status: int = 200


class FakeHealth(Spec, frozen=True):
    """Stands for a check with parameters of many types."""

    verb: ClassVar[str] = "check"
    measures: ClassVar[dict[str, str]] = {"healthy": "", "p95": "ms", "error_rate": "%", "encrypted": "word"}
    kind: Literal["http.health"] = "http.health"
    service: str
    samples: Annotated[int, Field(ge=1, le=100)] = 5
    pool: Literal["serving", "idle"] = "serving"
    within: Duration = timedelta(seconds=3)
    requests: tuple[Request, ...] = ()
    expect: dict[str, Expectation] = Field(min_length=1)


class FakeSwitch(Spec, frozen=True):
    """Stands for an action."""

    verb: ClassVar[str] = "action"
    kind: Literal["deploy.switch"] = "deploy.switch"
    service: str


KINDS = {"http.health": FakeHealth, "deploy.switch": FakeSwitch}


BOOK = """\
runbook: launch
system: tradesense
phases:
  - phase: T-4h
    late_by: 2h
    steps:
      - id: healthy
        title: Everything answers
        owner: devops_lead
        check: http.health
        with:
          service: trading
          samples: 3
        expect:
          healthy: "= all"
          p95: "< 200 ms"
      - id: go
        title: Go, or no go
        owner: engineering_lead
        approval:
          roles: {devops_lead: 1}
          deadline: 45m
  - phase: T-0
    late_by: 1h
    steps:
      - id: switch
        title: Customers meet the new version
        owner: devops_lead
        action: deploy.switch
        with: {service: trading}
        timeout: 2m
        severity: blocking
"""


EXPECTED_ONE = (
    "expected one of check, action, watch, approval, acknowledgement, sign_off, readiness, attestation, paging, "
    "roll_call, follow_ups"
)


BROKEN = {
    "unknown check": (
        ("http.health", "http.heatlh"),
        ["10: step healthy: check: unknown check 'http.heatlh'; did you mean 'http.health'?"],
    ),
    "a check nothing is like": (
        ("http.health", "zzz"),
        ["10: step healthy: check: unknown check 'zzz'; known: http.health"],
    ),
    "an action named as a check": (
        ("check: http.health", "check: deploy.switch"),
        ["10: step healthy: check: 'deploy.switch' is named by `action:`, not by `check:`"],
    ),
    "unknown parameter": (
        ("samples: 3", "sampels: 3"),
        ["13: step healthy: with: unknown key 'sampels'; did you mean 'samples'?"],
    ),
    "a parameter of the wrong type": (
        ("samples: 3", "samples: many"),
        ["13: step healthy: with.samples: found text, expected a whole number"],
    ),
    "a parameter out of bounds": (
        ("samples: 3", "samples: 101"),
        ["13: step healthy: with.samples: found 101, expected at most 100"],
    ),
    "a word that is none of those possible": (
        ("samples: 3", "pool: idel"),
        ["13: step healthy: with.pool: found 'idel', expected 'serving' or 'idle'; did you mean 'idle'?"],
    ),
    "a parameter missing": (
        ("          service: trading\n", ""),
        ["11: step healthy: with: 'service' is missing"],
    ),
    "unknown key deep in a parameter": (
        ("samples: 3", "requests: [{path: /a}, {path: /b, stats: 201}]"),
        ["13: step healthy: with.requests[1]: unknown key 'stats'; did you mean 'status'?"],
    ),
    "unknown measurement": (
        ('p95: "<', 'p59: "<'),
        ["16: step healthy: expect: 'p59' is not measured here; did you mean 'p95'?"],
    ),
    "wrong unit": (
        ("< 200 ms", "< 200 MB"),
        ["16: step healthy: expect: p95 is measured in ms, which '< 200 MB' cannot judge; write '< 200 ms'"],
    ),
    "no unit where one is needed": (
        ("< 200 ms", "< 200"),
        ["16: step healthy: expect: p95 is measured in ms, which '< 200' cannot judge; write '< 200 ms'"],
    ),
    "a share without its sign": (
        ('p95: "< 200 ms"', 'error_rate: "< 0.1"'),
        ["16: step healthy: expect: error_rate is measured in %, which '< 0.1' cannot judge; write '< 0.1 %'"],
    ),
    "a decimal comma": (
        ('p95: "< 200 ms"', 'error_rate: "< 0,1 %"'),
        ["16: step healthy: expect.error_rate: '0,1 %' is not a number with a unit, such as '200 ms', '0.1 %' or '3'"],
    ),
    "a number for a word": (
        ('p95: "< 200 ms"', 'encrypted: "= 1"'),
        ["16: step healthy: expect: encrypted is measured as a word, which a number cannot judge"],
    ),
    "no comparison": (
        ('"< 200 ms"', '"200 ms"'),
        [
            (
                "16: step healthy: expect.p95: '200 ms' is no expectation; "
                "write one such as '< 200 ms', '= 0', '>= 3' or '= all'"
            )
        ],
    ),
    "nothing expected": (
        ('        expect:\n          healthy: "= all"\n          p95: "< 200 ms"\n', ""),
        ["7: step healthy: 'expect' is missing"],
    ),
    "an action that expects": (
        ("severity: blocking", 'expect: {healthy: "= all"}'),
        ["32: step switch: expect: nothing is measured here that could be expected"],
    ),
    "bad duration": (
        ("timeout: 2m", "timeout: 2 fortnights"),
        [
            "31: step switch: timeout: '2 fortnights' is not a duration, such as '24h', '15m', '2h 30m' or '500 ms'",
        ],
    ),
    "a duration without a unit": (
        ("late_by: 1h", "late_by: 60"),
        ["24: phase T-0: late_by: 60 is not a duration, such as '24h', '15m', '2h 30m' or '500 ms'"],
    ),
    "duplicate step id": (
        ("id: switch", "id: healthy"),
        ["26: step healthy: id: this id is taken by the step in line 7; ids are unique in a book"],
    ),
    "duplicate YAML key": (
        ("timeout: 2m", "owner: security_lead"),
        ["31: step switch: 'owner' stands here a second time, first in line 28"],
    ),
    "unknown top-level key": (
        ("system: tradesense", "sytem: tradesense"),
        ["1: 'system' is missing", "2: unknown key 'sytem'; did you mean 'system'?"],
    ),
    "unknown key of a step": (
        ("timeout: 2m", "timeuot: 2m"),
        ["31: step switch: unknown key 'timeuot'; did you mean 'timeout'?"],
    ),
    "unknown severity": (
        ("severity: blocking", "severity: fatal"),
        ["32: step switch: severity: found 'fatal', expected 'blocking' or 'advisory'"],
    ),
    "an approval that stops nothing": (
        ("          deadline: 45m\n", "          deadline: 45m\n        severity: advisory\n"),
        ["17: step go: an approval always blocks: without a yes the launch ends; its severity is blocking"],
    ),
    "a step that does two things": (
        ("timeout: 2m", "follow_ups:"),
        [f"26: step switch: {EXPECTED_ONE}; found action and follow_ups"],
    ),
    "a step that does nothing": (
        ("        action: deploy.switch\n        with: {service: trading}\n", ""),
        [f"26: step switch: {EXPECTED_ONE}; found none of them"],
    ),
    "a phase that is no time": (
        ("phase: T-4h", "phase: tomorrow"),
        [
            (
                "4: phase tomorrow: phase: found 'tomorrow', expected a time on the countdown, "
                "such as 'T-4h', 'T-15m', 'T-0' or 'T+4h'"
            )
        ],
    ),
    "phases out of order": (
        ("phase: T-0", "phase: T-5h"),
        ["23: phase T-5h: phase: stands after T-4h, but phases follow one another in time"],
    ),
    "nobody is asked": (
        ("{devops_lead: 1}", "{}"),
        ["21: step go: approval.roles: found 0, expected at least 1"],
    ),
    "less than one person": (
        ("{devops_lead: 1}", "{devops_lead: 0}"),
        ["21: step go: approval.roles.devops_lead: found 0, expected at least 1"],
    ),
    "an id with capitals": (
        ("id: switch", "id: Switch"),
        [
            (
                "26: step Switch: id: found 'Switch', expected small letters, digits and hyphens, "
                "such as 'services-healthy'"
            )
        ],
    ),
    "an owner that is a number": (
        ("owner: engineering_lead", "owner: 12"),
        ["19: step go: owner: found a number, expected text; put it in quotes"],
    ),
    "steps that are no list": (
        ("        with: {service: trading}", "        with: [service, trading]"),
        ["30: step switch: with: expected `name: value` lines"],
    ),
}


EDITORS_CANNOT_SEE = {
    "an approval that stops nothing",
    "duplicate step id",
    "duplicate YAML key",
    "phases out of order",
}


def broken(case: str) -> str:
    """The base book with one thing changed."""
    old, new = BROKEN[case][0]
    assert BOOK.count(old) >= 1, f"{case}: the base book has no {old!r}"
    head, _, tail = BOOK.partition(old)
    return head + new + tail
