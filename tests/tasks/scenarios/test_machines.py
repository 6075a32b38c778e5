"""A service is killed, hangs, runs out of memory: it no longer answers, and whoever undoes brings it back."""

import asyncio
from collections.abc import Iterator, Mapping

import httpx
import psutil
import pytest
from pydantic import JsonValue, ValidationError

from deployments.rehearsal.drill_site import BOOK, DrillSite
from tasks.scenarios.scenario import Site
from tasks.scenarios.service_machine import BrokenService
from tests.sampling import few
from tests.tasks.scenarios.staging import staged, standing
from tminus.environment import Environment
from tminus.errors import ActionFailed, CouldNotObserve, NotConfigured, Refused
from tminus.systems.drills import ServiceMachine

NAMES = ("killed", "hung", "memory")


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever undoes loses its patience soon."""
    monkeypatch.setattr("tasks.scenarios.service_machine._STUBBORN", 1.0)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DrillSite]:
    """A service, what it needs, and a link to each."""
    with standing(tmp_path_factory.mktemp("machines")) as made:
        yield made


def answers(site: DrillSite) -> bool:
    """By its own word, without a line of what drills it."""
    try:
        return httpx.get(site.environment()["TMINUS_SITE_ORDERS"], timeout=0.3).is_success
    except httpx.HTTPError:
        return False


@pytest.mark.parametrize("name", few(NAMES, "killed", "memory"))
async def test_broken_and_undone(site: DrillSite, name: str) -> None:
    """It does not answer; undone it does, and the steady state is the one before. Undone again, nothing changes."""
    async with staged(site, BOOK, name) as (scenario, drill):
        before = await scenario.steady(drill)
        await scenario.inject(drill)
        assert not answers(site)
        if name == "killed":  # asking takes long where nothing comes back
            with pytest.raises(Refused, match="it must run, and both must answer"):
                await scenario.steady(drill)
        await scenario.undo(drill)
        assert answers(site)
        assert await scenario.steady(drill) == before
        assert "was not off" in await scenario.undo(drill)


async def test_whoever_undoes_starts_anew_what_goes_on_not_to_answer(
    site: DrillSite,
) -> None:
    """A process that runs, is not stopped, and does not answer is ended and started."""
    async with staged(site, BOOK, "killed") as (scenario, drill):
        assert isinstance(scenario, BrokenService)
        hang = scenario.place(drill.estate).hang
        assert hang is not None
        await scenario.switch(drill).order(hang)  # this scenario has no way to make it go on
        assert "started anew" in await scenario.undo(drill)
        assert answers(site)


def changed(drill: Site, **commands: JsonValue) -> Environment:
    """The environment with other commands for the service."""
    known = drill.estate.environment.model_dump(mode="json")
    known["drills"]["services"]["orders"] |= commands
    return Environment.model_validate(known)


def does_nothing(status: int = 0) -> Mapping[str, JsonValue]:
    """A command that says it did."""
    return {"argv": ["sh", "-c", f"exit {status}"], "timeout": "5s"}


async def test_a_kill_that_kills_nothing_is_no_kill(site: DrillSite) -> None:
    """Where the probe says that it runs after all, the stage is not done."""
    async with staged(site, BOOK, "killed") as (_, drill):
        other = changed(drill, kill=dict(does_nothing()))
    async with staged(site, BOOK, "killed", other) as (scenario, drill):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(scenario.inject(drill), 1)


async def test_a_hang_that_nobody_notices_is_not_detected(site: DrillSite) -> None:
    """Where the command only says that it hangs, nobody is told that it does."""
    async with staged(site, BOOK, "hung") as (_, drill):
        other = changed(drill, hang=dict(does_nothing()))
    async with staged(site, BOOK, "hung", other) as (scenario, drill):
        await scenario.inject(drill)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(scenario.detect(drill), 1)


async def test_a_command_that_fails_is_told(site: DrillSite) -> None:
    """With what it said; and a probe that cannot tell is no answer."""
    async with staged(site, BOOK, "memory") as (_, drill):
        failing = changed(drill, exhaust=dict(does_nothing(7)))
        unknown = changed(drill, probe=dict(does_nothing(9)))
    async with staged(site, BOOK, "memory", failing) as (scenario, drill):
        with pytest.raises(ActionFailed, match="exit status 7"):
            await scenario.inject(drill)
    async with staged(site, BOOK, "memory", unknown) as (scenario, drill):
        with pytest.raises(CouldNotObserve, match="nobody can tell whether orders runs"):
            await scenario.undo(drill)


@pytest.mark.parametrize(("name", "command"), [("hung", "hang"), ("memory", "exhaust")])
async def test_a_command_that_is_not_there(site: DrillSite, name: str, command: str) -> None:
    """Is told before anything is broken."""
    async with staged(site, BOOK, name) as (_, drill):
        other = changed(drill, **{command: None})
    with pytest.raises(NotConfigured, match=f"names no `{command}`"):
        async with staged(site, BOOK, name, other):
            pass


async def test_memory_is_given_back(site: DrillSite) -> None:
    """Where the environment names `relieve`, it is run before whoever lacks memory is started anew."""
    told = site.folder / "relieved"
    async with staged(site, BOOK, "memory") as (_, drill):
        other = changed(drill, relieve={"argv": ["touch", str(told)], "timeout": "5s"})
    async with staged(site, BOOK, "memory", other) as (scenario, drill):
        await scenario.inject(drill)
        assert not told.exists()
        await scenario.recover(drill)
    assert told.exists()
    assert answers(site)


def test_what_hangs_must_be_able_to_go_on() -> None:
    """An environment that could only make it hang is a mistake."""
    command = does_nothing()
    with pytest.raises(ValidationError, match="needs `resume`"):
        ServiceMachine.model_validate(
            {"url": "env:A", "probe": command, "kill": command, "start": command, "hang": command}
        )


def test_nothing_is_left(site: DrillSite) -> None:
    """One process of the service, however often it was started."""
    home = str(site.folder / "orders")
    assert sum(home in (one.info["cmdline"] or []) for one in psutil.process_iter(["cmdline"])) == 1
