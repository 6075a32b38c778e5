"""A FAKE of AWS: moto, in a thread of this process, and in front of it answers to what moto lacks.

moto keeps its state in this process, so that what runs beside it may reach into it, and checks neither signatures nor
permissions. In front of it stands what speaks the services' JSON protocol for calls that moto does not have, and what
changes moto's own answers where moto cannot be made to say something (that a target is unhealthy, that a backup is
old). Those that run in a process at the same time share moto's one state.
"""

import io
import json
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from socketserver import ThreadingMixIn
from typing import Any
from urllib.parse import parse_qs
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from pydantic import JsonValue, TypeAdapter

ACCOUNT = "123456789012"
Answerer = Callable[[Mapping[str, JsonValue]], JsonValue | bytes]
"""From a call's parameters to its answer: JSON, or XML as it is sent."""
Instead = bytes | Callable[[re.Match[bytes]], bytes]
"""What is put for a match, as re.sub has it."""
_Start = Callable[..., Any]
_PARAMETERS = TypeAdapter(dict[str, JsonValue])
_STALE = b"<Error><Code>PreconditionFailed</Code><Message>At least one did not hold</Message></Error>"
_SERVICE = re.compile(r"Credential=[^/]+/\d+/[^/]+/([^/]+)/aws4_request")


@dataclass
class Alteration:
    """One change of what moto answers to a call, on the body as it is written."""

    call: str
    pattern: bytes
    instead: Instead


@dataclass
class FakeAws:
    """What is behind one address.

    Attributes:
        url: where it is.
        answers: call (`secretsmanager.ListSecretVersionIds`, `backup.GET /backup/plans/*/selections/`) → what answers.
        alterations: changes of moto's answers.
        asked: call → how often it was asked, whoever answered.
    """

    url: str = ""
    answers: dict[str, Answerer] = field(default_factory=dict)
    alterations: list[Alteration] = field(default_factory=list)
    asked: Counter[str] = field(default_factory=Counter)

    @contextmanager
    def altered(self, call: str, pattern: bytes, instead: Instead) -> Iterator[None]:
        """The block in which every match in moto's answers to a call reads otherwise."""
        one = Alteration(call, pattern, instead)
        self.alterations.append(one)
        try:
            yield
        finally:
            self.alterations.remove(one)

    @contextmanager
    def answering(self, call: str, answerer: Answerer) -> Iterator[None]:
        """The block in which a call is answered so."""
        before = self.answers.get(call)
        self.answers[call] = answerer
        try:
            yield
        finally:
            if before is None:
                del self.answers[call]
            else:
                self.answers[call] = before


def state(service: str, region: str) -> Any:
    """What moto keeps of a service in a region, as its own objects: for what no call of AWS could change."""
    return state_of_all(service)[ACCOUNT][region]


def state_of_all(service: str) -> Any:
    """What moto keeps of a service, of every account; raises KeyError where it has no such service."""
    from moto.backends import get_backend
    from moto.backends import list_of_moto_modules as known

    if service not in known():
        raise KeyError(f"moto has no {service!r}")
    return get_backend(service)  # type: ignore[call-overload]  # a name that was just looked up


class _Front:
    """A WSGI application: the fake's answers first, then moto's."""

    def __init__(self, fake: FakeAws, behind: Callable[..., Iterable[bytes]]) -> None:
        self._fake = fake
        self._behind = behind

    def __call__(self, environ: dict[str, Any], start: _Start) -> Iterable[bytes]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        call = _call(environ, body)
        self._fake.asked[call] += 1
        for pattern, answerer in list(self._fake.answers.items()):
            if fnmatchcase(call, pattern):
                answer = answerer(_parameters(body))
                if isinstance(answer, bytes):
                    return _reply(start, "200 OK", "text/xml", answer)
                return _reply(start, "200 OK", "application/x-amz-json-1.1", json.dumps(answer).encode())
        if _stale(environ):
            return _reply(start, "412 Precondition Failed", "application/xml", _STALE)
        changes = [one for one in self._fake.alterations if one.call == call]
        if not changes:
            return self._behind(environ, start)
        status, kind, answer = self._collected(environ)
        for one in changes:
            answer = re.sub(one.pattern, one.instead, answer)
        return _reply(start, status, kind, answer)

    def _collected(self, environ: dict[str, Any]) -> tuple[str, str, bytes]:
        said: list[tuple[str, str]] = []

        def start(status: str, headers: list[tuple[str, str]], *_: object) -> None:
            said.append((status, dict(headers).get("Content-Type", "text/xml")))

        answer = b"".join(self._behind(environ, start))
        return (*said[0], answer)


def _call(environ: Mapping[str, Any], body: bytes) -> str:
    """`service.Operation`, or where the operation is only in the address `service.METHOD /path`."""
    match = _SERVICE.search(str(environ.get("HTTP_AUTHORIZATION", "")))
    service = match[1] if match else "unsigned"
    target = str(environ.get("HTTP_X_AMZ_TARGET", "")).rpartition(".")[2]
    action = parse_qs(body.decode("utf-8", "replace")).get("Action", [""])[0] if not target else ""
    return f"{service}.{target or action or environ['REQUEST_METHOD'] + ' ' + environ['PATH_INFO']}"


def _stale(environ: Mapping[str, Any]) -> bool:
    """Whether a copy is asked for on condition that what it overwrites is as named, and it is not; moto copies."""
    wanted = environ.get("HTTP_IF_MATCH")
    if not wanted or "HTTP_X_AMZ_COPY_SOURCE" not in environ:
        return False
    _, bucket, key = environ["PATH_INFO"].encode("latin-1").decode().split("/", 2)
    found = state("s3", "aws").buckets[bucket].keys.get(key)
    return found is None or found.etag.strip('"') != wanted.strip('"')


def _parameters(body: bytes) -> dict[str, JsonValue]:
    if body.startswith(b"{"):
        return _PARAMETERS.validate_json(body)
    return {name: values[0] for name, values in parse_qs(body.decode("utf-8", "replace")).items()}


def _reply(start: _Start, status: str, kind: str, body: bytes) -> Iterable[bytes]:
    start(status, [("Content-Type", kind), ("Content-Length", str(len(body)))])
    return [body]


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"  # so that a client is told to go on (100 Continue) before it sends an object

    def log_message(self, *_: object) -> None:
        """Says nothing."""


_running: list[FakeAws] = []  # in this process


@contextmanager
def fake_aws() -> Iterator[FakeAws]:
    """The block in which moto runs, empty when the first one begins; nothing of it is left after the last one."""
    from moto.moto_api._internal.models import moto_api_backend
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

    fake = FakeAws()
    if not _running:
        moto_api_backend.reset()
    behind = DomainDispatcherApplication(create_backend_app)
    with make_server("127.0.0.1", 0, _Front(fake, behind), _Server, _Quiet) as server:
        fake.url = f"http://127.0.0.1:{server.server_port}"
        _running.append(fake)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield fake
        finally:
            server.shutdown()
            thread.join()
            _running.remove(fake)
            if not _running:
                moto_api_backend.reset()
