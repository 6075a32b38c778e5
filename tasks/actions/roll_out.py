"""Putting the release on the pool that gets no traffic, by the commands of the environment."""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Literal

from tasks import nginx_upstream, served_build
from tasks.action import Action, Fence, Standing, State, Undo
from tasks.command import Finished, fill, run, shown, takes
from tasks.estate import Estate
from tasks.lock_file import hold, holder, is_held
from tasks.redaction import inherited_secrets
from tminus.environment import Service
from tminus.errors import ActionFailed, CouldNotObserve
from tminus.expectation import Measurement
from tminus.outcome import Observation
from tminus.release import Build

_LOCK_WITHIN = 2.0  # seconds; whoever looks whether a lock is held, holds it for an instant
_DONE, _ABSENT, _IN_PROGRESS, _FENCED = 0, 3, 4, 6  # exit statuses, see environment.RollOut
_STATES = {_DONE: State.DONE, _ABSENT: State.ABSENT, _IN_PROGRESS: State.IN_PROGRESS}
_UNDONE = {State.DONE: State.ABSENT}


class RollOut(Action, frozen=True):
    """The release's build of a service runs on the idle pool. Nothing of it gets traffic yet.

    The command that does it holds a lock as long as it lives, also when tminus is killed meanwhile: until it has
    ended, the roll-out is in progress.

    Attributes:
        service: which service of the release.
        pool: the one nginx passes nothing to.
    """

    kind: Literal["deploy.roll_out"] = "deploy.roll_out"
    fence: ClassVar[Fence] = Fence.NONE

    service: str
    pool: Literal["idle"] = "idle"

    def fence_of(self, estate: Estate) -> Fence:
        """The platform's own comparison, where the command hands the token on; none otherwise."""
        command = estate.service(self.service).roll_out.run
        return Fence.COMPARE_AND_SET if takes(command, "token") else Fence.NONE

    def describe(self, estate: Estate) -> str:
        """The command, with the token left open. Raises CouldNotObserve where it is not known which pool is idle."""
        service = estate.service(self.service)
        words = _words(_idle(service), estate.released(self.service))
        return shown(fill(service.roll_out.run, {**words, "token": "TOKEN"}))

    async def state(self, estate: Estate) -> Standing:
        """What the probe says of the idle pool; done too where the pool that serves runs the release already."""
        service, build = estate.service(self.service), estate.released(self.service)
        try:
            idle = _idle(service)
        except CouldNotObserve as e:
            return Standing(state=State.UNKNOWN, seen=Observation(details=(str(e),)))
        standing = await self._standing(estate, service, _words(idle, build))
        if standing.state is State.ABSENT:
            serving = nginx_upstream.other_pool(service.nginx, idle)
            live = await self._standing(estate, service, _words(serving, build))
            return standing if live.state in {State.ABSENT, State.IN_PROGRESS} else live
        return standing

    async def plan_undo(self, estate: Estate) -> Undo | None:
        """Emptying that very pool again; None where the release was there before."""
        service, build = estate.service(self.service), estate.released(self.service)
        if (await self.state(estate)).state is State.DONE:
            return None
        idle = _idle(service)
        return Undo(summary=f"take {build.version} of {self.service} off pool {idle} again", data=_words(idle, build))

    async def act(self, estate: Estate, token: int) -> Observation:
        """Runs the command. What came of it is for `state` to say."""
        service, build = estate.service(self.service), estate.released(self.service)
        async with hold(self._lock(estate), _LOCK_WITHIN) as held:
            idle = await self._free(estate, service)
            words = {**_words(idle, build), "token": str(token)}
            finished = await run(service.roll_out.run, words, inherited_secrets(estate.environment), held)
        _refuse(finished, f"the roll-out of {self.service} {build.version} to pool {idle}")
        return _seen(finished, idle)

    async def undo(self, estate: Estate, undo: Undo, token: int) -> Observation:
        """Empties the pool on record, unless it gets traffic: it waits for the last worker that still passes any."""
        service, pool = estate.service(self.service), undo.data["pool"]
        async with hold(self._lock(estate), _LOCK_WITHIN) as held:
            await self._refuse_serving(service, undo)
            words = {**undo.data, "token": str(token)}
            finished = await run(service.roll_out.undo, words, inherited_secrets(estate.environment), held)
        _refuse(finished, f"taking {undo.data['version']} of {self.service} off pool {pool}")
        return _seen(finished, pool)

    async def undone(self, estate: Estate, undo: Undo) -> Standing:
        """Done when the probe says that the pool on record does not run that build, and no instance in it says so.

        A pool of which some instances run it is not taken back: they may be ending.
        """
        service = estate.service(self.service)
        standing = await self._standing(estate, service, undo.data)
        if standing.state is not State.ABSENT:
            return standing.model_copy(update={"state": _UNDONE.get(standing.state, standing.state)})
        pool = await self._in_pool(estate, service, undo)
        left = pool.count(_build(undo))
        seen = standing.seen.model_copy(update={"details": (*standing.seen.details, f"its instances: {pool}")})
        return Standing(state=State.UNKNOWN if left else State.DONE, seen=seen)

    async def proven_undone(self, estate: Estate, undo: Undo) -> bool:
        """Only where every instance of the pool answers, and none with that build; the probe is asked of all as one."""
        pool = await self._in_pool(estate, estate.service(self.service), undo)
        return bool(pool.builds) and not pool.problems and not pool.count(_build(undo))

    async def _in_pool(self, estate: Estate, service: Service, undo: Undo) -> served_build.Answers:
        addresses = service.nginx.pools.get(undo.data["pool"], ())
        return await served_build.at_instances(estate.http, addresses, service)

    def _lock(self, estate: Estate) -> Path:
        return estate.environment.state / "locks" / f"roll-out-{self.service}"

    async def _standing(self, estate: Estate, service: Service, words: Mapping[str, str]) -> Standing:
        lock = self._lock(estate)
        if is_held(lock):
            details = (f"a roll-out is under way: {holder(lock)}",)
            return Standing(state=State.IN_PROGRESS, seen=Observation(where=f"pool {words['pool']}", details=details))
        try:
            finished = await run(service.roll_out.probe, words, inherited_secrets(estate.environment))
        except ActionFailed as e:
            seen = Observation(where=f"pool {words['pool']}", details=(str(e),))
            return Standing(state=State.UNKNOWN, seen=seen)
        return Standing(state=_STATES.get(finished.exit, State.UNKNOWN), seen=_seen(finished, words["pool"]))

    async def _free(self, estate: Estate, service: Service) -> str:
        """The idle pool, proven to be idle: what answers at the front door runs in the other one."""
        try:
            idle = _idle(service)
        except CouldNotObserve as e:
            raise ActionFailed(str(e), began=False) from e
        serving = nginx_upstream.other_pool(service.nginx, idle)
        front = await served_build.at_front(service)
        instances = await served_build.at_instances(estate.http, service.nginx.pools[serving], service)
        if not front.builds_within(instances):
            raise ActionFailed(
                f"nginx is configured to pass {self.service} to pool {serving} ({instances}), but {service.front} "
                f"answers {front}, so pool {idle} may not be idle. Reload nginx, look at {service.nginx.include}, "
                "then try again",
                began=False,
            )
        return idle

    async def _refuse_serving(self, service: Service, undo: Undo) -> None:
        """Raises ActionFailed where the pool that is to be emptied gets traffic, or where that cannot be ruled out.

        After a switch back an old worker may answer from it for a while: that is waited for.
        """
        pool = undo.data["pool"]
        try:
            idle = _idle(service)
        except CouldNotObserve as e:
            raise ActionFailed(f"pool {pool} of {self.service} stays: {e}", began=False) from e
        stays = f"pool {pool} of {self.service} stays, since it may get traffic"
        if idle != pool:
            raise ActionFailed(
                f"{stays}: {service.nginx.include} leaves pool {idle} idle. Switch traffic away first", began=False
            )
        build, within = _build(undo), served_build.DRAINS_WITHIN
        front = await served_build.at_front_until(service, lambda seen: _without(seen, build), within)
        if not _without(front, build):
            raise ActionFailed(
                f"{stays}: {service.nginx.include} leaves it idle, but for {within:g} s {service.front} went on "
                f"answering {front}. Look at nginx: is it reloaded, and do old workers still accept connections?",
                began=False,
            )


