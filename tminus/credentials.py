"""Secrets by reference. A value exists only between `resolve` and its use, as a SecretStr."""

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator, SecretStr

from tminus.errors import MissingSecret

_FORMS = "env:NAME, aws:SECRET-ID, aws:SECRET-ID#KEY or prefect:BLOCK-SLUG"
CURRENT, PENDING, PREVIOUS = "current", "pending", "previous"
_STAGES = {CURRENT: "AWSCURRENT", PENDING: "AWSPENDING", PREVIOUS: "AWSPREVIOUS"}


def _known_form(reference: str) -> str:
    scheme, _, name = reference.partition(":")
    if scheme not in {"env", "aws", "prefect"} or not name:
        raise ValueError(f"not a reference to a secret; write {_FORMS}, never the value itself")
    return reference


SecretRef = Annotated[str, AfterValidator(_known_form)]


@dataclass(frozen=True)
class Staged:
    """A value that is to be accepted while its secret is rotated.

    Attributes:
        stage: `current`, `pending` or `previous`.
        version: the id of its version in Secrets Manager; "" where it comes from elsewhere.
    """

    stage: str
    version: str
    value: SecretStr


def resolve(reference: SecretRef) -> SecretStr:
    """The value behind a reference, read now.

    Raises MissingSecret, naming the reference and never a value, where nothing is behind it.
    """
    scheme, _, name = reference.partition(":")
    value = {"env": _from_environment, "aws": _from_secrets_manager, "prefect": _from_block}[scheme](name)
    if not value:
        how = {"env": f"export {name} for this process", "aws": "put it there", "prefect": "save a block of that name"}
        raise MissingSecret(f"the secret {reference} is not there or is empty; {how[scheme]}")
    return SecretStr(value)


def accepted(reference: SecretRef) -> tuple[Staged, ...]:
    """Every value behind a reference that is to be accepted while it is rotated, read now, the current one first.

    An `aws:` reference has those of AWSCURRENT, and where there are such of AWSPENDING and AWSPREVIOUS; every other
    reference has its current one alone. It answers or gives up within about half a minute. Raises MissingSecret as
    `resolve` does.
    """
    scheme, _, name = reference.partition(":")
    if scheme != "aws":
        return (Staged(CURRENT, "", resolve(reference)),)
    staged = tuple(one for one in _stages_of(name) if one.value.get_secret_value())
    if not staged or staged[0].stage != CURRENT:
        raise MissingSecret(f"the secret {reference} is not there or is empty; put it there")
    return staged


def _from_environment(name: str) -> str:
    return os.environ.get(name, "")


def _from_secrets_manager(name: str) -> str:
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    secret, _, key = name.partition("#")
    try:
        client, current = boto3.client("secretsmanager"), _STAGES[CURRENT]
        text = client.get_secret_value(SecretId=secret, VersionStage=current)["SecretString"]
        return _of_document(text, key) if key else text
    except (BotoCoreError, ClientError, KeyError, ValueError) as e:
        raise _unread(name, e) from e


def _stages_of(name: str) -> Iterator[Staged]:
    """The values of an `aws:` reference by stage, without stages that no version has or whose value has no such key."""
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    secret, _, key = name.partition("#")
    patience = Config(connect_timeout=2, read_timeout=3, retries={"total_max_attempts": 2})  # seconds
    try:
        client = boto3.client("secretsmanager", config=patience)
        for stage, called in _STAGES.items():
            absent = (client.exceptions.ResourceNotFoundException, KeyError, ValueError)
            with suppress(*() if stage == CURRENT else absent):
                answer = client.get_secret_value(SecretId=secret, VersionStage=called)
                text = answer["SecretString"]
                yield Staged(stage, answer["VersionId"], SecretStr(_of_document(text, key) if key else text))
    except (BotoCoreError, ClientError, KeyError, ValueError) as e:
        raise _unread(name, e) from e


def _unread(name: str, error: Exception) -> MissingSecret:
    return MissingSecret(f"the secret aws:{name} could not be read from Secrets Manager: {type(error).__name__}")


def _of_document(text: str, key: str) -> str:
    """One value of a JSON document; raises ValueError, KeyError."""
    try:
        document = json.loads(text)
    except ValueError:  # it would keep the whole text
        raise ValueError("no JSON") from None
    if not isinstance(document, dict):
        raise ValueError("no JSON document with keys")  # noqa: TRY004 - what was read is wrong, not who called
    value = document[key]
    return "" if value is None else str(value)


def _from_block(name: str) -> str:
    import httpx
    from prefect.blocks.system import Secret
    from prefect.exceptions import PrefectException
    from prefect.utilities.asyncutils import run_coro_as_sync

    try:
        block: Secret[str] | None = run_coro_as_sync(Secret.aload(name))
        return str(block.get()) if block else ""
    except (httpx.HTTPError, httpx.InvalidURL, PrefectException, OSError, RuntimeError) as e:
        raise MissingSecret(f"the secret prefect:{name} cannot be read: Prefect says {type(e).__name__}") from e
    except (ValueError, TypeError, AttributeError, KeyError) as e:
        raise MissingSecret(f"the secret prefect:{name} is no block on this Prefect server") from e
