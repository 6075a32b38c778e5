"""A user of Redis with two passwords for as long as a rotation takes, on the primary and on every replica."""

import secrets
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, SecretStr

from tasks.redis_acl import Node, Session, address, client_of, hashed, nodes
from tasks.rotators.login_document import renewed
from tasks.rotators.rotator import Census, Done, NotYet, Rotator, Turn, Use, Way
from tminus.clock import now
from tminus.errors import CouldNotObserve, Refused
from tminus.rotations.document import Document

if TYPE_CHECKING:
    import redis.asyncio

_PASSWORD = 32  # random bytes
_MOST = 2  # passwords at a time
_AGAIN = timedelta(hours=1)  # until it is asked again whether connections of before ended
_SLACK = timedelta(seconds=-1)  # a connection's age is in whole seconds: rather one too many is waited for
_BLIND = "with which of its passwords a connection logged in that was made since: Redis does not tell"


class RedisUser(Rotator, frozen=True):
    """Adds a password to a user, and takes the old one away once no connection of before lives.

    Redis ends no connection where a password goes, so those that were made before the new one was current are waited
    for. Users are not replicated: every node gets the same, and one that does not answer stops the rotation before the
    new password is current.

    Attributes:
        server: which of the environment's `redis`; its `rotator` may run ACL, CLIENT, CONFIG and INFO.
        user: whose password it is; it has one, and no more.
        can: commands that the user must be allowed, as they are typed (`SET tminus:probe 1`).
        cannot: those that must be refused to it (`NOPERM`).
    """

    sections: ClassVar[Mapping[str, str]] = {"server": "redis"}

    kind: Literal["redis.user"] = "redis.user"
    server: str
    user: str
    can: tuple[str, ...] = Field(min_length=1)
    cannot: tuple[str, ...] = Field(min_length=1)

    async def plan(self, turn: Turn) -> Way:
        """See Rotator. Raises Refused where the user has other passwords, or a restart would bring the old one back."""
        old = hashed(turn.old.secret("password"))
        async with nodes(turn.estate, self.server) as found:
            for node in found:
                await node.keeps()
                await node.require_followed_by_another(self.user)
                has = await node.hashes(self.user)
                if (old not in has or len(has) > 1) and not turn.at_once:  # it may have been taken away by hand
                    raise Refused(
                        f"{node.where}: {self.user} has {len(has)} passwords, and exactly the one of {turn.old.of} is "
                        f"expected{'' if old in has else ', which is not among them'}; take the others from it"
                    )
        return {"user": self.user, "nodes": ", ".join(node.where for node in found)}

    def shares(self, one: Document, other: Document) -> bool:
        """See Rotator."""
        return one.agrees(other, "username")

    async def create(self, turn: Turn) -> Document:
        """See Rotator."""
        password = SecretStr(secrets.token_urlsafe(_PASSWORD))
        return renewed(turn.old, f"{self.secret} (AWSPENDING)", self.user, password)

    async def set(self, turn: Turn, new: Document) -> Done | NotYet:
        """See Rotator."""
        old, made = hashed(turn.old.secret("password")), hashed(new.secret("password"))
        changed = 0
        async with nodes(turn.estate, self.server) as found:
            if not turn.at_once:  # who is away is waited for when the old one is dropped
                _require_all(turn, found)
            for node in found:
                has = await node.hashes(self.user)
                if not turn.at_once and not {old} <= has <= {old, made}:
                    raise Refused(
                        f"{node.where}: {self.user} has {len(has)} passwords, and others than the old and the new one: "
                        "somebody else changed them; nothing was changed there"
                    )
                await node.change(self.user, *([] if made in has else [f"#{made}"]))
                changed += made not in has
        return Done(f"{self.user} has both passwords on {len(found)} nodes", already=not changed)

    async def test(self, turn: Turn, new: Document) -> Done | NotYet:
        """See Rotator: a fresh log-in on every node. Commands are queued and thrown away, so none has an effect."""
        password = new.secret("password")
        async with nodes(turn.estate, self.server) as found:
            if not turn.at_once:
                _require_all(turn, found)
            for number, node in enumerate(found):
                at = "" if number == 0 else node.where.partition("(replica ")[2].rstrip(")")
                await self._log_in(turn, password, at, node.where)
        return Done(
            f"{self.user} logged in on {len(found)} nodes, may do all {len(self.can)} that it must, and none of the "
            f"{len(self.cannot)} that it must not"
        )

    async def _log_in(self, turn: Turn, password: SecretStr, at: str, where: str) -> None:
        """Raises CouldNotObserve where it does not log in, Refused where what it may is not what it must be."""
        from redis import exceptions

        client = client_of(address(turn.estate, self.server, at, self.user, password))
        try:
            for command in (*self.can, *self.cannot):
                allowed = await _allowed(client, command, self.user)
                if allowed is not (command in self.can):
                    raise Refused(f"{where}: {self.user} {'may' if allowed else 'may not'} {shlex.split(command)[0]}")
        except exceptions.RedisError as e:
            raise CouldNotObserve(f"{where}: {self.user} did not log in ({type(e).__name__})") from e
        finally:
            await client.aclose()

    async def census(self, turn: Turn, new: Document) -> Census:
        """See Rotator: connections that were made before the new one was current, and log-ins refused since."""
        del new
        since = turn.promoted or now() - self.cycle
        uses: Counter[str] = Counter()
        last: dict[str, datetime] = {}
        async with nodes(turn.estate, self.server) as found:
            for node in found:
                for who, at in await self._seen(node, turn, since):
                    uses[who] += 1
                    last[who] = max(at, last.get(who, at))
        where = f"CLIENT LIST and ACL LOG of {len(found)} nodes"
        return Census([Use(who, times, last[who]) for who, times in uses.items()], where, since, _BLIND)

    async def _seen(self, node: Node, turn: Turn, since: datetime) -> list[tuple[str, datetime]]:
        """Whoever is refused while both passwords open came with neither, and is no user of the old one."""
        alive = [(one.who, now()) for one in await self._before(node, turn)]
        if hashed(turn.old.secret("password")) in await node.hashes(self.user):
            return alive
        told = [(f"{who}, refused", now() - timedelta(seconds=ago)) for who, ago in await node.refused(self.user)]
        return [*alive, *(one for one in told if one[1] > since)]

    async def _before(self, node: Node, turn: Turn) -> list[Session]:
        """Its connections that were made before the new password was current, so with the old one; or all of them."""
        alive = await node.sessions(self.user)
        if turn.promoted is None:
            return alive
        since = now() - turn.promoted
        return [one for one in alive if timedelta(seconds=one.age) > since + _SLACK]

    async def off(self, turn: Turn, new: Document) -> Done | NotYet:
        """See Rotator: not while connections of before live, unless it leaked: then they are ended."""
        old = hashed(turn.old.secret("password"))
        async with nodes(turn.estate, self.server) as found:
            alive = {node: await self._before(node, turn) for node in found}
            if any(alive.values()) and not turn.at_once:
                who = ", ".join(sorted({one.who for some in alive.values() for one in some}))
                return NotYet(now() + _AGAIN, f"connections of before live: {who}")
            made = hashed(new.secret("password"))
            await self._give(found, made)
            changed = await self._take(found, old, made, all_else=turn.at_once)
            await self._cut(turn, found)
        return Done(f"the old password of {self.user} opens nothing on {len(found)} nodes", already=not changed)

    async def _give(self, found: Sequence[Node], made: str) -> None:
        """The new password, to a node that joined or came back since."""
        for node in found:
            if made not in await node.hashes(self.user):
                await node.change(self.user, f"#{made}")

    async def _cut(self, turn: Turn, found: Sequence[Node]) -> None:
        """Where it leaked, every connection ends, since nobody can tell with which password one was made."""
        for node in found if turn.at_once else ():
            for session in await node.sessions(self.user):
                await node.end(session)

    async def on(self, turn: Turn, new: Document) -> Done:
        """See Rotator."""
        del new
        old, changed = hashed(turn.old.secret("password")), 0
        async with nodes(turn.estate, self.server) as found:
            for node in found:
                off = old not in await node.hashes(self.user)
                await node.change(self.user, *([f"#{old}"] if off else []))
                changed += off
        return Done(f"the old password of {self.user} opens again on {len(found)} nodes", already=not changed)

    async def drop(self, turn: Turn, new: Document) -> Done | NotYet:
        """See Rotator: Redis forgot it when it was switched off; every node that there is now is looked at again."""
        old, made = hashed(turn.old.secret("password")), hashed(new.secret("password"))
        async with nodes(turn.estate, self.server) as found:
            _require_all(turn, found)
            await self._give(found, made)
            changed = await self._take(found, old, made, all_else=turn.at_once)
            await self._cut(turn, found)
        return Done(f"no node of {len(found)} knows the old password of {self.user}", already=not changed)

    async def undo(self, turn: Turn, new: Document | None) -> Done | NotYet:
        """See Rotator."""
        if new is None:
            return Done(f"{self.user} has nothing of this rotation", already=True)
        old, made = hashed(turn.old.secret("password")), hashed(new.secret("password"))
        async with nodes(turn.estate, self.server) as found:
            changed = await self._take(found, made, old)
        return Done(f"{self.user} has the old password alone on {len(found)} nodes", already=not changed)

    async def _take(self, found: Sequence[Node], gone: str, stays: str, *, all_else: bool = False) -> int:
        """Takes one password away, or all but one; how many nodes knew it. Refused where nothing would be left."""
        has = {node: await node.hashes(self.user) for node in found}
        if without := [node.where for node, some in has.items() if stays not in some]:
            raise Refused(
                f"{', '.join(without)}: {self.user} does not have the password that is to stay, so none is taken away"
            )
        going = {node: (some - {stays}) if all_else else some & {gone} for node, some in has.items()}
        for node, some in going.items():
            await node.change(self.user, *(f"!{one}" for one in sorted(some)))
        return sum(bool(some) for some in going.values())


