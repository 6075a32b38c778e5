"""A value within a secret, and the one that a person brings for it."""

from pydantic import SecretStr

from tasks.rotators.rotator import Turn
from tminus.errors import Refused
from tminus.rotations.document import Document


def value_of(document: Document, field: str) -> SecretStr:
    """The secret itself, where it is one plain text, or its field; raises CouldNotObserve where there is none."""
    return document.text if document.plain else document.secret(field)


def with_value(document: Document, field: str, value: SecretStr, of: str) -> Document:
    """The same secret with another value in that place."""
    return Document(value, of) if document.plain else document.changed(of, {field: value})


def given_value(turn: Turn, field: str, how: str) -> SecretStr:
    """What a person brought: the value alone, or the whole secret as it shall lie there.

    Raises Refused where nobody brought any, or what they brought is the old one; `how` says what to do.
    """
    if turn.given is None:
        raise Refused(f"{turn.name}: {how}, then `tminus rotate {turn.name} --given`, which asks for it unseen")
    value = SecretStr(value_of(turn.given, field).get_secret_value().strip())
    if value.get_secret_value() == value_of(turn.old, field).get_secret_value():
        raise Refused(f"{turn.name}: that is the old value; {how}, and give the new one")
    return value
