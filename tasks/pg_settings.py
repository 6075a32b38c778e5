"""A setting as a database or a role keeps it (pg_db_role_setting), made SQL again without trusting a letter of it."""

import re
from typing import TYPE_CHECKING

from tminus.errors import CouldNotObserve
from tminus.foreign_text import printable

if TYPE_CHECKING:
    from psycopg import sql

# GUC_LIST_QUOTE in guc_tables.c: kept as a list of names, each quoted where it needs to be.
_LISTS = frozenset(
    {
        "local_preload_libraries",
        "search_path",
        "session_preload_libraries",
        "shared_preload_libraries",
        "temp_tablespaces",
        "unix_socket_directories",
    }
)
_LISTED = re.compile(r'\s*(?:"((?:[^"]|"")*)"|([^\s",][^\s,]*))\s*(,|$)', re.ASCII)


def setting_sql(name: str, value: str) -> "sql.Composed":
    """`name TO value`, for ALTER DATABASE or ALTER ROLE … SET. Raises CouldNotObserve where a list is none."""
    from psycopg import sql

    values = sql.SQL(", ").join(map(sql.Literal, setting_values(name, value)))
    return sql.SQL("{} TO {}").format(setting_name(name), values)


def setting_name(name: str) -> "sql.Composable":
    """A setting's name, where it has a point in it too (`app.region`)."""
    from psycopg import sql

    return sql.SQL(".").join(sql.Identifier(part) for part in name.split("."))


def setting_values(name: str, value: str) -> list[str]:
    """What a setting is to be set to: a list's names, one by one, as pg_dump takes them apart (SplitGUCList), else it.

    Whoever may use a database may set a list of his own to any text (`set_config`), so nothing of it is taken as SQL.
    Raises CouldNotObserve where a list is none.
    """
    if name.lower() not in _LISTS or not value.strip():
        return [value]
    found: list[str] = []
    at, more = 0, True
    while more:
        one = _LISTED.match(value, at)
        if one is None:
            raise CouldNotObserve(f"the setting {printable(name)} is no list of names; mend it first")
        found.append(one[2] if one[1] is None else one[1].replace('""', '"'))
        at, more = one.end(), one[3] == ","
    return found
