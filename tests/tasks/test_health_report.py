"""What health endpoints say, in the shapes that are common, and what of it is fit to be shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from tasks.health_report import is_ok, part, read, state
from tests.tasks.over_http.tiny_service import WELL


@pytest.mark.parametrize(
    "document",
    [
        WELL,
        {"status": "UP", "components": {"database": {"status": "UP"}, "redis": {"status": "UP", "details": {}}}},
        {"status": "pass", "checks": {"database": [{"status": "pass"}], "redis": [{"status": "pass"}]}},
        {"status": "Healthy", "entries": {"Database": {"status": "Healthy"}, "Redis": {"status": "Healthy"}}},
        {"ok": True, "dependencies": [{"name": "database", "ok": True}, {"name": "redis", "state": "up"}]},
        {"database": "up", "redis": "ok", "version": "2.0.0"},
        {"healthy": True, "database": True, "redis": {"ok": True}, "uptime": 12},
    ],
)
def test_common_shapes_are_understood(document: JsonValue) -> None:
    """Spring Boot, the IETF draft, ASP.NET, lists and flat answers say the same."""
    report = read(document)
    assert report.ok
    assert {name: is_ok(word) for name, word in report.components.items()} == {"database": True, "redis": True}


@pytest.mark.parametrize(
    "document",
    [
        {"components": {"redis": {"status": "DOWN"}}},
        {"checks": {"redis": [{"status": "pass"}, {"status": "warn"}]}},
        {"checks": [{"name": "redis", "ok": False}]},
        {"redis": False},
        {"components": {"redis": {"latency_ms": 3}}},
        {"components": {"redis": None}},
    ],
)
def test_anything_but_well_is_not_well(document: JsonValue) -> None:
    """Down, warned, false or silent: a component counts as ok only where it says so."""
    assert not is_ok(read(document).components["redis"])


@pytest.mark.parametrize("document", [None, "ok", 3, [], {}])
def test_an_answer_that_says_nothing_names_no_component(document: JsonValue) -> None:
    """Whatever is no health report is read without an error."""
    assert read(document).components == {}


@given(st.text())
def test_only_known_states_and_plain_names_are_shown(text: str) -> None:
    """For all texts: a state is one of a known few, a name has no room for an address or a password in one."""
    assert state(f"zq{text}") == "not ok"
    assert part(f"postgres://app:{text}@10.0.0.5") == "postgres"
    assert part(f"zq {text}") == "a component"
