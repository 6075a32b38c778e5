"""An Open Policy Agent, by a stand-in: which policies it has, and what it decides."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

from pydantic import JsonValue

from bench.worlds.world import Case, Sections, World, fault
from deployments.rehearsal.in_thread import served
from deployments.rehearsal.vendors.opa import OpaFake, Rule, by_role

_TOKEN = "opa-world-token"  # noqa: S105 - of a stand-in that lives for one play
_PATH = "vatic/authz/allow"


def _request(name: str, role: str, action: str, what: str, owner: str, *, allowed: bool) -> JsonValue:
    given: dict[str, JsonValue] = {"action": action, "resource": {"type": what, "owner": owner}}
    if role:
        given["user"] = {"id": "c1", "role": role}
    return {"name": name, "input": given, "allowed": allowed}


_REQUESTS: list[JsonValue] = [
    _request("a customer places an order", "customer", "place", "order", "c1", allowed=True),
    _request("a customer reads another's order", "customer", "read", "order", "c2", allowed=False),
    _request("a customer approves a withdrawal", "customer", "approve", "withdrawal", "c1", allowed=False),
    _request("an operator approves a withdrawal", "operator", "approve", "withdrawal", "c1", allowed=True),
    _request("a stranger reads an order", "", "read", "order", "c1", allowed=False),
]


def _whoever_owns_it(given: dict[str, JsonValue]) -> JsonValue:
    user, what = given.get("user"), given.get("resource")
    if isinstance(user, dict) and isinstance(what, dict):
        return by_role({**given, "resource": {**what, "owner": user.get("id")}})
    return by_role(given)


class OpaWorld(World):
    """An agent that denies what no rule allows."""

    system: ClassVar[str] = "opa"
    real: ClassVar[bool] = False
    cases: ClassVar[tuple[Case, ...]] = (
        Case(
            "opa.policies",
            {"path": _PATH},
            {"loaded": ">= 1", "default": "= denies"},
            ("nothing_loaded", ("decides", "allows"), ("decides", "undefined"), "another_document"),
        ),
        Case(
            "opa.decisions",
            {"path": _PATH, "cases": _REQUESTS},
            {"agreed": "= all", "undefined": "= 0"},
            (
                ("decides", "allows"),
                ("decides", "denies"),
                ("decides", "undefined"),
                "anothers_orders",
                ("may_also", "customer", "approve"),
                "another_document",
            ),
        ),
    )

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._agent = OpaFake(_TOKEN)
        self._url = ""

    @contextmanager
    def running(self) -> Iterator[None]:
        """Serves the stand-in."""
        with served(self._agent.app()) as self._url:
            yield

    def sections(self) -> Sections:
        """Its address."""
        return {"opa": {"url": self._url, "token": "env:WORLD_OPA_TOKEN"}}

    def secrets(self) -> dict[str, str]:
        """The token."""
        return {"WORLD_OPA_TOKEN": _TOKEN}

    @fault
    def nothing_loaded(self) -> Iterator[None]:
        """The agent runs, and its bundle never came."""
        before = self._agent.policies
        self._agent.policies = {}
        yield
        self._agent.policies = before

    @fault
    def decides(self, what: str) -> Iterator[None]:
        """Whatever is asked, the answer is the same."""
        always: dict[str, JsonValue] = {"allows": True, "denies": False, "undefined": None}
        yield from self._with({_PATH: lambda _: always[what]})

    @fault
    def anothers_orders(self) -> Iterator[None]:
        """Whose an order is, is not looked at."""
        yield from self._with({_PATH: _whoever_owns_it})

    @fault
    def may_also(self, role: str, action: str) -> Iterator[None]:
        """Whoever has a role may do something more, whatever it is done to."""

        def more(given: dict[str, JsonValue]) -> JsonValue:
            user = given.get("user")
            known = isinstance(user, dict) and user.get("role") == role
            return (known and given.get("action") == action) or by_role(given)

        yield from self._with({_PATH: more})

    @fault
    def another_document(self) -> Iterator[None]:
        """The rule was renamed, so that the document asked for is defined by none."""
        yield from self._with({"vatic/authorization/allow": by_role})

    def _with(self, rules: dict[str, Rule]) -> Iterator[None]:
        before = self._agent.rules
        self._agent.rules = rules
        yield
        self._agent.rules = before
