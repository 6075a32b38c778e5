"""A journey through the shop, and whoever walks it."""

from copy import deepcopy
from typing import cast

from tasks.checks.journey import Journey
from tests.conftest import Estates
from tminus.outcome import Outcome

AUTHORIZED = {"Authorization": "Bearer {token}"}


BOOK: dict[str, object] = {
    "service": "trading",
    "flagged": {"step": "open an account", "path": "synthetic"},
    "steps": [
        {
            "name": "open an account",
            "request": "POST /accounts",
            "json": {"email": "{launch}-{unique}@synthetic.test", "password": "{password}", "synthetic": True},
            "capture": {"account": "id"},
            "expect": {"status": 201},
        },
        {
            "name": "log in",
            "request": "POST /login",
            "json": {"email": "{launch}-{unique}@synthetic.test", "password": "{password}"},
            "capture": {"token": {"path": "token", "secret": True}},
        },
        {"name": "watch prices", "websocket": "/prices", "receive": 2, "expect": {"json": {"symbol": "EURUSD"}}},
        {
            "name": "buy",
            "request": "POST /orders",
            "headers": AUTHORIZED,
            "json": {"symbol": "EURUSD"},
            "capture": {"order": "id"},
            "expect": {"status": 201, "json": {"status": "open", "items.0.n": 1}, "has": ["items.0"]},
        },
    ],
    "clean_up": [
        {"name": "close the account", "request": "DELETE /accounts/{account}", "headers": AUTHORIZED},
        {
            "name": "cancel the order",
            "request": "DELETE /orders/{order}",
            "headers": AUTHORIZED,
            "expect": {"json": {"status": "cancelled"}, "header": {"X-Version": "2.0.0"}},
        },
    ],
    "expect": {"steps": "= all"},
}


Steps = list[dict[str, object]]


def book(**changed: object) -> dict[str, object]:
    """The journey, with parameters changed."""
    return {**deepcopy(BOOK), **changed}


def step(parameters: dict[str, object], name: str) -> dict[str, object]:
    """One of its steps, to be changed."""
    steps = cast("Steps", parameters["steps"]) + cast("Steps", parameters["clean_up"])
    return next(one for one in steps if one["name"] == name)


class Walker:
    """Walks journeys through the shop."""

    def __init__(self, estates: Estates, front: str) -> None:
        self._estates = estates
        self._front = front

    async def walk(self, parameters: dict[str, object]) -> Outcome:
        """The outcome of the check."""
        service = {
            "front": self._front,
            "nginx": {
                "config": "n",
                "upstream": "t",
                "include": "n",
                "reload": {"argv": ["true"]},
                "pools": {"blue": ["127.0.0.1:1"], "green": ["127.0.0.1:2"]},
            },
            "roll_out": {verb: {"argv": ["true"]} for verb in ("run", "probe", "undo")},
        }
        async with self._estates.make(services={"trading": service}) as estate:
            return await Journey.model_validate(parameters).observe(estate)
