"""A database's secret with another login in it, wherever it says one."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg.conninfo import conninfo_to_dict
from pydantic import SecretStr

from tasks.rotators.login_document import renewed
from tminus.errors import CouldNotObserve, Refused
from tminus.rotations.document import Document

OLD, NEW = "the-old-password", "the-new-one"


def of(**fields: object) -> Document:
    """A secret's value."""
    plain = {"username": "shop_a", "password": OLD, "host": "db", "port": 5432}
    return Document(SecretStr(json.dumps({**plain, **fields})), "shop/database (AWSCURRENT)")


def new_of(old: Document, user: str = "shop_b", password: str = NEW) -> dict[str, object]:
    """Its fields with another login."""
    read: dict[str, object] = json.loads(renewed(old, "x", user, SecretStr(password)).text.get_secret_value())
    return read


def test_what_is_not_of_the_login_stays() -> None:
    """The engine, the host, and whatever a team put there."""
    assert new_of(of(team="shop")) == {
        "username": "shop_b",
        "password": "the-new-one",
        "host": "db",
        "port": 5432,
        "team": "shop",
    }


@given(
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=12),
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20),
)
def test_addresses_are_rewritten_for_any_login(user: str, password: str) -> None:
    """A URL and a `name=value` string say the same login, as libpq reads them, and lead where they led."""
    found = new_of(
        of(url=f"postgresql://shop_a:{OLD}@db:5433/shop?sslmode=require", dsn=f"host=db user=shop_a password={OLD}"),
        user,
        password,
    )
    url, dsn = (conninfo_to_dict(str(found[name])) for name in ("url", "dsn"))
    assert url == {
        "user": user,
        "password": password,
        "host": "db",
        "port": "5433",
        "dbname": "shop",
        "sslmode": "require",
    }
    assert dsn == {"user": user, "password": password, "host": "db"}


def test_an_address_without_a_login_is_left_alone() -> None:
    """Nobody's password is written where none was."""
    told = {"url": "https://wiki/shop", "dsn": "host=db dbname=shop"}
    assert {name: new_of(of(**told))[name] for name in told} == told
    assert new_of(of(url="postgresql+asyncpg://shop_a@db/shop"))["url"] == (
        "postgresql+asyncpg://shop_b:the-new-one@db/shop"
    )


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"url": f"jdbc:postgresql://db/shop?user=shop_a&password={OLD}"}, "after its question mark"),
        ({"dsn": f"host=db password='{OLD}"}, "neither a URL nor"),
        ({"url": f"postgresql://[db:{OLD}@x"}, "is no URL"),
        ({"jdbc": f"jdbc:postgresql://shop_a:{OLD}@db"}, "in other fields than password"),
        ({"nested": {"password": OLD}}, "in other fields than password"),
    ],
)
def test_what_would_keep_the_old_password_is_refused(fields: dict[str, object], why: str) -> None:
    """A field that nobody would change is no surprise for whoever reads it later; no password is told."""
    with pytest.raises(Refused, match=why) as refused:
        new_of(of(**fields))
    assert OLD not in f"{refused.value}{refused.value.__cause__}"


def test_a_secret_that_is_no_database_login() -> None:
    """What is missing is named."""
    with pytest.raises(CouldNotObserve, match="has no 'password'"):
        new_of(of(password=""))
