"""A live database's own settings, given to its copy: whoever may use a database may have written them."""

import pytest
from psycopg import sql

from tasks.backups.looked import Looked
from tasks.pg_settings import setting_values
from tasks.restores.postgres_look import _compare
from tminus.backups.contents import PostgresContents
from tminus.errors import CouldNotObserve


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ("shop, public", ["shop", "public"]),
        ('"$user", public', ["$user", "public"]),
        ('"a ""quoted"", one" ,b', ['a "quoted", one', "b"]),
        ('""', [""]),
        ("", [""]),
        ("public;ALTER/**/ROLE/**/app/**/SUPERUSER", ["public;ALTER/**/ROLE/**/app/**/SUPERUSER"]),
        ("public';DROP/**/DATABASE/**/orders;--", ["public';DROP/**/DATABASE/**/orders;--"]),
    ],
)
def test_a_list_is_taken_apart_as_pg_dump_does(value: str, names: list[str]) -> None:
    """Each name becomes a literal: nothing of what somebody set is run as SQL."""
    assert setting_values("search_path", value) == names
    said = sql.SQL(", ").join(map(sql.Literal, names)).as_string(None)
    assert said.count("'") == 2 * len(names) + 2 * value.count("'")


@pytest.mark.parametrize("value", ["public,", ",public", "public other", '"public', '"a" b', ", ,"])
def test_what_is_no_list_is_not_guessed_at(value: str) -> None:
    """The setting is named, and what it says is not told."""
    with pytest.raises(CouldNotObserve, match="setting search_path is no list of names"):
        setting_values("search_path", value)


def test_any_other_setting_is_one_value() -> None:
    """However many commas it has."""
    assert setting_values("app.regions", "eu, us; DROP TABLE x") == ["eu, us; DROP TABLE x"]


def test_what_a_setting_says_is_not_told() -> None:
    """Applications keep secrets there: what differs of the database itself is named, without what it says."""

    def contents(*database: str) -> PostgresContents:
        lines = {"database": database, "owners": ("database: shop",)}
        return PostgresContents(schema_lines=lines, tables={}, sequences={}, encoding="UTF8 C C c")

    looked = Looked()
    _compare(looked, contents("settings of all: app.jwt_secret 0f61c2"), contents())
    assert "of the database itself, as it was and is not now: database: settings of all" in looked.details
    assert "0f61c2" not in " ".join([*looked.details, *looked.wrong])
