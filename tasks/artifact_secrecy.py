"""Which values of a foreign document may be secrets: by the names that lead to them, and by what addresses hold."""

import re

from tasks.journey_steps import secretive

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")  # of apiKey, API_KEY, api-key and api.key
_SECRET_WORDS = frozenset(
    {"pass", "pwd", "pin", "key", "keys", "dsn", "pem", "private", "salt", "seed", "otp", "bearer"}
)
_SECRET_ENDS = ("passwd", "password", "apikey", "accesskey", "privatekey", "secretkey", "signingkey")
_CONNECTION = re.compile(r"(?i)conn(ection)?([_.-]?(string|str|info|ur[il]))?")  # but no connection_timeout
_CREDENTIALS = re.compile(r"(?i)\b([a-z][a-z0-9+.-]{0,30})://[^\s/?#]*@")
_ASSIGNED = re.compile(r"(?i)\b((?:password|passwd|pwd|secret|token|key|sig|signature)[a-z_-]*=)[^\s&;]+")


def names_secret(pointer: str) -> bool:
    """Whether a part of a JSON Pointer speaks of a secret; what stands below such a name is one too."""
    parts = pointer.split("/")[1:]
    return any(_secret(part) for part in parts) or bool(parts and _CONNECTION.fullmatch(parts[-1]))


def _secret(part: str) -> bool:
    words = [word.lower() for word in _WORDS.findall(part)]
    return secretive(part) or not _SECRET_WORDS.isdisjoint(words) or "".join(words).endswith(_SECRET_ENDS)


def without_credentials(text: str) -> str:
    """A text without user and password of the addresses in it, and without what is assigned to a secret's name."""
    return _ASSIGNED.sub(r"\1…", _CREDENTIALS.sub(r"\1://…@", text))
