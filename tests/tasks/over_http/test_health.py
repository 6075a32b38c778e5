"""The health check: a world in which it passes, and worlds one fault away from it."""

import pytest
from pydantic import JsonValue, ValidationError

from tasks.checks.health import Health
from tasks.estate import Estate
from tasks.health_report import is_ok, read
from tasks.probe import percentile
from tests.tasks.over_http.conftest import World
from tests.tasks.over_http.tiny_service import UNWELL, WELL
from tminus.outcome import Outcome, Verdict

EXPECT = {"healthy": "= all", "components": "= all", "p95": "< 2 s"}
WITH = {"components": ["database", "redis"], "samples": 2, "within": "2s"}


async def health(estate: Estate, expect: dict[str, str] | None = None, **parameters: object) -> Outcome:
    """The outcome of the check."""
    check = Health.model_validate({**WITH, **parameters, "expect": expect or EXPECT})
    async with estate:
        return await check.observe(estate)


async def test_all_well_passes(world: World) -> None:
    """Every instance and the front door are asked `samples` times; the evidence names each."""
    outcome = await health(world.estate(), {**EXPECT, "ready": "= all", "instances": "= 3"}, readiness="/ready")
    assert outcome.verdict is Verdict.PASS, outcome
    shown = {str(measurement) for measurement in outcome.found if measurement.name != "p95"}
    assert shown == {"healthy 3 of 3", "front 1 of 1", "components 6 of 6", "ready 3 of 3", "instances 3"}
    assert len(outcome.details) == 4
    assert all(": ok" in line for line in outcome.details)
    assert sum(instance.answered["/health"] for instance in world.instances) == 4 * 2


async def test_a_component_that_is_down_fails_and_is_named(world: World) -> None:
    """One instance whose cache is down is enough, and the sentence says which instance and which component."""
    world.instances[1].health, world.instances[1].health_status = UNWELL, 503
    outcome = await health(world.estate())
    assert outcome.verdict is Verdict.FAIL
    assert "healthy 2 of 3" in outcome.summary
    assert "components 5 of 6" in outcome.summary
    assert f"{world.instances[1].address} status 503, says 'unhealthy', redis is down" in outcome.summary


async def test_a_component_that_is_not_named_fails(world: World) -> None:
    """An instance that says it is well without naming what it leans on has proven nothing."""
    world.instances[0].health = {"status": "ok"}
    outcome = await health(world.estate())
    assert outcome.verdict is Verdict.FAIL
    assert "database is not named, redis is not named" in outcome.summary


async def test_status_200_with_an_unwell_body_fails(world: World) -> None:
    """The body counts, also where nobody asked for components."""
    world.instances[2].health = {"status": "degraded", "checks": {"queue": "stalled"}}
    outcome = await health(world.estate(), {"healthy": "= all"}, components=[])
    assert outcome.verdict is Verdict.FAIL
    assert "says 'degraded', queue is stalled" in outcome.summary


async def test_an_instance_that_is_not_there_fails(world: World, nobody: str) -> None:
    """Requests go to an address at which nothing listens: that is found, not unknown."""
    outcome = await health(world.estate(also=[nobody]))
    assert outcome.verdict is Verdict.FAIL
    assert "healthy 3 of 4" in outcome.summary
    assert f"{nobody} connection refused" in outcome.summary
    slow = await health(world.estate(also=[nobody]), {"p95": "< 1 s"})
    assert slow.summary.startswith("p95 2000 ms"), "refused at once is not answered fast"


async def test_a_front_door_that_does_not_answer_fails_though_nobody_asked(world: World, nobody: str) -> None:
    """Healthy instances that nobody can reach are no pass, whatever the book expects."""
    outcome = await health(world.estate(front=f"http://{nobody}"), {"healthy": "= all"})
    assert outcome.verdict is Verdict.FAIL
    assert "front 0 of 1" in outcome.summary
    assert "trading front door connection refused" in outcome.summary


