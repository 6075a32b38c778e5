"""Whether PagerDuty's REST API knows each person as people.yaml does, and what pages are sent by."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeVar

from pagerduty import RestApiV2Client
from pagerduty.errors import HttpError, UrlError
from pydantic import BaseModel, Field, ValidationError

from tminus.credentials import resolve
from tminus.doctor.finding import Finding, fail, ok, plain, warn
from tminus.doctor.patience import WITHIN, GivenUp, NoAnswer, Patience, within
from tminus.environment import PagerDuty
from tminus.errors import MissingSecret, UsageError
from tminus.pagerduty_rest import TROUBLES, sendable, trusted
from tminus.people import Person

_ID = re.compile(r"^[A-Za-z0-9]{1,64}$")  # ids go into paths
_NOT_FOUND, _TOO_MANY = 404, 429
_REFUSED = frozenset({401, 403})
_WELL = range(200, 300)
_M = TypeVar("_M", bound=BaseModel)


class _User(BaseModel):
    id: str = Field(pattern=r"^[A-Za-z0-9]{1,64}$")
    email: str | None = None


class _OneUser(BaseModel):
    user: _User


class _Users(BaseModel):
    users: list[_User]


@dataclass(frozen=True)
class _Reply:
    """What PagerDuty answered, without its client's types."""

    status: int
    headers: Mapping[str, str]
    content: bytes


def _reply(answer: "_HasReply") -> _Reply:
    return _Reply(answer.status_code, answer.headers, answer.content)


class _HasReply(Protocol):
    @property
    def status_code(self) -> int:
        """Its status."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Its headers, by names in any case."""

    @property
    def content(self) -> bytes:
        """Its body."""


