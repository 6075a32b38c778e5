"""What can be wrong with TradeSense's paths of the front, and the checks that must notice."""

from collections.abc import Iterator
from contextlib import contextmanager

from pydantic import JsonValue

from bench.worlds.world import Case, World, fault
from deployments.rehearsal.vendors.front import Front
from deployments.rehearsal.vendors.front_limits import Limit
from deployments.rehearsal.vendors.front_tradesense import GUESSED_AT

_API = {"endpoint": "api"}
_ORDER: dict[str, JsonValue] = {"method": "POST", "path": "/api/orders/preview", "identity": "customer"}
_PASSWORD: dict[str, JsonValue] = {"method": "POST", "path": "/api/passwords/check"}
_SOUND: dict[str, JsonValue] = {"symbol": "EURUSD", "side": "buy", "quantity": "1.5"}
_WEAK = {
    "length": "Ab3-efghijk",
    "capital": "ab3-efghijkl",
    "small": "AB3-EFGHIJKL",
    "digit": "Abc-efghijkl",
    "sign": "Ab3defghijkl",
}

TRADESENSE_CASES = (
    Case(
        "http.refuses",
        {
            **_API,
            "requests": [{**_PASSWORD, "name": rule, "json": {"password": weak}} for rule, weak in _WEAK.items()],
            "control": {**_PASSWORD, "json": {"password": "Ab3-efghijkl"}},
        },
        {"refused": "= all"},
        (*(("password_rule_is_gone", rule) for rule in _WEAK), "no_password_is_good_enough"),
    ),
    Case(
        "http.refuses",
        {
            **_API,
            "requests": [
                {**_ORDER, "json": {**_SOUND, "symbol": "<b>"}},
                {**_ORDER, "json": {**_SOUND, "side": "hold"}},
                {**_ORDER, "json": {**_SOUND, "quantity": "-1"}},
            ],
            "control": {**_ORDER, "json": _SOUND},
        },
        {"refused": "= all"},
        tuple(("orders_of_any", part) for part in ("symbol", "side", "quantity")),
    ),
    Case(
        "http.rate_limit",
        {**_API, "path": "/api/login", "method": "POST", "up_to": 10, "json": {"email": "nobody@tradesense.example"}},
        {"allowed": "<= 5", "told": "= yes"},
        (("logins_allowed", "6"), ("logins_allowed", "none"), "limit_does_not_say_when"),
    ),
    Case(
        "http.rate_limit",
        {**_API, "path": "/api/accounts", "method": "POST", "up_to": 8, "json": {"email": "none"}},
        {"allowed": "<= 3"},
        (("registrations_allowed", "4"), ("registrations_allowed", "none")),
    ),
    Case(
        "http.lockout",
        {**_API, "path": "/api/login", "after": 8, "json": {"email": GUESSED_AT, "password": "not this one"}},
        {"attempts": "<= 5"},
        (("guesses_allowed", "6"), ("guesses_allowed", "none")),
    ),
    Case(
        "http.request_size",
        {**_API, "path": "/api/orders/preview", "identity": "customer", "large": "2 MiB"},
        {"small": "= accepted", "large": "= refused"},
        (("orders_as_large_as", "2097152"), ("orders_as_large_as", "1023")),
    ),
    Case(
        "http.headers",
        {**_API, "header": "X-Content-Type-Options"},
        {"value": "= nosniff"},
        (("header_differs", "api", "X-Content-Type-Options", ""),),
    ),
    Case("endpoint.health", {"endpoint": "web"}, {"status": "= 200"}, (("site_answers_with", "/health", "503"),)),
)


class TradeSenseFaults(World):
    """A world with the front, whose paths for TradeSense can be broken."""

    front: Front

    @fault
    def logins_allowed(self, rate: str) -> Iterator[None]:
        """One may try to log in to an account another number of times in a minute; `none` for no limit."""
        with _another(self.front.accounts.logins, rate):
            yield

    @fault
    def registrations_allowed(self, rate: str) -> Iterator[None]:
        """One may register another number of times in a minute; `none` for no limit."""
        with _another(self.front.accounts.registrations, rate):
            yield

    @fault
    def guesses_allowed(self, attempts: str) -> Iterator[None]:
        """Neither the limit nor the lock stops whoever guesses before that; `none` for never."""
        accounts = self.front.accounts
        before, accounts.attempts = accounts.attempts, None if attempts == "none" else int(attempts)
        with _another(accounts.logins, attempts):
            yield
        accounts.attempts = before

    @fault
    def password_rule_is_gone(self, rule: str) -> Iterator[None]:
        """A password need not have one thing: `length`, `capital`, `small`, `digit` or `sign`."""
        self.front.accounts.rules.remove(rule)
        yield
        self.front.accounts.rules.add(rule)

    @fault
    def no_password_is_good_enough(self) -> Iterator[None]:
        """Every password is called weak."""
        self.front.accounts.takes_no_password = True
        yield
        self.front.accounts.takes_no_password = False

    @fault
    def orders_of_any(self, part: str) -> Iterator[None]:
        """Nobody looks at an order's `symbol`, `side` or `quantity`."""
        self.front.accounts.takes_any.add(part)
        yield
        self.front.accounts.takes_any.remove(part)

    @fault
    def orders_as_large_as(self, size: str) -> Iterator[None]:
        """Orders of up to so many bytes are taken."""
        before, self.front.accounts.largest = self.front.accounts.largest, int(size)
        yield
        self.front.accounts.largest = before

    @fault
    def header_differs(self, side: str, name: str, value: str) -> Iterator[None]:
        """A header of the `api` alone, or of the `site` alone, says something else; with no value it is not sent."""
        self.front.browser.differing[side] = {name: value}
        yield
        self.front.browser.differing.clear()

    @fault
    def site_answers_with(self, path: str, status: str) -> Iterator[None]:
        """A path of the site alone is answered with another status."""
        self.front.broken_of_site[path] = int(status)
        yield
        self.front.broken_of_site.clear()


@contextmanager
def _another(limit: Limit, rate: str) -> Iterator[None]:
    before, limit.rate = limit.rate, None if rate == "none" else int(rate)
    yield
    limit.rate = before