async def test_a_slow_instance_fails_p95(world: World) -> None:
    """A third of the requests is slow, so the 95th percentile is."""
    world.instances[0].delay = 0.2
    outcome = await health(world.estate(), {"healthy": "= all", "p95": "< 150 ms"})
    assert outcome.verdict is Verdict.FAIL
    assert outcome.summary.startswith("p95 ")


async def test_silence_counts_as_slow_as_it_was_waited_for(world: World) -> None:
    """An instance that never answers in time makes p95 at least the time-out, not a missing number."""
    world.instances[0].delay = 1.0
    outcome = await health(world.estate(), {"p95": "< 250 ms"}, within="300ms", samples=1)
    assert outcome.verdict is Verdict.FAIL
    assert "no answer within 0.3s" in outcome.summary


async def test_an_instance_that_is_not_ready_fails(world: World) -> None:
    """Alive is not ready."""
    world.instances[1].broken["/ready"] = 503
    outcome = await health(world.estate(), {"ready": "= all"}, readiness="/ready")
    assert outcome.verdict is Verdict.FAIL
    assert f"{world.instances[1].address} not ready" in outcome.summary


async def test_the_idle_pool_is_asked_without_the_front_door(world: World, nobody: str) -> None:
    """Before the switch only its own instances can speak for the idle pool."""
    idle = world.instances[0].address
    estate = world.estate(idle=[nobody])
    config = estate.service("trading").nginx.config
    config.write_text(config.read_text("utf-8").replace(f"    server {idle};\n", ""), "utf-8")
    outcome = await health(estate, {"instances": "= 2", "healthy": "= 1"}, pool="idle")
    assert outcome.verdict is Verdict.PASS, outcome
    assert {line.split(":")[0] for line in outcome.details} == {"trading 127.0.0.1"}
    assert not any("front" in line for line in outcome.details)
    assert any(f"{nobody}: connection refused" in line for line in outcome.details)


async def test_instances_that_cannot_be_discovered_are_unknown(world: World) -> None:
    """Without nginx's configuration nobody knows whom to ask."""
    estate = world.estate()
    estate.service("trading").nginx.config.write_text("http {", "utf-8")
    outcome = await health(estate)
    assert outcome.verdict is Verdict.UNKNOWN
    assert "nginx.conf:1: unexpected end of file" in outcome.summary


async def test_a_service_that_is_not_configured_is_skipped(world: World) -> None:
    """A name that the environment does not know is no pass."""
    outcome = await health(world.estate(), services=["billing"])
    assert outcome.verdict is Verdict.SKIPPED
    assert "'billing'" in outcome.summary
    assert (await health(world.estates.make())).verdict is Verdict.SKIPPED


def test_parameters_that_make_no_sense_are_refused() -> None:
    """`ready` needs a path, components need names, and the idle pool has no front door."""
    with pytest.raises(ValidationError, match="so name them"):
        Health.model_validate({"expect": {"components": "= all"}})
    with pytest.raises(ValidationError, match="readiness: /ready"):
        Health.model_validate({"expect": {"ready": "= all"}})
    with pytest.raises(ValidationError, match="front"):
        Health.model_validate({"pool": "idle", "expect": {"front": "= all"}})


def test_after_a_rollback_the_serving_pool_is_asked() -> None:
    """The same check proves the way back; one of an idle pool proves nothing."""
    check = Health.model_validate({"expect": {"healthy": "= all"}})
    assert check.after_rollback() is check
    assert Health.model_validate({"pool": "idle", "expect": {"healthy": "= all"}}).after_rollback() is None


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


def test_percentile_is_nearest_rank() -> None:
    """The smallest value that 95 % do not exceed: of twenty, the nineteenth; of few, the largest."""
    assert percentile([float(n) for n in range(1, 21)], 0.95) == 19
    assert percentile([5, 1, 3], 0.95) == 5
    assert percentile([7], 0.5) == 7
    with pytest.raises(ValueError, match="no values"):
        percentile([], 0.5)
