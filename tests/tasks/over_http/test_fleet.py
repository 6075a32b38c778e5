"""Fleet sameness: all instances run the release, and every way in which one of them may not."""

import pytest
from pydantic import ValidationError

from tasks.checks.fleet import Sameness
from tasks.estate import Estate
from tests.tasks.over_http.conftest import World
from tests.tasks.over_http.tiny_service import NEW, OLD
from tminus.outcome import Outcome, Verdict

EXPECT = {"same": "= all", "versions": "= 1"}


async def sameness(estate: Estate, **parameters: object) -> Outcome:
    """The outcome of the check."""
    check = Sameness.model_validate({"service": "trading", "expect": EXPECT, **parameters})
    async with estate:
        return await check.observe(estate)


async def test_all_run_the_release(world: World) -> None:
    """Three instances, and the front door as often as asked, all with the release's version and digests."""
    outcome = await sameness(world.estate())
    assert outcome.verdict is Verdict.PASS, outcome
    assert {str(found) for found in outcome.found} == {"same 3 of 3", "versions 1", "instances 3", "front 6 of 6"}


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (OLD, "version 1 instead of 2.0.0, artifact sha256:cccccccccccc instead of sha256:aaaaaaaaaaaa"),
        (
            {**NEW, "artifact_digest": f"sha256:{'d' * 64}"},
            "artifact sha256:dddddddddddd instead of sha256:aaaaaaaaaaaa",
        ),
        ({**NEW, "config_digest": f"sha256:{'d' * 64}"}, "config sha256:dddddddddddd instead of sha256:bbbbbbbbbbbb"),
    ],
)
async def test_one_that_was_left_behind_fails_and_is_named(world: World, build: dict[str, str], said: str) -> None:
    """The same version number is not enough: artifact and configuration must be the same too."""
    world.instances[2].build = build
    outcome = await sameness(world.estate(), front_requests=0)
    assert outcome.verdict is Verdict.FAIL
    assert (
        f"same 2 of 3, expected = all; versions 2, expected = 1: {world.instances[2].address}: {said}"
        in outcome.summary
    )


async def test_an_instance_beyond_those_anyone_listed_is_found(world: World, nobody: str) -> None:
    """The eighth server is in nginx's configuration, so it is asked; nothing listens there, so it runs nothing."""
    outcome = await sameness(world.estate(also=[nobody]))
    assert outcome.verdict is Verdict.FAIL
    assert "same 3 of 4" in outcome.summary
    assert f"{nobody}: connection refused" in outcome.summary


async def test_an_nginx_that_does_otherwise_than_configured_fails(world: World) -> None:
    """Right instances in the file, and a front door that leads to others: a reload was forgotten."""
    for instance in world.instances:
        instance.build = OLD
    with_new = world.estate(front=f"http://{world.instances[0].address}")
    world.instances[0].build = NEW
    outcome = await sameness(world.estate(), front_requests=3)
    assert outcome.verdict is Verdict.FAIL
    assert "front door: version 1 instead of 2.0.0" in outcome.summary
    assert "(2 of 3 answers)" in outcome.summary
    assert (await sameness(with_new, expect={"front": "= all"})).verdict is Verdict.PASS


async def test_the_rollback_target_is_judged_the_same_way(world: World) -> None:
    """After a rollback everything must run the old build, and the check that proves it follows from this one."""
    check = Sameness.model_validate({"service": "trading", "expect": EXPECT}).after_rollback()
    assert isinstance(check, Sameness)
    assert check.build == "rollback_to"
    assert (await sameness(world.estate(), build="rollback_to")).verdict is Verdict.FAIL
    for instance in world.instances:
        instance.build = OLD
    assert (await sameness(world.estate(), build="rollback_to")).verdict is Verdict.PASS
    assert Sameness.model_validate({"service": "t", "pool": "idle", "expect": EXPECT}).after_rollback() is None


async def test_the_idle_pool_is_proven_before_it_gets_traffic(world: World) -> None:
    """Only the idle pool's instances are asked, and the front door is not."""
    idle = world.instances[0]
    idle.build = OLD
    estate = world.estate(idle=[])
    config = estate.service("trading").nginx.config
    config.write_text(config.read_text("utf-8").replace(f"    server {idle.address};\n", ""), "utf-8")
    outcome = await sameness(estate, pool="idle", build="rollback_to")
    assert outcome.verdict is Verdict.PASS, outcome
    assert {str(found) for found in outcome.found} == {"same 1 of 1", "versions 1", "instances 1"}


@pytest.mark.parametrize(
    ("path_text", "said"),
    [({"/version": "hello"}, "without version"), ({"/version": '{"version": "2.0.0"}'}, "without version")],
)
async def test_an_instance_that_does_not_say_is_unknown(world: World, path_text: dict[str, str], said: str) -> None:
    """It may well run the release; nobody knows."""
    world.instances[1].text = path_text
    outcome = await sameness(world.estate(), front_requests=0)
    assert outcome.verdict is Verdict.UNKNOWN
    assert world.instances[1].address in outcome.summary
    assert said in outcome.summary


async def test_a_version_path_that_is_not_there_is_unknown(world: World) -> None:
    """404 says nothing about the build."""
    world.instances[1].broken["/version"] = 404
    outcome = await sameness(world.estate(), front_requests=0)
    assert outcome.verdict is Verdict.UNKNOWN
    assert "status 404" in outcome.summary


async def test_one_known_to_be_wrong_outweighs_one_unknown(world: World) -> None:
    """What is certainly wrong fails, whatever else could not be seen."""
    world.instances[0].build = OLD
    world.instances[1].broken["/version"] = 500
    outcome = await sameness(world.estate(), front_requests=0)
    assert outcome.verdict is Verdict.FAIL
    assert "same 1 of 3" in outcome.summary


async def test_no_configuration_and_no_such_service(world: World) -> None:
    """Nobody to ask is unknown; a service the environment does not name is skipped."""
    estate = world.estate()
    estate.service("trading").nginx.config.unlink()
    assert (await sameness(estate)).verdict is Verdict.UNKNOWN
    assert (await sameness(world.estate(), service="billing")).verdict is Verdict.SKIPPED


def test_a_front_door_that_is_not_asked_cannot_be_expected() -> None:
    """The mistake is found when the book is read."""
    with pytest.raises(ValidationError, match="the front door is not asked"):
        Sameness.model_validate({"service": "trading", "front_requests": 0, "expect": {"front": "= all"}})
