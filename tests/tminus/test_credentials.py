"""Secrets by reference: whatever is wrong behind a reference, it is named, and nothing of a value is."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from botocore.stub import Stubber
from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_MAX_RETRIES, temporary_settings

from deployments.rehearsal.ports import free_port
from tminus.credentials import resolve
from tminus.errors import MissingSecret

CANARY = "canary-5d1f-nobody-may-read-it"


class Answering(BaseHTTPRequestHandler):
    """A fake Prefect that answers everything as the test says."""

    code, body = 200, b"{}"

    def do_GET(self) -> None:
        """The scripted answer."""
        self.send_response(self.code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def prefect() -> Iterator[type[Answering]]:
    """The fake, as the Prefect that this process talks to."""
    script = type("Script", (Answering,), {})
    server = ThreadingHTTPServer(("127.0.0.1", 0), script)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    url = f"http://127.0.0.1:{server.server_address[1]}/api"
    with temporary_settings({PREFECT_API_URL: url, PREFECT_CLIENT_MAX_RETRIES: 0}):
        yield script
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize(
    ("code", "body"),
    [(404, b"{}"), (401, b"{}"), (403, b"{}"), (500, b"{}"), (200, b"[]"), (200, b"no json"), (200, b"{}")],
    ids=["unknown", "no key", "forbidden", "broken", "list", "no json", "empty"],
)
def test_whatever_prefect_answers_a_block_that_is_none_is_a_missing_secret(
    prefect: type[Answering], code: int, body: bytes
) -> None:
    """Named by its reference: whoever waits for it tries again, and no thread ends of it."""
    prefect.code, prefect.body = code, body
    with pytest.raises(MissingSecret, match="prefect:slack-token"):
        resolve("prefect:slack-token")


def test_a_prefect_that_does_not_answer_is_a_missing_secret() -> None:
    """It may be back later."""
    url = f"http://127.0.0.1:{free_port()}/api"
    with (
        temporary_settings({PREFECT_API_URL: url, PREFECT_CLIENT_MAX_RETRIES: 0}),
        pytest.raises(MissingSecret, match="prefect:slack-token cannot be read"),
    ):
        resolve("prefect:slack-token")


@pytest.fixture
def secrets_manager(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stubber]:
    """Secrets Manager, by botocore's own stubber."""
    import boto3

    client = boto3.client(
        "secretsmanager", region_name="eu-central-1", aws_access_key_id="x", aws_secret_access_key="x"
    )
    monkeypatch.setattr(boto3, "client", lambda _name: client)
    with Stubber(client) as stubber:
        yield stubber


@pytest.mark.parametrize(
    "text",
    [json.dumps([CANARY]), json.dumps(CANARY), "7", "null", CANARY, json.dumps({"other": CANARY}), '{"key": null}'],
    ids=["list", "text", "number", "null", "no json", "other key", "null value"],
)
def test_a_document_without_the_key_is_a_missing_secret(secrets_manager: Stubber, text: str) -> None:
    """Whatever the document is; what stands in it is not repeated."""
    secrets_manager.add_response("get_secret_value", {"SecretString": text})
    with pytest.raises(MissingSecret, match="aws:trading#key") as told:
        resolve("aws:trading#key")
    assert CANARY not in str(told.value)


def test_a_key_of_a_document_is_read(secrets_manager: Stubber) -> None:
    """And the whole text, where no key is named."""
    for _ in range(2):
        secrets_manager.add_response("get_secret_value", {"SecretString": json.dumps({"key": CANARY})})
    assert resolve("aws:trading#key").get_secret_value() == CANARY
    assert json.loads(resolve("aws:trading").get_secret_value()) == {"key": CANARY}
