"""Protected paths: which they are, and when nothing is proven by their refusals."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import jwt
import pytest
from pydantic import SecretStr
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from bench.worlds.estates import check_of
from bench.worlds.world import Case
from deployments.rehearsal.in_thread import served
from tasks.web_openapi import protected_paths
from tests.conftest import Estates
from tests.tasks.web.conftest import TOKEN, Answering, Look
from tminus.errors import CouldNotObserve
from tminus.outcome import Outcome, Verdict

_DOCUMENT = """\
openapi: 3.0.3
security: [{bearer: []}]
paths:
  /health: {get: {security: []}}
  /optional: {get: {security: [{bearer: []}, {}]}}
  /orders:
    get: {}
    post: {}
  /orders/{id}/fills/{fill}:
    parameters: [{name: id, in: path, example: a/b}, {$ref: "#/components/parameters/fill"}]
    get: {security: [{key: []}]}
  /written: {put: {}}
"""


def described(estates: Estates, text: str) -> tuple[str, ...]:
    """The protected paths of a description."""
    (estates.folder / "openapi.yaml").write_text(text, "utf-8")
    return protected_paths(estates.folder, "openapi.yaml")


def test_what_is_read_only_with_a_credential_is_protected(estates: Estates) -> None:
    """Not what is open, not where it is optional, and nothing that writes; places are filled."""
    assert described(estates, _DOCUMENT) == ("/orders", "/orders/a%2Fb/fills/1")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "openapi: 3.0.3",
        "openapi: 3.0.3\npaths: {}",
        "openapi: 3.0.3\npaths: {/a: {get: {}}}",
        "openapi: 3.0.3\npaths: {/a: {get: 3}}",
        "a: [",
        "!!python/object:os.system {}",
        "a: &a [*a]",
        "\x00",
    ],
)
def test_a_description_that_protects_nothing_proves_nothing(estates: Estates, text: str) -> None:
    """Nor one that cannot be read."""
    with pytest.raises(CouldNotObserve, match=r"openapi\.yaml"):
        described(estates, text)


@pytest.mark.parametrize("name", ["../secret.yaml", "/etc/hostname", "gone.yaml", "."])
def test_nothing_beyond_the_artifacts_is_read(estates: Estates, name: str) -> None:
    """Whatever a book names."""
    (estates.folder / "artifacts").mkdir()
    (estates.folder / "secret.yaml").write_text(_DOCUMENT, "utf-8")
    with pytest.raises(CouldNotObserve):
        protected_paths(estates.folder / "artifacts", name)


@pytest.mark.parametrize("status", [401, 403])
async def test_what_refuses_everybody_proves_nothing_of_forgeries(
    answering: Answering, look: Look, status: int
) -> None:
    """A path that takes no token at all refuses a forged one too."""
    answering.status = status
    outcome = await look("http.authenticated", {"tampered": "= refused"}, paths=["/a"], identity="customer")
    assert outcome.verdict is Verdict.UNKNOWN
    outcome = await look("http.authenticated", {"accepted": "= yes"}, paths=["/a"], identity="customer")
    assert outcome.verdict is Verdict.FAIL


async def test_what_is_not_there_refuses_nobody(answering: Answering, look: Look) -> None:
    """404 is no refusal, nor is a broken server one."""
    for status in (404, 500, 302):
        answering.status = status
        outcome = await look("http.authenticated", {"refused": "= all"}, paths=["/a"], identity="customer")
        assert outcome.verdict is Verdict.FAIL
        assert f"GET /a answers {status} without a token" in outcome.summary


@pytest.mark.parametrize("answers", [[429], [401, 429], [401, 200, 429], [401, 200, 500]])
async def test_who_is_asked_too_often_says_nothing_of_who_asks(
    answering: Answering, look: Look, answers: list[int]
) -> None:
    """Nor does a server that breaks at a forged token."""
    answering.then = [(status, b"") for status in answers]
    answering.status = 401
    outcome = await look("http.authenticated", {"tampered": "= refused"}, paths=["GET /a"], identity="customer")
    assert outcome.verdict is Verdict.UNKNOWN
    assert "GET /a" in outcome.summary


async def test_an_opaque_token_cannot_be_unsigned(answering: Answering, look: Look) -> None:
    """It has no signature to leave out; it can still be changed."""
    answering.then = [(401, b""), (200, b"")]
    outcome = await look("http.authenticated", {"unsigned": "= refused"}, paths=["/a"], identity="customer")
    assert outcome.verdict is Verdict.UNKNOWN
    assert "no JSON Web Token" in outcome.summary
    answering.then = [(401, b""), (200, b""), (401, b"")]
    outcome = await look("http.authenticated", {"tampered": "= refused"}, paths=["/a"], identity="customer")
    assert outcome.verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("ends", "said"), [(3600, "has not expired yet"), (None, "does not say when it expired"), (-3600, "")]
)
async def test_an_expired_token_has_expired(
    answering: Answering, estates: Estates, ends: int | None, said: str
) -> None:
    """One that has not would be refused for another reason, or rightly accepted."""
    claims = {} if ends is None else {"exp": int(time.time()) + ends}
    expired = jwt.encode(claims, "k" * 32)
    answering.then = [(401, b""), (200, b"")]
    answering.status = 401
    outcome = await _with_expired(estates, answering.url, expired)
    assert outcome.verdict is (Verdict.UNKNOWN if said else Verdict.PASS)
    assert said in outcome.summary


async def _with_expired(estates: Estates, url: str, expired: str) -> Outcome:
    given = {"endpoint": "api", "paths": ["/a"], "identity": "customer", "expired_identity": "expired"}
    check = check_of(Case("http.authenticated", given, {"expired": "= refused"}))
    async with estates.make(
        endpoints={"api": {"url": url}},
        identities={"customer": estates.secret(SecretStr("a")), "expired": estates.secret(SecretStr(expired))},
    ) as estate:
        return await check.observe(estate)


async def test_expired_wants_a_token(look: Look) -> None:
    """Said before anything is asked."""
    with pytest.raises(ValueError, match="expired_identity"):
        await look("http.authenticated", {"expired": "= refused"}, paths=["/a"], identity="customer")


@contextmanager
def doors(**opens: str) -> Iterator[str]:
    """A gateway with 401 for strangers: `genuine` doors open to the token, `any` to every one, others lead nowhere."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        kind = opens.get(request.url.path.strip("/"))
        status = 401 if not token or (token != TOKEN and kind != "any") else 404 if kind is None else 200
        await Response(b"", status)(scope, receive, send)

    with served(answer) as url:
        yield url


