"""What Slack sends: a press on a button, a dialog that was handed in, a slash command."""

import json
from collections.abc import Iterator, Mapping
from typing import Annotated, Literal
from urllib.parse import parse_qs, urlsplit

from pydantic import AfterValidator, BaseModel, Field, TypeAdapter, ValidationError

_SLACK = (".slack.com", ".slack-gov.com")
_MOST_FIELDS = 50  # of a form; Slack's commands have a dozen


def _is_storable(text: str) -> bool:
    """Whether a database takes it as text."""
    return not any(letter == "\0" or "\ud800" <= letter <= "\udfff" for letter in text)


def _storable(text: str) -> str:
    if not _is_storable(text):
        raise ValueError("no text")
    return text


Text = Annotated[str, AfterValidator(_storable)]
_Id = Annotated[Text, Field(min_length=1, max_length=100)]


class Malformed(ValueError):
    """Nothing of Slack's that is known here; what was sent is not repeated."""


class User(BaseModel):
    """Who pressed."""

    id: _Id


class Place(BaseModel):
    """The channel in which something was pressed."""

    id: _Id


class Action(BaseModel):
    """A button, and what it carries."""

    action_id: Text = Field(max_length=255)
    value: Text = Field(max_length=2000)


class Pressed(BaseModel):
    """The parts of Slack's block_actions payload that say who pressed what, and where to answer.

    Attributes:
        trigger_id: opens one dialog, within three seconds.
        channel: where the message stands.
    """

    type: Literal["block_actions"] = "block_actions"
    user: User
    actions: list[Action] = Field(min_length=1, max_length=10)
    response_url: Text = Field(default="", max_length=2000)
    trigger_id: Text = Field(default="", max_length=500)
    channel: Place | None = None

    @classmethod
    def read(cls, body: bytes) -> "Pressed":
        """Reads a request's form; raises Malformed."""
        found = read_interaction(body)
        if not isinstance(found, cls):
            raise Malformed("no block_actions payload")
        return found

    @property
    def member(self) -> str:
        """Who, by their Slack id."""
        return self.user.id

    def about(self) -> Iterator[tuple[str, str]]:
        """Each launch that it names, and the button."""
        yield from ((action.value.partition("|")[0], action.action_id) for action in self.actions)


class Entered(BaseModel):
    """What somebody entered in one field of a dialog."""

    value: Text | None = Field(default=None, max_length=3000)
    selected_date: Text | None = Field(default=None, max_length=20)


class _State(BaseModel):
    values: dict[Text, dict[Text, Entered]] = Field(default_factory=dict, max_length=20)


class _View(BaseModel):
    callback_id: Text = Field(max_length=255)
    private_metadata: Text = Field(max_length=3000)
    state: _State


class Submitted(BaseModel):
    """The parts of Slack's view_submission payload: who handed which dialog in, with what in it."""

    type: Literal["view_submission"]
    user: User
    view: _View

    @property
    def member(self) -> str:
        """Who, by their Slack id."""
        return self.user.id

    @property
    def response_url(self) -> str:
        """A dialog has none."""
        return ""

    def entered(self, block: str) -> Entered:
        """What stands in the field of this block; nothing where there is none."""
        return next(iter(self.view.state.values.get(block, {}).values()), Entered())

    def about(self) -> Iterator[tuple[str, str]]:
        """The launch that it carries, and the dialog."""
        try:
            carried = json.loads(self.view.private_metadata)
        except (ValueError, RecursionError):
            return
        launch = carried.get("launch") if isinstance(carried, dict) else None
        if isinstance(launch, str) and _is_storable(launch):
            yield launch, self.view.callback_id


class Commanded(BaseModel):
    """The parts of a slash command that say who typed what, and where to answer."""

    user_id: _Id
    command: Text = Field(max_length=100)
    text: Text = Field(default="", max_length=4000)
    response_url: Text = Field(default="", max_length=2000)

    @classmethod
    def read(cls, body: bytes) -> "Commanded":
        """Reads a request's form; raises Malformed."""
        return cls.of({name: values[0] for name, values in _form(body).items()})

    @classmethod
    def of(cls, fields: object) -> "Commanded":
        """Reads what a form or an envelope holds; raises Malformed."""
        try:
            return cls.model_validate(fields)
        except (ValidationError, RecursionError):
            raise Malformed("no slash command") from None

    @property
    def member(self) -> str:
        """Who, by their Slack id."""
        return self.user_id

    def about(self) -> Iterator[tuple[str, str]]:
        """Where its second word is a launch's name, that, and the command's first word."""
        words = self.text.split(maxsplit=2)
        if len(words) > 1:
            yield words[1], words[0]


Interaction = Pressed | Submitted
Sent = Interaction | Commanded
_INTERACTION: TypeAdapter[Interaction] = TypeAdapter(Annotated[Interaction, Field(discriminator="type")])


def is_ssl_check(body: bytes) -> bool:
    """Whether it only asks for an answer: Slack looks so, now and then, whether a command's address has its TLS.

    Source: docs.slack.dev/interactivity/implementing-slash-commands, "Validating the command".
    """
    return body.startswith(b"ssl_check=1")


def read_interaction(body: bytes) -> Interaction:
    """Reads a request's form; raises Malformed."""
    try:
        return interaction_of(json.loads(_form(body)["payload"][0]))
    except (KeyError, ValueError, RecursionError):
        raise Malformed("no block_actions and no view_submission payload") from None


def interaction_of(payload: object) -> Interaction:
    """Reads an interaction's payload; raises Malformed."""
    if isinstance(payload, dict) and "actions" in payload:
        payload = {"type": "block_actions", **payload}
    try:
        return _INTERACTION.validate_python(payload)
    except (ValidationError, RecursionError):
        raise Malformed("no block_actions and no view_submission payload") from None


def _form(body: bytes) -> Mapping[str, list[str]]:
    try:
        return parse_qs(body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise Malformed("no form") from None


def is_slacks(url: str, api: str) -> bool:
    """Whether an answer may be sent there: to Slack over TLS, or to the server that the environment calls Slack."""
    try:
        there, ours = urlsplit(url), urlsplit(api)
    except ValueError:
        return False
    if there.scheme == "https" and (there.hostname or "").endswith(_SLACK):
        return True
    return (there.scheme, there.netloc) == (ours.scheme, ours.netloc)


def is_slacks_socket(url: str, api: str) -> bool:
    """Whether a WebSocket may be opened there: at Slack over TLS, or on the host that the environment calls Slack.

    Over TLS only at its usual port: at any other one the client would speak without.
    """
    try:
        there, ours = urlsplit(url), urlsplit(api)
        port = there.port
    except ValueError:
        return False
    if there.scheme == "wss":
        return (there.hostname or "").endswith(_SLACK) and port in {None, 443}
    return (there.scheme, ours.scheme) == ("ws", "http") and there.hostname == ours.hostname
