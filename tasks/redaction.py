"""What a command printed, cut to its end and without the secrets it could have known."""

import re
from collections.abc import Iterator, Sequence
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, SecretStr

from tminus.credentials import resolve
from tminus.environment import Environment
from tminus.errors import MissingSecret

HIDDEN = "***"
_NAMED = re.compile(r"(?:^|\s)password\s*=\s*('(?:[^'\\]|\\.)*'|\S+)")
_BROKEN = 3  # replacement characters that one UTF-8 character cut in two decodes to, at most


def inherited_secrets(environment: Environment) -> tuple[SecretStr, ...]:
    """The secrets that a command inherits from this process: those the environment file refers to as `env:NAME`.

    A connection string's password counts as one of its own, since a command may print it alone. Those that live
    elsewhere (`aws:`, `prefect:`) are never handed to a command, so it cannot have them from us.
    """
    found: list[SecretStr] = []
    for text in _texts(environment):
        if text.startswith("env:"):
            try:
                value = resolve(text)
            except MissingSecret:
                continue
            found += [value, *_passwords(value)]
    return tuple(found)


def _passwords(secret: SecretStr) -> list[SecretStr]:
    """The password in a URL, as it is written and as it is meant, or in libpq's `password=…`; usually none."""
    value = secret.get_secret_value()
    try:
        written = urlsplit(value).password
    except ValueError:  # no URL at all
        written = None
    if written is None and (named := _NAMED.search(value)):
        written = named[1].strip("'")
    return [SecretStr(form) for form in dict.fromkeys((written, unquote(written))) if form] if written else []


def redacted_tail(text: str, secrets: Sequence[SecretStr], length: int, cut: bool = False) -> str:
    """The last `length` characters of `text`, with every secret replaced.

    Args:
        text: the end of an output; where it is `cut`, give `margin(secrets)` characters more than `length`.
        secrets: what must not be shown.
        length: how many characters may be returned.
        cut: whether something stood before `text`: then a secret could have been cut in two by that.
    """
    for value in sorted((secret.get_secret_value() for secret in secrets), key=len, reverse=True):
        text = text.replace(value, HIDDEN) if value else text
    if cut:  # what is left of a secret cut in two stands at the very beginning
        text = text[margin(secrets) :]
    return text[-length:] if len(text) > length else text


def margin(secrets: Sequence[SecretStr]) -> int:
    """How many characters of a secret can be left over where a text is cut."""
    longest = max((len(secret.get_secret_value()) for secret in secrets), default=0)
    return longest + _BROKEN


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, BaseModel):
        for _, field in value:
            yield from _texts(field)
    elif isinstance(value, dict):
        for entry in value.values():
            yield from _texts(entry)
    elif isinstance(value, tuple):
        for entry in value:
            yield from _texts(entry)
