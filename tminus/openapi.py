"""The gateway's own OpenAPI document: what knocks at which door, and with what each may be answered."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from pydantic import JsonValue

_Schema = dict[str, JsonValue]
_FORM, _JSON, _TEXT = "application/x-www-form-urlencoded", "application/json", "text/plain"
_SAID: _Schema = {"type": "object", "properties": {"error": {"type": "string"}}, "required": ["error"]}
_STATUS: _Schema = {"type": "object", "properties": {"status": {"type": "string"}}, "required": ["status"]}
_REFUSED: Mapping[int, str] = {
    400: "Signed, and nothing that is known here.",
    401: "Not signed by whom it says it is from, not just now, or sent before.",
    408: "Its body did not come in time.",
    413: "Its body is too large.",
    503: "Too many wait for the ledger, or too many requests are under way; sent again later it may be taken.",
}


@dataclass(frozen=True)
class Door:
    """One path.

    Attributes:
        method: by which it is asked.
        summary: what it is for.
        answers: status → what it means; refusals of signed doors are added.
        headers: that it wants.
        form: the fields of the form that it takes; a JSON document where it is empty and `headers` are wanted.
        media: what it answers with.
    """

    method: str
    summary: str
    answers: Mapping[int, str]
    headers: Sequence[str] = ()
    form: Sequence[str] = ()
    media: str = _JSON

    @property
    def signed(self) -> bool:
        """Whether only what is signed is let in."""
        return bool(self.headers)


_SLACK = ("X-Slack-Request-Timestamp", "X-Slack-Signature")
DOORS: Mapping[str, Door] = {
    "/slack/interactions": Door(
        "post",
        "A press on a button, or a dialog that was handed in, as Slack sends it.",
        {200: "Acknowledged; what comes of it is told in Slack. For a dialog with mistakes: what they are."},
        _SLACK,
        ("payload",),
    ),
    "/slack/commands": Door(
        "post",
        "A slash command, as Slack sends it.",
        {200: "Acknowledged; what comes of it is told in Slack."},
        _SLACK,
        ("user_id", "command", "text", "response_url"),
    ),
    "/pagerduty/webhooks": Door(
        "post",
        "An event of a V3 webhook subscription, as PagerDuty sends it.",
        {200: "Nothing for tminus, or taken before.", 202: "Acknowledged; what comes of it is noted on the incident."},
        ("X-PagerDuty-Signature",),
    ),
    "/health": Door("get", "Whether the process is alive.", {200: "It is."}),
    "/ready": Door(
        "get",
        "Whether the ledger answers and everything that runs here does.",
        {200: "It is.", 503: "What is not well."},
    ),
    "/metrics": Door("get", "Counts, in Prometheus' text format.", {200: "The counts."}, media=_TEXT),
    "/openapi.json": Door("get", "This document.", {200: "This document."}),
}


def document(paths: Collection[str], version: str) -> _Schema:
    """The document for a process that has these doors; one that is described nowhere raises KeyError."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "The gateway of tminus",
            "version": version,
            "description": "Everything else is answered 404 or 405.",
        },
        "paths": {path: {DOORS[path].method: _operation(path, DOORS[path])} for path in paths},
    }


def _operation(path: str, door: Door) -> _Schema:
    answers = {**door.answers, **(_REFUSED if door.signed else {})}
    found: _Schema = {
        "summary": door.summary,
        "operationId": path.strip("/").replace("/", "-").replace(".", "-"),
        "responses": {str(status): _answer(door, status, said) for status, said in sorted(answers.items())},
    }
    if door.signed:
        found["parameters"] = [
            {"name": name, "in": "header", "required": True, "schema": {"type": "string"}} for name in door.headers
        ]
        found["requestBody"] = {"required": True, "content": _body(door)}
    return found


def _body(door: Door) -> _Schema:
    if not door.form:
        return {_JSON: {"schema": {"type": "object"}}}
    fields: _Schema = {name: {"type": "string"} for name in door.form}
    return {_FORM: {"schema": {"type": "object", "properties": fields, "required": [door.form[0]]}}}


def _answer(door: Door, status: int, said: str) -> _Schema:
    """Refusals say why."""
    refused = status in _REFUSED and door.signed
    schema = _SAID if refused else _STATUS
    content: _Schema = {door.media: {"schema": {} if door.media == _TEXT else schema}}
    if door.signed and not refused:
        content = {_JSON: {"schema": {}}}
    if door.summary == DOORS["/openapi.json"].summary:
        content = {_JSON: {"schema": {"type": "object"}}}
    return {"description": said, "content": content}
