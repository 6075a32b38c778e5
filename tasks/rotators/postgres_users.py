"""Two logins of PostgreSQL that take turns, behind one role that owns everything and cannot log in."""

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from tasks.rotators.postgres_admin import (
    LOGIN,
    NOLOGIN,
    Login,
    administered,
    alter,
    changing,
    known_login,
    login_of,
    mark,
    password_sql,
    worthless,
)
from tasks.rotators.postgres_census import by_log, by_sessions
from tasks.rotators.postgres_drift import refuse_drift
from tasks.rotators.postgres_rights import Rights, logged_in, prove
from tasks.rotators.postgres_sessions import cut, named, sessions_of
from tasks.rotators.postgres_settings import copy_settings, make_like, refuse_early_end
from tasks.rotators.rotator import Census, Done, NotYet, Turn
from tasks.rotators.two_logins import TwoLogins
from tminus.clock import now
from tminus.errors import CouldNotObserve, Refused
from tminus.rotations.document import Document

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.AsyncConnection[tuple[object, ...]]

_AGAIN = timedelta(hours=1)  # until it is asked again whether the old login's sessions ended


class PostgresUsers(TwoLogins, frozen=True):
    """Two logins that take turns: the one that is not in use gets a new password, and the other is left alone.

    What a session of either makes belongs to the owner, since both begin as it (`ALTER ROLE … SET role`), and what the
    owner may do, both may: nothing is granted to a login itself, and a rotation is refused where something was.

    Attributes:
        server: which of the environment's `postgres`; its `rotator` has CREATEROLE, and ADMIN OPTION on the three.
        census: `log` counts log-ins in the server's own log; `sessions` only sees who is connected when it is asked.
    """

    sections: ClassVar[Mapping[str, str]] = {"server": "postgres"}

    kind: Literal["postgres.users"] = "postgres.users"
    seen_by: Literal["log", "sessions"] = Field(default="log", alias="census")

    async def set(self, turn: Turn, new: Document) -> Done | NotYet:
        """See Rotator: all of it in one transaction, which the mark on the role tells to have been."""
        from psycopg import sql

        user, old = turn.way["user"], turn.way["old_user"]
        password = new.secret("password")
        if new.name("username") != user:
            raise Refused(f"{new.of} has the username {new.name('username')!r}, and this rotation is of {user!r}")
        async with changing(turn.estate, self.server, self.owner_role) as connection:
            there = await login_of(connection, user, turn.rotation)
            if there is not None and there.mark == turn.rotation and there.can_login:
                return Done(f"{user} has its new password and can log in", already=True)
            if there is not None and there.mark == turn.rotation and there.over:
                raise Refused(f"{user} had its password of this rotation taken away already; it is not given again")
            await known_login(connection, old, turn.rotation)
            if not turn.at_once:  # whoever has what leaked could stop it by either
                await refuse_drift(connection, self.owner_role, self.users)
                await refuse_early_end(connection, old, self.every)
            if there is None:
                await make_like(connection, old, user, self.owner_role)
            elif there.can_login and (busy := await sessions_of(connection, user)):
                raise Refused(f"{user} is not the current login and is in use: {named(busy)}; who gave it to them?")
            await alter(connection, user, sql.SQL("LOGIN {}").format(password_sql(connection, user, password)))
            if not (turn.at_once and there is not None and there.mark):  # a login may change settings of its own
                await copy_settings(connection, old, user, self.owner_role)
            await mark(connection, there or Login(user, can_login=False, comment="", mark=""), turn.rotation)
        return Done(f"{user} {'has a new password' if there else 'was made'} and can log in")

    async def test(self, turn: Turn, new: Document) -> Done | NotYet:
        """See Rotator."""
        user, rights = turn.way["user"], Rights(self.can, self.cannot)
        async with logged_in(turn.estate, self.server, user, new.secret("password")) as connection:
            await prove(connection, rights, self.owner_role)
        said = (
            f"{user} logged in, acts as {self.owner_role}, can do all {len(self.can)} that it must, was refused all "
            f"{len(self.cannot)} that it must not"
        )
        if turn.at_once:
            return Done(f"{said}; not looked at: whether it is like {turn.way['old_user']}")
        async with administered(turn.estate, self.server) as connection:
            await refuse_drift(connection, self.owner_role, self.users)
        return Done(f"{said}, and is like {turn.way['old_user']}")

    async def census(self, turn: Turn, new: Document) -> Census:
        """See Rotator. Before the new one is current, the log is read for one cycle back.

        Where the old one leaked, a log that tells nothing keeps nobody from cutting it off.
        """
        del new
        old = (turn.way or await self.plan(turn))["old_user"]
        untold = ""
        if self.seen_by == "log":
            try:
                async with administered(turn.estate, self.server) as connection:
                    return await by_log(connection, old, turn.promoted or now() - self.cycle)
            except CouldNotObserve as e:
                if not turn.at_once:
                    raise
                untold = str(e)
        async with administered(turn.estate, self.server) as connection:
            return await by_sessions(connection, old, untold, turn.promoted)

    async def off(self, turn: Turn, new: Document) -> Done | NotYet:
        """See Rotator: NOLOGIN, not while sessions of it live, unless it leaked: then they are ended."""
        del new
        old = turn.way["old_user"]
        if turn.at_once:
            await cut(self.server, turn, old)  # a session of it could hold the locks that the change needs
        async with changing(turn.estate, self.server, self.owner_role) as connection:
            login = await known_login(connection, old, turn.rotation)
            if not turn.at_once and login.can_login and (alive := await sessions_of(connection, old)):
                return NotYet(now() + _AGAIN, f"sessions of {old} live: {named(alive)}")
            await alter(connection, old, NOLOGIN)
        came = await cut(self.server, turn, old) if turn.at_once else ""
        return came if isinstance(came, NotYet) else Done(f"{old} cannot log in", not login.can_login, came)

    async def on(self, turn: Turn, new: Document) -> Done:
        """See Rotator."""
        del new
        old = turn.way["old_user"]
        async with changing(turn.estate, self.server, self.owner_role) as connection:
            login = await known_login(connection, old, turn.rotation)
            if not login.can_login:
                await alter(connection, old, LOGIN)
        return Done(f"{old} can log in", already=login.can_login)

    async def drop(self, turn: Turn, new: Document) -> Done | NotYet:
        """See Rotator: it has no password any more, and stays as the one that the next rotation gives one to."""
        del new
        old = turn.way["old_user"]
        async with changing(turn.estate, self.server, self.owner_role) as connection:
            login = await known_login(connection, old, turn.rotation)
            if not turn.at_once and (alive := await sessions_of(connection, old)):
                return NotYet(now() + _AGAIN, f"sessions of {old} live: {named(alive)}")
            await worthless(connection, login, turn.rotation)
        came = await cut(self.server, turn, old) if turn.at_once else ""
        if isinstance(came, NotYet):
            return came
        return Done(f"{old} has no password, no session, and cannot log in", left=came)

    async def undo(self, turn: Turn, new: Document | None) -> Done:
        """See Rotator: the new login has no password and cannot log in; the old one is not touched."""
        del new
        user = turn.way["user"]
        async with changing(turn.estate, self.server, self.owner_role) as connection:
            there = await login_of(connection, user, turn.rotation)
            if there is None or there.mark != turn.rotation or there.over:
                return Done(f"{user} has nothing of this rotation", already=True)
            if turn.old.has("username") and turn.old.name("username") == user:
                return Done(f"{user} is the login of what is current, and was left alone", already=True)
            if not (await known_login(connection, turn.way["old_user"], turn.rotation)).can_login:
                raise Refused(f"{turn.way['old_user']} cannot log in any more: without {user} nobody could")
            await worthless(connection, there, turn.rotation)
        return Done(f"{user} has no password and cannot log in")
