"""A login's secret with another user and another password in it, wherever it says them."""

import json
from urllib.parse import parse_qsl, quote, urlsplit, urlunsplit

from pydantic import SecretStr

from tminus.errors import Refused
from tminus.rotations.document import Document

ADDRESSES = ("dsn", "url")
"""The fields that may hold a whole connection string."""


_SHORT = 8  # characters; a shorter password may be part of any word


def renewed(old: Document, of: str, user: str, password: SecretStr) -> Document:
    """The old value with `username`, `password`, and the same two inside `dsn` and `url`; the rest stays.

    Raises CouldNotObserve where the old value has no `username` or `password`, Refused where the old password is
    somewhere else too, or in an address that is neither a URL nor libpq's `name=value`.
    """
    changes: dict[str, str | SecretStr] = {"username": user, "password": password}
    for field in ADDRESSES:
        if old.has(field):
            changes[field] = _address(f"{old.of}, field {field!r}", old.secret(field), user, password)
    new = old.changed(of, changes)
    was = old.secret("password").get_secret_value()
    forms = {json.dumps(was)[1:-1], quote(was, safe="")}
    if len(was) >= _SHORT and any(form in new.text.get_secret_value() for form in forms):
        raise Refused(
            f"{old.of} has the password in other fields than password, {' and '.join(ADDRESSES)}, where nobody would "
            "change it; take it out there"
        )
    return new


def _address(what: str, address: SecretStr, user: str, password: SecretStr) -> SecretStr:
    """The address with both in it, where it named a user; another is left as it is."""
    text = address.get_secret_value()
    return _url(what, text, user, password) if "://" in text else _conninfo(what, text, user, password)


def _url(what: str, text: str, user: str, password: SecretStr) -> SecretStr:
    try:
        parts = urlsplit(text)
        asked = {name for name, _ in parse_qsl(parts.query)}
    except ValueError:  # its message quotes what it could not read
        raise Refused(f"{what} is no URL") from None
    if asked & {"user", "username", "password"}:
        raise Refused(f"{what} names the user or the password after its question mark; put them before the host")
    if "@" not in parts.netloc:
        return SecretStr(text)
    whose = f"{quote(user, safe='')}:{quote(password.get_secret_value(), safe='')}"
    where = parts.netloc.rpartition("@")[2]
    return SecretStr(urlunsplit(parts._replace(netloc=f"{whose}@{where}")))


def _conninfo(what: str, text: str, user: str, password: SecretStr) -> SecretStr:
    from psycopg import Error
    from psycopg.conninfo import conninfo_to_dict, make_conninfo

    try:
        named = conninfo_to_dict(text)
        if not named.keys() & {"user", "password"}:
            return SecretStr(text)
        return SecretStr(make_conninfo(text, user=user, password=password.get_secret_value()))
    except Error:  # its message quotes what it could not read
        raise Refused(f"{what} is neither a URL nor libpq's name=value") from None
