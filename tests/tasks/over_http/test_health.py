"""The health check: a world in which it passes, and worlds one fault away from it."""

import pytest
from pydantic import ValidationError

from tasks.checks.health import Health
from tasks.estate import Estate
from tasks.probe import percentile
from tests.tasks.over_http.conftest import World
from tests.tasks.over_http.tiny_service import UNWELL, Tiny, serving
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


@pytest.mark.parametrize(
    "page",
    ["<html><body>We will be back soon</body></html>", '{"message": "maintenance"}', "[]", "", '{"maintenance": true}'],
)
async def test_a_page_that_says_nothing_of_health_is_not_healthy(world: World, page: str) -> None:
    """What a load balancer shows in a service's place has status 200 too: at the front door, and at an instance."""
    with serving(Tiny(text={"/health": page}).app()) as elsewhere:
        door = await health(world.estate(front=f"http://{elsewhere}"))
        instance = await health(world.estate(also=[elsewhere]), {"healthy": "= all"}, components=[])
    assert [door.verdict, instance.verdict] == [Verdict.FAIL] * 2
    assert "front 0 of 1" in door.summary
    assert "healthy 3 of 4" in instance.summary
    assert "says nothing of its health" in instance.summary


async def test_health_that_is_no_json_is_held_to_its_words(world: World) -> None:
    """A book that says what the whole answer is takes that, and nothing that only holds it."""
    for instance in world.instances:
        instance.text["/health"] = "OK\n"
    well = {"healthy": "= all"}
    assert (await health(world.estate(), well, components=[], body="OK")).verdict is Verdict.PASS
    assert (await health(world.estate(), well, components=[])).verdict is Verdict.FAIL
    world.instances[0].text["/health"] = "<h1>OK, we will be back</h1>"
    outcome = await health(world.estate(), well, components=[], body="OK")
    assert outcome.verdict is Verdict.FAIL
    assert "does not say 'OK'" in outcome.summary
    assert "back" not in outcome.model_dump_json()


@pytest.mark.parametrize("components", [[], ["database", "redis"]])
async def test_what_a_service_says_instead_of_a_state_is_not_repeated(world: World, components: list[str]) -> None:
    """An exception's text in a state's place holds passwords: it is `not ok`, and so is a name that is none."""
    secret = "connect failed: postgres://app:s3cr3tpw@10.0.0.5/main"
    for instance, (document, status) in zip(
        world.instances,
        [
            ({"status": secret, "components": {"database": {"status": "down"}, secret: "down"}}, 503),
            ({"status": "down", "database": {"status": secret}, "redis": [{"status": secret}]}, 200),
            ({"status": "ok", "checks": [{"name": secret, "ok": False}, {"name": "redis", "status": secret}]}, 503),
        ],
        strict=True,
    ):
        instance.health, instance.health_status = document, status
    outcome = await health(world.estate(), {"healthy": "= all"}, components=components)
    assert outcome.verdict is Verdict.FAIL
    assert "database is down" in outcome.model_dump_json()
    assert "redis is not ok" in outcome.model_dump_json()
    assert not [part for part in ("s3cr3tpw", "10.0.0.5", "app:") if part in outcome.model_dump_json()]


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
    with pytest.raises(ValidationError, match="give one of them"):
        Health.model_validate({"components": ["database"], "body": "OK", "expect": {"healthy": "= all"}})


def test_after_a_rollback_the_serving_pool_is_asked() -> None:
    """The same check proves the way back; one of an idle pool proves nothing."""
    check = Health.model_validate({"expect": {"healthy": "= all"}})
    assert check.after_rollback() is check
    assert Health.model_validate({"pool": "idle", "expect": {"healthy": "= all"}}).after_rollback() is None


def test_percentile_is_nearest_rank() -> None:
    """The smallest value that 95 % do not exceed: of twenty, the nineteenth; of few, the largest."""
    assert percentile([float(n) for n in range(1, 21)], 0.95) == 19
    assert percentile([5, 1, 3], 0.95) == 5
    assert percentile([7], 0.5) == 7
    with pytest.raises(ValueError, match="no values"):
        percentile([], 0.5)
