"""One mechanism of tminus switched off at a time, for bench.rotation: its figure must fall."""

from unittest.mock import patch

from psycopg import AsyncConnection, sql

from flows.rotation_stages import Stages
from tasks.rotators import postgres_users
from tasks.rotators.jwt_keys import JwtKeys
from tasks.rotators.postgres_admin import changing
from tasks.rotators.postgres_sessions import Session
from tasks.rotators.postgres_users import PostgresUsers
from tasks.rotators.rotator import Census, Done, NotYet, Turn
from tminus.clock import now
from tminus.rotations.document import Document

Connection = AsyncConnection[tuple[object, ...]]


def _overlap() -> None:
    """The old value is switched off right when the new one is current."""

    async def not_needed(_stages: Stages, _new: Document) -> NotYet | None:
        return None

    patch.object(Stages, "_still_needed", not_needed).start()
    _sessions()


def _census() -> None:
    """Nobody is asked who uses the old value; the overlap and the cycle stay."""

    async def nobody(_rotator: PostgresUsers, turn: Turn, _new: Document) -> Census:
        return Census((), "nothing", turn.promoted or now())

    patch.object(PostgresUsers, "census", nobody).start()
    _sessions()


def _sessions() -> None:
    """Nor whose sessions live."""

    async def none(_connection: Connection, _user: str) -> list[Session]:
        return []

    patch.object(postgres_users, "sessions_of", none).start()


def _grants() -> None:
    """The new login is no member of the owner role, and nobody proves what it can do."""
    complete = PostgresUsers.set

    async def lacking(rotator: PostgresUsers, turn: Turn, new: Document) -> Done | NotYet:
        came = await complete(rotator, turn, new)
        owner, login = sql.Identifier(rotator.owner_role), sql.Identifier(turn.way["user"])
        async with changing(turn.estate, rotator.server, rotator.owner_role) as connection:
            await connection.execute(sql.SQL("REVOKE {} FROM {}").format(owner, login))
        return came

    async def unasked(*_: object) -> None:
        """All is well."""

    patch.object(PostgresUsers, "set", lacking).start()
    patch.object(postgres_users, "prove", unasked).start()
    patch.object(postgres_users, "refuse_drift", unasked).start()


def _settles() -> None:
    """A new signing key signs as soon as it is published, whatever caches go without it."""

    async def at_once(_keys: JwtKeys, _turn: Turn, _new: Document) -> Done:
        return Done("nobody waited")

    patch.object(JwtKeys, "test", at_once).start()


SABOTAGES = {"settles": _settles, "overlap": _overlap, "grants": _grants, "census": _census}
"""Each switches one off, in this process."""