async def test_a_gateway_before_nothing_lets_nobody_in(look: Look) -> None:
    """Every path is refused to strangers and is not there for anybody else: nothing opens, so nothing is proven."""
    with doors() as url:
        expect = {"refused": "= all"}
        outcome = await look("http.authenticated", expect, url=url, paths=["/a", "/b"], identity="customer")
    assert outcome.verdict is Verdict.FAIL
    assert "no path of 2 answers the genuine token with 2xx" in outcome.summary


async def test_every_door_is_tried_with_forged_tokens(look: Look) -> None:
    """One that believes anybody is enough, be it the last."""
    given = {"paths": ["/a", "/b", "/gone"], "identity": "customer"}
    with doors(a="genuine", b="any") as url:
        outcome = await look("http.authenticated", {"tampered": "= refused"}, url=url, **given)
    assert outcome.verdict is Verdict.FAIL
    assert "GET /b believes the tampered token" in outcome.summary
    with doors(a="genuine", b="genuine") as url:
        expect = {"tampered": "= refused", "refused": "= all", "opened": "= 2"}
        outcome = await look("http.authenticated", expect, url=url, **given)
    assert outcome.verdict is Verdict.PASS, outcome


async def test_the_genuine_token_never_writes(answering: Answering, look: Look) -> None:
    """A path that writes is asked whether it refuses, and by nobody who may."""
    answering.status = 401
    given = {"paths": ["POST /a", "PUT /b", "PATCH /c"], "identity": "customer"}
    outcome = await look("http.authenticated", {"refused": "= all"}, **given)
    assert outcome.verdict is Verdict.PASS, outcome
    assert [headers.get("authorization") for _, _, headers, _ in answering.asked] == [None] * 3


