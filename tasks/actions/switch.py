"""Passing a service's traffic to the pool that runs the release, by rewriting nginx's upstream block."""

from difflib import unified_diff
from typing import ClassVar, Literal

from tasks import nginx_upstream, served_build
from tasks.action import Action, Fence, Standing, State, Undo
from tasks.command import shown
from tasks.estate import Estate
from tasks.lock_file import holder, is_held
from tasks.nginx_reload import Reload
from tasks.nginx_upstream import Include
from tasks.redaction import inherited_secrets
from tasks.served_build import Answers
from tasks.switch_fence import admitted, lock_of
from tminus.environment import Nginx, Service
from tminus.errors import ActionFailed, CouldNotObserve
from tminus.expectation import Measurement
from tminus.outcome import Observation
from tminus.release import Build


class Switch(Action, frozen=True):
    """Traffic goes to the pool whose instances run the release; the other pool stays up, to go back to.

    The target is found by what instances report, not by what the file does not name: so an attempt that was cut off
    between rewriting the file and the reload is completed by the next, and never turned round.

    Attributes:
        service: which service of the release.
    """

    kind: Literal["deploy.switch"] = "deploy.switch"
    fence: ClassVar[Fence] = Fence.COMPARE_AND_SET

    service: str

    def describe(self, estate: Estate) -> str:
        """The include file's difference, to the pool that is idle now, and the commands that follow.

        Raises CouldNotObserve where the file does not name exactly one of the pools.
        """
        nginx = estate.service(self.service).nginx
        include = nginx_upstream.read(nginx)
        text = nginx_upstream.with_pool(nginx, include.text, nginx_upstream.other_pool(nginx, _named(nginx, include)))
        name = str(nginx.include)
        difference = unified_diff(include.text.splitlines(), text.splitlines(), name, name, lineterm="")
        commands = [shown(command.argv) for command in (nginx.test, nginx.reload) if command]
        return "\n".join([*difference, *commands])

    async def state(self, estate: Estate) -> Standing:
        """Done when the file names the pool that runs the release, and the front door answers with nothing else.

        A file that is rewritten but not loaded is absent: no traffic has moved, and acting again only reloads.
        """
        service, build = estate.service(self.service), estate.released(self.service)
        if busy := _under_way(service):
            return busy
        try:
            include = nginx_upstream.read(service.nginx)
            named = await self._runs(estate, service, include.pool)
            front = await _front(service, build if named.none_but(build) else None)
        except CouldNotObserve as e:
            return Standing(state=State.UNKNOWN, seen=Observation(where=service.front, details=(str(e),)))
        details = (f"{service.nginx.include} names pool {include.pool}: {named}", f"{service.front} answers {front}")
        seen = Observation(found=_found(front, build, include.pool), where=service.front, details=details)
        return Standing(state=_judged(front, named, build), seen=seen)

    async def plan_undo(self, estate: Estate) -> Undo | None:
        """The include file's exact text from before; None where the release has the traffic already.

        Raises CouldNotObserve where the file does not name exactly one of the pools.
        """
        service, build = estate.service(self.service), estate.released(self.service)
        if (await self.state(estate)).state is State.DONE:
            return None
        include = nginx_upstream.read(service.nginx)
        pool, text = _named(service.nginx, include), include.text
        if (await self._runs(estate, service, pool)).none_but(build):  # somebody rewrote it, and nginx was not told
            pool = nginx_upstream.other_pool(service.nginx, pool)
            text = nginx_upstream.with_pool(service.nginx, text, pool)
        data = {"pool": pool, "text": text, "sha256": nginx_upstream.digest(text)}
        return Undo(summary=f"pass {self.service} to pool {pool} again ({build.rollback_to.version})", data=data)

    async def act(self, estate: Estate, token: int) -> Observation:
        """Rewrites the file, has nginx read it, and waits until the front door answers with the release alone.

        Where nginx refuses the configuration, or it cannot be proven to serve the release, the former text is put back.
        """
        service, build = estate.service(self.service), estate.released(self.service)
        async with admitted(service.nginx.include.resolve(), token) as right:
            try:
                target, text, former = await self._texts(estate, service, build)
            except CouldNotObserve as e:
                raise ActionFailed(str(e), began=False) from e
            reload = Reload(service, right, inherited_secrets(estate.environment))
            front = await reload.forward(text, former, build)
        return Observation(found=_found(front, build, target), where=service.front, details=(f"answers {front}",))

    async def undo(self, estate: Estate, undo: Undo, token: int) -> Observation:
        """Puts the text on record back, has nginx read it, and waits until the front door answers as before."""
        service, back = estate.service(self.service), estate.released(self.service).rollback_to
        pool, text = undo.data["pool"], undo.data["text"]
        if nginx_upstream.digest(text) != undo.data["sha256"]:
            raise ActionFailed(
                f"the recorded text of {service.nginx.include} does not match its own digest {undo.data['sha256']}; "
                f"put the addresses of pool {pool} into the file by hand, and reload nginx",
                began=False,
            )
        async with admitted(service.nginx.include.resolve(), token) as right:
            front = await Reload(service, right, inherited_secrets(estate.environment)).back(text, back)
        return Observation(found=_found(front, back, pool), where=service.front, details=(f"answers {front}",))

    async def undone(self, estate: Estate, undo: Undo) -> Standing:
        """Done when the file holds the recorded text and the front door answers with the build to go back to."""
        service, build = estate.service(self.service), estate.released(self.service)
        if busy := _under_way(service):
            return busy
        same = nginx_upstream.text_of(service.nginx.include) == undo.data["text"]
        front = await _front(service, build.rollback_to if same else None)
        holds = "holds" if same else "does not hold"
        details = (f"{service.nginx.include} {holds} the former text", f"{service.front} answers {front}")
        pool = undo.data["pool"] if same else None
        seen = Observation(found=_found(front, build.rollback_to, pool), where=service.front, details=details)
        if same and front.settled_on(build.rollback_to):
            return Standing(state=State.DONE, seen=seen)
        return Standing(state=State.ABSENT if not same or front.settled_on(build) else State.UNKNOWN, seen=seen)

    async def _runs(self, estate: Estate, service: Service, pool: str | None) -> Answers:
        addresses = service.nginx.pools[pool] if pool is not None else ()
        return await served_build.at_instances(estate.http, addresses, service)

    async def _texts(self, estate: Estate, service: Service, build: Build) -> tuple[str, str, str]:
        """The pool to switch to, the file's text then, and its text before. Raises CouldNotObserve, ActionFailed."""
        include = nginx_upstream.read(service.nginx)
        named = _named(service.nginx, include)
        other = nginx_upstream.other_pool(service.nginx, named)
        swapped = nginx_upstream.with_pool(service.nginx, include.text, other)
        there, here = await self._runs(estate, service, other), await self._runs(estate, service, named)
        if here.none_but(build):
            return named, include.text, swapped
        if there.all_are(build):
            return other, swapped, include.text
        raise ActionFailed(
            f"pool {other} does not run {build.version} on all of its {there.asked} instances ({there}), so it gets no "
            f"traffic; roll the release out to it first",
            began=False,
        )


