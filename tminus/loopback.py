"""Whether an address leads to this machine and nowhere else."""

import os
from ipaddress import ip_address
from urllib.parse import urlsplit


def url_is_local(url: str) -> bool:
    """Of an http or redis URL: its host is this machine, by loopback or by a socket file."""
    try:
        parts = urlsplit(url)
        return parts.scheme == "unix" or _host_is_local(parts.hostname or "")
    except ValueError:
        return False


def dsn_is_local(dsn: str) -> bool:
    """Of a PostgreSQL connection string: each of its hosts is, as libpq would read it, with its PG… variables.

    One that cannot be parsed, or names a service file's entry, counts as leading elsewhere.
    """
    from psycopg import Error
    from psycopg.conninfo import conninfo_to_dict

    try:
        named = conninfo_to_dict(dsn)
    except Error:
        return False
    if named.get("service") or os.environ.get("PGSERVICE"):
        return False
    addresses = named.get("hostaddr") or os.environ.get("PGHOSTADDR")
    hosts = addresses or named.get("host") or os.environ.get("PGHOST") or "/"
    return all(host.startswith(("/", "@")) or _host_is_local(host) for host in str(hosts).split(","))


def _host_is_local(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
