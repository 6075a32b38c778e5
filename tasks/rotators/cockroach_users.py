"""Two logins of CockroachDB that take turns, behind one role that cannot log in.

Never seen on a real cluster: it is refused until the environment names the cluster's version (`rotation_proven_on`).
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar, Literal, LiteralString

from pydantic import SecretStr

from tasks.estate import Estate
from tasks.rotators.cockroach_admin import (
    administered,
    alter,
    end_sessions,
    join,
    known_role,
    make,
    refuse_drift,
    require_hashed,
    role_of,
    sessions_of,
)
from tasks.rotators.postgres_admin import LOGIN, NOLOGIN, password_sql
from tasks.rotators.postgres_census import uses_of
from tasks.rotators.postgres_rights import Rights, prove, session_as
from tasks.rotators.postgres_sessions import named
from tasks.rotators.rotator import Census, Done, NotYet, Turn, Way
from tasks.rotators.two_logins import TwoLogins
from tminus.clock import now
from tminus.errors import NotConfigured, Refused
from tminus.rotations.document import Document

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    import psycopg

    Connection = psycopg.AsyncConnection[tuple[object, ...]]

_AGAIN = timedelta(hours=1)  # until it is asked again whether the old login's sessions ended
_SOON = timedelta(minutes=1)  # the same, of sessions that were told to end
_BLIND = (
    "log-ins that came and went between two looks, and sessions that the rotator may not see (it needs VIEWACTIVITY)"
)


class CockroachUsers(TwoLogins, frozen=True):
    """Two logins that take turns: the one that is not in use gets a new password, and the other is left alone.

    A session cannot be made to begin as another role (`role` is no default that ALTER ROLE sets here): what a login
    makes belongs to it alone, and a rotation is refused until it was given to the owner. `server` is one of the
    environment's `cockroach`.
    """

    sections: ClassVar[Mapping[str, str]] = {"server": "cockroach"}

    kind: Literal["cockroach.users"] = "cockroach.users"

    async def plan(self, turn: Turn) -> Way:
        """See Rotator; raises Refused where nobody vouched for the cluster's version."""
        way = await super().plan(turn)
        async with administered(turn.estate, self.server) as connection:
            await require_hashed(connection)
        return way

    async def set(self, turn: Turn, new: Document) -> Done | NotYet:
        """See Rotator: the password and LOGIN come by one statement, and whether they came is asked by logging in."""
        from psycopg import sql

        user, old, password = turn.way["user"], turn.way["old_user"], new.secret("password")
        if new.name("username") != user:
            raise Refused(f"{new.of} has the username {new.name('username')!r}, and this rotation is of {user!r}")
        async with administered(turn.estate, self.server) as connection:
            there = await role_of(connection, user)
            if there is not None and there.can_login and await self._opens(turn.estate, user, password):
                return Done(f"{user} has its new password and can log in", already=True)
            await require_hashed(connection)
            current = await known_role(connection, old)
            if not current.can_login or self.owner_role not in current.member_of:
                raise Refused(
                    f"{old} is current, and cannot log in or is no member of {self.owner_role}; mend it first"
                )
            await refuse_drift(connection, self.owner_role, self.users)
            if there is None:
                await make(connection, user)
            elif busy := await sessions_of(connection, user):
                who = named([session for _, session in busy])
                raise Refused(f"{user} is not the current login and is in use: {who}; who gave it to them?")
            if there is None or self.owner_role not in there.member_of:
                await join(connection, self.owner_role, user)
            await alter(connection, user, sql.SQL("LOGIN {}").format(password_sql(connection, user, password)))
        return Done(f"{user} {'has a new password' if there else 'was made'} and can log in")

    async def test(self, turn: Turn, new: Document) -> Done | NotYet:
        """See Rotator."""
        user, rights = turn.way["user"], Rights(self.can, self.cannot)
        async with self._session(turn.estate, user, new.secret("password")) as connection:
            await prove(connection, rights)
        async with administered(turn.estate, self.server) as connection:
            await refuse_drift(connection, self.owner_role, self.users)
            if self.owner_role not in (await known_role(connection, user)).member_of:
                raise Refused(f"{user} is no member of {self.owner_role}; somebody revoked it")
        return Done(
            f"{user} logged in, can do all {len(self.can)} that it must, was refused all {len(self.cannot)} that it "
            f"must not, and is like {turn.way['old_user']}"
        )

    async def census(self, turn: Turn, new: Document) -> Census:
        """See Rotator: by the sessions alone, which tells nothing of who came and went."""
        del new
        way = turn.way or await super().plan(turn)
        async with administered(turn.estate, self.server) as connection:
            found = [(session.who, now()) for _, session in await sessions_of(connection, way["old_user"])]
        where = "the sessions that live now (SHOW CLUSTER SESSIONS)"
        return Census(uses_of(found), where, turn.promoted or now(), _BLIND)

    async def off(self, turn: Turn, new: Document) -> Done | NotYet:
        """See Rotator: NOLOGIN, not while sessions of it live, unless it leaked: then they are ended."""
        del new
        old = turn.way["old_user"]
        async with administered(turn.estate, self.server) as connection:
            role = await known_role(connection, old)
            if wait := await self._lives(connection, turn, old):
                return wait
            if role.can_login:
                await self._change(connection, old, NOLOGIN)
            return await self._ended(connection, old) or Done(f"{old} cannot log in", already=not role.can_login)

    async def on(self, turn: Turn, new: Document) -> Done:
        """See Rotator."""
        del new
        old = turn.way["old_user"]
        async with administered(turn.estate, self.server) as connection:
            role = await known_role(connection, old)
            if not role.can_login:
                await self._change(connection, old, LOGIN)
        return Done(f"{old} can log in", already=role.can_login)

    async def drop(self, turn: Turn, new: Document) -> Done | NotYet:
        """See Rotator: it has no password any more, and stays as the one that the next rotation gives one to."""
        del new
        old = turn.way["old_user"]
        async with administered(turn.estate, self.server) as connection:
            await known_role(connection, old)
            if wait := await self._lives(connection, turn, old):
                return wait
            await self._change(connection, old, "NOLOGIN PASSWORD NULL")
            return await self._ended(connection, old) or Done(f"{old} has no password, no session, and cannot log in")

    async def undo(self, turn: Turn, new: Document | None) -> Done:
        """See Rotator: the new login has no password and cannot log in; the old one is not touched."""
        user = turn.way["user"]
        async with administered(turn.estate, self.server) as connection:
            there = await role_of(connection, user)
            if there is None or new is None:
                return Done(f"{user} has nothing of this rotation", already=True)
            if turn.old.has("username") and turn.old.name("username") == user:
                return Done(f"{user} is the login of what is current, and was left alone", already=True)
            if not (await known_role(connection, turn.way["old_user"])).can_login:
                raise Refused(f"{turn.way['old_user']} cannot log in any more: without {user} nobody could")
            if there.can_login and not await self._opens(turn.estate, user, new.secret("password")):
                return Done(f"{user} has another password than this rotation's, and was left alone", already=True)
            await self._change(connection, user, "NOLOGIN PASSWORD NULL")
        return Done(f"{user} has no password and cannot log in", already=not there.can_login)

    async def _lives(self, connection: "Connection", turn: Turn, user: str) -> NotYet | None:
        """When to look again, where sessions live that did not leak."""
        alive = [] if turn.at_once else await sessions_of(connection, user)
        who = named([session for _, session in alive])
        return NotYet(now() + _AGAIN, f"sessions of {user} live: {who}") if alive else None

    async def _ended(self, connection: "Connection", user: str) -> NotYet | None:
        """Ends every session, of which there are some only where it leaked; when to look again, where some live on."""
        await end_sessions(connection, user)
        alive = [session for _, session in await sessions_of(connection, user)]
        return (
            NotYet(now() + _SOON, f"sessions of {user} were told to end, and live: {named(alive)}") if alive else None
        )

    async def _change(self, connection: "Connection", user: str, change: LiteralString) -> None:
        from psycopg import sql

        await alter(connection, user, sql.SQL(change))

    async def _opens(self, estate: Estate, user: str, password: SecretStr) -> bool:
        try:
            async with self._session(estate, user, password):
                return True
        except Refused:
            return False

    def _session(self, estate: Estate, user: str, password: SecretStr) -> "AbstractAsyncContextManager[Connection]":
        section = estate.environment.cockroach.get(self.server)
        if section is None:
            raise NotConfigured(f"cockroach names no {self.server!r}; add it to the environment file")
        return session_as(estate, f"cockroach {self.server}", section.dsn, user, password)
