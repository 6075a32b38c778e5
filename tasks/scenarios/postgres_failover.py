"""PostgreSQL's primary is killed, a standby takes over, and what was the primary comes back as a standby."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

from tasks.estate import Estate
from tasks.machines import Switch, require_on
from tasks.scenarios.killed import LOOK, KilledPrimary
from tasks.scenarios.postgres_cluster import (
    Seen,
    cluster_of,
    commit,
    connected,
    one,
    require_not_the_ledger,
    see,
)
from tasks.scenarios.scenario import Clients, Site, Steady, Way
from tasks.scenarios.whereabouts import whereabouts
from tminus.credentials import resolve
from tminus.errors import CouldNotObserve, Refused

if TYPE_CHECKING:
    import psycopg

_PROMOTED_WITHIN = 60  # seconds that pg_promote waits
_COMMITS_WITHIN = 10  # seconds


class PostgresFailover(KilledPrimary, frozen=True):
    """The primary dies as in a power cut, and the standby that has most of it is promoted.

    Nothing is promoted before the old primary is proven to be off, so there are never two that take writes. Failing
    back to the old place is none of this: what counts is the roles.

    Attributes:
        cluster: which of the environment's `drills.postgres`.
        behind: how many bytes a standby may be behind for the drill to begin.
    """

    sections: ClassVar[Mapping[str, str]] = {"cluster": "postgres"}

    kind: Literal["postgres.failover"] = "postgres.failover"
    cluster: str
    behind: int = 16_777_216

    async def steady(self, site: Site) -> Steady:
        """See Scenario."""
        seen = await self._seen(site)
        if len(seen.primaries) != 1:
            raise Refused(f"{self.cluster}: {_shown(seen)}; there must be one that takes writes")
        if seen.silent or not seen.standbys:
            raise Refused(f"{self.cluster}: {_shown(seen)}; all must answer, and one must stream at least")
        return seen.steady()

    async def plan(self, site: Site) -> Way:
        """See Scenario: the primary dies, and the standby that is least behind takes over."""
        seen = await self._seen(site)
        if len(seen.primaries) != 1 or not seen.standbys:
            raise Refused(f"{self.cluster}: {_shown(seen)}; there is nobody to kill, or nobody to take over")
        [victim] = seen.primaries
        heir = min(seen.standbys, key=lambda name: seen.behind(name, victim))
        if (behind := seen.behind(heir, victim)) > self.behind:
            raise Refused(
                f"{self.cluster}: the standby {heir} is {behind} bytes behind, and the book allows {self.behind}; "
                "nothing was broken. Let it catch up, then try again"
            )
        primary = seen.nodes[victim]
        own = seen.nodes[heir]
        return {
            "victim": victim,
            "heir": heir,
            "synchronous": primary.synchronous if primary else "",
            "synchronous of the heir": own.synchronous if own else "",
        }

    async def inject(self, site: Site) -> str:
        """See KilledPrimary. Raises Refused where it is not as it was planned any more: somebody must take over."""
        seen, victim, heir = await self._seen(site), site.way["victim"], site.way["heir"]
        if list(seen.primaries) != [victim] or heir not in seen.standbys or seen.behind(heir, victim) > self.behind:
            raise Refused(
                f"{self.cluster}: {_shown(seen)}; it was planned that {victim} dies and {heir} takes over, at most "
                f"{self.behind} bytes behind. Nothing was broken"
            )
        return await super().inject(site)

    def varying(self) -> frozenset[str]:
        """See Scenario."""
        return frozenset({"heir", "synchronous of the heir"})

    async def require_ready(self, site: Site) -> None:
        """See Scenario: the switch of every server, and the ledger."""
        nodes = cluster_of(site.estate, self.cluster).nodes
        await require_on({name: self.switch(site, name) for name in nodes})
        for identity in (await self._seen(site)).clusters:
            await require_not_the_ledger(site.estate, identity, [node.dsn for node in nodes.values()])

    async def answers(self, site: Site, name: str) -> bool:
        """See KilledPrimary."""
        return (await self._seen(site)).nodes[name] is not None

    async def recover(self, site: Site) -> str:
        """See Scenario."""
        victim, heir = site.way["victim"], site.way["heir"]
        node = cluster_of(site.estate, self.cluster).nodes[heir]
        async with await connected(site.estate, node.dsn) as connection:
            await one(connection, "SET statement_timeout = 0")  # cancelled, it would be promoted all the same, later
            await self._require_off(site, victim)  # last of all: whatever came before may have taken long
            await site.fence()
            came = await one(connection, f"SELECT NOT pg_is_in_recovery() OR pg_promote(true, {_PROMOTED_WITHIN})")
            if came is not True:
                raise CouldNotObserve(f"{self.cluster}: {heir} was not promoted within {_PROMOTED_WITHIN} s")
            if site.way["synchronous"]:  # the one for whom commits would wait is off
                await site.fence()
                await _wait_for(connection, "")
        return f"{heir} was promoted, {victim} being off"

    async def verify(self, site: Site) -> str:
        """See Scenario: a commit on the heir, while nobody else takes one."""
        heir = site.way["heir"]
        seen = await self._seen(site)
        if list(seen.primaries) != [heir]:
            raise Refused(f"{self.cluster}: {_shown(seen)}; {heir} alone must take writes")
        await commit(site.estate, cluster_of(site.estate, self.cluster).nodes[heir].dsn)
        return f"{heir} took a write, and is the only one that does"

    async def undo(self, site: Site) -> str:
        """See Scenario: whoever is off is started where nobody else took over, and follows whoever did."""
        victim = site.way["victim"]
        switch = self.switch(site, victim)
        off = await switch.settled() == "off"  # what was begun before a kill has had its effect by then
        seen = await self._seen(site)
        if len(seen.primaries) > 1:
            raise Refused(
                f"{self.cluster}: {_shown(seen)}: two take writes. Nothing was done: stop clients, decide whose writes "
                "count, and switch the other off; then `tminus drill NAME --undo` lets it follow"
            )
        others = await self._others_started(site)
        seen = await self._seen(site)
        if off and not seen.primaries and "recover" in site.began:  # a promotion may be under way: it is finished
            await self.recover(site)
            seen = await self._seen(site)
        did = f"{victim} was not off"
        if list(seen.primaries) == [victim]:
            did = f"{victim} takes writes as before"
            if off:  # it answers, so its switch is another server's
                await switch.start()
                did = f"{did}, and what its `kill` ended was started"
        elif seen.primaries:
            [primary] = seen.primaries
            if victim not in seen.standbys:
                at = await asyncio.to_thread(resolve, cluster_of(site.estate, self.cluster).nodes[primary].dsn)
                await switch.rejoin(whereabouts(at))
                did = f"{victim} follows {primary}"
        elif off or victim in seen.silent:  # a probe may say that it runs, whatever is true
            await switch.start()
            did = f"{victim} was started, since nobody took over"
        await self._until_steady(site)
        return did + others + await self._synchronous_again(site)

    async def _others_started(self, site: Site) -> str:
        """All ran before: whoever is off by now, be it by another's `kill`, is started; what was done.

        An heir that may have been promoted is not started while the victim runs: both would take writes.
        """
        victim, started = site.way["victim"], []
        for name in cluster_of(site.estate, self.cluster).nodes:
            if name == victim or await self.switch(site, name).power() == "on":
                continue
            may_lead = name == site.way["heir"] and "recover" in site.began
            if not may_lead or await self.switch(site, victim).power() == "off":
                await self.switch(site, name).start()
                started.append(name)
        if started:
            await self._until_answers(site, started)
        return f"; {', '.join(started)} was off too, and was started" if started else ""

    async def _until_answers(self, site: Site, names: Sequence[str]) -> None:
        while silent := set((await self._seen(site)).silent) & set(names):
            site.waits(f"{self.cluster}: {', '.join(sorted(silent))} was started, and does not answer")
            await asyncio.sleep(LOOK)

    def clients(self, estate: Estate) -> Clients:
        """See Scenario."""
        return Clients("postgres", tuple(node.dsn for node in cluster_of(estate, self.cluster).nodes.values()))

    def switch(self, site: Site, name: str) -> Switch:
        """See KilledPrimary."""
        return Switch.of(site, self.cluster, name, cluster_of(site.estate, self.cluster).nodes[name])

    async def _synchronous_again(self, site: Site) -> str:
        """Commits wait for a standby as before, once there is one."""
        seen = await self._seen(site)
        [primary] = seen.primaries
        now_is, wanted = seen.nodes[primary], site.way["synchronous"]
        if primary != site.way["victim"]:  # whom it waits for is its own to say: names are of those who follow it
            wanted = site.way.get("synchronous of the heir") or wanted
        if now_is is None or now_is.synchronous == wanted:
            return ""
        node = cluster_of(site.estate, self.cluster).nodes[primary]
        async with await connected(site.estate, node.dsn) as connection:
            await site.fence()
            await _wait_for(connection, wanted)
        site.waits(f"{self.cluster}: commits on {primary} must wait for {wanted} again")
        while (again := (await self._seen(site)).nodes[primary]) is None or again.synchronous != wanted:
            await asyncio.sleep(LOOK)
        await self._require_commits(site, primary, wanted)
        return f"; commits wait for {wanted} again"

    async def _require_commits(self, site: Site, primary: str, wanted: str) -> None:
        """Raises Refused, with commits waiting for nobody, where none would ever come back: nobody has such a name."""
        node = cluster_of(site.estate, self.cluster).nodes[primary]
        try:
            await asyncio.wait_for(commit(site.estate, node.dsn), _COMMITS_WITHIN)
        except (TimeoutError, CouldNotObserve) as e:
            async with await connected(site.estate, node.dsn) as connection:
                await site.fence()
                await _wait_for(connection, "")
            raise Refused(
                f"{self.cluster}: with synchronous_standby_names = {wanted!r} no commit on {primary} came back within "
                f"{_COMMITS_WITHIN} s, so nobody of that name follows it; commits wait for nobody now. Set it right"
            ) from e

    async def _until_steady(self, site: Site) -> None:
        while True:
            seen = await self._seen(site)
            if len(seen.primaries) > 1:
                raise Refused(f"{self.cluster}: {_shown(seen)}: two take writes")
            if len(seen.primaries) == 1 and len(seen.standbys) == len(seen.nodes) - 1:
                return
            site.waits(f"{self.cluster}: {_shown(seen)}; one must take writes, and all others stream")
            await asyncio.sleep(LOOK)

    async def _require_off(self, site: Site, victim: str) -> None:
        """Raises Refused where the old primary may take writes: two of them would tear the data apart."""
        if await self.switch(site, victim).power() != "off":
            raise Refused(f"{self.cluster}: {victim} runs, so nobody is promoted")
        if await self.answers(site, victim):
            raise Refused(f"{self.cluster}: {self.contradicted(victim)}; so nobody is promoted")

    async def _seen(self, site: Site) -> Seen:
        return await see(site.estate, cluster_of(site.estate, self.cluster))


async def _wait_for(connection: "psycopg.AsyncConnection[tuple[object, ...]]", names: str) -> None:
    """For whom commits wait from now on."""
    from psycopg.sql import SQL, Literal

    changed = SQL("ALTER SYSTEM SET synchronous_standby_names = {}").format(Literal(names))
    await one(connection, changed.as_string(connection))
    await one(connection, "SELECT pg_reload_conf()")


def _shown(seen: Seen) -> str:
    parts = [
        f"{', '.join(names)} {how}"
        for names, how in (
            (seen.primaries, "takes writes"),
            (seen.standbys, "streams"),
            (seen.silent, "does not answer"),
        )
        if names
    ]
    other = [name for name in seen.nodes if name not in {*seen.primaries, *seen.standbys, *seen.silent}]
    return "; ".join([*parts, *([f"{', '.join(other)} follows and receives nothing"] if other else [])])
