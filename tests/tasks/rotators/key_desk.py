"""A vendor of API keys, the rotator of one of its keys, and one turn of it."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import TypeVar

from pydantic import SecretStr

from tasks.estate import Estate
from tasks.rotators.http_key import HttpKey
from tasks.rotators.rotator import Turn
from tests.conftest import Estates
from tests.tasks.rotators.key_vendor import ADMIN, KeyVendor, policy
from tminus.rotations.document import Document

_T = TypeVar("_T")
ROTATION = "20300101T000000.000000Z-0001"


class Desk:
    """A vendor, the rotator of one of its keys, and one turn of it."""

    def __init__(self, vendor: KeyVendor, url: str, estates: Estates) -> None:
        self.vendor = vendor
        self._estates = estates
        self._url = url
        self._admin = estates.secret(SecretStr(ADMIN))
        for name in ("of somebody else", "of another team", "in use"):
            vendor.made(name)
        self.old = vendor.keys[-1]
        value = json.dumps({"key": self.old.value, "id": self.old.id, "region": "eu"})
        self.turn = Turn(self.estate(), "orders", ROTATION, "v2", {}, Document(SecretStr(value), "orders (old)"))

    def estate(self) -> Estate:
        """The environment."""
        return self._estates.make(endpoints={"vendor": {"url": self._url}})

    def book(self, **changed: object) -> dict[str, object]:
        """What the book says."""
        said: dict[str, object] = {
            **policy("vendor", self._admin),
            "title": "Orders",
            "owner": "backend",
            "secret": "tradesense/orders",
            "every": "90d",
            "used": {"path": "/v1/keys/{id}", "last": "/last_used_at"},
        }
        return {name: value for name, value in (said | changed).items() if value is not None}

    def rotator(self, **changed: object) -> HttpKey:
        """The rotator of that book."""
        return HttpKey.model_validate(self.book(**changed))

    def do(self, act: Callable[[Turn], Coroutine[None, None, _T]], **changed: object) -> _T:
        """One call, with an environment opened for it alone, as each visit has one."""

        async def visit() -> _T:
            async with self.estate() as estate:
                return await act(replace(self.turn, estate=estate, **changed))  # type: ignore[arg-type]  # a turn's own

        return asyncio.run(visit())

    def create(self, rotator: HttpKey) -> Document:
        """A new key."""
        return self.do(rotator.create)
