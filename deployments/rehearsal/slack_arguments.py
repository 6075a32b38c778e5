"""The arguments of one Slack Web API call, from a form or a JSON body, and how Slack refuses them."""

import json
from urllib.parse import parse_qsl

from pydantic import JsonValue, TypeAdapter, ValidationError

from deployments.rehearsal.call_record import JsonObject

_OBJECT: TypeAdapter[JsonObject] = TypeAdapter(JsonObject)


class SlackRefusal(Exception):
    """Slack's `{"ok": false, "error": …}`; `messages` say what was wrong where Slack would say it.

    The Web API answers it with HTTP 200; `status` is what a response URL answers.
    """

    def __init__(self, error: str, *messages: str, status: int = 400) -> None:
        super().__init__(error)
        self.error = error
        self.messages = messages
        self.status = status

    def body(self) -> JsonObject:
        """The answer's body."""
        answer: JsonObject = {"ok": False, "error": self.error}
        if self.messages:
            answer["errors"] = list(self.messages)
            answer["response_metadata"] = {"messages": [f"[ERROR] {message}" for message in self.messages]}
        return answer


class Arguments:
    """Arguments by name; in a form every value is text, and structures and flags are written in it."""

    def __init__(self, values: JsonObject) -> None:
        self.values = values

    @classmethod
    def parse(cls, content_type: str, body: bytes, query: str) -> "Arguments":
        """Read a request's arguments; raises SlackRefusal where the body is not what its content type says."""
        values: JsonObject = dict(parse_qsl(query, keep_blank_values=True))
        media = content_type.partition(";")[0].strip().lower()
        if not body:
            return cls(values)
        if media == "application/json":
            try:
                values.update(_OBJECT.validate_json(body))
            except ValidationError as error:
                raise SlackRefusal("invalid_json") from error
        elif media == "application/x-www-form-urlencoded":
            try:
                values.update(parse_qsl(body.decode(), keep_blank_values=True, strict_parsing=True))
            except ValueError as error:
                raise SlackRefusal("invalid_form_data") from error
        else:
            raise SlackRefusal("invalid_post_type")
        return cls(values)

    def text(self, name: str, default: str | None = None) -> str:
        """A text; without a default it must be there."""
        value = self.values.get(name)
        if value is None or (value == "" and default is None):
            if default is None:
                raise SlackRefusal("invalid_arguments", f"missing required field: {name}")
            return default
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            return str(value)
        raise SlackRefusal("invalid_arguments", f"must be a string [json-pointer:/{name}]")

    def flag(self, name: str) -> bool:
        """A flag, false unless given."""
        return self.values.get(name) in (True, 1, "1", "true", "True")

    def number(self, name: str, default: int, most: int) -> int:
        """A whole number from 1 to `most`."""
        text = self.text(name, str(default))
        if not text.isdecimal() or not 1 <= int(text) <= most:
            raise SlackRefusal("invalid_limit", f"must be a whole number from 1 to {most} [json-pointer:/{name}]")
        return int(text)

    def structure(self, name: str, refusal: str) -> JsonValue:
        """A list or object, which a form (and a JSON body too) may hold as JSON text; None where it is not given."""
        value = self.values.get(name)
        if not isinstance(value, str):
            return value
        try:
            parsed: JsonValue = json.loads(value)
        except ValueError as error:
            raise SlackRefusal(refusal) from error
        return parsed
