"""Whether Slack knows the app, its channel, and each person as people.yaml does."""

import re
from collections.abc import Callable, Iterator, Mapping
from http.client import HTTPException
from typing import TypeVar

from pydantic import BaseModel, Field, ValidationError
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web import SlackResponse

from tminus.credentials import resolve
from tminus.doctor.finding import Finding, fail, ok, plain, warn
from tminus.doctor.patience import WITHIN, NoAnswer, Patience, within
from tminus.environment import Slack
from tminus.errors import MissingSecret
from tminus.people import Person

_CHANNEL = re.compile(r"^[CG][A-Z0-9]{2,}$")
_WORD = re.compile(r"^[a-z0-9_]{1,60}$")
_TOO_MANY = 429
# Scope, or others that do as well → what is not possible without it. docs.slack.dev/reference/scopes
_NEEDED: Mapping[tuple[str, ...], str] = {
    ("chat:write",): "nothing can be posted",
}
_USEFUL: Mapping[tuple[str, ...], str] = {
    ("channels:history", "groups:history"): "a message whose acknowledgement was lost is posted twice",
    ("channels:read", "groups:read"): "nobody can say whether the app is in its channel",
    ("users:read",): "people's Slack ids cannot be looked at",
    ("users:read.email",): "nobody can say whether a Slack id is the person's of that e-mail",
}
_M = TypeVar("_M", bound=BaseModel)
_SCOPE = "missing_scope"
_STUMBLES = (ValueError, AttributeError, TypeError, RecursionError)


class _Profile(BaseModel):
    email: str | None = None


class _Member(BaseModel):
    id: str = Field(pattern=r"^[UW][A-Z0-9]{2,30}$")
    deleted: bool = False
    is_bot: bool = False
    profile: _Profile = _Profile()


class _OneMember(BaseModel):
    user: _Member


class _Channel(BaseModel):
    is_member: bool = False
    is_archived: bool = False


class _OneChannel(BaseModel):
    channel: _Channel


class _App(BaseModel):
    team: str = ""
    user: str = ""


