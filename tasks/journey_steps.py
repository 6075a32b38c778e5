"""The steps of a critical user journey, as a book writes them."""

import re
from datetime import timedelta
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, JsonValue, StringConstraints, Tag

from tminus.clock import Duration

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
Path = Annotated[str, StringConstraints(pattern=r"^\S+$")]
PLACEHOLDER = re.compile(r"\{([a-z][a-z0-9_]*)\}")
_SECRETIVE = re.compile(r"(?i)token|secret|passw|authori[sz]ation|cookie|session|credential|api-?_?key|jwt")


class _Part(BaseModel):
    """A part of a journey. What books call `json` has another name here, since pydantic's models have such a method."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, serialize_by_alias=True)


class Capture(_Part):
    """A value of the answer, kept for later steps. Written `name: path`, or `name: {path: …, secret: true}`.

    Attributes:
        path: dotted, from the top of the document: `account.id`, `orders.0.price`.
        secret: never shown; a name that speaks of a token, password or key is secret anyway.
    """

    path: Path
    secret: bool = False


def _as_capture(value: object) -> object:
    return {"path": value} if isinstance(value, str) else value


Captures = dict[Name, Annotated[Capture, BeforeValidator(_as_capture, json_schema_input_type=Path | Capture)]]


class Wanted(_Part):
    """What a message or an answer must hold.

    Attributes:
        document: dotted path → the value that must stand there; written `json:`.
        has: dotted paths at which something must stand.
    """

    document: dict[Path, JsonValue] = Field(default_factory=dict, alias="json")
    has: tuple[Path, ...] = ()


class WantedAnswer(Wanted):
    """What an answer must be.

    Attributes:
        status: one HTTP status, or several; by default any of 2xx.
        header: name → value.
    """

    status: int | tuple[int, ...] | None = None
    header: dict[str, str] = Field(default_factory=dict)


class _Step(_Part):
    """What all steps share.

    Attributes:
        name: what people call it; by default what it sends.
        headers: sent along.
        capture: kept for later steps.
        within: how long it may take.
    """

    name: str = ""
    headers: dict[str, str] = Field(default_factory=dict)
    capture: Captures = Field(default_factory=dict)
    within: Duration = timedelta(seconds=5)


class RequestStep(_Step):
    """One HTTP request.

    Attributes:
        request: the method and the path behind the front door: `POST /api/orders`.
        body: sent as JSON; written `json:`.
        log_in: whether it changes nothing but a session, and so may come before the account is known to be flagged.
    """

    _SAFE: ClassVar[frozenset[str]] = frozenset({"GET", "HEAD", "OPTIONS"})

    request: Annotated[str, StringConstraints(pattern=r"^(GET|HEAD|OPTIONS|POST|PUT|PATCH|DELETE) /\S*$")]
    body: JsonValue = Field(default=None, alias="json")
    expect: WantedAnswer = WantedAnswer()
    log_in: bool = False

    @property
    def title(self) -> str:
        """What it is called."""
        return self.name or self.request

    @property
    def changes(self) -> bool:
        """Whether it may change something (RFC 9110, 9.2.1)."""
        return self.request.split()[0] not in self._SAFE and not self.log_in


class WebSocketStep(_Step):
    """One WebSocket connection: sends, receives, closes.

    Attributes:
        websocket: the path behind the front door: `/prices`.
        send: messages sent first; text as it is, anything else as JSON.
        receive: how many messages are waited for.
        expect: what each of them must hold; captures are taken from the last.
    """

    websocket: Annotated[str, StringConstraints(pattern=r"^/\S*$")]
    send: tuple[JsonValue, ...] = ()
    receive: Annotated[int, Field(ge=1, le=1000)] = 1
    expect: Wanted = Wanted()

    @property
    def title(self) -> str:
        """What it is called."""
        return self.name or f"WebSocket {self.websocket}"

    @property
    def changes(self) -> bool:
        """Whether it may change something: nobody knows what a message does."""
        return bool(self.send)


def _sort(value: object) -> Literal["request", "websocket"] | None:
    for sort, model in (("request", RequestStep), ("websocket", WebSocketStep)):
        if isinstance(value, model) or (isinstance(value, dict) and sort in value):
            return "request" if sort == "request" else "websocket"
    return None


Step = Annotated[
    Annotated[RequestStep, Tag("request")] | Annotated[WebSocketStep, Tag("websocket")],
    Discriminator(
        _sort,
        custom_error_type="no_step",
        custom_error_message="expected a step with `request: GET /path` or `websocket: /path`",
    ),
]


class Flagged(_Part):
    """Where the service says that the account is made for tests.

    Attributes:
        step: the name of the step whose answer says so.
        path: dotted; what stands there must be true.
    """

    step: str
    path: Path


def secretive(name: str) -> bool:
    """Whether something of this name is a secret: a capture, a header, a field of a document."""
    return _SECRETIVE.search(name) is not None


def placeholders(step: RequestStep | WebSocketStep) -> frozenset[str]:
    """The names in braces that the step wants filled in."""
    return frozenset(PLACEHOLDER.findall(step.model_dump_json()))


def things(step: RequestStep) -> frozenset[str]:
    """The names in braces that say what the step is about: those in its path and body. Headers say who asks."""
    return frozenset(PLACEHOLDER.findall(step.model_dump_json(include={"request", "body"})))
