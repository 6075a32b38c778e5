"""A server that answers AWS's calls as a test says, and an estate that leads to it."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qs

from pydantic import JsonValue, SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from deployments.rehearsal.in_thread import served
from tasks.check import Check
from tasks.vocabulary import KINDS
from tests.conftest import Estates
from tminus.outcome import Outcome

Answers = Callable[[str, Mapping[str, JsonValue]], tuple[int, bytes]]
_METHODS = ["GET", "HEAD", "POST", "PUT"]


@dataclass
class Scripted:
    """What answers, and how often each call was made."""

    answers: Answers
    url: str = ""
    calls: Counter[str] = field(default_factory=Counter)

    async def __call__(self, request: Request) -> Response:
        """One call: its operation where that is named, else method and path."""
        body = await request.body()
        target = request.headers.get("x-amz-target", "").rpartition(".")[2]
        action = parse_qs(body.decode()).get("Action", [""])[0] if not target else ""
        call = target or action or f"{request.method} {request.url.path}"
        self.calls[call] += 1
        asked = json.loads(body) if target else dict(request.query_params)
        status, answer = self.answers(call, asked)
        return Response(answer, status, media_type="application/x-amz-json-1.1")


@contextmanager
def scripted(answers: Answers) -> Iterator[Scripted]:
    """The block in which it runs."""
    server = Scripted(answers)
    app = Starlette(routes=[Route("/{path:path}", server.__call__, methods=_METHODS)])
    with served(app) as server.url:
        yield server


def always(status: int, body: bytes) -> Answers:
    """The same answer to everything."""
    return lambda _call, _asked: (status, body)


async def outcome(estates: Estates, url: str, kind: str, given: Mapping[str, JsonValue], **expect: str) -> Outcome:
    """What a check comes to where AWS is at `url`; its bucket is called `backups`."""
    check = KINDS[kind].model_validate({**given, "expect": expect})
    assert isinstance(check, Check)
    keys = {"access_key": estates.secret(SecretStr("AKIATEST")), "secret_key": estates.secret(SecretStr("made-up"))}
    where = {"endpoint": url, "region": "eu-central-1", **keys}
    async with estates.make(aws=where, buckets={"backups": {"bucket": "vatic-backups", **where}}) as estate:
        return await check.observe(estate)


GOOD: dict[str, JsonValue] = {
    "Name": "vatic/stripe",
    "ARN": "arn:aws:secretsmanager:eu-central-1:1:secret:x",
    "RotationEnabled": True,
    "SecretVersionsToStages": {"1": ["AWSCURRENT"]},
}
SECRETS = json.dumps({"SecretList": [GOOD]}).encode()


def refusal(code: str) -> bytes:
    """The same refusal in all that AWS's protocols could read it from."""
    return json.dumps(
        {"__type": f"com.amazon#{code}", "code": code, "message": "User: arn:aws:iam::1:user/x …"}
    ).encode()


def xml_refusal(code: str) -> bytes:
    """A refusal of the query protocol, and of S3."""
    return f"<ErrorResponse><Error><Code>{code}</Code></Error></ErrorResponse>".encode()