def _require_all(turn: Turn, found: Sequence[Node]) -> None:
    """Raises CouldNotObserve where one that there was when this began follows no more: it would miss the password."""
    missing = set(turn.way.get("nodes", "").split(", ")) - {node.where for node in found} - {""}
    if missing:
        raise CouldNotObserve(
            f"{', '.join(sorted(missing))} was there when this began, and the primary has it no more: start it, or "
            "undo this rotation and begin again without it"
        )


async def _allowed(client: "redis.asyncio.Redis", command: str, user: str) -> bool:
    """Whether the user may run it: Redis looks when it is queued, and it is thrown away then.

    Raises Refused where the user may not queue, or there is no such command; RedisError where it cannot log in.
    """
    from redis import exceptions

    async with client.client() as connection:
        try:
            await connection.execute_command("MULTI")  # type: ignore[no-untyped-call]  # redis-py's own
        except exceptions.NoPermissionError as e:
            raise Refused(f"{user} may not queue commands, so what it may do cannot be seen: +multi +discard") from e
        try:
            await connection.execute_command(*shlex.split(command))  # type: ignore[no-untyped-call]  # redis-py's own
        except exceptions.NoPermissionError:
            return False
        except exceptions.ReadOnlyError:
            return True  # it was looked at before: a replica takes no writes
        except exceptions.ResponseError as e:
            said = str(e).partition(",")[0][:60]
            raise Refused(f"whether {user} may {shlex.split(command)[0]} cannot be seen, Redis says: {said}") from e
        finally:
            await connection.execute_command("DISCARD")  # type: ignore[no-untyped-call]  # redis-py's own
    return True