async def test_no_forged_token_is_sent_where_something_is_written(look: Look) -> None:
    """With the very fault that is looked for, it would write in the customer's name."""
    asked: list[tuple[str, bool]] = []

    async def believe(scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        asked.append((request.method, "Authorization" in request.headers))
        await Response(b"", 200 if "Authorization" in request.headers else 401)(scope, receive, send)

    paths = ["/a", "POST /withdrawals", "PUT /preferences", "PATCH /b"]
    with served(believe) as url:
        outcome = await look("http.authenticated", {"tampered": "= refused"}, url=url, paths=paths, identity="customer")
    assert outcome.verdict is Verdict.FAIL
    assert [method for method, token in asked if token] == ["GET", "GET"]
    assert sorted(method for method, token in asked if not token) == ["GET", "PATCH", "POST", "PUT"]


@pytest.mark.parametrize("count", [1, 9, 10, 60])
async def test_a_customers_allowance_is_not_spent_on_forgeries(look: Look, count: int) -> None:
    """Of many doors some get one spelling each, the first and the last among them; the first gets all."""
    asked: Counter[str] = Counter()
    genuine, expired = (jwt.encode({"exp": int(time.time()) + ends}, "k" * 32) for ends in (60, -60))

    async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        asked[request.url.path] += token not in {"", genuine}
        await Response(b"", 200 if token == genuine else 401)(scope, receive, send)

    paths = [f"/{number}" for number in range(count)]
    expect = dict.fromkeys(("tampered", "unsigned", "expired"), "= refused")
    given = {"paths": paths, "identity": "customer", "expired_identity": "expired"}
    with served(refuse) as url:
        outcome = await look("http.authenticated", expect, url=url, token=genuine, expired=expired, **given)
    assert outcome.verdict is Verdict.PASS, outcome
    assert asked["/0"] == 7
    assert count == 1 or asked[f"/{count - 1}"] == 3
    assert asked.total() == 7 + 3 * min(count - 1, 8)


@pytest.mark.parametrize("method", ["DELETE", "delete", "BREW"])
async def test_nothing_is_deleted(look: Look, method: str) -> None:
    """Whoever asks."""
    with pytest.raises(ValueError, match="nothing is deleted"):
        await look("http.authenticated", {"refused": "= all"}, paths=[f"{method} /a"], identity="customer")


async def test_tokens_are_tried_where_something_is_read(look: Look) -> None:
    """Where all paths write, none is seen to open."""
    with pytest.raises(ValueError, match="name a path that is read"):
        await look("http.authenticated", {"tampered": "= refused"}, paths=["POST /a"], identity="customer")


@pytest.mark.parametrize(
    ("servers", "base", "path"),
    [
        ("[{url: /v1}]", "", "/v1/a"),
        ("[{url: 'https://api.example.com/v1/'}]", "/", "/v1/a"),
        ("[{url: '/{version}', variables: {version: {default: v2}}}]", "", "/v2/a"),
        ("[{url: /v1}]", "/v1", "/a"),
        ("[{url: /}]", "", "/a"),
        ("[]", "/v1", "/a"),
    ],
)
def test_a_path_stands_behind_its_server(estates: Estates, servers: str, base: str, path: str) -> None:
    """But for what the address says already."""
    text = f"openapi: 3.0.3\nsecurity: [{{b: []}}]\nservers: {servers}\npaths: {{/a: {{get: {{}}}}}}"
    (estates.folder / "openapi.yaml").write_text(text, "utf-8")
    assert protected_paths(estates.folder, "openapi.yaml", base) == (path,)


def test_a_path_in_another_place_is_not_passed_over(estates: Estates) -> None:
    """It may be the one that is open."""
    with pytest.raises(CouldNotObserve, match="another place"):
        described(estates, "openapi: 3.0.3\nsecurity: [{b: []}]\npaths: {/a: {get: {}}, /b: {$ref: '#/x'}}")


async def test_not_some_of_too_many_paths_are_asked(estates: Estates, look: Look) -> None:
    """All are, or nothing is known."""
    paths = "".join(f"  /a{number}: {{get: {{}}}}\n" for number in range(501))
    (estates.folder / "openapi.yaml").write_text(f"openapi: 3.0.3\nsecurity: [{{b: []}}]\npaths:\n{paths}", "utf-8")
    outcome = await look("http.authenticated", {"refused": "= all"}, paths="openapi.yaml", identity="customer")
    assert outcome.verdict is Verdict.UNKNOWN
    assert "501 protected paths" in outcome.summary
