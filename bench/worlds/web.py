"""The system's own front: its answers, headers, refusals, limits, health and files; a stand-in serves it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

from bench.worlds.tradesense_faults import TRADESENSE_CASES, TradeSenseFaults
from bench.worlds.trading_faults import TRADING_CASES, TradingFaults
from bench.worlds.web_cases import CASES
from bench.worlds.world import Case, Sections, fault
from deployments.rehearsal.in_thread import served
from deployments.rehearsal.vendors.front import CUSTOMER, Front
from deployments.rehearsal.vendors.front_headers import OURS
from deployments.rehearsal.vendors.front_trading import OPERATOR

_DESCRIPTION = """\
openapi: 3.1.0
info: {title: Vatic, version: "1"}
security: [{bearer: []}]
paths:
  /health: {get: {security: []}}
  /orders: {get: {}}
  /admin/withdrawals: {get: {}}
  /api/account: {get: {}}
  /api/orders/{order}:
    parameters: [{name: order, in: path, required: true, example: 7}]
    get: {}
"""


def _variable(identity: str) -> str:
    return f"WORLD_WEB_{identity.upper().replace('-', '_')}"


class Web(TradingFaults, TradeSenseFaults):
    """A well-kept front."""

    system: ClassVar[str] = "web"
    real: ClassVar[bool] = False
    cases: ClassVar[tuple[Case, ...]] = (*CASES, *TRADING_CASES, *TRADESENSE_CASES)

    @contextmanager
    def running(self) -> Iterator[None]:
        """The API and the site, each served in a thread."""
        self.front = Front()
        artifacts = self.folder / "artifacts"
        artifacts.mkdir(parents=True)
        (artifacts / "openapi.yaml").write_text(_DESCRIPTION, "utf-8")
        with served(self.front.app()) as self.url, served(self.front.app(site=True)) as self.site:
            yield

    def sections(self) -> Sections:
        """The API, the site, and four identities. What is counted begins anew with each look."""
        self.front.forget()
        names = ("customer", "customer-2", "operator", "expired")
        identities: Sections = {name: f"env:{_variable(name)}" for name in names}
        return {
            "endpoints": {"api": {"url": self.url}, "web": {"url": self.site}, "cdn": {"url": self.site}},
            "identities": identities,
            "artifacts": str(self.folder / "artifacts"),
        }

    def secrets(self) -> dict[str, str]:
        """Tokens of the front's own making."""
        tokens = self.front.tokens
        return {
            _variable("customer"): tokens.issue(CUSTOMER),
            _variable("customer-2"): tokens.issue("second@example.com"),
            _variable("operator"): tokens.issue(OPERATOR),
            _variable("expired"): tokens.issue(CUSTOMER, lifetime=-60),
        }

    @fault
    def answers_with(self, path: str, status: str) -> Iterator[None]:
        """A path is answered with another status."""
        self.front.broken[path] = int(status)
        yield
        self.front.broken.clear()

    @fault
    def figure(self, name: str, value: str) -> Iterator[None]:
        """A figure is another one."""
        before = dict(self.front.figures)
        self.front.figures[name] = float(value) if value.replace(".", "", 1).isdigit() else value
        yield
        self.front.figures = before

    @fault
    def figure_is_gone(self, name: str) -> Iterator[None]:
        """A figure is no longer told."""
        before = dict(self.front.figures)
        del self.front.figures[name]
        yield
        self.front.figures = before

    @fault
    def describes(self, *paths: str) -> Iterator[None]:
        """Its own description has these paths alone."""
        before, self.front.described = self.front.described, paths
        yield
        self.front.described = before

    @fault
    def answer_is_old(self) -> Iterator[None]:
        """The answer was made three hours ago."""
        self.front.server_age = 3 * 3600
        yield
        self.front.server_age = 60.0

    @fault
    def is_slow(self, seconds: str) -> Iterator[None]:
        """Every answer takes longer."""
        self.front.slow = float(seconds)
        yield
        self.front.slow = 0.0

    @fault
    def header_is(self, name: str, value: str) -> Iterator[None]:
        """A header says something else, or, with no value, is not sent."""
        browser = self.front.browser
        before = dict(browser.headers)
        browser.headers[name] = value
        browser.headers = {name: value for name, value in browser.headers.items() if value}
        yield
        browser.headers = before

    @fault
    def cookie_is(self, attributes: str) -> Iterator[None]:
        """The session's cookie has other attributes."""
        before, self.front.browser.cookie = self.front.browser.cookie, attributes
        yield
        self.front.browser.cookie = before

    @fault
    def pages_may_read(self, origins: str) -> Iterator[None]:
        """Other pages may read its answers."""
        self.front.browser.origins = origins
        yield
        self.front.browser.origins = OURS

    @fault
    def weak_passwords_are_taken(self) -> Iterator[None]:
        """A password of four letters will do."""
        self.front.shortest_password = 4
        yield
        self.front.shortest_password = 12

    @fault
    def no_password_is_taken(self) -> Iterator[None]:
        """No password is long enough, so nobody can register."""
        self.front.shortest_password = 1000
        yield
        self.front.shortest_password = 12

    @fault
    def input_breaks_a_query(self) -> Iterator[None]:
        """What a customer types ends up in the query's text."""
        self.front.guards_sql = False
        yield
        self.front.guards_sql = True

    @fault
    def input_is_not_escaped(self) -> Iterator[None]:
        """What a customer types stands in the page as it is."""
        self.front.escapes = False
        yield
        self.front.escapes = True

    @fault
    def names_lead_out(self) -> Iterator[None]:
        """A file's name may lead out of the folder."""
        self.front.guards_files = False
        yield
        self.front.guards_files = True

    @fault
    def errors_show_their_place(self) -> Iterator[None]:
        """An error's page has the stack trace."""
        self.front.hides_errors = False
        yield
        self.front.hides_errors = True

    @fault
    def forms_need_no_token(self) -> Iterator[None]:
        """A change is taken from any page."""
        self.front.checks_csrf = False
        yield
        self.front.checks_csrf = True

    @fault
    def path_is_open(self, path: str) -> Iterator[None]:
        """A protected path asks for no token."""
        self.front.open_paths.add(path)
        yield
        self.front.open_paths.clear()

    @fault
    def believes(self, switch: str) -> Iterator[None]:
        """Tokens that must not be believed are."""
        setattr(self.front.tokens, switch, True)
        yield
        setattr(self.front.tokens, switch, False)

    @fault
    def limit_is(self, rate: str) -> Iterator[None]:
        """Another number of requests is let through; `none` for all."""
        self.front.rate = None if rate == "none" else int(rate)
        yield
        self.front.rate = 20

    @fault
    def limit_does_not_say_when(self) -> Iterator[None]:
        """A refusal for the rate does not say when to come back."""
        self.front.tells_when = False
        yield
        self.front.tells_when = True

    @fault
    def limit_does_not_pass(self) -> Iterator[None]:
        """Who was refused once is refused for an hour."""
        self.front.rests = 3600.0
        yield
        self.front.rests = 0.2

    @fault
    def window_is(self, seconds: str) -> Iterator[None]:
        """The limit's window is longer."""
        self.front.window = float(seconds)
        yield
        self.front.window = 60.0

    @fault
    def largest_is(self, size: str) -> Iterator[None]:
        """Bodies of another size are taken."""
        self.front.largest = int(size)
        yield
        self.front.largest = 64 * 1024

    @fault
    def locks_after(self, attempts: str) -> Iterator[None]:
        """An account is locked after another number of wrong passwords; `none` for never."""
        self.front.attempts = None if attempts == "none" else int(attempts)
        yield
        self.front.attempts = 5

    @fault
    def part_is(self, name: str, word: str) -> Iterator[None]:
        """A part of the system is not well; with no word, it is not named."""
        before = dict(self.front.components)
        if word:
            self.front.components[name] = word
        else:
            del self.front.components[name]
        yield
        self.front.components = before

    @fault
    def says_unwell(self) -> Iterator[None]:
        """The system says that it is not well, though each part is."""
        self.front.unwell = True
        yield
        self.front.unwell = False

    @fault
    def shows_a_page(self, path: str, text: str = "We will be back soon") -> Iterator[None]:
        """Another page is shown, with status 200; by default one of a maintenance."""
        self.front.texts[path] = text
        yield
        self.front.texts.clear()

    @fault
    def files_are_not_cached(self) -> Iterator[None]:
        """Every file comes from the origin."""
        self.front.delivery.caches = False
        yield
        self.front.delivery.caches = True

    @fault
    def files_are_not_compressed(self) -> Iterator[None]:
        """Every file is sent as it is."""
        self.front.delivery.compresses = False
        yield
        self.front.delivery.compresses = True

    @fault
    def files_are_kept_for(self, seconds: str) -> Iterator[None]:
        """A browser may keep a file for another time; 0 for not told."""
        self.front.delivery.max_age = int(seconds)
        yield
        self.front.delivery.max_age = 31_536_000

    @fault
    def file_is_gone(self) -> Iterator[None]:
        """The file is not there."""
        self.front.delivery.gone = True
        yield
        self.front.delivery.gone = False
