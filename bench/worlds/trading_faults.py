"""What can be wrong with the trading API of the front, and the checks that must notice."""

from collections.abc import Iterator

from pydantic import JsonValue

from bench.worlds.world import Case, World, fault
from deployments.rehearsal.vendors.front import Front

_API = {"endpoint": "api"}
_ORDER: dict[str, JsonValue] = {"method": "POST", "path": "/orders/preview", "identity": "customer"}

TRADING_CASES = (
    Case(
        "http.refuses",
        {
            **_API,
            "requests": [{**_ORDER, "json": {"symbol": "EURUSD", "side": "buy", "quantity": 0}}],
            "control": {**_ORDER, "json": {"symbol": "EURUSD", "side": "buy", "quantity": 1}},
        },
        {"refused": "= all"},
        ("orders_are_not_checked", ("answers_with", "/orders/preview", "503")),
    ),
    Case(
        "http.refuses",
        {
            **_API,
            "requests": [{"path": "/admin/accounts", "identity": "customer"}],
            "with_statuses": [403],
            "control": {"path": "/admin/accounts", "identity": "operator"},
        },
        {"refused": "= all"},
        ("customers_may_all", ("believes", "refuses_all")),
    ),
    Case(
        "http.authenticated",
        {**_API, "paths": ["/orders", "/admin/accounts", "POST /withdrawals"], "identity": "customer"},
        {"refused": "= all", "accepted": "= yes", "tampered": "= refused"},
        (
            ("path_takes_any_token", "/orders"),
            ("path_is_open", "/admin/accounts"),
            ("path_is_open", "/withdrawals"),
            ("believes", "refuses_all"),
        ),
    ),
    Case(
        "http.rate_limit",
        {**_API, "path": "/orders", "identity": "customer-2", "up_to": 110},
        {"allowed": "<= 100", "refused": ">= 1"},
        (("users_may_ask", "none"), ("users_may_ask", "101")),
    ),
)


class TradingFaults(World):
    """A world with the front, whose trading API can be broken."""

    front: Front

    @fault
    def path_takes_any_token(self, path: str) -> Iterator[None]:
        """A protected path, alone of all, believes every token."""
        self.front.lax_paths.add(path)
        yield
        self.front.lax_paths.clear()

    @fault
    def orders_are_not_checked(self) -> Iterator[None]:
        """Any order is taken."""
        self.front.trading.checks_orders = False
        yield
        self.front.trading.checks_orders = True

    @fault
    def customers_may_all(self) -> Iterator[None]:
        """Customers are let in where operators alone should be."""
        self.front.trading.asks_for_roles = False
        yield
        self.front.trading.asks_for_roles = True

    @fault
    def users_may_ask(self, rate: str) -> Iterator[None]:
        """A user may ask for orders another number of times in a minute; `none` for as often as they like."""
        limit = self.front.trading.limit
        before, limit.rate = limit.rate, None if rate == "none" else int(rate)
        yield
        limit.rate = before
