"""A secret's value shows nothing of itself, whatever it is, and its fields are read by name."""

import json
import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from tminus.errors import CouldNotObserve
from tminus.rotations.document import Document

OF = "house/door (AWSCURRENT)"
_CANARY = "canary-5f2e"


def document(text: str) -> Document:
    """One that lies in Secrets Manager."""
    return Document(SecretStr(text), OF)


@given(st.sampled_from(['{{"password": {}}}', "[{}]", "{}", "{{{}", '{{"user": 1, "password": [{}]}}']))
def test_no_error_and_no_repr_holds_it(shape: str) -> None:
    """What cannot be read is named, and nothing of what stands there is."""
    value = document(shape.format(json.dumps(_CANARY)))
    assert _CANARY not in repr(value)
    with pytest.raises(CouldNotObserve) as raised:
        value.name("username")
    assert OF in str(raised.value)
    assert _CANARY not in "".join(traceback.format_exception(raised.value))


def test_fields_by_name() -> None:
    """A field is there or not; what is changed is, and the rest stays as it was."""
    old = document(json.dumps({"username": "app_a", "password": _CANARY, "port": 5432}))
    new = old.changed("the new one", {"username": "app_b", "password": SecretStr("other")})
    assert (new.name("username"), new.secret("password").get_secret_value()) == ("app_b", "other")
    assert json.loads(new.text.get_secret_value())["port"] == 5432
    assert old.has("password")
    assert not old.has("dsn")
    assert not old.same_as(new)
    assert old.same_as(document(old.text.get_secret_value()))


def test_a_plain_text() -> None:
    """It is one secret without fields."""
    value = document("whsec_of_a_vendor")
    assert value.plain
    assert not value.has("password")
    with pytest.raises(CouldNotObserve, match="no JSON"):
        value.name("password")
