"""A broken book: every mistake is named with its line, step and the nearest right name; and editors see it too."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import jsonschema
import pytest
from pydantic import BaseModel, Field

from tminus.clock import Duration
from tminus.editor_schema import runbook_schema
from tminus.errors import BookError
from tminus.expectation import Expectation
from tminus.runbook import Spec
from tminus.runbook_source import build, load
from tminus.wording import PATTERNS
from tminus.yaml_source import Source


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
    "expected one of check, action, watch, approval, acknowledgement, sign_off, attestation, paging, follow_ups"
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
# What a JSON Schema has no words for.
EDITORS_CANNOT_SEE = {"duplicate step id", "duplicate YAML key", "phases out of order"}


def broken(case: str) -> str:
    """The base book with one thing changed."""
    old, new = BROKEN[case][0]
    assert BOOK.count(old) >= 1, f"{case}: the base book has no {old!r}"
    head, _, tail = BOOK.partition(old)
    return head + new + tail


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a book is written to."""
    return tmp_path / "book.yaml"


def test_the_base_book_is_right(path: Path) -> None:
    """The book that the others are broken from reads without a mistake."""
    path.write_text(BOOK)
    assert [step.id for step in load(path, KINDS).steps()] == ["healthy", "go", "switch"]


@pytest.mark.parametrize("case", BROKEN)
def test_a_mistake_is_named(case: str, path: Path) -> None:
    """Each mistake is reported with exactly its file, line, step, what was found and what was expected."""
    path.write_text(broken(case))
    with pytest.raises(BookError) as caught:
        load(path, KINDS)
    assert str(caught.value).splitlines() == [f"{path}:{message}" for message in BROKEN[case][1]]


@pytest.mark.parametrize("case", [case for case in BROKEN if case not in EDITORS_CANNOT_SEE])
def test_editors_refuse_it_too(case: str, path: Path) -> None:
    """The JSON Schema refuses what the loader refuses, where a schema can say it at all."""
    validator = jsonschema.Draft202012Validator(runbook_schema(KINDS))
    path.write_text(broken(case))
    assert not validator.is_valid(Source.read(path).data)


def test_editors_accept_the_right_one(path: Path) -> None:
    """The JSON Schema is itself valid, and accepts the book that the loader accepts."""
    schema = runbook_schema(KINDS)
    jsonschema.Draft202012Validator.check_schema(schema)
    path.write_text(BOOK)
    jsonschema.Draft202012Validator(schema).validate(Source.read(path).data)


def test_all_mistakes_at_once(path: Path) -> None:
    """A book with one mistake of many kinds is told all of them, in the order of the file, each once."""
    text = BOOK
    for case in ("unknown parameter", "wrong unit", "bad duration", "duplicate step id", "unknown severity"):
        old, new = BROKEN[case][0]
        head, _, tail = text.partition(old)
        text = head + new + tail
    path.write_text(text.replace("= all", "= some"))
    with pytest.raises(BookError) as caught:
        load(path, KINDS)
    lines = [mistake.line for mistake in caught.value.mistakes]
    assert lines == [13, 15, 16, 26, 31, 32]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "1: expected `key: value` lines at the top of the file"),
        ("- a\n- b\n", "1: expected `key: value` lines at the top of the file"),
        (
            "a: [1\n",
            (
                "2: not valid YAML: expected ',' or ']', but got '<stream end>' while parsing a flow sequence "
                "that begins in line 1"
            ),
        ),
        (
            "a: b\n\tc: d\n",
            "2: not valid YAML: found character '\\t' that cannot start any token while scanning for the next token",
        ),
        (
            "a: b\n---\nc: d\n",
            (
                "2: not valid YAML: but found another document expected a single document in the stream "
                "that begins in line 1"
            ),
        ),
    ],
)
def test_no_yaml(text: str, message: str, path: Path) -> None:
    """What is no YAML, or no mapping, is refused with the line where it goes wrong."""
    path.write_text(text)
    with pytest.raises(BookError) as caught:
        load(path, KINDS)
    assert str(caught.value) == f"{path}:{message}"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "late_by: 2h",
            "late_by: &long 2h\n    <<: {a: b}",
            "6: phase T-4h: '<<' means nothing here; write the lines out",
        ),
        (
            "samples: 3",
            "samples: !int 3",
            "13: step healthy: with.samples: the tag !int means nothing here; leave it out",
        ),
        ("samples: 3", "samples: 99999999999999999999", None),
        ("samples: 3", "samples: .nan", None),
        ("samples: 3", "samples: 9007199254740992", None),
    ],
)
def test_what_yaml_allows_and_a_book_does_not(old: str, new: str, message: str | None, path: Path) -> None:
    """Merge keys, tags and numbers that cannot be kept exactly are mistakes with a line, not surprises later."""
    path.write_text(BOOK.replace(old, new))
    with pytest.raises(BookError) as caught:
        load(path, KINDS)
    kept = f"13: step healthy: with.samples: {new.split()[1]} cannot be kept exactly as a number; put it in quotes"
    assert f"{path}:{message or kept}" in str(caught.value).splitlines()


def test_an_alias_that_holds_itself_ends(path: Path) -> None:
    """A recursive alias is a mistake, not an endless loop."""
    path.write_text(BOOK.replace("with:\n", "with: &self\n          within: *self\n"))
    with pytest.raises(BookError, match="an alias to something that holds it has no end"):
        load(path, KINDS)


def test_a_secret_in_the_wrong_place_is_not_repeated(path: Path) -> None:
    """A value of the wrong type is not echoed: it may be a secret where its reference belongs."""
    path.write_text(BOOK.replace("owner: devops_lead", "owner: 8675309", 1))
    with pytest.raises(BookError) as caught:
        load(path, KINDS)
    assert "8675309" not in str(caught.value)


def test_every_pattern_has_words() -> None:
    """No message shows a regular expression: each pattern of the language is put in words."""
    patterns = set()

    def walk(node: object) -> None:
        if isinstance(node, dict):
            if isinstance(pattern := node.get("pattern"), str) and not pattern.startswith(r"^\s*"):
                patterns.add(pattern)
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    walk(runbook_schema({}))
    assert patterns <= set(PATTERNS)


def test_build_from_frozen_data_names_the_step(path: Path) -> None:
    """Frozen data has no lines any more, and a mistake in it is still named by its step."""
    path.write_text(broken("unknown parameter"))
    thawed = Source.thawed("runbook", Source.read(path).freeze())
    with pytest.raises(BookError) as caught:
        build(thawed, KINDS)
    assert str(caught.value) == "runbook:1: step healthy: with: unknown key 'sampels'; did you mean 'samples'?"
