"""One login of PostgreSQL whose password is changed in place: a moment's refusals are the price of having no second."""

import secrets
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, SecretStr

from tasks.rotators.login_document import renewed
from tasks.rotators.postgres_admin import administered, alter, changing, known_login, mark, password_sql
from tasks.rotators.postgres_census import by_sessions
from tasks.rotators.postgres_rights import Rights, logged_in, prove
from tasks.rotators.postgres_sessions import cut
from tasks.rotators.rotator import Census, Done, NotYet, Rotator, Turn, Way
from tminus.errors import CouldNotObserve, Refused
from tminus.rotations.document import Document

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.AsyncConnection[tuple[object, ...]]

_PASSWORD = 32  # random bytes
_WINDOW = "log-ins with the old password, from the last step before the new one is current until it is read"


class PostgresUser(Rotator, frozen=True):
    """One login, whose password is changed in place: PostgreSQL knows one password a login.

    From the change until the new one is current, and until its users have read it, their log-ins are refused; sessions
    live on. So that this is as short as it can be, `set` rehearses the change and takes it back, with all the proofs
    of what the login may do, and `test` makes it and logs in with it, right before it becomes current. Both passwords
    are in Secrets Manager before that, so neither is ever lost. Killed between `test` and promote, AWSCURRENT opens
    nothing until the rotation is gone on with: this kind has that window by nature. `postgres.users` has none, and
    refuses nobody: take that where you can.

    Attributes:
        server: which of the environment's `postgres`; its `rotator` has CREATEROLE, and ADMIN OPTION on the login.
        user: the login.
        can: SQL, one statement each, that the login must be able to do; each is taken back.
        cannot: the same, that must be refused to it (SQLSTATE 42501).
    """

    two_at_a_time: ClassVar[bool] = False
    sections: ClassVar[Mapping[str, str]] = {"server": "postgres"}

    kind: Literal["postgres.user"] = "postgres.user"
    server: str
    user: str
    can: tuple[str, ...] = Field(min_length=1)
    cannot: tuple[str, ...] = Field(min_length=1)

    async def plan(self, turn: Turn) -> Way:
        """See Rotator."""
        if turn.old.name("username") != self.user:
            raise Refused(f"{turn.old.of} has the username {turn.old.name('username')!r}, not {self.user!r}")
        return {"user": self.user, "refused": _WINDOW}

    def shares(self, one: Document, other: Document) -> bool:
        """See Rotator."""
        return one.agrees(other, "username")

    async def create(self, turn: Turn) -> Document:
        """See Rotator."""
        password = SecretStr(secrets.token_urlsafe(_PASSWORD))
        return renewed(turn.old, f"{self.secret} (AWSPENDING)", self.user, password)

    async def set(self, turn: Turn, new: Document) -> Done | NotYet:
        """See Rotator: here nothing stays changed; it is proven that the change can be made, and what the login may."""
        async with changing(turn.estate, self.server, self.user) as connection:
            if (await known_login(connection, self.user, turn.rotation)).mark == turn.rotation:
                return Done(f"{self.user} has its new password", already=True)
            async with connection.transaction(force_rollback=True):
                await self._give(connection, turn, new, turn.rotation)
        if turn.at_once:  # whoever has what leaked may have changed the password, or what the login may
            return Done(
                f"{self.user} can be given its new password; what it may is not proven, since the old one leaked"
            )
        async with logged_in(turn.estate, self.server, self.user, turn.old.secret("password")) as session:
            await prove(session, Rights(self.can, self.cannot))
        return Done(
            f"{self.user} can do all {len(self.can)} that it must, was refused all {len(self.cannot)} that it must "
            "not, and can be given its new password; it still has the old one"
        )

    async def test(self, turn: Turn, new: Document) -> Done | NotYet:
        """See Rotator: the change itself, and a log-in with it; where that fails the old password is put back."""
        async with changing(turn.estate, self.server, self.user) as connection:
            if (await known_login(connection, self.user, turn.rotation)).mark != turn.rotation:
                await self._give(connection, turn, new, turn.rotation)
        try:
            async with logged_in(turn.estate, self.server, self.user, new.secret("password")):
                return Done(f"{self.user} has its new password, and logged in with it")
        except (Refused, CouldNotObserve):
            await self.undo(turn, new)
            raise

    async def census(self, turn: Turn, new: Document) -> Census:
        """See Rotator: before the change, whose sessions there are; after it nobody can use the old one."""
        del new
        if turn.promoted is None:
            async with administered(turn.estate, self.server) as connection:
                return await by_sessions(connection, self.user)
        blind = "who is refused because they did not read the new one; their failed log-ins are in the server's own log"
        return Census((), "nothing: the old password opens nothing since the new one was set", turn.promoted, blind)

    def keep(self, turn: Turn) -> timedelta:
        """See Rotator: the old one works no longer than until the new one does."""
        del turn
        return timedelta(0)

    async def off(self, turn: Turn, new: Document) -> Done | NotYet:
        """See Rotator: it is off since `test`; where it leaked, all sessions are ended."""
        del new
        said = f"the old password of {self.user} opens nothing since the new one was set"
        came = await cut(self.server, turn, self.user) if turn.at_once else ""
        return came if isinstance(came, NotYet) else Done(said, already=True, left=came)

    async def on(self, turn: Turn, new: Document) -> Done:
        """See Rotator: a login has one password; what puts the old one back is `undo`."""
        del turn, new
        return Done(f"{self.user} was never switched off; its old password is put back by undoing", already=True)

    async def drop(self, turn: Turn, new: Document) -> Done | NotYet:
        """See Rotator."""
        del new
        came = await cut(self.server, turn, self.user) if turn.at_once else ""
        if isinstance(came, NotYet):
            return came
        return Done(f"nothing is left of the old password of {self.user}", already=not turn.at_once, left=came)

    async def undo(self, turn: Turn, new: Document | None) -> Done:
        """See Rotator: the old password is the login's again."""
        del new
        async with changing(turn.estate, self.server, self.user) as connection:
            if (await known_login(connection, self.user, turn.rotation)).mark != turn.rotation:
                return Done(f"{self.user} has its old password", already=True)
            await self._give(connection, turn, turn.old, "")
        return Done(f"{self.user} has its old password again")

    async def _give(self, connection: "Connection", turn: Turn, document: Document, rotation: str) -> None:
        """Its password, and the mark by which it is known whose that is, in the caller's transaction."""
        login = await known_login(connection, self.user, turn.rotation)
        if document.name("username") != self.user or not login.can_login:
            raise Refused(f"{self.user} cannot log in, or {document.of} is of {document.name('username')!r}")
        await alter(connection, self.user, password_sql(connection, self.user, document.secret("password")))
        await mark(connection, login, rotation)
