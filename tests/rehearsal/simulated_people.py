"""The two people whom the tests of the simulator simulate, what they are asked, and where their answers arrive."""

import json
from urllib.parse import parse_qs

from pydantic import JsonValue
from slack_sdk.signature import SignatureVerifier
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from deployments.rehearsal.people_file import People

SECRET = "signing-secret-of-a-test"
LEAD, SECURITY = "U0DEVOPS1", "U0SECURE1"


def people(*changes: dict[str, object], **top: object) -> People:
    """A DevOps lead and a security lead, both quick, changed as given."""
    base: list[dict[str, object]] = [
        {"id": "lead", "slack_id": LEAD, "roles": ["devops_lead"], "delay": [0.0, 0.05]},
        {"id": "security", "slack_id": SECURITY, "roles": ["security_lead"], "delay": [0.0, 0.05]},
    ]
    merged = [one | (changes[index] if index < len(changes) else {}) for index, one in enumerate(base)]
    return People.model_validate({"seed": 7, "people": merged, **top})


class Gateway:
    """A named fake of tminus's gateway: checks Slack's signature with Slack's own library and keeps the payloads."""

    def __init__(self) -> None:
        self.payloads: list[dict[str, JsonValue]] = []
        self.statuses = [200]

    def app(self) -> Starlette:
        """The web application; answers with the statuses in turn, the last one from then on."""
        return Starlette(routes=[Route("/slack/interactions", self.take, methods=["POST"])])

    async def take(self, request: Request) -> Response:
        """Keep a payload whose signature holds."""
        body = await request.body()
        if not SignatureVerifier(SECRET).is_valid_request(body, dict(request.headers)):
            return Response(status_code=401)
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        if status == 200:
            self.payloads.append(json.loads(parse_qs(body.decode())["payload"][0]))
        return Response(status_code=status)

    def answers(self) -> list[tuple[str, str, str]]:
        """Who pressed, which action, with which value."""
        return [
            (one["user"]["id"], one["actions"][0]["action_id"], one["actions"][0]["value"])  # type: ignore[index,call-overload]
            for one in self.payloads
        ]


def ask(*roles: str, request: str = "go-no-go", nonce: str = "1", kind: str = "approval") -> list[dict[str, JsonValue]]:
    """The blocks of a request to these roles."""
    words = ("approve", "reject", "hold") if kind == "approval" else ("acknowledge",)
    return [
        {
            "type": "actions",
            "block_id": f"{request}:{role}",
            "elements": [
                {
                    "type": "button",
                    "action_id": f"tminus.{word}",
                    "text": {"type": "plain_text", "text": word.title()},
                    "value": f"{word}/{role}/{nonce}",
                }
                for word in words
            ],
        }
        for role in roles
    ]