def _under_way(service: Service) -> Standing | None:
    lock = lock_of(service.nginx.include.resolve())
    if not is_held(lock):
        return None
    details = (f"a switch is under way: {holder(lock) or 'the lock is held'}",)
    return Standing(state=State.IN_PROGRESS, seen=Observation(where=service.front, details=details))


async def _front(service: Service, expected: Build | None) -> Answers:
    """What the front door answers, when it has settled on the build that the file stands for."""
    return await served_build.at_front_until(
        service, lambda answers: answers.settled() if expected is None else answers.settled_on(expected)
    )


def _named(nginx: Nginx, include: Include) -> str:
    if include.pool is None:
        raise CouldNotObserve(
            f"{nginx.include}: upstream {nginx.upstream} names {', '.join(include.addresses)}, expected exactly one of "
            f"the pools {' and '.join(nginx.pools)} of the environment file; make the two agree"
        )
    return include.pool


def _judged(front: Answers, named: Answers, build: Build) -> State:
    """By what the front door answers, and what the instances named in the file say they run."""
    if front.settled_on(build):
        return State.DONE if named.none_but(build) else State.UNKNOWN
    if front.settled() and (named.none_but(build) or front.builds_within(named)):
        return State.ABSENT
    return State.UNKNOWN


def _found(front: Answers, build: Build, pool: str | None) -> tuple[Measurement, ...]:
    answered = Measurement.number(f"answers_from_{build.version}", front.count(build), of=front.asked)
    return Measurement(name="pool", word=pool or "neither"), answered
