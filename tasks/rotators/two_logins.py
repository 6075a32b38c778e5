"""Two logins of a database that take turns, whatever the database: whose turn it is, and the new secret."""

import secrets
from abc import ABC
from typing import Self

from pydantic import Field, SecretStr, model_validator

from tasks.rotators.login_document import renewed
from tasks.rotators.rotator import Rotator, Turn, Way
from tminus.errors import Refused
from tminus.rotations.document import Document

_PASSWORD = 32  # random bytes


class TwoLogins(Rotator, ABC, frozen=True):
    """What the book says of two logins behind one role.

    Attributes:
        server: which of the environment's servers of this kind.
        owner_role: the role that cannot log in and that both logins are members of.
        users: the two logins. One that is not there yet is made.
        can: SQL, one statement each, that the new login must be able to do; each is taken back.
        cannot: the same, that must be refused to it (SQLSTATE 42501).
    """

    server: str
    owner_role: str
    users: tuple[str, str]
    can: tuple[str, ...] = Field(min_length=1)
    cannot: tuple[str, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _three_roles(self) -> Self:
        if len({self.owner_role, *self.users}) != len(self.users) + 1:
            raise ValueError("users and owner_role are three roles, and two of these are the same")
        return self

    async def plan(self, turn: Turn) -> Way:
        """See Rotator."""
        current = turn.old.name("username")
        if current not in self.users:
            one, other = self.users
            raise Refused(f"{turn.old.of} has the username {current!r}, and its users are {one!r} and {other!r}")
        [other] = [user for user in self.users if user != current]
        return {"user": other, "old_user": current}

    def shares(self, one: Document, other: Document) -> bool:
        """See Rotator."""
        return one.agrees(other, "username")

    async def create(self, turn: Turn) -> Document:
        """See Rotator."""
        password = SecretStr(secrets.token_urlsafe(_PASSWORD))
        return renewed(turn.old, f"{self.secret} (AWSPENDING)", turn.way["user"], password)