def _idle(service: Service) -> str:
    """The pool nginx is configured to pass nothing to; raises CouldNotObserve."""
    include = nginx_upstream.read(service.nginx)
    if include.pool is None:
        raise CouldNotObserve(
            f"{service.nginx.include}: upstream {service.nginx.upstream} names {', '.join(include.addresses)}, "
            f"which is neither of the pools {' and '.join(service.nginx.pools)}; so none is known to be idle"
        )
    return nginx_upstream.other_pool(service.nginx, include.pool)


def _without(front: served_build.Answers, build: Build) -> bool:
    """Whether something answers, and nothing from this build."""
    return bool(front.builds) and not front.count(build)


def _build(undo: Undo) -> Build:
    return Build.model_validate({name: undo.data[name] for name in Build.model_fields})


def _words(pool: str, build: Build) -> dict[str, str]:
    return {"pool": pool, "version": build.version, "artifact": build.artifact, "config": build.config}


def _seen(finished: Finished, pool: str) -> Observation:
    found = (Measurement(name="pool", word=pool), Measurement.number("exit_status", finished.exit))
    return Observation(found=found, where=f"pool {pool}", details=(str(finished),))


def _refuse(finished: Finished, what: str) -> None:
    if finished.exit in {_DONE, _IN_PROGRESS}:
        return
    nothing = finished.exit in {_ABSENT, _FENCED}
    why = "a newer conductor's token was there" if finished.exit == _FENCED else "the command failed"
    doubt = "Nothing changed" if nothing else "It may have begun: ask the probe before trying again"
    raise ActionFailed(f"{what}: {why}. {doubt}. {finished}", began=not nothing)