class PagerDutyLook:
    """Asks one account, with the token that may write where there is one, else with the one that may read.

    Args:
        settings: the environment's section.
    """

    def __init__(self, settings: PagerDuty) -> None:
        self._settings = settings
        self._patience = Patience()
        self._api = settings.rest.api if settings.rest else settings.api

    def findings(self, people: tuple[Person, ...]) -> Iterator[Finding]:
        """Everything that is found; the first answer that does not come ends it."""
        rest = self._settings.rest
        reference = rest.token if rest else self._settings.token
        if reference is None:
            then = "add pagerduty.rest or pagerduty.token to have them looked at"
            yield warn("pagerduty", "without a REST token nobody can say whether people's ids are right", then)
            return
        try:
            token = sendable(within(lambda: resolve(reference)).get_secret_value())
            self._client = self._opened(token)
            yield from self._asked_all(people)
        except (NoAnswer, MissingSecret, UsageError) as e:
            then = "mend it, or try again; what was not asked is not known"
            yield fail("pagerduty", f"{self._api} cannot be asked: {e}", then)

    def _asked_all(self, people: tuple[Person, ...]) -> Iterator[Finding]:
        try:
            yield from self._pages()
            yield from self._nobodys(people)
            for person in people:
                yield from self._person(person)
        except GivenUp:
            raise
        except NoAnswer:
            self._client.close()
            raise
        self._client.close()

    def _opened(self, token: str) -> RestApiV2Client:
        try:
            client = RestApiV2Client(token, base_url=self._api, verify=trusted(self._settings), trust_env=False)
        except UrlError as e:
            raise UsageError("its address does not begin with https://") from e
        client.timeout = int(WITHIN)
        # Left to itself the client repeats a 429 for ever, and heeds no Retry-After; with 0 it would still repeat once.
        client.retry, client.max_http_attempts = {_TOO_MANY: 1}, -1
        client.max_network_attempts = 0  # further ones
        return client

    def _pages(self) -> Iterator[Finding]:
        """The service, the policies and the sender of the pages that the REST API makes."""
        rest = self._settings.rest
        if rest is None:
            return
        found = self._users(rest.from_email)
        if any((one.email or "").lower() == rest.from_email.lower() for one in found):
            yield ok("pagerduty", f"writes are in the name of {rest.from_email}")
        else:
            yield fail("pagerduty", f"no user has the address {rest.from_email}", "mend pagerduty.rest.from_email")
        named = {"service": ("services", rest.service)}
        named |= {f"policy of {role}": ("escalation_policies", policy) for role, policy in rest.policies.items()}
        for what, (path, identity) in named.items():
            if self._there(path, identity) is None:
                then = "mend pagerduty.rest in the environment file"
                yield fail("pagerduty", f"the {what}, {plain(identity)}, is not there", then)
            else:
                yield ok("pagerduty", f"the {what} is there")

    def _nobodys(self, people: tuple[Person, ...]) -> Iterator[Finding]:
        """Policies of roles that nobody has, now or as a deputy: no question ever waits for them."""
        lent = {role for one in people for deputy in one.deputies for role in deputy.roles}
        held = lent.union(*(one.roles for one in people))
        for role in self._settings.rest.policies if self._settings.rest else ():
            if role not in held:
                said = f"pagerduty.rest.policies names {plain(role)}, a role that nobody has"
                yield warn("pagerduty", said, "mend the role's name, or give it to somebody")

    def _person(self, person: Person) -> Iterator[Finding]:
        if person.pagerduty is None:
            yield from self._looked_up(person)
            return
        answer = self._there("users", person.pagerduty)
        if answer is None:
            said = f"PagerDuty has no user {plain(person.pagerduty)}"
            yield fail(person.id, said, "mend `pagerduty` in people.yaml")
            return
        user = _read(_OneUser, answer).user
        if not user.email or not person.email:
            lacks = "people.yaml has no e-mail of theirs" if user.email else "PagerDuty does not show their e-mail"
            yield warn(person.id, f"PagerDuty's {user.id} is there, and may be anybody's: {lacks}", "add `email`")
        elif user.email.lower() not in person.addresses:
            said = f"PagerDuty's {user.id} has the address {plain(user.email)}, people.yaml {person.email}"
            yield fail(person.id, said, "mend whichever is wrong: pages meant for them go there")
        else:
            yield ok(person.id, f"PagerDuty's {user.id}, by its e-mail")

    def _looked_up(self, person: Person) -> Iterator[Finding]:
        """Whom PagerDuty would know by the address that is known; somebody without an id is no trouble in itself."""
        if person.email is None:
            return
        same = [one.id for one in self._users(person.email) if (one.email or "").lower() == person.email.lower()]
        if same:
            then = f"by their e-mail it is {same[0]}: add it as `pagerduty`"
            yield warn(person.id, "has no PagerDuty id, so nobody can page them by name", then)

    def _users(self, address: str) -> list[_User]:
        answer = self._get("/users", {"query": address})
        if answer is None:
            raise NoAnswer("status 404; is this address PagerDuty's REST API?")
        return _read(_Users, answer).users

    def _there(self, path: str, identity: str) -> _Reply | None:
        """What has this id; None where nothing has, or could."""
        return self._get(f"/{path}/{identity}", {}) if _ID.match(identity) else None

    def _get(self, path: str, params: Mapping[str, str]) -> _Reply | None:
        """An answer; None where there is no such thing. Raises NoAnswer."""
        while True:
            answer = self._asked(path, params)
            status = answer.status
            if status == _TOO_MANY:
                self._patience.wait(answer.headers.get("retry-after") or answer.headers.get("ratelimit-reset") or "")
                continue
            if status == _NOT_FOUND:
                return None
            if status in _REFUSED:
                raise NoAnswer(f"status {status}: the token is not one of its REST API, or may not read users")
            if status not in _WELL:
                raise NoAnswer(f"status {status}")
            return answer

    def _asked(self, path: str, params: Mapping[str, str]) -> _Reply:
        try:
            return within(lambda: _reply(self._client.get(path, params=dict(params))))
        except HttpError as e:
            if e.response is not None:
                return _reply(e.response)
            raise NoAnswer(type(e).__name__) from e
        except TROUBLES as e:
            raise NoAnswer(type(e.__cause__ or e).__name__) from e
        except ValueError as e:  # its words may hold the token
            raise NoAnswer(f"{type(e).__name__}: the token, or the address, cannot be sent") from None


def _read(model: type[_M], answer: _Reply) -> _M:
    """What an answer says; raises NoAnswer where it does not say that."""
    try:
        return model.model_validate_json(answer.content)
    except ValidationError as e:
        raise NoAnswer("an answer that is not PagerDuty's") from e