class SlackLook:
    """Asks one workspace; nothing there changes by it.

    Args:
        settings: the environment's section.

    Attributes:
        lost: the ids of the people whose Slack account cannot answer.
        seen: the ids of those whose account was seen, and can.
    """

    def __init__(self, settings: Slack) -> None:
        self._settings = settings
        self._patience = Patience()
        self.lost: set[str] = set()
        self.seen: set[str] = set()

    def findings(self, people: tuple[Person, ...]) -> Iterator[Finding]:
        """Everything that is found; the first answer that does not come ends it."""
        try:
            token = within(lambda: resolve(self._settings.token)).get_secret_value()
            self._client = WebClient(token=token, base_url=self._settings.api, timeout=int(WITHIN), retry_handlers=[])
            app = self._ask(self._client.auth_test)
            if isinstance(app, str):
                then = "put the bot token of the app where slack.token leads"
                yield fail("slack", f"auth.test says {app}", then)
                return
            named = _read(_App, app)
            yield ok("slack", f"the app is {plain(named.user)} in {plain(named.team)}")
            yield from _scopes(app.headers)
            yield from self._channel()
            for person in people:
                yield from self._person(person)
        except (NoAnswer, MissingSecret) as e:
            then = "mend it, or try again; what was not asked is not known"
            yield fail("slack", f"{self._settings.api} cannot be asked: {e}", then)

    def unknown(self, people: tuple[Person, ...]) -> set[str]:
        """The ids of those of whose account nobody can say: Slack did not answer, or may not be asked."""
        return {one.id for one in people if one.slack} - self.seen - self.lost

    def _channel(self) -> Iterator[Finding]:
        channel = self._settings.channel
        about = f"slack channel {plain(channel)}"
        if not _CHANNEL.match(channel):
            yield fail(about, "this is no channel's id, and a message can be changed by id only", "give its id (C…)")
            return
        found = self._ask(self._client.conversations_info, channel=channel)
        if found == _SCOPE:
            yield warn(
                about, "the app may not look at it", "give the app channels:read, or groups:read if it is private"
            )
        elif isinstance(found, str):
            then = "mend slack.channel, or invite the app if the channel is private"
            yield fail(about, f"Slack says {found}", then)
        elif (there := _read(_OneChannel, found).channel).is_archived:
            yield fail(about, "it is archived", "take it out of the archive, or name another")
        elif not there.is_member:
            yield fail(about, "the app is not in it", "invite the app there")
        else:
            yield ok(about, "the app is in it")

    def _person(self, person: Person) -> Iterator[Finding]:
        if person.slack is None:
            yield from self._looked_up(person)
            return
        found = self._ask(self._client.users_info, user=person.slack)
        if found == _SCOPE:
            yield warn(person.id, f"Slack id {person.slack} could not be looked at", "give the app users:read")
            return
        if isinstance(found, str):
            self.lost.add(person.id)
            yield fail(person.id, f"Slack says {found} of {plain(person.slack)}", "mend `slack` in people.yaml")
            return
        member = _read(_OneMember, found).user
        if member.deleted or member.is_bot or member.id == "USLACKBOT":
            self.lost.add(person.id)
            said = "is deactivated" if member.deleted else "is a bot"
            yield fail(person.id, f"Slack's {member.id} {said}", "mend `slack` in people.yaml")
            return
        yield self._same_address(person, member)

    def _same_address(self, person: Person, member: _Member) -> Finding:
        address = member.profile.email
        if not address or not person.email:
            lacks = "people.yaml has no e-mail of theirs" if address else "Slack does not show their e-mail"
            then = "add `email` to people.yaml" if address else "give the app users:read.email"
            self.seen.add(person.id)
            return warn(person.id, f"Slack's {member.id} is there, and may be anybody's: {lacks}", then)
        if address.lower() not in person.addresses:
            self.lost.add(person.id)
            said = f"Slack's {member.id} has the address {plain(address)}, people.yaml {person.email}"
            return fail(person.id, said, "mend whichever is wrong: presses by that account count as theirs")
        self.seen.add(person.id)
        return ok(person.id, f"Slack's {member.id}, by its e-mail")

    def _looked_up(self, person: Person) -> Iterator[Finding]:
        """Whom Slack would know by the address that is known."""
        alone = "has no Slack id, so they cannot answer in Slack"
        if person.email is None:
            yield warn(person.id, alone, "add `slack`, or `email` to have it looked up")
            return
        found = self._ask(self._client.users_lookupByEmail, email=person.email)
        if isinstance(found, str):
            told = (
                "Slack knows nobody by their e-mail" if found == "users_not_found" else f"looked up, Slack says {found}"
            )
            yield warn(person.id, f"{alone}; {told}", "add `slack` to people.yaml")
            return
        yield warn(person.id, alone, f"by their e-mail it is {_read(_OneMember, found).user.id}: add it as `slack`")

    def _ask(self, method: Callable[..., SlackResponse], **arguments: str) -> SlackResponse | str:
        """The answer, or Slack's word for why there is none; raises NoAnswer."""
        while True:
            try:
                return within(lambda: method(**arguments))
            except SlackApiError as e:
                if (status := e.response.status_code) == _TOO_MANY:
                    headers = {name.lower(): value for name, value in e.response.headers.items()}
                    self._patience.wait(str(headers.get("retry-after", "")))
                    continue
                word = e.response.data.get("error") if isinstance(e.response.data, dict) else None
                if not isinstance(word, str) or not _WORD.match(word) or status >= _TOO_MANY:
                    raise NoAnswer(f"status {status}, and not what Slack answers") from e
                return word
            # The client stumbles over JSON that is no object, or has no end.
            except (SlackClientError, OSError, HTTPException, *_STUMBLES) as e:
                raise NoAnswer(type(e).__name__) from e


def _scopes(headers: Mapping[str, str]) -> Iterator[Finding]:
    """What the app may do, by the header that Slack puts on every answer."""
    given = {name.lower(): value for name, value in headers.items()}.get("x-oauth-scopes")
    if given is None:
        yield warn("slack scopes", "Slack does not say which the token has", "look at them in the app's settings")
        return
    there = {scope.strip() for scope in str(given).split(",")}
    for needed, level in ((_NEEDED, fail), (_USEFUL, warn)):
        for scopes, otherwise in needed.items():
            if not there.intersection(scopes):
                yield level(
                    "slack scopes", f"without {' or '.join(scopes)} {otherwise}", "add it and install the app anew"
                )
    if all(there.intersection(scopes) for scopes in (*_NEEDED, *_USEFUL)):
        yield ok("slack scopes", "the token has all that are used")


def _read(model: type[_M], answer: SlackResponse) -> _M:
    """What an answer says; raises NoAnswer where it does not say that."""
    try:
        return model.model_validate(answer.data)
    except ValidationError as e:
        raise NoAnswer("an answer that is not Slack's") from e
