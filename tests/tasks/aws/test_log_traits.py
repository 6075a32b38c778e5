"""What a log line has, without what it says."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from tasks.log_traits import traits
from tests.conftest import Estates
from tests.tasks.aws.scripted import outcome, scripted
from tminus.outcome import Verdict

EVERY = ("email", "card", "phone", "iban")


@pytest.mark.parametrize(
    "field",
    [
        {"trace_id": "4bf9"},
        {"traceId": "4bf9"},
        {"trace.id": "4bf9"},
        {"trace": {"id": "4bf9"}},
        {"dd": {"trace_id": "77"}},
        {"X-Request-ID": "r-1"},
        {"context": {"correlationId": "c-1"}},
        {"aws_request_id": "a-1"},
        {"traceparent": "00-4bf9-00f0-01"},
    ],
)
def test_a_correlation_id_is_known_by_its_usual_names(field: dict[str, JsonValue]) -> None:
    """Whatever the tracer calls it, on its own or in an object."""
    assert traits(json.dumps({"level": "info", **field}), EVERY).correlated


@pytest.mark.parametrize(
    "field",
    [
        {},
        {"trace_id": ""},
        {"trace_id": None},
        {"trace_id": "0000"},
        {"trace_id": "null"},
        {"traced": "4bf9"},
        {"id": "1"},
    ],
)
def test_no_id_is_none(field: dict[str, JsonValue]) -> None:
    """An id that is empty or all zeros ties a line to nothing."""
    assert not traits(json.dumps({"level": "info", **field}), EVERY).correlated


@pytest.mark.parametrize(
    ("field", "level", "debug"),
    [
        ({"level": "info"}, "info", False),
        ({"severity": "WARNING"}, "warning", False),
        ({"levelname": "DEBUG"}, "debug", True),
        ({"log.level": "trace"}, "trace", True),
        ({"log": {"level": "error"}}, "error", False),
        ({"level": 20}, "20", True),
        ({"level": 50}, "50", False),
        ({"level": "loud"}, "", False),
        ({"level": None}, "", False),
        ({"level": ["info"]}, "", False),
        ({}, "", False),
    ],
)
def test_a_level_is_one_of_those_that_are_known(field: dict[str, JsonValue], level: str, debug: bool) -> None:
    """From trace to fatal, in words or bunyan's numbers; anything else is none."""
    found = traits(json.dumps(field), EVERY)
    assert (found.level, found.debug) == (level, debug)


@pytest.mark.parametrize("line", ["plain text", "[1, 2]", '"text"', "5", "{", "", "null", "[" * 5000, "{}x"])
def test_only_an_object_is_structured(line: str) -> None:
    """Text, a list, or half an object is no structured line."""
    assert not traits(line, EVERY).structured


def test_personal_data_is_found_behind_escapes_and_in_depth() -> None:
    """A value counts as it is meant, not as JSON writes it: an escaped @ is one, and a number is its digits."""
    assert traits('{"message": "to ada\\u0040example.com"}', EVERY).unmasked == {"email"}
    assert traits('{"a": [{"b": {"pan": 4111111111111111}}]}', EVERY).unmasked == {"card"}
    assert traits('{"message": "first\\n4111111111111111"}', EVERY).unmasked == {"card"}
    assert traits('{"ada@example.com": 1}', EVERY).unmasked == {"email"}
    assert traits('{"a":' * 300 + '"ada@example.com"' + "}" * 300, EVERY).unmasked == {"email"}


@given(st.text())
def test_any_line_has_traits(line: str) -> None:
    """No line makes it fail, and what is no object is neither correlated nor levelled."""
    found = traits(line, EVERY)
    assert found.structured or not (found.correlated or found.level)


@given(
    st.recursive(st.none() | st.booleans() | st.floats() | st.text(), lambda inner: st.dictionaries(st.text(), inner))
)
def test_any_document_has_traits(document: JsonValue) -> None:
    """No document makes it fail."""
    assert traits(json.dumps(document), EVERY).structured == isinstance(document, dict)


async def test_no_line_enters_the_evidence(estates: Estates) -> None:
    """Neither a line nor a word of one stands in the outcome, whatever is found in it or wrong with it."""
    lines = [
        "canary-plain card 4111 1111 1111 1111",
        '{"level": "canary-level", "message": "canary-message for canary@example.com", "canary-key": "x"}',
    ]
    events: list[JsonValue] = [{"message": line, "timestamp": 10**13} for line in lines]
    answers: dict[str, JsonValue] = {
        "DescribeLogStreams": {"logStreams": [{"logStreamName": "pod"}]},
        "GetLogEvents": {"events": events},
    }
    with scripted(lambda call, _asked: (200, json.dumps(answers[call]).encode())) as server:
        found = await outcome(
            estates, server.url, "aws.log_lines", {"group": "/vatic/orders"}, unmasked="= 0", levelled="= all"
        )
        assert found.verdict is Verdict.FAIL
        assert "unmasked 2" in found.summary
        assert "canary" not in found.model_dump_json()
        assert "4111" not in found.model_dump_json()
        events.append({"message": ["canary-in-a-list"], "timestamp": "canary-time"})
        found = await outcome(estates, server.url, "aws.log_lines", {"group": "/vatic/orders"}, unmasked="= 0")
    assert found.verdict is Verdict.UNKNOWN
    assert "canary" not in found.model_dump_json()
